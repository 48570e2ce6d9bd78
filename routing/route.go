package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A route is an endpoint bound to a method and a pattern.
type route struct {
	Route
	options    routeOptions
	pathParams []string
	endpoint   Endpoint
	plan       *params.Plan
	router     *shared
}

// serve answers one request. It is the whole path of a request below the
// middleware: decode, call, answer, and hand over the work.
func (rt *route) serve(raw *fasthttp.RequestCtx) {
	x := rt.endpoint.call()
	r := x.context()
	r.begin(raw, rt.router.ids, rt.pathParams)
	r.handOver.rt, r.handOver.x = rt, x
	if err := rt.plan.Decode(raw, x.input()); err != nil {
		rt.answer(raw, x, nil, err)
		return
	}
	if rt.options.timeout > 0 {
		rt.serveWithin(raw, x)
		return
	}
	// Here and not only around all middleware, so that middleware sees the
	// status of the answer.
	defer rt.recover(raw, x)
	err := x.handle()
	rt.answer(raw, x, x.response(), err)
}

// recover answers a panic of the handler, or of what it returned.
func (rt *route) recover(raw *fasthttp.RequestCtx, x exchange) {
	if cause := recover(); cause != nil {
		x.context().handOver.giveUp(raw)
		rt.router.answerPanic(raw, cause)
	}
}

// answer writes what the handler returned, a response or content, or the
// problem that err is, and sees to the work that it carries.
func (rt *route) answer(raw *fasthttp.RequestCtx, x exchange, response responses.Response, err error) {
	r := x.context()
	if err != nil {
		if response != nil && response.Work() != nil {
			rt.log(r, slog.LevelWarn, "the handler returned an error, so the background work of its response is not run", err)
		}
		response = rt.problem(r, err)
	}
	h := &r.handOver
	if response != nil {
		if work := response.Work(); work != nil {
			// The step before the promise: room in the runner.
			if err := h.reserve(rt.router.Runner, work); err != nil {
				response = rt.unavailable(r, err)
			}
		}
	}
	raw.SetStatusCode(rt.options.status)
	if err := rt.write(raw, x, response); err != nil {
		if h.hasWork {
			h.cancel()
			rt.log(r, slog.LevelWarn, "the response can't be written, so its background work is not run", err)
		}
		raw.Response.ResetBody()
		problem := rt.problem(r, fmt.Errorf("write the response: %w", err))
		_ = problem.Write(raw) // of a fixed form, so nothing in it can fail
	}
	if !h.hasWork && !raw.Response.IsBodyStream() {
		rt.finish(x)
		return
	}
	h.response = response
	h.attach(raw)
}

func (rt *route) write(raw *fasthttp.RequestCtx, x exchange, response responses.Response) error {
	if response != nil {
		return responses.Write(raw, response)
	}
	return responses.WriteJSON(raw, x.content())
}

// finish ends a request that has nothing left to do.
func (rt *route) finish(x exchange) {
	x.context().end(context.Canceled)
	rt.release(x)
}

func (rt *route) release(x exchange) {
	if rt.plan.HasFiles() {
		rt.plan.Release(x.input())
	}
}

// problem makes of an error what the client is told, and logs what it is not.
func (rt *route) problem(r *request, err error) *responses.Problem {
	var problem *responses.Problem
	if invalid, ok := errors.AsType[*params.Error](err); ok {
		problem = responses.NewProblem(invalid.Status, invalid.Detail)
		if len(invalid.Faults) > 0 {
			problem.Errors = invalid.Faults
		}
	} else {
		problem = responses.ProblemFor(err)
	}
	switch status := problem.StatusCode(); {
	case status == fasthttp.StatusInternalServerError:
		rt.log(r, slog.LevelError, "request failed", err)
	case status > fasthttp.StatusInternalServerError: // deliberate
		rt.log(r, slog.LevelWarn, "request failed", err)
	}
	return problem
}

// retryAfter is what a client is told to wait when the runner is full.
const retryAfter = "1"

// unavailable answers a request whose work found no room.
func (rt *route) unavailable(r *request, err error) *responses.Problem {
	rt.log(r, slog.LevelWarn, "no room for the background work of a response, which is answered 503", err)
	problem := responses.NewProblem(fasthttp.StatusServiceUnavailable, "the service is busy: try again later")
	problem.Header = responses.Header{fasthttp.HeaderRetryAfter: {retryAfter}}
	return problem
}

func (rt *route) log(r *request, level slog.Level, message string, err error) {
	attrs := []slog.Attr{
		slog.String("request_id", r.id.String()),
		slog.String("route", rt.Method+" "+rt.Pattern),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	rt.router.Logger.LogAttrs(detached{r}, level, message, attrs...)
}
