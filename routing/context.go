package routing

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// ErrRequestEnded says that a request is over, so that its memory is no longer
// its own.
var ErrRequestEnded = errors.New("routing: the request has ended")

// ErrNoRequest says that a context does not come from a request.
var ErrNoRequest = errors.New("routing: the context belongs to no request")

// Raw returns fasthttp's own request of a handler's context, for what the
// typed input does not cover: the peer's address, TLS, a rare header. It may
// be used by the handler's goroutine until the handler returns, and nothing
// that it returns may be kept. Afterwards, in background work for instance,
// Raw fails with [ErrRequestEnded].
func Raw(ctx context.Context) (*fasthttp.RequestCtx, error) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil, ErrNoRequest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.raw == nil {
		return nil, ErrRequestEnded
	}
	return r.raw, nil
}

type requestKey struct{}

// A request is the context of one request. It is allocated anew for each and
// never pooled, since a handler may keep it; and it is a context of its own
// rather than one made by [context.WithCancel], to be one allocation together
// with the handler's input and output and what is to be handed over.
type request struct {
	id       requestID
	values   []userValue
	handOver handOver

	mu       sync.Mutex // guards what follows
	raw      *fasthttp.RequestCtx
	deadline time.Time // zero without a timeout
	err      error     // nil until the request has ended
	done     chan struct{}
	watchers map[*func()]struct{} // called when the request ends
}

type userValue struct{ key, value any }

// begin takes over what the handler may see of the raw request. The values of
// the route's path parameters belong to its input and are left out.
func (r *request) begin(raw *fasthttp.RequestCtx, ids *requestIDs, pathParams []string) {
	r.raw = raw
	r.id = requestID{made: ids, number: raw.ID()}
	raw.VisitUserValuesAll(func(key, value any) {
		if key == (takenID{}) {
			r.id = requestID{text: value.(string)}
		} else if name, ok := key.(string); !ok || !slices.Contains(pathParams, name) {
			r.values = append(r.values, userValue{key, value})
		}
	})
}

// end cancels the context with err, and makes [Raw] refuse. Only the first
// call counts.
func (r *request) end(err error) {
	r.mu.Lock()
	if r.err != nil {
		r.mu.Unlock()
		return
	}
	r.err, r.raw = err, nil
	if r.done != nil {
		close(r.done)
	}
	watchers := r.watchers
	r.watchers = nil
	r.mu.Unlock()
	for f := range watchers {
		(*f)()
	}
}

// Deadline implements [context.Context].
func (r *request) Deadline() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.deadline, !r.deadline.IsZero()
}

// setDeadline sets what Deadline returns, the zero time for none.
func (r *request) setDeadline(deadline time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = deadline
}

// Done implements [context.Context].
func (r *request) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
	}
	return r.done
}

// Err implements [context.Context].
func (r *request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Value implements [context.Context].
func (r *request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	for i := range r.values {
		if r.values[i].key == key {
			return r.values[i].value
		}
	}
	return nil
}

// AfterFunc lets package context derive from a request without a goroutine
// that waits for its end. It calls f, which must not block, when the request
// has ended; stop reports whether it kept f from being called.
func (r *request) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	if r.err != nil {
		r.mu.Unlock()
		f()
		return func() bool { return false }
	}
	defer r.mu.Unlock()
	if r.watchers == nil {
		r.watchers = make(map[*func()]struct{})
	}
	key := &f
	r.watchers[key] = struct{}{}
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, waiting := r.watchers[key]
		delete(r.watchers, key)
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
