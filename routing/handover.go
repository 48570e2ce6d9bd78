package routing

import (
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// A handOver waits for a response to be on the wire. fasthttp closes the user
// values of a request that are an [io.Closer] after it wrote and flushed the
// response, and also when writing failed because the client is gone; that is
// the one place in its loop which comes after the flush.
//
// It is the request and not its exchange, which serves others later: should a
// value be closed twice, since a middleware has copied it to another request,
// the second time does nothing. It has the size of a pointer, so that it is an
// interface without allocation.
type handOver struct{ request *request }

type handOverKey struct{}

// reserve takes the step before the response: it asks for room for the work.
func (x *exchange) reserve(runner *background.Runner, work background.Runnable) (err error) {
	x.reservation, err = runner.Reserve(work)
	x.hasWork = err == nil
	return err
}

// cancel gives the room back.
func (x *exchange) cancel() {
	x.reservation.Cancel()
	x.hasWork = false
}

// handOver has the exchange ended with the request.
func (x *exchange) handOver() {
	raw := x.raw
	x.streams = raw.Response.IsBodyStream()
	if raw.LastTimeoutErrorResponse() != nil {
		// A middleware such as fasthttp's TimeoutHandler has answered in the
		// meantime, and fasthttp has let go of this request: nobody will close
		// its values.
		if r := x.request; r.close() != nil {
			x.end(r)
		}
		return
	}
	raw.SetUserValue(handOverKey{}, handOver{x.request})
	if x.streams {
		x.route.router.streams.add(x.request)
		return
	}
	if x.hasWork && raw.ConnRequestNum() > 0 {
		// Under pipelining fasthttp holds a response back while it reads the
		// next request, and would close the values before it is flushed. It
		// flushes one whose handler set a write deadline, and sets none of its
		// own then. A RequestCtx outside of a server has no connection.
		_ = raw.SetWriteDeadline(x.route.router.WriteDeadline(raw.Conn()))
	}
}

// Close is called by fasthttp on the connection's goroutine, so it only hands
// over. When the runner is full and blocks, it is this connection that waits.
func (h handOver) Close() error {
	if x := h.request.close(); x != nil {
		rt, conn := x.route, x.raw.Conn()
		x.end(h.request)
		rt.router.HandedOver(conn)
	}
	return nil
}

// end hands the work over after the response, and is the last that is done with
// an exchange.
func (x *exchange) end(r *request) {
	rt := x.route
	if x.streams {
		rt.router.streams.remove(r)
	}
	if err := x.streamError(); err != nil {
		rt.log(r, slog.LevelWarn, "a stream ended early", err)
	}
	if !x.hasWork {
		x.release()
		return
	}
	hasFiles := rt.plan.HasFiles()
	var done func()
	if hasFiles {
		done = x.release
	}
	if err := x.reservation.Start(detached{r}, done); err != nil {
		rt.log(r, slog.LevelError, "background work was not run", err)
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
	if stream, ok := x.response.(interface{ Err() error }); ok {
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
	x.raw.RemoveUserValue(handOverKey{})
	if x.streams {
		x.route.router.streams.remove(r)
	}
	if x.hasWork {
		x.cancel()
		x.route.log(r, slog.LevelWarn, "the response is not sent, so its background work is not run", nil)
	}
	x.release()
}

// giveUpHandOver does so for a request whose response waits to be sent.
func giveUpHandOver(raw *fasthttp.RequestCtx) {
	if h, ok := raw.UserValue(handOverKey{}).(handOver); ok {
		h.request.giveUp()
	}
}
