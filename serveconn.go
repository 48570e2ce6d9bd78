package velithon

import (
	"fmt"
	"io"
	"net"

	"github.com/velithon-go/velithon/routing"
)

// ServeConn answers the requests of one connection, on the goroutine of its caller:
// for connections that no listener accepts, as those in memory. It returns nil when
// the connection has ended, by the client, a limit or [App.Shutdown], and [ErrClosed]
// after that was called. Everything else is as with [App.Serve], which may be called,
// too. It closes conn. A handler that calls runtime.Goexit ends the goroutine.
func (a *App) ServeConn(conn net.Conn) error {
	handler, err := a.start(conn)
	if err != nil {
		return err
	}
	return a.server.ServeConn(conn, handler)
}

// start returns the handler of all routes, with the queue started, or closes what
// was to be served.
func (a *App) start(served io.Closer) (*routing.Handler, error) {
	handler := a.built()
	if err := a.work(); err != nil {
		_ = served.Close()
		return nil, fmt.Errorf("velithon: start the queue: %w", err)
	}
	return handler, nil
}
