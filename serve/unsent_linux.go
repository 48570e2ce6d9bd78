package serve

import (
	"crypto/tls"
	"net"
	"syscall"
)

// maxUnsent is how much of a response the kernel takes for which the client has no
// room yet, in bytes. It would take all that the buffer of the connection has room
// for, up to 4 MiB: 100 clients that ask for a stream and read nothing made it hold
// 400 MiB, and others wait for the second that took. What is on its way to a client
// does not count, so that a long line is not slower. With less, responses of some
// hundred kilobytes cost more, since they are sent in more parts.
const maxUnsent = 256 << 10

// TCP_NOTSENT_LOWAT, which package syscall does not have.
const tcpNotSentLowAt = 25

// limitUnsent sets maxUnsent for a TCP connection, below TLS also. It is not set
// for the listener, of which connections would have it: listeners of package net
// are of Multipath TCP, where the kernel takes it back from those that are not.
// Without it, on a connection of another kind, all is as before, so a failure is
// no matter.
func limitUnsent(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(socket uintptr) {
			_ = syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, tcpNotSentLowAt, maxUnsent)
		})
	}
}
