package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A route is an endpoint bound to a method and a pattern.
type route struct {
	Route
	place      string                  // where it was registered
	handler    fasthttp.RequestHandler // serve, with the middleware of its groups
	isWrapped  bool                    // there is such middleware
	isTold     bool                    // middleware may ask for the route, see RouteOf
	options    routeOptions
	pathParams []string
	endpoint   Endpoint
	plan       *params.Plan
	engine     *engine
	group      *group
	provision  *provision // nil for none
	reusable   bool       // an exchange can serve one request after the other
	isSpecial  bool       // a client is watched, or a time limit kept
	exchanges  sync.Pool  // of *exchange, see exchange.recycle
	over       exchange   // stands for the exchange of each request that is over; knows the route only
}

// String returns what a message about another route says of this one.
func (rt *route) String() string {
	return fmt.Sprintf("%q (registered at %s)", rt.Method+" "+rt.Pattern, rt.place)
}

// serve answers one request. It is the whole path of a request below the
// middleware: decode, call, answer, and hand over the work.
func (rt *route) serve(raw *fasthttp.RequestCtx, path *params.PathValues) {
	x := rt.begin(raw)
	// Here and not only around all middleware, so that middleware sees the
	// status of the answer.
	returned := false
	defer rt.recover(raw, x.request, &returned)
	x.serve(path)
	returned = true
}

func (x *exchange) serve(path *params.PathValues) {
	rt := x.route
	if x.provided != nil {
		x.serveProvided(path)
		return
	}
	if !rt.plan.IsEmpty() {
		if err := rt.plan.DecodeWith(x.raw, path, x.call.input()); err != nil {
			x.answer(nil, err)
			return
		}
	}
	if rt.isSpecial {
		x.serveSpecial()
		return
	}
	err := x.handle()
	x.answer(x.call.result().response(), err)
}

// serveSpecial goes on with serve where a client is watched, or a time limit kept.
func (x *exchange) serveSpecial() {
	rt := x.route
	if rt.options.watchesClient {
		watchClient(x.raw, x.request)
	}
	if rt.options.timeout > 0 {
		x.serveWithin()
		return
	}
	if rt.plan.Validates() {
		err := x.handle()
		x.answer(x.call.result().response(), err)
		return
	}
	err := x.call.handle(x.request)
	x.answer(x.call.result().response(), err)
}

// handle calls the handler with an input that finds nothing wrong with itself.
func (x *exchange) handle() error {
	if plan := x.route.plan; plan.Validates() {
		if err := plan.Validate(x.request, x.call.input()); err != nil {
			return err
		}
	}
	return x.call.handle(x.request)
}

// recover answers a panic of the handler, or of the service's code that decodes
// its input or writes its output. It ends the request also when that code called
// runtime.Goexit, and has neither returned nor panicked.
func (rt *route) recover(raw *fasthttp.RequestCtx, r *request, returned *bool) {
	if *returned {
		return
	}
	cause := recover()
	r.giveUp()
	if cause != nil {
		rt.answerPanic(raw, r, asPanic(cause))
	}
}

// answerPanic answers a panic below the middleware. The log has the route and not
// the path, which may have a value of the client's.
func (rt *route) answerPanic(raw *fasthttp.RequestCtx, r *request, p *background.PanicError) {
	rt.log(r, slog.LevelError, "panic in a handler", nil, slog.Any("panic", p.Value), slog.String("stack", string(p.Stack)))
	rt.keepError(raw, fasthttp.StatusInternalServerError, p)
	answerPanic(raw)
}

// problem makes of an error what the client is told, and logs what it is not.
func (rt *route) problem(r *request, err error) *responses.Problem {
	if errors.Is(err, context.Canceled) && r.isDisconnected() {
		rt.log(r, slog.LevelInfo, "the client went away before it was answered", err)
		return errClientClosed
	}
	var problem *responses.Problem
	if invalid, ok := errors.AsType[*params.Error](err); ok {
		if reword := rt.engine.FaultText; reword != nil && len(invalid.Faults) > 0 {
			invalid = invalid.Reword(func(f params.FaultInfo) string { return reword(r, f) })
		}
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
	return rt.engine.told(r, problem)
}

// told returns the problem that is answered in place of one.
func (e *engine) told(ctx context.Context, problem *responses.Problem) *responses.Problem {
	if e.Problem != nil {
		if other := e.Problem(ctx, problem); other != nil {
			return other
		}
	}
	return problem
}

// retryAfter returns how many seconds a client is told to wait when the runner is
// full: 1 to 5, by chance, so that those who are refused together do not come back
// together.
func retryAfter() string { return strconv.Itoa(1 + rand.IntN(5)) }

// refused answers a request whose work was not accepted: there is no room, or it was not
// stored, or can't be, which is a mistake of the program.
func (rt *route) refused(r *request, work background.Work, err error) *responses.Problem {
	if _, isStore := errors.AsType[*background.StoreError](err); isStore {
		rt.logWork(r, slog.LevelError, "the background work of a response was not stored, so it is answered 503", work, err)
	} else if errors.Is(err, background.ErrFull) || errors.Is(err, background.ErrClosed) {
		rt.logWork(r, slog.LevelWarn, "no room for the background work of a response, which is answered 503", work, err)
	} else {
		return rt.problem(r, err)
	}
	problem := responses.NewProblem(fasthttp.StatusServiceUnavailable, "the service is busy: try again later")
	problem.Header = responses.Header{fasthttp.HeaderRetryAfter: {retryAfter()}}
	return rt.engine.told(r, problem)
}

// logWork writes a record about work that is not run, and names it.
func (rt *route) logWork(r *request, level slog.Level, message string, work background.Work, err error) {
	names, more := background.Summary(work)
	attrs := []slog.Attr{slog.Any("tasks", names)}
	if more > 0 {
		attrs = append(attrs, slog.Int("more", more))
	}
	rt.log(r, level, message, err, attrs...)
}

func (rt *route) log(r *request, level slog.Level, message string, err error, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("request_id", r.requestID()),
		slog.String("route", rt.Method+" "+rt.Pattern),
	}, more...)
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	if p, ok := err.(*background.PanicError); ok && p != nil { //nolint:errorlint // it is never wrapped, and Unwrap may be the service's
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	rt.engine.log(detached{r}, level, message, attrs...)
}
