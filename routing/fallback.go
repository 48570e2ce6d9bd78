package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// WriteProblem answers a request with a problem, for middleware. Background
// work of the problem is not run.
func WriteProblem(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	if err := problem.Write(raw); err != nil {
		// Only a header field that the caller made can be wrong.
		_ = responses.NewProblem(fasthttp.StatusInternalServerError, "").Write(raw)
	}
}

// Refuse answers a request that could not be read as one, for a server's
// ErrorHandler. No middleware sees such a request; [Options].OnRefused does.
func (r *Router) Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	returned := false
	defer r.shared.recover(raw, &returned) // nobody above does
	ids.assignRefused(raw)
	r.shared.refuse(raw, problem)
	raw.Response.SkipBody = raw.IsHead() // fasthttp sees to it behind a handler only
	returned = true
}

// refuse answers a request in front of all middleware.
func (s *shared) refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	defer func() {
		if cause := recover(); cause != nil { // the answer stands
			p := newPanicError(cause)
			s.logLost(raw, RequestID(raw), "panic in OnRefused", slog.Any("panic", p.value), slog.String("stack", string(p.stack)))
		}
	}()
	WriteProblem(raw, problem)
	s.OnRefused(raw, problem)
}

// StatusOf returns the status that a request is answered with, for middleware
// such as an access log, once the next handler has returned. After a timeout it
// is not the one in raw.Response, which then belongs to the late handler.
func StatusOf(raw *fasthttp.RequestCtx) int {
	return sentResponse(raw).StatusCode()
}

// sentResponse returns the response that is sent: after a timeout it is not the
// one in raw, which belongs to the late handler.
func sentResponse(raw *fasthttp.RequestCtx) *fasthttp.Response {
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		return late
	}
	return &raw.Response
}

// A panicError carries a panic to where it is logged, with its stack.
type panicError struct {
	value any
	stack []byte
}

func newPanicError(value any) *panicError {
	return &panicError{value, debug.Stack()}
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recover answers a panic of a middleware. One that calls runtime.Goexit, or
// whose handler does, has not returned and not panicked either.
func (s *shared) recover(raw *fasthttp.RequestCtx, returned *bool) {
	if cause := recover(); cause != nil || !*returned {
		s.fail(raw, cause)
	}
}

// fail is apart from recover, which every request passes through.
func (s *shared) fail(raw *fasthttp.RequestCtx, cause any) {
	defer s.handlerEnded(raw, true) // whatever the log's handler does
	switch {
	case cause == nil:
		s.hangUp(raw)
	case raw.LastTimeoutErrorResponse() != nil: // a late handler may still use raw
		s.logPanic(raw, RequestID(raw), asPanic(cause))
	default:
		s.logPanic(raw, RequestID(raw), asPanic(cause))
		answerPanic(raw)
	}
}

// answerPanic answers a panic with a 500 problem, so that connection and server
// go on: fasthttp itself does not recover. It may be called by a goroutine that a
// TimeoutHandler has stopped waiting for, which has raw for itself then, but must
// not ask it whether that is so.
func answerPanic(raw *fasthttp.RequestCtx) {
	raw.Response.ResetBody()
	for _, name := range ofTheContent {
		raw.Response.Header.Del(name)
	}
	WriteProblem(raw, responses.ProblemFor(errPanic))
}

// errPanic is an error that the client is told nothing of.
var errPanic = errors.New("panic")

// logPanic tells of a panic in middleware, where no route is known. It has the
// path in place of it.
func (s *shared) logPanic(raw *fasthttp.RequestCtx, id string, p *panicError) {
	s.logLost(raw, id, "panic in a handler", slog.Any("panic", p.value), slog.String("stack", string(p.stack)))
}

// asPanic keeps the stack of a panic that was recovered before.
func asPanic(cause any) *panicError {
	if p, ok := cause.(*panicError); ok {
		return p
	}
	return newPanicError(cause)
}

// ofTheContent are the fields about a body that is not sent. A problem that
// claims to be compressed can't be read, and it must not be cached.
var ofTheContent = []string{
	fasthttp.HeaderContentEncoding, fasthttp.HeaderCacheControl, fasthttp.HeaderETag, fasthttp.HeaderLastModified,
}

// hangUp closes the connection of a request whose handler ended the goroutine:
// it is the connection's own, so nobody is left to answer, or to do what fasthttp
// does at the end of a request.
func (s *shared) hangUp(raw *fasthttp.RequestCtx) {
	s.logLost(raw, RequestID(raw), "a handler called runtime.Goexit, so its connection is closed without an answer")
	if raw.LastTimeoutErrorResponse() == nil { // or else a late handler may still use raw
		raw.Response.ResetBody()
		raw.Request.RemoveMultipartFormFiles()
		raw.ResetUserValues()
	}
	if raw.ConnRequestNum() > 0 { // a RequestCtx outside of a server has no connection
		s.HungUp(raw.Conn())
		_ = raw.Conn().Close()
	}
}

// logLost tells the log of a request whose response is lost.
func (s *shared) logLost(raw *fasthttp.RequestCtx, id, message string, attrs ...slog.Attr) {
	s.log(raw, slog.LevelError, message, append([]slog.Attr{
		slog.String("request_id", id),
		slog.String("method", string(raw.Method())),
		slog.String("path", string(raw.URI().PathOriginal())),
	}, attrs...)...)
}

// log writes a record. If the log's handler panics the record is lost: nobody is
// left to tell, and without the recover the process would end.
func (s *shared) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	s.Logger.LogAttrs(ctx, level, message, attrs...)
}
