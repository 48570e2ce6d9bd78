package routing

import (
	"encoding/binary"
	"syscall"
)

// The states of a TCP connection whose other end sends no more, in the kernel's
// numbers, which package syscall does not have.
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// hasLeftBehindData reports whether the other end of a TCP connection has closed it,
// whatever lies unread before that. A client of TLS says farewell before it closes, by
// a record that is only read with the next request.
func hasLeftBehindData(socket int) bool {
	info, err := syscall.GetsockoptInt(socket, syscall.IPPROTO_TCP, syscall.TCP_INFO) // of which it has the first four bytes
	var first [4]byte
	binary.NativeEndian.PutUint32(first[:], uint32(info))
	return err == nil && (first[0] == tcpClose || first[0] == tcpCloseWait)
}
