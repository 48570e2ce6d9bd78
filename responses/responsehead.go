package responses

import (
	"fmt"

	"github.com/valyala/fasthttp"
)

// head is everything of a response in front of its body.
//
// check and apply are two steps, so that a body which may fail is made between
// them, and a response that cannot be written changes nothing at all.
type head struct {
	status      int     // 0 leaves the route's
	contentType string  // of this package's own; "" for none
	given       string  // the content type in place of that, as the handler gave it
	fields      []field // what the kind of response sets by itself
	header      Header  // what the handler sets; overrides the rest
}

type field struct{ name, value string }

// check reports what keeps h from being written.
func (h *head) check() error {
	if h.status != 0 && (h.status < 200 || h.status > 599) {
		return fmt.Errorf("responses: status %d is not within 200..599", h.status)
	}
	if err := checkValue(fasthttp.HeaderContentType, h.given); err != nil {
		return err
	}
	for _, field := range h.fields {
		if err := checkValue(field.name, field.value); err != nil {
			return err
		}
	}
	return h.header.check()
}

// apply puts h, which check has passed, on response.
func (h *head) apply(response *fasthttp.Response) {
	if h.status != 0 {
		response.SetStatusCode(h.status)
	}
	if h.given != "" {
		response.Header.SetContentType(h.given)
	} else if h.contentType != "" && string(response.Header.ContentType()) != h.contentType {
		response.Header.SetContentType(h.contentType)
	}
	for _, field := range h.fields {
		response.Header.Set(field.name, field.value)
	}
	h.header.apply(&response.Header)
}

// write is check and apply, for a body that cannot fail.
func (h *head) write(response *fasthttp.Response) error {
	if err := h.check(); err != nil {
		return err
	}
	h.apply(response)
	return nil
}

// writeAlone is write for a response that has no body and no content type.
func (h *head) writeAlone(response *fasthttp.Response) error {
	if err := h.check(); err != nil {
		return err
	}
	response.ResetBody()
	response.Header.SetContentType("")
	h.apply(response)
	return nil
}
