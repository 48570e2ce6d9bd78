package routing

import (
	"fmt"
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// An exchange is what it takes to answer one request, but for the context, which
// a handler may keep. No handler and no task ever has an exchange or a pointer
// into one: input and output are handed over by value. So a route uses its
// exchanges again.
type exchange struct {
	call  call // has the exchange in it, so that both are one allocation
	route *route

	raw     *fasthttp.RequestCtx
	request *request

	response    responses.Response // that is being sent; nil before
	reservation background.Reservation
	work        background.Work // that it is for; nil for none
	status      int             // of the response, as the handler has it
	streams     bool            // the response is a stream, or has taken the connection over

	provided *provided // nil when the route needs no providers
}

// A call is the part of an exchange that knows the handler's types.
type call interface {
	input() any // a pointer to the input, to be filled
	handle(r *request) error
	result() *output
	clear() // forgets input and output
}

// begin returns the exchange for a request.
func (rt *route) begin(raw *fasthttp.RequestCtx) *exchange {
	var x *exchange
	if rt.reusable {
		x, _ = rt.exchanges.Get().(*exchange)
	}
	if x == nil {
		x = rt.endpoint.exchange()
		x.route = rt
		if rt.provision != nil {
			x.provided = rt.newProvided(x)
		}
	}
	x.raw = raw
	x.request = newRequest(x)
	return x
}

// answer writes what the handler returned, a response or content, or the
// problem that err is, and sees to the work that it carries.
func (x *exchange) answer(response responses.Response, err error) {
	rt, r, raw := x.route, x.request, x.raw
	if err != nil {
		if response != nil {
			if work := responses.Work(response); work != nil {
				rt.logWork(r, slog.LevelWarn, "the handler returned an error, so the background work of its response is not run", work, err)
			}
		}
		problem := rt.problem(r, err)
		rt.keepError(raw, problem.StatusCode(), err)
		response = problem
	}
	if response != nil {
		if work := responses.Work(response); work != nil {
			// The step before the promise: room in the runner.
			if err := x.reserve(rt.engine.Runner, work); err != nil {
				response = rt.refused(r, work, err)
			}
		}
	}
	var header *fasthttp.ResponseHeader // to go back to, if the work can't be stored
	if x.work != nil && x.reservation.Stores() {
		header = new(fasthttp.ResponseHeader)
		raw.Response.Header.CopyTo(header)
	}
	raw.SetStatusCode(rt.options.status)
	if err := x.write(response); err != nil {
		if work := x.work; work != nil {
			x.cancel()
			rt.logWork(r, slog.LevelWarn, "the response can't be written, so its background work is not run", work, err)
		}
		raw.Response.ResetBody()
		// The error may be a problem of the service's own, which can't be written
		// either; the one that says so is of a fixed form.
		err = fmt.Errorf("write the response: %w", err)
		problem := rt.problem(r, err)
		rt.keepError(raw, problem.StatusCode(), err)
		if err := problem.Write(raw); err != nil {
			responses.WriteProblem(raw, rt.problem(r, fmt.Errorf("write the problem: %v", err))) //nolint:errorlint // or it might be that problem again
		}
	} else if header != nil {
		x.store(header)
	}
	if x.work == nil && !raw.Response.IsBodyStream() && !x.takesOver() {
		x.finish()
		return
	}
	x.response = response
	x.endLater()
}

// store stores what is durable of the work, now that the response is written to
// memory, and nothing of it to the connection. If it can't be stored, a problem takes the
// response's place, with the header that was there before.
func (x *exchange) store(header *fasthttp.ResponseHeader) {
	rt, r, raw, work := x.route, x.request, x.raw, x.work
	err := x.reservation.Store(r)
	if err == nil {
		stored := count(work)
		if x.work = x.reservation.Rest(); x.work == nil {
			x.reservation.Cancel() // nothing is left to be started
		} else {
			stored -= count(x.work)
		}
		if rt.isTold {
			raw.SetUserValue(storedKey{}, stored)
		}
		return
	}
	x.cancel()
	raw.Response.ResetBody()
	header.CopyTo(&raw.Response.Header)
	responses.WriteProblem(raw, rt.refused(r, work, err))
}

func (x *exchange) write(response responses.Response) error {
	if response != nil {
		return response.Write(x.raw)
	}
	return responses.WriteJSON(x.raw, x.call.result().content())
}

// finish ends a request that has nothing left to do.
func (x *exchange) finish() {
	x.request.close()
	x.release()
	x.recycle()
}

// release closes the uploads of the request.
func (x *exchange) release() {
	if plan := x.route.plan; plan.HasFiles() {
		plan.Release(x.call.input())
	}
}

// recycle gives the exchange of a request back that has ended for good: its
// handler has returned, and its response is sent, or lies in fasthttp's memory
// as a whole. It is the last thing that is done with an exchange, by whom
// request.close gave it to.
//
// Where somebody may still look at it, the exchange is left to the garbage
// collector instead: after a panic, after a timeout that the handler did not
// keep, and where nobody can know when the last one has ended who reads from
// it, as with a stream, and with uploads that background work reads.
func (x *exchange) recycle() {
	if !x.route.reusable {
		return
	}
	x.call.clear() // so that no request is kept alive here, or seen by the next
	x.raw, x.request, x.response = nil, nil, nil
	x.work = nil // the reservation is used up
	x.route.exchanges.Put(x)
}
