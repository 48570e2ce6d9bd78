//go:build unix

package routing

import (
	"errors"
	"net"
	"syscall"
)

// connLook returns a function that looks at a connection, at any time, whoever
// else uses it. It returns nil where there is no socket to ask.
func connLook(conn net.Conn) func() connState {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil // closed already, which the response will find
	}
	return func() (state connState) {
		err := raw.Control(func(fd uintptr) {
			var peeked [1]byte
			n, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			waits := errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
			if !waits && (err != nil || n == 0) {
				state = connLeft
			}
		})
		if err != nil {
			return connShut
		}
		return state
	}
}
