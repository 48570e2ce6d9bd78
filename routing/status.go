package routing

import (
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// SentStatus returns the status that a request is answered with, for middleware
// such as an access log, once the next handler has returned. After a timeout it
// is not the one in raw.Response, which then belongs to the late handler.
func SentStatus(raw *fasthttp.RequestCtx) int {
	return sentResponse(raw).StatusCode()
}

// errorKey is that of a failure among the user values.
type errorKey struct{}

// A failure is an error in a wrapping that fasthttp does not close, if it can be.
type failure struct{ err error }

// keepError keeps an error for ErrorOf.
func (rt *route) keepError(raw *fasthttp.RequestCtx, status int, err error) {
	if rt.isTold && status >= fasthttp.StatusInternalServerError {
		raw.SetUserValue(errorKey{}, failure{err})
	}
}

// ErrorOf returns the error for which a handler's request is answered with 500 or more,
// for middleware once the next handler has returned: what the handler, its input or the
// writing of its response failed with, or a [*background.PanicError]. It is nil for all
// other requests, and for one that took longer than its route's [Timeout].
func ErrorOf(raw *fasthttp.RequestCtx) error {
	kept, _ := raw.UserValue(errorKey{}).(failure)
	return kept.err
}

// sentResponse returns the response that is sent: after a timeout it is not the
// one in raw, which belongs to the late handler.
func sentResponse(raw *fasthttp.RequestCtx) *fasthttp.Response {
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		return late
	}
	return &raw.Response
}

// hasUsualStatus reports whether finish has nothing to do. Every request pays for
// it.
func hasUsualStatus(raw *fasthttp.RequestCtx) bool {
	status := sentResponse(raw).StatusCode()
	return status >= 200 && status <= 999 && status != fasthttp.StatusResetContent
}

// finish sees to it that the status of a response fits to the rest of it,
// whoever set it: a handler, a route or a middleware.
func (e *engine) finish(raw *fasthttp.RequestCtx) {
	response := sentResponse(raw)
	switch status := response.StatusCode(); {
	case status == fasthttp.StatusResetContent:
		// fasthttp sends a 204 and a 304 without content, but not this one, of
		// which a client takes the content for the next response (RFC 9110,
		// section 15.3.6).
		response.ResetBody()
		response.SkipBody = false
		response.Header.Del(fasthttp.HeaderContentEncoding)
		response.Header.SetContentType("")
		response.Header.SetContentLength(0)
	case (status < 200 || status > 999) && !raw.Hijacked():
		// Nothing follows an informational response here, so the client would
		// wait, or take the next response for this one's.
		e.logLost(raw, RequestID(raw), fmt.Sprintf("a response has the status %d, which ends no request, and is answered with 500", status))
		response.ResetBody()
		response.SetStatusCode(fasthttp.StatusInternalServerError)
		if response == &raw.Response { // or else a late handler may still use raw
			responses.WriteProblem(raw, responses.ProblemFor(errStatus))
		}
	}
}

var errStatus = errors.New("the status ends no request")
