//go:build !unix

package routing

import "net"

func waitForClose(net.Conn) func() bool { return nil }
