package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// serveWithin answers a request of a route with a timeout. The handler runs on
// a goroutine of its own, so that the client is answered in time even if the
// handler does not look at its context.
func (x *exchange) serveWithin() {
	rt, r, raw := x.route, x.request, x.raw
	deadline := time.Now().Add(rt.options.timeout)
	r.setDeadline(deadline)
	timer := time.NewTimer(rt.options.timeout)
	defer timer.Stop()

	result := make(chan outcome, 1)
	go x.callHandler(result)
	var out outcome
	select {
	case out = <-result:
	case <-timer.C:
		r.end(context.DeadlineExceeded)
		select {
		case out = <-result: // both at once: there is an answer
		default:
			x.abandon(result)
			return
		}
	}
	r.setDeadline(time.Time{}) // a stream that was returned has none
	if out.panicked != nil {
		r.giveUp()
		rt.answerPanic(raw, r, out.panicked)
		return
	}
	// A handler that gave up in time to say so. It may have kept to the deadline by a
	// timer of its own, so that the context has not ended yet.
	if errors.Is(out.err, context.DeadlineExceeded) && !time.Now().Before(deadline) {
		out.err = rt.timedOut().WithCause(out.err)
	}
	x.answer(out.response, out.err)
}

// An outcome is how a handler with a timeout ended.
type outcome struct {
	response responses.Response
	err      error
	panicked *background.PanicError
}

// callHandler calls the handler and sends how it ended, however that was.
func (x *exchange) callHandler(result chan<- outcome) {
	out := outcome{err: errGoexit}
	defer func() {
		if cause := recover(); cause != nil {
			out.panicked = newPanicError(cause)
		}
		result <- out
	}()
	if x.provided != nil {
		path := x.provided.path
		x.provided.path = nil
		if err := x.prepare(path); err != nil {
			out.err = err
			return
		}
		if err := x.request.Err(); errors.Is(err, context.DeadlineExceeded) {
			out.err = err // no handler begins when its time is over
			return
		}
	}
	err := x.handle()
	out = outcome{response: x.call.result().response(), err: err}
}

// errGoexit is the error of a handler that neither returned nor panicked.
var errGoexit = errors.New("the handler called runtime.Goexit")

func (rt *route) timedOut() *responses.Problem {
	return responses.NewProblem(fasthttp.StatusServiceUnavailable,
		fmt.Sprintf("the request took longer than %v", rt.options.timeout))
}

// timedOutTold returns the problem for a handler that is still running. A panic of the
// service's function must not go on from there, where the handler may hold the request.
func (rt *route) timedOutTold(r *request) (problem *responses.Problem) {
	problem = rt.timedOut()
	defer func() {
		if cause := recover(); cause != nil {
			rt.log(r, slog.LevelError, "panic in Options.Problem", newPanicError(cause))
		}
	}()
	return rt.engine.told(r, problem)
}

// abandon answers for a handler that is still running. The handler may hold
// the raw request, so fasthttp is told to keep it out of its pool, and the late
// result is waited for and told to the log.
func (x *exchange) abandon(result <-chan outcome) {
	rt, r, raw := x.route, x.request, x.raw
	r.close()
	x.provided.abandon()
	var late fasthttp.RequestCtx
	late.Response.Header.Set(RequestIDHeader, r.requestID())
	responses.WriteProblem(&late, rt.timedOutTold(r))
	raw.TimeoutErrorWithResponse(&late.Response)
	rt.log(r, slog.LevelWarn, "the handler is still running after its timeout; the client was answered in its place", context.DeadlineExceeded)
	go x.awaitLate(result)
}

// awaitLate waits for the late result. It is on a goroutine of its own, so a
// panic of the response's Work would end the process.
func (x *exchange) awaitLate(result <-chan outcome) {
	rt, r := x.route, x.request
	defer func() {
		if cause := recover(); cause != nil {
			rt.log(r, slog.LevelError, "panic in a response that came after its timeout", newPanicError(cause))
		}
	}()
	out := <-result
	x.release()
	// fasthttp deletes uploads with the request, which it has let go.
	x.raw.Request.RemoveMultipartFormFiles()
	level, err := slog.LevelWarn, out.err
	switch {
	case out.panicked != nil:
		level, err = slog.LevelError, out.panicked
	case err == nil:
		err = errors.New("its response was dropped")
	}
	const message = "the handler returned after its timeout"
	if out.response != nil {
		if work := responses.Work(out.response); work != nil {
			rt.logWork(r, level, message+"; the background work of its response is not run", work, err)
			return
		}
	}
	rt.log(r, level, message, err)
}
