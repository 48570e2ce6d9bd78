//go:build unix

package routing

import (
	"errors"
	"net"
	"syscall"
)

// waitForClose returns a function that waits until the other side of conn has
// closed it, and reports true, or until there is something to read or the read
// deadline has passed. It returns nil where there is no socket to ask.
func waitForClose(conn net.Conn) func() bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil // closed already, which the response will find
	}
	return func() (closed bool) {
		err := raw.Read(func(fd uintptr) bool {
			var peeked [1]byte
			for {
				n, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK)
				switch {
				case errors.Is(err, syscall.EINTR):
					continue
				case errors.Is(err, syscall.EAGAIN):
					return false // wait, and come again
				}
				closed = err != nil || n == 0
				return true
			}
		})
		return closed || errors.Is(err, net.ErrClosed)
	}
}
