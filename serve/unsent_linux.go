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

// limitUnsent sets maxUnsent for a TCP connection, also below TLS. Connections
// inherit the options of their listener, but not this one: listeners of package net
// are of Multipath TCP, and the kernel resets it on connections that are not. It is
// an optimization, so an error, and a connection of another kind, are ignored.
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
