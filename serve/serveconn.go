package serve

import (
	"net"

	"github.com/valyala/fasthttp"
)

// ServeConn answers the requests of one connection, by handler, the same for all
// connections and listeners, on the goroutine of its caller. It returns nil when the
// connection has ended, by the client, a limit or a shutdown, or [ErrClosed] after
// [Server.Shutdown] was called. It closes conn, unless a handler hijacks it. A handler
// that calls runtime.Goexit ends the goroutine.
//
// It uses no pool of workers: those of fasthttp's notice only some seconds later that
// a server has ended.
func (s *Server) ServeConn(conn net.Conn, handler Handler) error {
	s.prepare(handler)
	s.mu.Lock()
	if s.stopped != nil {
		s.mu.Unlock()
		_ = conn.Close()
		return ErrClosed
	}
	s.conversing.Add(1)
	s.mu.Unlock()
	defer s.conversing.Done()
	if !s.admits() {
		s.turnAway(conn)
		return nil
	}
	limitUnsent(conn)
	s.conns.track(conn, fasthttp.StateNew)
	if err := s.fasthttp.ServeConn(conn); err != nil {
		s.fasthttp.Logger.Printf("error when serving connection %q<->%q: %v", conn.LocalAddr(), conn.RemoteAddr(), err)
	}
	return nil
}
