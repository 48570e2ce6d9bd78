package responses

import (
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

const contentTypeBinary = "application/octet-stream"

// BytesResponse answers with bytes.
//
// Content is sent without a copy. It must not change until the response is on
// the wire, so it must not go back to a pool when the handler returns. The work
// in Background starts after that, and may change or recycle it.
type BytesResponse struct {
	Content     []byte
	ContentType string // "" means application/octet-stream
	Status      int    // 0 means the route's success status
	Header      Header
	Background  background.Work // runs after the response; nil for none
}

// Bytes returns a response of bytes, which must not change until they are sent.
func Bytes(contentType string, content []byte) BytesResponse {
	return BytesResponse{Content: content, ContentType: contentType}
}

// Write implements [Response].
func (r BytesResponse) Write(raw *fasthttp.RequestCtx) error {
	h := head{status: r.Status, contentType: contentTypeBinary, given: r.ContentType, header: r.Header}
	if err := h.write(&raw.Response); err != nil {
		return err
	}
	raw.Response.SetBodyRaw(r.Content)
	return nil
}

// Work implements [Response].
func (r BytesResponse) Work() background.Work { return attached(r.Background) }
