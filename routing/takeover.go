package routing

import "context"

// TakeOver keeps the request of ctx open when its handler has returned, for a response
// that takes the connection over by [fasthttp.RequestCtx.Hijack], as a WebSocket does. It
// is called before, by the handler or in the response's Write; without a Hijack it has no
// effect. Where a middleware panics, or answers with another status in its place, the
// connection is not taken over.
//
// Until the function that was given to Hijack has returned ctx is not done, [RequestCtx]
// has the request, and a shutdown of the app waits. It begins by ending ctx, as that of a
// stream, and then the function should come to its end; when the time of the shutdown is
// over it goes on without. That function must not panic, nor call [runtime.Goexit]: nobody
// recovers from the former, and nobody is told of the latter.
//
// end ends ctx before that, when the client has gone for instance, and may be called at any
// time by any goroutine. TakeOver fails with [ErrNoRequest], and with [ErrRequestEnded]
// when the request is over.
func TakeOver(ctx context.Context) (end func(), err error) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil, ErrNoRequest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errLocked() != nil {
		return nil, ErrRequestEnded
	}
	r.restLocked().takesOver = true
	return func() { r.end(context.Canceled) }, nil
}

// takesOver reports whether [TakeOver] was called for the request.
func (r *request) takesOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rest != nil && r.rest.takesOver
}

// takesOver reports whether the response goes on with the connection by itself.
func (x *exchange) takesOver() bool { return x.raw.Hijacked() && x.request.takesOver() }
