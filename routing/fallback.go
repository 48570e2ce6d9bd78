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

// A handlerPanic carries the panic of a handler that ran on a goroutine of its
// own, with its stack.
type handlerPanic struct {
	value any
	stack []byte
}

func newHandlerPanic(value any) *handlerPanic {
	return &handlerPanic{value, debug.Stack()}
}

func (p *handlerPanic) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recover answers a panic of a handler or middleware with a 500 problem, so
// that connection and server go on: fasthttp itself does not recover. Work
// that the response carried is not run, since the response is not sent.
func (s *shared) recover(raw *fasthttp.RequestCtx) {
	cause := recover()
	if cause == nil {
		return
	}
	p, ok := cause.(*handlerPanic)
	if !ok {
		p = newHandlerPanic(cause)
	}
	id := string(raw.Response.Header.Peek(RequestIDHeader))
	s.Logger.LogAttrs(raw, slog.LevelError, "panic in a handler",
		slog.String("request_id", id),
		slog.String("method", string(raw.Method())),
		slog.String("path", string(raw.Path())),
		slog.Any("panic", p.value),
		slog.String("stack", string(p.stack)))
	if h := handOverOf(raw); h != nil {
		h.giveUp(raw)
	}
	raw.Response.Reset()
	raw.Response.Header.Set(RequestIDHeader, id)
	WriteProblem(raw, responses.ProblemFor(p))
}
