package routing

import (
	"context"

	"github.com/valyala/fasthttp"
)

// outerKey is that of the context of [SetContext] among the user values.
type outerKey struct{}

// SetContext has the context of a handler and of its background work find the values
// of ctx, behind those that were set as user values: a trace, a logger. It is for
// middleware, before it calls next. ctx is made from [ContextOf], whose values are lost
// otherwise; its end and its deadline have no effect. Where tasks are stored, ctx may
// have a [*background.Origin] for the key [background.OriginKey], whose Values are kept
// with them in place of the client's traceparent and tracestate.
//
// The handler and its tasks may keep ctx, so it must not be made from raw, whose memory
// is used again: SetContext panics on such a one, and on nil.
func SetContext(raw *fasthttp.RequestCtx, ctx context.Context) { //nolint:revive // it is the request that is given one
	if ctx == nil {
		panic("velithon: SetContext was given no context: make one from ContextOf")
	}
	raw.SetUserValue(outerKey{}, ctx)
	if ctx.Value(outerKey{}) != nil {
		raw.RemoveUserValue(outerKey{})
		panic("velithon: SetContext was given a context that is made from the request itself, which does not outlive it: make it from ContextOf")
	}
}

// ContextOf returns what [SetContext] was given for a request, for middleware further
// inside; context.Background() where that was not called.
func ContextOf(raw *fasthttp.RequestCtx) context.Context {
	if ctx, ok := raw.UserValue(outerKey{}).(context.Context); ok {
		return ctx
	}
	return context.Background()
}
