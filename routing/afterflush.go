package routing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// The work of a response is reserved room for before the response is written,
// and starts after it is flushed. In between the request is pending, and exactly
// one of these closes it:
//
//   - fasthttp, after it has flushed the response, or failed to: see afterFlush,
//   - the end of the router's handler, where the response is not sent: after a
//     panic, a runtime.Goexit, a TimeoutError, or a Hijack without TakeOver,
//   - the route itself, where the handler returns after a TimeoutError,
//   - the next request of the connection, where fasthttp has told nobody,
//   - Settle, when no more connections are served.

// An afterFlush waits for a response to be on the wire. fasthttp closes the user
// values of a request that are an [io.Closer] after it wrote and flushed the
// response, and also when writing failed because the client is gone; that is
// the one place in its loop which comes after the flush.
//
// It is the request and not its exchange, which serves others later. It has the
// size of a pointer, so that it is an interface without allocation. It is its own
// key, too, since a middleware may have called next twice.
type afterFlush struct{ request *request }

// Close is called by fasthttp on the connection's goroutine, so it only hands
// over. When the runner is full and blocks, it is this connection that waits.
func (f afterFlush) Close() error {
	r := f.request
	if x := r.close(); x != nil {
		x.end(detached{r}, r)
	}
	return nil
}

// reserve takes the step before the response: it asks for room for the work.
func (x *exchange) reserve(runner *background.Runner, work background.Work) (err error) {
	if x.reservation, err = runner.Reserve(work); err == nil {
		x.work = work
	}
	return err
}

// cancel gives the room back.
func (x *exchange) cancel() {
	x.reservation.Cancel()
	x.work = nil
}

// endLater leaves the end of the request to others. It is the last that its
// caller does with the exchange.
func (x *exchange) endLater() {
	e, r, raw := x.route.engine, x.request, x.raw
	x.streams = raw.Response.IsBodyStream() || x.takesOver()
	x.status = raw.Response.StatusCode()
	inServer := raw.ConnRequestNum() > 0
	if !inServer && !x.streams {
		// Nobody tells when such a response is sent, or whether it is: somebody
		// has made the RequestCtx to take the response out of it.
		if r.close() != nil {
			x.start(detached{r}, r)
		}
		return
	}
	if x.streams {
		e.streams.add(r)
		if body, ok := raw.Response.BodyStream().(losable); ok {
			body.OnLost(r.disconnect)
		}
	}
	e.pending.add(r)
	if !inServer {
		raw.SetUserValue(afterFlush{r}, afterFlush{r})
		return
	}
	// Both sides set first and look then: the end of the handler notes that the
	// request is late and looks for it among the pending. So one of them sees
	// the other.
	if e.pending.late.has(r.number) {
		r.settle(detached{r})
	}
}

// A losable is the body of a stream that finds out by itself that its client has gone, as
// event streams do by their heartbeats.
type losable interface{ OnLost(lost func()) }

// handlerEnded is called at the end of the router's handler, behind all
// middleware. It failed if it ended by a panic or by runtime.Goexit.
func (e *engine) handlerEnded(raw *fasthttp.RequestCtx, failed bool) {
	isLate := raw.LastTimeoutErrorResponse() != nil
	if isLate {
		e.pending.late.add(raw)
	}
	connection := uint32(raw.ConnID())
	slot := e.pending.slot(connection)
	if r := slot.first.Load(); r != nil {
		e.handlerEndedFor(r, raw, isLate, failed)
	}
	for _, r := range slot.others(connection) {
		e.handlerEndedFor(r, raw, isLate, failed)
	}
}

func (e *engine) handlerEndedFor(r *request, raw *fasthttp.RequestCtx, isLate, failed bool) {
	connection := uint32(raw.ConnID())
	switch {
	case r.connection() != connection:
	case raw.ConnRequestNum() == 0 && !r.isOf(raw):
		// No server made them, and each may have the number 0.
	case r.number != raw.ID():
		// An earlier one of the connection, of which fasthttp has let go.
		r.settle(detached{r})
	case isLate:
		// The client was not waited for, as if it had hung up. Whether the
		// handler was a moment faster makes no difference.
		r.settle(detached{r})
	case failed:
		if r.takesOver() {
			raw.Hijack(nil)
		}
		r.giveUp()
	case raw.Hijacked() && !r.takesOver():
		// fasthttp closes the values when the hijack handler ends, which may
		// take hours.
		r.settle(detached{r})
	default:
		if raw.Hijacked() && r.answeredWith() != raw.Response.StatusCode() {
			raw.Hijack(nil) // a middleware has answered in its place
		}
		r.awaitFlush(raw)
	}
}

// answeredWith returns the status of the response as the handler has it, and 0 once the
// request is over.
func (r *request) answeredWith() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exchange.status
}

// isOf reports whether a request is not over, and raw is its raw one.
func (r *request) isOf(raw *fasthttp.RequestCtx) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.isOverLocked() && r.exchange.raw == raw
}

// awaitFlush leaves the end of the request to fasthttp. No middleware comes after
// this, which could close the user values early or remove them.
func (r *request) awaitFlush(raw *fasthttp.RequestCtx) {
	e, hasWork := r.keepWork(raw.Response.StatusCode())
	if e == nil {
		return
	}
	raw.SetUserValue(afterFlush{r}, afterFlush{r})
	if !hasWork {
		e.pending.remove(r)
		return
	}
	if raw.ConnRequestNum() == 0 {
		return
	}
	// Under pipelining fasthttp holds a response back while it reads the next
	// request, and would close the values before it is flushed. It flushes one
	// whose handler set a write deadline, and sets none of its own then.
	if err := raw.SetWriteDeadline(time.Time{}); errors.Is(err, fasthttp.ErrDeadlineUpdatesDisabled) {
		r.settle(detached{r}) // it became late at this moment, by somebody outside of the handler
	}
}

// keepWork gives the work up where a middleware has turned a success into a
// failure, and reports whether there is work left. The router is nil if the
// request is over.
func (r *request) keepWork(status int) (e *engine, hasWork bool) {
	r.mu.Lock()
	x := r.exchange
	if r.isOverLocked() {
		r.mu.Unlock()
		return nil, false
	}
	rt := x.route
	if x.work == nil || x.status >= fasthttp.StatusBadRequest || status < fasthttp.StatusBadRequest {
		hasWork = x.work != nil
		r.mu.Unlock()
		return rt.engine, hasWork
	}
	reservation, work := x.reservation, x.work
	x.reservation, x.work = background.Reservation{}, nil
	r.mu.Unlock()
	reservation.Cancel()
	rt.logWork(r, slog.LevelWarn, "a middleware answered a failure in place of the response, so its background work is not run", work, nil)
	return rt.engine, false
}

// settle ends a request, if nobody else has.
func (r *request) settle(ctx context.Context) {
	if x := r.close(); x != nil {
		x.end(ctx, r)
	}
}

// end hands the work over, and is the last that is done with an exchange. ctx
// has the values of the request, and bounds the wait for room.
func (x *exchange) end(ctx context.Context, r *request) {
	e := x.route.engine
	e.pending.remove(r)
	if !x.streams {
		x.start(ctx, r)
		return
	}
	e.streams.remove(r)
	defer x.start(ctx, r) // whatever the code of the service's does before
	if err := x.streamError(); err != nil {
		level, message := slog.LevelWarn, "a stream ended early"
		if r.takesOver() {
			level, message = slog.LevelError, "what has taken a connection over failed"
		}
		x.route.log(r, level, message, err)
	}
}

func (x *exchange) start(ctx context.Context, r *request) {
	rt, work := x.route, x.work
	hasFiles := rt.plan.HasFiles()
	if work == nil {
		x.release()
		hasFiles = false
	} else {
		var done func()
		if hasFiles {
			done = x.release
		}
		if err := x.reservation.Start(ctx, done); err != nil {
			rt.logWork(r, slog.LevelError, "background work was not run", work, err)
		}
	}
	if !x.streams && !hasFiles {
		x.recycle()
	}
}

// streamError returns what ended a stream early, if its response knows. That may
// be a response of the service's own, and nobody above recovers from its panics.
func (x *exchange) streamError() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = newPanicError(cause)
		}
	}()
	if stream, ok := x.response.(responses.EndedResponse); ok {
		err = stream.Err()
	}
	return err
}

// giveUp ends a request without its work, because the response is not sent.
func (r *request) giveUp() {
	x := r.close()
	if x == nil {
		return
	}
	rt, work := x.route, x.work
	rt.engine.pending.remove(r)
	if x.streams {
		rt.engine.streams.remove(r)
	}
	if work != nil {
		x.cancel()
	}
	x.release()
	if work != nil {
		rt.logWork(r, slog.LevelWarn, "the response is not sent, so its background work is not run", work, nil)
	}
}

// Settle hands over the work of all responses that nobody has told the end of.
// That is so where fasthttp could not: the body of a response has called
// [runtime.Goexit], or nobody has reset a RequestCtx that no server made, with
// a stream in it. A server calls Settle when it has ended all connections. If the
// runner is full and blocks, Settle waits until ctx is done, and the log names the
// work that is not run then.
//
// Before that it waits until the handlers of [TakeOver] have returned, or ctx is done.
func (h *Handler) Settle(ctx context.Context) {
	h.engine.streams.await(ctx)
	for _, r := range h.engine.pending.all() {
		r.settle(settling{ctx, r})
	}
}

// settling is the context of a request, with another's end.
type settling struct {
	context.Context
	request *request
}

// Value implements [context.Context].
func (s settling) Value(key any) any { return s.request.Value(key) }
