package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// This file has what the server answers by itself, in front of the router and
// all middleware.

// refuseUnreadable answers what fasthttp could not read as a request.
func (s *Server) refuseUnreadable(raw *fasthttp.RequestCtx, err error) {
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
	s.refuse(raw, s.refusal(raw.Conn(), err))
	s.lingerAfter(raw)
	c := s.conns.of(raw.Conn())
	if c == nil {
		// fasthttp has left the deadline of the last response.
		_ = raw.Conn().SetWriteDeadline(s.writeDeadline())
	}
	c.enter(writing)
	returned = true
}

// refuseMalformed answers a request that fasthttp could read and that is malformed
// all the same, and reports whether it was.
func (s *Server) refuseMalformed(raw *fasthttp.RequestCtx) bool {
	problem := malformed(raw)
	if problem == nil {
		dropTrailers(&raw.Request.Header)
		return false
	}
	s.refuse(raw, problem)
	raw.SetConnectionClose()
	s.lingerAfter(raw)
	return true
}

// expect says to a client that waits whether to send its body: to one that is
// too large it says so, in place of having it sent (RFC 9110, section 10.1.1).
func (s *Server) expect(raw *fasthttp.RequestCtx) int {
	header := &raw.Request.Header
	if header.ContentLength() <= s.headerReceived(header).MaxRequestBodySize {
		return fasthttp.StatusContinue
	}
	s.refuseUnreadable(raw, fasthttp.ErrBodyTooLarge)
	return fasthttp.StatusRequestEntityTooLarge
}

// refusal says what was wrong with what fasthttp could not read as a request.
func (s *Server) refusal(conn net.Conn, err error) *responses.Problem {
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
func (s *Server) isTimeout(conn net.Conn, err error) bool {
	if timeout, ok := errors.AsType[net.Error](err); ok {
		return timeout.Timeout()
	}
	c := s.conns.of(conn)
	return c != nil && c.overdue.Load() || hasReadDeadlinePassed(conn)
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

// refuse makes an answer of the server's own, and tells of it before it is sent.
func (s *Server) refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	s.handler.Refuse(raw, problem)
	s.logRefusal(raw, problem)
	if s.options.OnRefused == nil {
		return
	}
	returned := false
	defer func() {
		if cause := recover(); cause != nil { // the answer stands
			logSafely(s.options.Logger, slog.LevelError, "panic in OnRefused",
				"request_id", requestID(raw), "panic", cause, "stack", string(debug.Stack()))
		} else if !returned {
			logSafely(s.options.Logger, slog.LevelError, "OnRefused called runtime.Goexit, so the connection is closed without an answer",
				"request_id", requestID(raw))
		}
	}()
	s.options.OnRefused(raw, problem)
	returned = true
}

// requestID returns the id of the answer.
func requestID(raw *fasthttp.RequestCtx) string {
	return string(raw.Response.Header.Peek("X-Request-Id"))
}

// logRefusal tells the log. What clients do wrong a service on the internet sees
// all day.
func (s *Server) logRefusal(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	defer func() { _ = recover() }() // Enabled is the log's handler's, too; see logSafely
	level, message := slog.LevelDebug, "a request was refused"
	if status := problem.StatusCode(); status >= 500 && status != fasthttp.StatusServiceUnavailable {
		level, message = slog.LevelError, "a request could not be read"
	}
	if !s.options.Logger.Enabled(context.Background(), level) {
		return
	}
	attrs := []any{
		"request_id", requestID(raw), "status", problem.StatusCode(), "reason", problem.Detail,
		"address", raw.RemoteAddr().String(),
	}
	if problem.Cause != nil {
		attrs = append(attrs, "error", problem.Cause)
	}
	logSafely(s.options.Logger, level, message, attrs...)
}
