package routing

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

func notFound(raw *fasthttp.RequestCtx) {
	WriteProblem(raw, responses.NewProblem(fasthttp.StatusNotFound, "no route matches the path"))
}

// methodNotAllowed leaves the Allow field, which the mux has set.
func methodNotAllowed(raw *fasthttp.RequestCtx) {
	WriteProblem(raw, responses.NewProblem(fasthttp.StatusMethodNotAllowed, "the path exists, but not for this method: see Allow"))
}

// WriteProblem answers a request with a problem, for middleware. Background
// work of the problem is not run.
func WriteProblem(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	if err := problem.Write(raw); err != nil {
		// Only a header field that the caller made can be wrong.
		_ = responses.NewProblem(fasthttp.StatusInternalServerError, "").Write(raw)
	}
}

// Refuse answers a request that could not be read as one, for a server's
// ErrorHandler. No middleware sees such a request.
func (r *Router) Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	ids.assignRefused(raw)
	WriteProblem(raw, problem)
}

// StatusOf returns the status that a request is answered with, for middleware
// such as an access log, once the next handler has returned. After a timeout it
// is not the one in raw.Response, which then belongs to the late handler.
func StatusOf(raw *fasthttp.RequestCtx) int {
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		return late.StatusCode()
	}
	return raw.Response.StatusCode()
}

// A panicError carries the panic of a handler that ran on a goroutine of its
// own, with its stack.
type panicError struct {
	value any
	stack []byte
}

func newPanicError(value any) *panicError {
	return &panicError{value, debug.Stack()}
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recover answers a panic of a middleware.
func (s *shared) recover(raw *fasthttp.RequestCtx) {
	if cause := recover(); cause != nil {
		s.answerPanic(raw, cause)
	}
}

// answerPanic answers a panic with a 500 problem, so that connection and server
// go on: fasthttp itself does not recover. Work that the response carried is
// not run, since the response is not sent.
func (s *shared) answerPanic(raw *fasthttp.RequestCtx, cause any) {
	p, ok := cause.(*panicError)
	if !ok {
		p = newPanicError(cause)
	}
	id := string(raw.Response.Header.Peek(RequestIDHeader))
	s.Logger.LogAttrs(raw, slog.LevelError, "panic in a handler",
		slog.String("request_id", id),
		slog.String("method", string(raw.Method())),
		slog.String("path", string(raw.URI().PathOriginal())),
		slog.Any("panic", p.value),
		slog.String("stack", string(p.stack)))
	giveUpHandOver(raw)
	raw.Response.ResetBody()
	WriteProblem(raw, responses.ProblemFor(p))
}
