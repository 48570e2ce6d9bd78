package routing

import (
	"context"
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// A handOver waits for a response to be on the wire. fasthttp closes the user
// values of a request that are an [io.Closer] after it wrote and flushed the
// response, and also when writing failed because the client is gone; that is
// the one place in its loop which comes after the flush.
type handOver struct {
	rt          *route
	x           exchange
	response    responses.Response
	reservation background.Reservation
	hasWork     bool
	streams     bool // the response is a stream
}

type handOverKey struct{}

// reserve takes the step before the response: it asks for room for the work.
func (h *handOver) reserve(runner *background.Runner, work background.Runnable) (err error) {
	h.reservation, err = runner.Reserve(work)
	h.hasWork = err == nil
	return err
}

// cancel gives the room back.
func (h *handOver) cancel() {
	h.reservation.Cancel()
	h.hasWork = false
}

// attach has the handOver closed with the request.
func (h *handOver) attach(raw *fasthttp.RequestCtx) {
	if raw.LastTimeoutErrorResponse() != nil {
		// A middleware such as fasthttp's TimeoutHandler has answered in the
		// meantime, and fasthttp has let go of this request: nobody will close
		// its values.
		_ = h.Close()
		return
	}
	raw.SetUserValue(handOverKey{}, h)
	if h.streams = raw.Response.IsBodyStream(); h.streams {
		h.rt.router.streams.add(h.x.context())
		return
	}
	if h.hasWork && raw.ConnRequestNum() > 0 {
		// Under pipelining fasthttp holds a response back while it reads the
		// next request, and would close the values before it is flushed. It
		// flushes one whose handler set a write deadline, and sets none of its
		// own then. A RequestCtx outside of a server has no connection.
		_ = raw.SetWriteDeadline(h.rt.router.writeDeadline())
	}
}

// handOverOf returns the handOver that is attached to a request, or nil.
func handOverOf(raw *fasthttp.RequestCtx) *handOver {
	h, _ := raw.UserValue(handOverKey{}).(*handOver)
	return h
}

// Close is called by fasthttp on the connection's goroutine, so it only hands
// over. When the runner is full and blocks, it is this connection that waits.
func (h *handOver) Close() error {
	r := h.x.context()
	r.end(context.Canceled)
	if h.streams {
		h.rt.router.streams.remove(r)
	}
	if stream, ok := h.response.(interface{ Err() error }); ok {
		if err := stream.Err(); err != nil {
			h.rt.log(r, slog.LevelWarn, "a stream ended early", err)
		}
	}
	if !h.hasWork {
		h.rt.release(h.x)
		return nil
	}
	var done func()
	if h.rt.plan.HasFiles() {
		done = func() { h.rt.release(h.x) }
	}
	if err := h.reservation.Start(detached{r}, done); err != nil {
		h.rt.log(r, slog.LevelError, "background work was not run", err)
	}
	return nil
}

// giveUp ends the request without its work, because the response is not sent.
func (h *handOver) giveUp(raw *fasthttp.RequestCtx) {
	raw.RemoveUserValue(handOverKey{})
	if h.streams {
		h.rt.router.streams.remove(h.x.context())
	}
	if h.hasWork {
		h.cancel()
		h.rt.log(h.x.context(), slog.LevelWarn, "the response is not sent, so its background work is not run", nil)
	}
	h.rt.finish(h.x)
}
