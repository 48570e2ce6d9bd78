// Package serve is the server of an app: fasthttp's with time limits that cost
// little, a strict reading of HTTP, answers of its own for what can't be read, and a
// shutdown that loses no request and ends. It knows no routes: a [Handler] answers.
package serve

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// ErrClosed is returned by [Server.Serve] after [Server.Shutdown] was called.
var ErrClosed = errors.New("velithon: the app was shut down")

// A Handler answers the requests of a server, a *routing.Handler for instance.
type Handler interface {
	// ServeRequest answers a well-formed request. It does not panic, but may end
	// its goroutine.
	ServeRequest(raw *fasthttp.RequestCtx)

	// Refuse answers what could not be read as a request.
	Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem)

	// RequestConfig returns what [fasthttp.Server.HeaderReceived] is to be, and
	// whether that sets read timeouts.
	RequestConfig() (config func(*fasthttp.RequestHeader) fasthttp.RequestConfig, hasReadTimeout bool)

	// EndStreams ends the responses that go on until they are told to.
	EndStreams()
}

// Options configures a [Server]. All limits must be set; those of an app say what
// each is.
type Options struct {
	Logger         *slog.Logger
	BodyLimit      int // bytes, as the next
	HeaderLimit    int
	ReadTimeout    time.Duration
	WriteTimeout   time.Duration
	IdleTimeout    time.Duration
	MaxConnections int
	OnRefused      func(raw *fasthttp.RequestCtx, problem *responses.Problem) // may be nil
}

// A Server is fasthttp's with safe settings and a shutdown that ends.
//
// fasthttp's own shutdown waits for every connection that has sent a byte, so
// half a header holds it up until the read timeout; and when it gives up, the
// connections that are left go on serving. So the server knows its
// connections: it shortens the time for what is still arriving, and closes
// what is left at the end.
//
// And it closes idle connections at once, though a request may be on its way to
// them, whose client then has no answer and can't know whether to send it again.
// So with the shutdown each response begins to end its connection and to say so,
// and idle connections get the time for one.
type Server struct {
	fasthttp fasthttp.Server
	options  Options
	conns    connections
	rooms    sync.Pool // of *[]byte, for bodies

	serving    sync.WaitGroup // the calls of Serve; added to under mu
	conversing sync.WaitGroup // those of ServeConn, likewise
	closing    atomic.Bool    // each response ends its connection
	turnedAway turnedAway

	mu        sync.Mutex                                           // guards what follows
	handler   Handler                                              // nil before the first Serve; does not change then, and needs no mutex to serve
	config    func(*fasthttp.RequestHeader) fasthttp.RequestConfig // the handler's, likewise; may be nil
	listeners []net.Listener
	stopped   chan struct{} // made by the first shutdown, closed when the server has ended
}

// New returns a server.
func New(o Options) *Server {
	s := &Server{options: o}
	s.fasthttp = fasthttp.Server{
		MaxRequestBodySize:    o.BodyLimit,
		ReadBufferSize:        o.HeaderLimit,
		Concurrency:           math.MaxInt32, // the listener keeps the limit: see admits
		NoDefaultServerHeader: true,
		SecureErrorLogMessage: true, // no header bytes in the log
		ConnState:             s.conns.track,
		Logger:                fasthttpLogger{o.Logger},
	}
	return s
}

// Serve answers the connections that listener accepts, by handler, the same for all
// listeners, until [Server.Shutdown] is called, and then returns nil, when the
// shutdown may still be under way. It closes listener.
func (s *Server) Serve(listener net.Listener, handler Handler) error {
	s.prepare(handler)
	s.mu.Lock()
	if s.stopped != nil {
		s.mu.Unlock()
		_ = listener.Close()
		return ErrClosed
	}
	s.serving.Add(1)
	s.listeners = append(s.listeners, listener)
	s.mu.Unlock()
	defer s.serving.Done()
	defer func() { _ = listener.Close() }() // fasthttp leaves it open if it fails
	s.turnedAway.listeners.Add(1)
	defer s.turnedAway.listeners.Add(-1)
	if err := s.fasthttp.Serve(patientListener{listener, s}); err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	return nil
}

// Handler returns the handler of the server for another one: it refuses what is
// malformed, but makes no room for bodies, and keeps no time limits but that for a
// response which is flushed at once.
func (s *Server) Handler(handler Handler) fasthttp.RequestHandler {
	s.prepare(handler)
	return func(raw *fasthttp.RequestCtx) { s.serve(raw, nil) }
}

func (s *Server) prepare(handler Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handler != nil {
		return
	}
	s.handler = handler
	config, hasReadTimeout := handler.RequestConfig()
	s.config = config
	s.fasthttp.Handler = func(raw *fasthttp.RequestCtx) {
		s.takeRoomBack(&raw.Request)
		s.serve(raw, s.conns.of(raw.Conn()))
	}
	s.fasthttp.ErrorHandler = s.refuseUnreadable
	s.fasthttp.ExpectHandler = s.expect
	s.fasthttp.HeaderReceived = s.headerReceived
	if o := s.options; hasReadTimeout {
		// The time limit of a route is a deadline that fasthttp sets once it has
		// read the header. It does not say on which connection, and takes the
		// deadline back only where it sets all of them.
		s.fasthttp.ReadTimeout, s.fasthttp.WriteTimeout, s.fasthttp.IdleTimeout = o.ReadTimeout, o.WriteTimeout, o.IdleTimeout
	} else {
		s.conns.limit(o)
	}
}

// serve answers one request, on a connection whose time is kept here if c is not
// nil.
func (s *Server) serve(raw *fasthttp.RequestCtx, c *connection) {
	c.enter(handling)
	returned := false
	defer func() {
		if !returned {
			s.hangUp(raw)
		}
	}()
	if isPlain(raw) || !s.refuseMalformed(raw) {
		s.handler.ServeRequest(raw)
	}
	returned = true
	s.leave(raw, c)
}

// leave has the response that a handler has made sent within its time.
func (s *Server) leave(raw *fasthttp.RequestCtx, c *connection) {
	if raw.ConnRequestNum() == 0 { // outside of a server it has no connection
		return
	}
	late := raw.LastTimeoutErrorResponse() != nil      // raw belongs to a handler that goes on
	if s.closing.Load() && (late || !raw.Hijacked()) { // fasthttp would close it before it is handed over
		closeAfter(raw)
	}
	if late {
		c.enter(writing)
		return
	}
	if raw.Hijacked() {
		s.conns.hijack(raw)
	}
	hasClosers := hasClosers(raw)
	switch {
	case raw.Response.IsBodyStream():
		// A stream of ours sets deadlines, one for each part. This one is for
		// the others.
		_ = raw.SetWriteDeadline(s.writeDeadline())
	case c != nil:
		c.enter(writing)
	case hasClosers:
		// Whoever waits for the response to be flushed has set a deadline, with
		// which fasthttp flushes at once and sets none of its own.
		_ = raw.SetWriteDeadline(s.writeDeadline())
	}
	if (hasClosers || raw.Response.IsBodyStream()) && c != nil {
		raw.SetUserValue(endKey{}, end{c})
	}
}

// hasClosers reports whether fasthttp has something to close once a response is
// flushed: work that is handed over, for instance.
func hasClosers(raw *fasthttp.RequestCtx) (has bool) {
	raw.VisitUserValuesAll(func(_, value any) {
		if _, ok := value.(io.Closer); ok {
			has = true
		}
	})
	return has
}

// An end is closed behind the other closers of a request. It begins the idle time
// of the connection, which closing them may have taken: fasthttp says that the
// connection is idle, and only then closes them.
type end struct{ connection *connection } // of a pointer's size, so an interface without allocation

type endKey struct{}

// Close implements [io.Closer].
func (e end) Close() error {
	e.connection.enter(idling)
	return nil
}

// hangUp closes the connection of a handler that has ended its goroutine, which
// fasthttp does not tell.
func (s *Server) hangUp(raw *fasthttp.RequestCtx) {
	if raw.ConnRequestNum() > 0 { // a RequestCtx outside of a server has no connection
		s.conns.remove(raw.Conn())
		_ = raw.Conn().Close()
	}
}

func (s *Server) writeDeadline() time.Time { return time.Now().Add(s.options.WriteTimeout) }
