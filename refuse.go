package velithon

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// This file has what the server answers by itself, in front of the router and
// all middleware.

// refuse answers what fasthttp could not read as a request.
func (s *server) refuse(raw *fasthttp.RequestCtx, err error) {
	if errors.Is(err, syscall.ECONNRESET) {
		// The client is gone, so nobody could read an answer. In chunks and in the
		// header of a form's part the parsers hide the error, which is a 400 then.
		_ = raw.Conn().Close()
		return
	}
	returned := false
	defer func() {
		if !returned { // OnRefused has ended the goroutine of the connection
			s.conns.remove(raw.Conn())
			_ = raw.Conn().Close()
		}
	}()
	s.router.Refuse(raw, s.refusal(raw.Conn(), err))
	s.lingerAfter(raw)
	w := s.conns.of(raw.Conn())
	if w == nil {
		// fasthttp has left the deadline of the last response.
		_ = raw.Conn().SetWriteDeadline(s.writeDeadline())
	}
	s.conns.enter(w, writing)
	returned = true
}

// expect says to a client that waits whether to send its body: to one that is
// too large it says so, in place of having it sent (RFC 9110, section 10.1.1).
func (s *server) expect(raw *fasthttp.RequestCtx) int {
	limit := s.options.BodyLimit
	if configure := s.fasthttp.HeaderReceived; configure != nil {
		if own := configure(&raw.Request.Header).MaxRequestBodySize; own > 0 {
			limit = own
		}
	}
	if raw.Request.Header.ContentLength() <= limit {
		return fasthttp.StatusContinue
	}
	s.refuse(raw, fasthttp.ErrBodyTooLarge)
	return fasthttp.StatusRequestEntityTooLarge
}

// refusal says what was wrong with what fasthttp could not read as a request.
func (s *server) refusal(conn net.Conn, err error) *responses.Problem {
	if _, ok := errors.AsType[*fs.PathError](err); ok { // a connection has errors of another type
		return storageProblem(err)
	}
	status, detail := fasthttp.StatusBadRequest, "the request can't be parsed: its HTTP or its multipart form is malformed"
	_, isSmallBuffer := errors.AsType[*fasthttp.ErrSmallBuffer](err)
	switch {
	case isSmallBuffer:
		status, detail = fasthttp.StatusRequestHeaderFieldsTooLarge, "the request header is too large"
	case errors.Is(err, fasthttp.ErrBodyTooLarge) || isTooLongToCount(err):
		status, detail = fasthttp.StatusRequestEntityTooLarge, "the request body is too large"
	case s.isTimeout(conn, err):
		status, detail = fasthttp.StatusRequestTimeout, "the request did not arrive in time"
	}
	return responses.NewProblem(status, detail).WithCause(err)
}

// isTooLongToCount reports whether a Content-Length does not fit into an int, of
// 32 bits on some machines. The body is only too large (RFC 9110, section 8.6).
// fasthttp does not export the error.
func isTooLongToCount(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "too long int" {
			return true
		}
	}
	return false
}

// storageProblem is that of an upload for which there is no temporary file, or
// no room in it: the client has done nothing wrong.
func storageProblem(err error) *responses.Problem {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return responses.NewProblem(fasthttp.StatusInsufficientStorage, "the server has no room for the upload").WithCause(err)
	}
	return responses.NewProblem(fasthttp.StatusInternalServerError, "the server could not store the upload").WithCause(err)
}

// isTimeout reports whether a request did not arrive in time. In chunks and in
// forms the parsers hide the error of the connection, or take the half of a line
// for a whole one, so the connection is asked as well.
func (s *server) isTimeout(conn net.Conn, err error) bool {
	if timeout, ok := errors.AsType[net.Error](err); ok {
		return timeout.Timeout()
	}
	w := s.conns.of(conn)
	return w != nil && w.overdue.Load() || hasReadDeadlinePassed(conn)
}

// hasReadDeadlinePassed reports it of a connection that is a socket, and false of
// others, without reading.
func hasReadDeadlinePassed(conn net.Conn) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Read(func(uintptr) bool { return true })
	}
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// refused tells of an answer of the server's own, before it is sent.
func (s *server) refused(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	if raw.ConnRequestNum() > 0 { // or else it may have no connection; see refuse
		raw.SetConnectionClose() // where a middleware refuses, nobody else does
		s.lingerAfter(raw)
	}
	s.logRefusal(raw, problem)
	if tell := s.options.OnRefused; tell != nil {
		tell(raw, problem)
	}
}

// logRefusal tells the log. What clients do wrong a service on the internet sees
// all day.
func (s *server) logRefusal(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	level, message := slog.LevelDebug, "a request was refused"
	if status := problem.StatusCode(); status >= 500 && status != fasthttp.StatusServiceUnavailable {
		level, message = slog.LevelError, "a request could not be read"
	}
	if !s.options.Logger.Enabled(context.Background(), level) {
		return
	}
	attrs := []any{
		"request_id", routing.RequestID(raw), "status", problem.StatusCode(), "reason", problem.Detail,
		"address", raw.RemoteAddr().String(),
	}
	if problem.Cause != nil {
		attrs = append(attrs, "error", problem.Cause)
	}
	logSafely(s.options.Logger, level, message, attrs...)
}

// turnedAway are the connections beyond Options.MaxConnections.
type turnedAway struct {
	listeners atomic.Int32   // that are served
	open      atomic.Int32   // that are being answered
	serving   sync.WaitGroup // those as well; added to while listeners are served

	mu      sync.Mutex // guards what follows
	logged  time.Time  // the last record
	unknown int        // how many there were since
}

// maxTurnedAway is how many connections beyond the limit are answered at once. The
// others are closed without an answer: there would be no limit.
const maxTurnedAway = 256

// admits reports whether there is room for one more connection. fasthttp, which
// would keep the limit for each listener, answers a text of its own, without
// telling anybody, and closes what the client sends unread.
func (s *server) admits() bool {
	// Each listener that waits counts as one, and fasthttp takes off one of them.
	return int(s.fasthttp.GetOpenConnectionsCount())+1-int(s.turnedAway.listeners.Load()) < s.options.MaxConnections
}

// turnAway answers a connection for which there is no room, and closes it.
func (s *server) turnAway(conn net.Conn) {
	s.logTurnedAway()
	t := &s.turnedAway
	if t.open.Add(1) > maxTurnedAway {
		t.open.Add(-1)
		_ = conn.Close()
		return
	}
	t.serving.Go(func() {
		defer t.open.Add(-1)
		defer func() { _ = conn.Close() }()
		w := &watch{conn: conn} // for the shutdown; its limits are those here
		s.conns.enter(w, handling)
		s.conns.all.Store(conn, w)
		defer s.conns.all.Delete(conn)
		_ = conn.SetDeadline(time.Now().Add(lingerTime))

		var raw fasthttp.RequestCtx
		raw.Init2(conn, s.fasthttp.Logger, true)
		problem := responses.NewProblem(fasthttp.StatusServiceUnavailable, "the server has too many connections: try again later")
		problem.Header = responses.Header{fasthttp.HeaderRetryAfter: {"1"}}
		raw.SetConnectionClose()
		s.router.Refuse(&raw, problem)
		if _, err := raw.Response.WriteTo(conn); err == nil {
			s.linger(conn)
		}
	})
}

// logTurnedAway tells the log, once a minute at most.
func (s *server) logTurnedAway() {
	t := &s.turnedAway
	t.mu.Lock()
	t.unknown++
	count := t.unknown
	due := time.Since(t.logged) >= time.Minute
	if due {
		t.logged, t.unknown = time.Now(), 0
	}
	t.mu.Unlock()
	if due {
		logSafely(s.options.Logger, slog.LevelWarn, "connections are turned away, since MaxConnections are open",
			"max_connections", s.options.MaxConnections, "turned_away", count)
	}
}
