package routing

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
)

// ErrRequestEnded says that a request is over, so that its memory is no longer
// its own.
var ErrRequestEnded = errors.New("velithon: the request has ended")

// ErrNoRequest says that a context does not come from a request.
var ErrNoRequest = errors.New("velithon: the context belongs to no request")

// RequestCtx returns fasthttp's own request of a handler's context, for what the
// typed input does not cover: the peer's address, TLS, a rare header. It may
// be used by the handler's goroutine until the handler returns, and nothing
// that it returns may be kept. The function of a stream may read the request, too;
// its response is being sent, so leave that alone. When the request has ended,
// in background work for instance, RequestCtx fails with [ErrRequestEnded].
func RequestCtx(ctx context.Context) (*fasthttp.RequestCtx, error) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil, ErrNoRequest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errLocked() != nil {
		return nil, ErrRequestEnded
	}
	return r.exchange.raw, nil
}

// RouteOf returns the route that a request has matched, for what a metric or a
// record is labelled with. ctx is the context of a handler or of its background
// work, or the request itself in middleware: in that of a group, and in the
// router's own once next has returned. Where no route has matched yet, or ctx
// belongs to no request, ok is false.
func RouteOf(ctx context.Context) (_ Route, ok bool) {
	if raw, isRaw := ctx.(*fasthttp.RequestCtx); isRaw {
		if rt, ok := raw.UserValue(routeKey{}).(*route); ok {
			return rt.Route, true
		}
		return Route{}, false
	}
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return Route{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exchange.route.Route, true
}

// requestKey is that of a request among the values of its context, and routeKey
// that of its route among the user values.
type (
	requestKey struct{}
	routeKey   struct{}
)

// A request is the context of one request. It is allocated anew for each and
// never pooled, since a handler may keep it; so it is small, and what few
// requests need is apart from it. It is a context of its own rather than one
// made by [context.WithCancel], which is several times as large.
type request struct {
	number uint64 // its id's, see requestIDs

	mu       sync.Mutex // guards what follows
	exchange *exchange  // what the request is answered with; its route's over once that is over
	rest     *rest      // nil until something of it is needed
}

// rest is the part of a request that most do without.
type rest struct {
	id           string             // that was taken over
	values       []userValue        // that middleware set
	outer        context.Context    // that SetContext was given; nil for none
	deadline     time.Time          // zero without a timeout
	err          error              // of a context that has ended, maybe before the exchange
	disconnected bool               // that the client has gone is why
	trace        map[string]string  // that the client sent, for tasks that are stored
	origin       *background.Origin // of these, once it is asked for
	done         chan struct{}
	watchers     map[*func()]struct{} // called when the context ends
	takesOver    bool                 // see [TakeOver]
}

type userValue struct{ key, value any }

// newRequest returns the context of a request, with what a handler may see of
// the raw one. Path parameters belong to its input and are left out.
func newRequest(x *exchange) *request {
	r := &request{number: x.raw.ID(), exchange: x}
	x.raw.VisitUserValuesAll(func(key, value any) {
		switch key.(type) { // nobody else has the request yet
		case routeKey:
		case takenID:
			r.restLocked().id = value.(string)
		case outerKey:
			r.restLocked().outer = value.(context.Context)
		default:
			if _, isPath := value.(*params.PathValues); !isPath {
				r.restLocked().values = append(r.restLocked().values, userValue{key, value})
			}
		}
	})
	if x.route.engine.Runner.Store() != nil {
		r.takeTrace(x.raw)
	}
	return r
}

// maxTrace is the length up to which a field of a trace is kept.
const maxTrace = 512

// takeTrace keeps the trace that the client sent, by the recommendation of the W3C, for
// tasks that are stored. Nobody else has the request yet.
func (r *request) takeTrace(raw *fasthttp.RequestCtx) {
	parent := raw.Request.Header.Peek("traceparent")
	if len(parent) == 0 || len(parent) > maxTrace {
		return
	}
	values := map[string]string{"traceparent": string(parent)}
	if state := raw.Request.Header.Peek("tracestate"); len(state) > 0 && len(state) <= maxTrace {
		values["tracestate"] = string(state)
	}
	r.restLocked().trace = values
}

// tasksFrom returns the origin of the tasks of the request. What the context of
// [SetContext] knows of the trace takes the place of what the client has sent.
func (r *request) tasksFrom() *background.Origin {
	id, of := r.requestID(), r.originOfOuter()
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.restLocked()
	if rest.origin == nil {
		values := map[string]string{background.RequestID: id}
		if of == nil {
			maps.Copy(values, rest.trace)
		} else {
			maps.Copy(values, of.Values)
			values[background.RequestID] = id
		}
		values[background.RequestRoute] = r.exchange.route.Method + " " + r.exchange.route.Pattern
		rest.origin = &background.Origin{Values: values}
	}
	return rest.origin
}

// originOfOuter returns the origin that the context of [SetContext] has, nil for none.
// It is not asked with the mutex held, since it may be of the service's own.
func (r *request) originOfOuter() *background.Origin {
	if _, outer := r.values(); outer != nil {
		return background.OriginOf(outer)
	}
	return nil
}

func (r *request) restLocked() *rest {
	if r.rest == nil {
		r.rest = new(rest)
	}
	return r.rest
}

// connection returns the number of the connection, as much of it as a request's
// number has: see [fasthttp.RequestCtx.ID].
func (r *request) connection() uint32 { return uint32(r.number >> 32) }

// end cancels the context with err, and makes [RequestCtx] refuse. Only the first end
// counts.
func (r *request) end(err error) {
	r.mu.Lock()
	if r.isOverLocked() {
		r.mu.Unlock()
		return
	}
	r.restLocked() // where the error is kept, since the exchange goes on
	watchers := r.endLocked(err)
	r.mu.Unlock()
	callAll(watchers)
}

// close ends the request for good. It returns the exchange to the one caller who
// is to see to its end, and nil to all others.
func (r *request) close() *exchange {
	r.mu.Lock()
	if r.isOverLocked() {
		r.mu.Unlock()
		return nil
	}
	x := r.exchange
	r.exchange = &x.route.over
	watchers := r.endLocked(context.Canceled)
	r.mu.Unlock()
	callAll(watchers)
	return x
}

func (r *request) isOverLocked() bool { return r.exchange == &r.exchange.route.over }

// endLocked tells those who look at the rest. It returns the watchers, to be
// called without the mutex.
func (r *request) endLocked(err error) map[*func()]struct{} {
	rest := r.rest
	if rest == nil || rest.err != nil {
		return nil
	}
	rest.err = err
	if rest.done != nil {
		close(rest.done)
	}
	watchers := rest.watchers
	rest.watchers = nil
	return watchers
}

func (r *request) errLocked() error {
	switch {
	case r.rest != nil && r.rest.err != nil:
		return r.rest.err
	case r.isOverLocked():
		return context.Canceled
	default:
		return nil
	}
}

func callAll(watchers map[*func()]struct{}) {
	if len(watchers) == 0 {
		return // ranging over a nil map is not free
	}
	for f := range watchers {
		(*f)()
	}
}

// requestID returns the id's text. One that was made here is kept as its number,
// since its text is rarely asked for.
func (r *request) requestID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest != nil && r.rest.id != "" {
		return r.rest.id
	}
	var text idText
	return string(ids.write(&text, r.number))
}

// Deadline implements [context.Context].
func (r *request) Deadline() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest == nil {
		return time.Time{}, false
	}
	return r.rest.deadline, !r.rest.deadline.IsZero()
}

// setDeadline sets what Deadline returns, the zero time for none.
func (r *request) setDeadline(deadline time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restLocked().deadline = deadline
}

// Done implements [context.Context].
func (r *request) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.restLocked()
	if rest.done == nil {
		rest.done = make(chan struct{})
		if r.errLocked() != nil {
			close(rest.done)
		}
	}
	return rest.done
}

// Err implements [context.Context].
func (r *request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.errLocked()
}

// Value implements [context.Context].
func (r *request) Value(key any) any {
	switch key {
	case requestKey{}:
		return r
	case background.OriginKey{}:
		return r.tasksFrom()
	}
	values, outer := r.values()
	for _, v := range values {
		if v.key == key {
			return v.value
		}
	}
	if outer != nil {
		return outer.Value(key)
	}
	return nil
}

// values returns what middleware set, which does not change any more.
func (r *request) values() (values []userValue, outer context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest == nil {
		return nil, nil
	}
	return r.rest.values, r.rest.outer
}

// AfterFunc lets package context derive from a request without a goroutine
// that waits for its end. It calls f, which must not block, when the request
// has ended; stop reports whether it kept f from being called. If the request has
// ended already, f has a goroutine of its own: package context holds a mutex in
// this call that its f locks.
func (r *request) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	if r.errLocked() != nil {
		r.mu.Unlock()
		go f()
		return func() bool { return false }
	}
	defer r.mu.Unlock()
	rest := r.restLocked()
	if rest.watchers == nil {
		rest.watchers = make(map[*func()]struct{})
	}
	key := &f
	rest.watchers[key] = struct{}{}
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, waiting := rest.watchers[key]
		delete(rest.watchers, key)
		return waiting
	}
}

// detached is a request's context without its end, for work that outlives it.
// It has the size of a pointer, so that it is an interface without allocation.
type detached struct{ request *request }

// Deadline implements [context.Context].
func (detached) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements [context.Context].
func (detached) Done() <-chan struct{} { return nil }

// Err implements [context.Context].
func (detached) Err() error { return nil }

// Value implements [context.Context].
func (d detached) Value(key any) any { return d.request.Value(key) }
