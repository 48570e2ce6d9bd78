package velithon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// shutdownGrace is how long a shutdown waits for clients: first for the next
// request on a connection that is open, then for the rest of one that has begun
// to arrive.
const shutdownGrace = time.Second

// graceWithin is the grace of a shutdown with ctx: no more than a tenth of its
// time, so that idle connections do not take all of it.
func graceWithin(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(shutdownGrace, time.Until(deadline)/10)
	}
	return shutdownGrace
}

// A server is fasthttp's with safe settings and a shutdown that ends.
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
type server struct {
	fasthttp fasthttp.Server
	logger   *slog.Logger
	router   *routing.Router

	serving sync.WaitGroup // the calls of serve; added to under mu
	closing atomic.Bool    // each response ends its connection

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	conns     map[net.Conn]struct{}
	stopped   chan struct{} // made by the first shutdown, closed when the server has ended
	expire    context.CancelFunc
}

func newServer(o Options, router *routing.Router) *server {
	s := &server{logger: o.Logger, router: router, conns: make(map[net.Conn]struct{})}
	s.fasthttp = fasthttp.Server{
		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          o.WriteTimeout,
		IdleTimeout:           o.IdleTimeout,
		MaxRequestBodySize:    o.BodyLimit,
		ReadBufferSize:        o.HeaderLimit,
		Concurrency:           o.MaxConnections,
		NoDefaultServerHeader: true,
		SecureErrorLogMessage: true, // no header bytes in the log
		ConnState:             s.track,
		Logger:                fasthttpLogger{o.Logger},
	}
	return s
}

// prepare sets what is known once all routes are.
func (s *server) prepare() {
	handler := s.router.Handler()
	s.fasthttp.Handler = func(raw *fasthttp.RequestCtx) {
		handler(raw)
		if s.closing.Load() && !raw.Hijacked() { // fasthttp would close it before it is handed over
			closeAfter(raw)
		}
	}
	s.fasthttp.HeaderReceived = s.router.RequestConfig()
	s.fasthttp.ErrorHandler = func(raw *fasthttp.RequestCtx, err error) { s.router.Refuse(raw, refusal(err)) }
}

func (s *server) serve(listener net.Listener) error {
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
	if err := s.fasthttp.Serve(patientListener{listener, s.logger}); err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	return nil
}

// track is fasthttp's connection hook.
func (s *server) track(conn net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateNew:
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		s.mu.Unlock()
	case fasthttp.StateClosed, fasthttp.StateHijacked:
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}
}

// shutdown ends the server, or closes what is left of it when ctx is done.
func (s *server) shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped == nil {
		s.stopped = make(chan struct{})
		expired, expire := context.WithCancel(context.Background())
		s.expire = expire
		go s.stop(expired, graceWithin(ctx))
	}
	stopped := s.stopped
	s.mu.Unlock()

	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-stopped: // both at once
		return nil
	default:
	}
	s.expire()
	return fmt.Errorf("velithon: %d connections were closed before their requests had ended: %w", s.closeAll(), context.Cause(ctx))
}

// stop waits for the connections to end, and pushes those that only read. It
// closes s.stopped in the end.
func (s *server) stop(expired context.Context, grace time.Duration) {
	defer close(s.stopped)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// In this order: who is told to connect anew is not to come back here.
		s.closeListeners()
		s.closing.Store(true)
		s.router.EndStreams()
		// fasthttp's shutdown returns at once if none of its listeners is
		// known yet, so a serve that has only begun must end first.
		s.serving.Wait()
		s.awaitRequests(expired, grace)
		// Not its error: who waits in shutdown has the one of its own ctx.
		_ = s.fasthttp.ShutdownWithContext(expired)
	}()
	deadline := time.Now().Add(2 * grace)
	for {
		// fasthttp sets a connection's read deadline anew when a request
		// begins, so once is not enough.
		s.shortenReads(deadline)
		select {
		case <-ended:
			return
		case <-time.After(shutdownGrace / 20):
		}
	}
}

// awaitRequests waits for a request on each connection, after which they close.
func (s *server) awaitRequests(expired context.Context, grace time.Duration) {
	timeout := time.After(grace)
	for s.open() > 0 {
		select {
		case <-expired.Done():
			return
		case <-timeout:
			return
		case <-time.After(shutdownGrace / 100):
		}
	}
}

// closeAfter has fasthttp close the connection of a request after its response,
// and say so in it.
func closeAfter(raw *fasthttp.RequestCtx) {
	if response := raw.LastTimeoutErrorResponse(); response != nil {
		response.SetConnectionClose() // raw belongs to a handler that goes on
		return
	}
	raw.SetConnectionClose()
}

func (s *server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
}

// shortenReads lets no connection wait for the client beyond deadline. A
// connection whose handler runs does not read, so it is not disturbed.
func (s *server) shortenReads(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		if err := conn.SetReadDeadline(deadline); errors.Is(err, net.ErrClosed) {
			delete(s.conns, conn) // fasthttp tells of none whose handler ended the goroutine
		}
	}
}

func (s *server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *server) closeAll() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
		n++
	}
	return n
}

// refusal says what was wrong with what fasthttp could not read as a request.
func refusal(err error) *responses.Problem {
	if _, ok := errors.AsType[*fasthttp.ErrSmallBuffer](err); ok {
		return responses.NewProblem(fasthttp.StatusRequestHeaderFieldsTooLarge, "the request header is too large")
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return responses.NewProblem(fasthttp.StatusRequestTimeout, "the request did not arrive in time")
	}
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		return responses.NewProblem(fasthttp.StatusRequestEntityTooLarge, "the request body is too large")
	}
	return responses.NewProblem(fasthttp.StatusBadRequest, "the request can't be parsed: its HTTP or its multipart form is malformed")
}

// fasthttpLogger passes fasthttp's few messages on. Most are about clients that
// sent nonsense or broke off, which a service on the internet sees all day. One
// is about a panic of a response's own body, from which fasthttp recovers.
type fasthttpLogger struct{ *slog.Logger }

func (l fasthttpLogger) Printf(format string, args ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "error when serving connection") {
		level = slog.LevelDebug
	}
	for _, arg := range args {
		if _, ok := arg.(*fasthttp.ErrBodyStreamWritePanic); ok {
			level = slog.LevelError
		}
	}
	logSafely(l.Logger, level, fmt.Sprintf(format, args...))
}

// logSafely writes a record. If the log's handler panics the record is lost:
// nobody is left to tell, and without the recover the process would end.
func logSafely(logger *slog.Logger, level slog.Level, message string, args ...any) {
	defer func() { _ = recover() }()
	logger.Log(context.Background(), level, message, args...)
}
