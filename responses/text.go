package responses

import (
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// TextResponse answers with plain text in UTF-8.
type TextResponse struct {
	Content    string
	Status     int // 0 means the route's success status
	Header     Header
	Background background.Work // runs after the response; nil for none
}

// Text returns a response of plain text.
func Text(content string) TextResponse { return TextResponse{Content: content} }

// Write implements [Response].
func (r TextResponse) Write(raw *fasthttp.RequestCtx) error {
	return writeString(raw, &head{status: r.Status, contentType: "text/plain; charset=utf-8", header: r.Header}, r.Content)
}

// Work implements [Response].
func (r TextResponse) Work() background.Work { return attached(r.Background) }

// HTMLResponse answers with an HTML page in UTF-8. Content is sent as it is:
// what comes from others must have been escaped, as html/template does.
type HTMLResponse struct {
	Content    string
	Status     int // 0 means the route's success status
	Header     Header
	Background background.Work // runs after the response; nil for none
}

// HTML returns a response of an HTML page.
func HTML(content string) HTMLResponse { return HTMLResponse{Content: content} }

// Write implements [Response].
func (r HTMLResponse) Write(raw *fasthttp.RequestCtx) error {
	return writeString(raw, &head{status: r.Status, contentType: "text/html; charset=utf-8", header: r.Header}, r.Content)
}

// Work implements [Response].
func (r HTMLResponse) Work() background.Work { return attached(r.Background) }

// writeString copies content, also where it is large: middleware may change the
// bytes of a body in place, which for those of a string ends the process.
func writeString(raw *fasthttp.RequestCtx, h *head, content string) error {
	if err := h.write(&raw.Response); err != nil {
		return err
	}
	if len(content) < largeBody {
		raw.Response.SetBodyString(content)
	} else {
		raw.Response.SetBodyRaw([]byte(content))
	}
	return nil
}
