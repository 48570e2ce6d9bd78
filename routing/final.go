package routing

import (
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// hasUsualStatus reports whether finish has nothing to do. Every request pays for
// it.
func hasUsualStatus(raw *fasthttp.RequestCtx) bool {
	status := sentResponse(raw).StatusCode()
	return status >= 200 && status <= 999 && status != fasthttp.StatusResetContent
}

// finish sees to it that the status of a response fits to the rest of it,
// whoever set it: a handler, a route or a middleware.
func (s *shared) finish(raw *fasthttp.RequestCtx) {
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
		s.logLost(raw, RequestID(raw), fmt.Sprintf("a response has the status %d, which ends no request, and is answered with 500", status))
		response.ResetBody()
		response.SetStatusCode(fasthttp.StatusInternalServerError)
		if response == &raw.Response { // or else a late handler may still use raw
			WriteProblem(raw, responses.ProblemFor(errStatus))
		}
	}
}

var errStatus = errors.New("the status ends no request")
