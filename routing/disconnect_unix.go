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
	secure, isSecure := conn.(interface{ NetConn() net.Conn }) // a *tls.Conn
	if isSecure {
		conn = secure.NetConn()
	}
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
			if hasLeft(int(fd)) || isSecure && hasLeftBehindData(int(fd)) {
				state = connLeft
			}
		})
		if err != nil {
			return connShut
		}
		return state
	}
}

// hasLeft reports whether a socket has nothing to read any more. It is false as long
// as there are bytes that nobody has read yet.
func hasLeft(socket int) bool {
	var peeked [1]byte
	n, _, err := syscall.Recvfrom(socket, peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	waits := errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	return !waits && (err != nil || n == 0)
}
