package routing

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// Reflected makes an endpoint as the verbs do before Go 1.27, on any version.
func Reflected(t *testing.T, handler any) Endpoint {
	t.Helper()
	endpoint, err := reflected(handler)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// Reusable reports whether exchanges of the endpoint are used again.
func (e Endpoint) Reusable() bool { return e.reusable }

// ContextSize is the size of a request's context.
const ContextSize = unsafe.Sizeof(request{})

// Watch has look called as for a client of which it says whether it is there.
func Watch(look func() bool) {
	w := &watch{&request{exchange: &exchange{route: new(route)}}, func() connState {
		if look() {
			return connOpen
		}
		return connLeft
	}, minWatchWait}
	time.AfterFunc(w.wait, w.next)
}

// Pending returns how many requests wait for the end of their response.
func Pending(r *Router) int { return len(r.table.engine.pending.all()) }

// Wrapped returns a group of no prefix, with middleware that does nothing, so that
// [params.PathOf] has the path parameters of a request in its handler.
func Wrapped(r *Router) *Router {
	child := &Router{table: r.table, group: &group{parent: r.group}}
	child.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next })
	return child
}

// EndedLate returns a context of a request that ends just before package context
// asks it for its end.
func EndedLate() context.Context {
	return endedLate{&request{exchange: &exchange{route: new(route)}}}
}

type endedLate struct{ *request }

// Done returns a channel that is open, as it was a moment before.
func (c endedLate) Done() <-chan struct{} { return make(chan struct{}) }

func (c endedLate) AfterFunc(f func()) (stop func() bool) {
	c.end(context.Canceled)
	return c.request.AfterFunc(f)
}

// ReusesExchanges reports whether the route that was added last uses exchanges again.
func ReusesExchanges(r *Router) bool { return r.table.routes[len(r.table.routes)-1].reusable }
