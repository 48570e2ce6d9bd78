package web

import (
	"errors"
	"net"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon/benchmarks/wire"
)

// Pipe serves server on a connection in memory. stop ends both.
func Pipe(server Server) (client *wire.Client, stop func() error, err error) {
	listener := fasthttputil.NewInmemoryListener()
	return connect(server, listener, listener.Dial)
}

// Socket serves server on a TCP connection of this machine. stop ends both.
func Socket(server Server) (client *wire.Client, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	address := listener.Addr().String()
	return connect(server, listener, func() (net.Conn, error) { return net.Dial("tcp", address) })
}

func connect(server Server, listener net.Listener, dial func() (net.Conn, error)) (*wire.Client, func() error, error) {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := dial()
	if err != nil {
		_ = listener.Close()
		return nil, nil, err
	}
	return wire.NewClient(conn), func() error {
		_ = conn.Close()
		err := server.Close()
		_ = listener.Close()
		return errors.Join(err, <-served)
	}, nil
}
