package velithon

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

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
	options  Options
	router   *routing.Router
	conns    connections

	serving    sync.WaitGroup // the calls of serve; added to under mu
	closing    atomic.Bool    // each response ends its connection
	turnedAway turnedAway

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	stopped   chan struct{} // made by the first shutdown, closed when the server has ended
	expire    context.CancelFunc
}

func newServer(o Options) *server {
	s := &server{options: o}
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

// prepare sets what is known once all routes are.
func (s *server) prepare() {
	handler := s.router.Handler()
	s.fasthttp.Handler = func(raw *fasthttp.RequestCtx) { s.handle(raw, handler) }
	s.fasthttp.ErrorHandler = s.refuse
	s.fasthttp.ExpectHandler = s.expect
	s.fasthttp.HeaderReceived = s.router.RequestConfig()
	if o := s.options; s.router.HasReadTimeouts() {
		// The time limit of a route is a deadline that fasthttp sets once it has
		// read the header. It does not say on which connection, and takes the
		// deadline back only where it sets all of them.
		s.fasthttp.ReadTimeout, s.fasthttp.WriteTimeout, s.fasthttp.IdleTimeout = o.ReadTimeout, o.WriteTimeout, o.IdleTimeout
	} else {
		s.conns.limit(o)
	}
}

func (s *server) handle(raw *fasthttp.RequestCtx, handler fasthttp.RequestHandler) {
	w := s.conns.of(raw.Conn())
	s.conns.enter(w, handling)
	handler(raw)
	if s.closing.Load() && !raw.Hijacked() { // fasthttp would close it before it is handed over
		closeAfter(raw)
	}
	if raw.LastTimeoutErrorResponse() == nil && raw.Response.IsBodyStream() {
		// A stream of ours sets deadlines, one for each part. This one is for
		// the others.
		_ = raw.SetWriteDeadline(s.writeDeadline())
		return
	}
	s.conns.enter(w, writing)
}

// handedOver has the time of an idle connection begin after a response's work was
// handed over, and not before: fasthttp says that it is idle, and only then
// closes the request.
func (s *server) handedOver(conn net.Conn) { s.conns.enter(s.conns.of(conn), idling) }

// flushDeadline is that of a response which has to be flushed at once: none where
// its time is kept here. It may be on a server of the user's own.
func (s *server) flushDeadline(conn net.Conn) time.Time {
	if s.conns.of(conn) != nil {
		return time.Time{}
	}
	return s.writeDeadline()
}

func (s *server) writeDeadline() time.Time { return time.Now().Add(s.options.WriteTimeout) }

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
	s.turnedAway.listeners.Add(1)
	defer s.turnedAway.listeners.Add(-1)
	if err := s.fasthttp.Serve(patientListener{listener, s}); err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	return nil
}

// shutdown ends the server, or closes what is left of it when ctx is done. It
// alone reports that: connections that were closed may have been idle ones.
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
	return endedEarly(s.conns.close(), context.Cause(ctx))
}

// endedEarly is the error of a shutdown that had to close n connections. There
// may be none: stop notices only some milliseconds later that the last one is
// gone.
func endedEarly(n int, cause error) error {
	const text = "velithon: shutdown ended early: %w"
	switch n {
	case 0:
		return fmt.Errorf(text, cause)
	case 1:
		return fmt.Errorf(text+"; 1 connection closed", cause)
	default:
		return fmt.Errorf(text+"; %d connections closed", cause, n)
	}
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
		// Not until expired: a handler may run on when its connection is closed.
		_ = s.fasthttp.Shutdown()
		s.turnedAway.serving.Wait()
	}()
	deadline := time.Now().Add(2 * grace)
	for {
		// A connection's read deadline may be set anew, or taken back, when a
		// request begins, so once is not enough.
		s.conns.shortenReads(deadline)
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
	for s.conns.len() > 0 {
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
