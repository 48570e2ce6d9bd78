package responses

import (
	"errors"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// RedirectResponse sends the client to another URL.
//
// A relative URL stays relative. What a URI must not hold, such as a blank or a
// letter beyond ASCII, is percent-encoded (RFC 3986, section 2), as in Location
// fields in general. Where the URL comes from the client, the caller checks that
// it leads to a trusted place: a redirect to wherever a link says is a gift to
// phishers.
type RedirectResponse struct {
	URL        string // must not be empty
	Status     int    // a 3xx but 304; 0 means 307, which keeps method and body
	Header     Header
	Background background.Work // runs after the response; nil for none
}

// Redirect returns a response which sends the client to url with status 307.
func Redirect(url string) RedirectResponse { return RedirectResponse{URL: url} }

// Write implements [Response].
func (r RedirectResponse) Write(raw *fasthttp.RequestCtx) error {
	status := r.Status
	if status == 0 {
		status = fasthttp.StatusTemporaryRedirect
	}
	if status < 300 || status > 399 || status == fasthttp.StatusNotModified {
		return fmt.Errorf("responses: status %d is not one of a redirect", status)
	}
	url := strings.Trim(r.URL, " \t")
	if url == "" {
		return errors.New("responses: redirect has no URL")
	}
	h := head{status: status, fields: []field{{fasthttp.HeaderLocation, asciiURI(url)}}, header: r.Header}
	return h.writeAlone(&raw.Response)
}

// Work implements [Response].
func (r RedirectResponse) Work() background.Work { return attached(r.Background) }
