package responses

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// StreamResponse answers with a body that is made while it is sent, so that it
// never has to fit into memory. It serves one request.
//
// Run is called after the handler has returned, on the connection's goroutine,
// with no other goroutine or pipe in between: Write waits for a slow client. It
// is not called for a HEAD request. It may read the request but must leave the
// response alone; the context of the handler is still alive.
//
// The status is on its way by then, so a failure cannot become a problem: an
// error of Run, a panic in it, or a client that went away aborts the connection
// before the end of the body, which tells the client that the body is not
// complete, and is kept for [StreamResponse.Err].
//
// A body of unknown length needs HTTP/1.1: HTTP/1.0 has no chunks. Such a
// request is answered with 505. A proxy in front must speak 1.1 (for nginx:
// proxy_http_version 1.1).
type StreamResponse struct {
	Run          func(w *StreamWriter) error
	ContentType  string        // "" means application/octet-stream
	WriteTimeout time.Duration // for each chunk, not for all of them; 0 means 30 s
	Status       int           // 0 means the route's success status
	Header       Header
	Background   background.Work // runs after the response, also a failed one; nil for none

	transfer *transfer // set by Write
}

// Stream returns a response whose body is what write writes.
func Stream(contentType string, write func(w *StreamWriter) error) *StreamResponse {
	return &StreamResponse{ContentType: contentType, Run: write}
}

// Write implements [Response]. It does not call Run: that happens when fasthttp
// sends the response.
func (r *StreamResponse) Write(raw *fasthttp.RequestCtx) error {
	r.transfer = &transfer{raw: raw, timeout: r.WriteTimeout}
	h := head{status: r.Status, contentType: contentTypeBinary, given: r.ContentType, header: r.Header}
	return writeStream(raw, &h, &streamBody{transfer: r.transfer, run: r.Run})
}

// Work implements [Response].
func (r *StreamResponse) Work() background.Work { return attached(r.Background) }

// Err returns what ended the stream early, and nil where it was sent as a whole
// or not at all: the error of Run, that of the connection, or a
// [*background.PanicError]. It is to be called once the response has ended, not
// while Run is running.
func (r *StreamResponse) Err() error { return r.transfer.failure() }

// writeStream puts h and a body of unknown length on raw.Response.
func writeStream(raw *fasthttp.RequestCtx, h *head, body *streamBody) error {
	if !raw.Request.Header.IsHTTP11() {
		return NewProblem(fasthttp.StatusHTTPVersionNotSupported, "this response is streamed, which needs HTTP/1.1")
	}
	if err := h.write(&raw.Response); err != nil {
		return err
	}
	if raw.IsHead() {
		raw.Response.ResetBody()
		raw.Response.SkipBody = true
		raw.Response.Header.SetContentLength(-1) // as the GET would be framed
		return nil
	}
	body.extend()
	raw.Response.SetBodyStream(body, -1)
	return nil
}
