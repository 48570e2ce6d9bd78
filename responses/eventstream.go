package responses

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// EventStreamResponse answers with server-sent events, which a browser reads
// with EventSource (WHATWG HTML, section "Server-sent events"). Its status is
// always 200: EventSource takes any other for a failure. It serves one request.
//
// Run is called, and its failures are kept, as for a [StreamResponse]. The
// header is sent at once, before the first event.
//
// That a client has gone shows only when something is sent to it. A function
// that may be quiet for long should send a [EventWriter.Comment] every 15
// seconds or so, which also keeps proxies from closing the connection.
//
// A client that connects again names the last event it saw in the request's
// header Last-Event-ID.
type EventStreamResponse struct {
	Run          func(events *EventWriter) error
	WriteTimeout time.Duration // for each event, not for all of them; 0 means 30 s
	Header       Header
	Background   background.Work // runs after the response, also a failed one; nil for none

	transfer *transfer // set by Write
}

// EventStream returns a response of the events which send sends.
func EventStream(send func(events *EventWriter) error) *EventStreamResponse {
	return &EventStreamResponse{Run: send}
}

// Write implements [Response]. It does not call Run: that happens when fasthttp
// sends the response.
func (r *EventStreamResponse) Write(raw *fasthttp.RequestCtx) error {
	h := head{
		status:      fasthttp.StatusOK,
		contentType: "text/event-stream",
		fields: []field{ // neither caches nor proxies (nginx reads the second) may hold events back
			{fasthttp.HeaderCacheControl, "no-cache"},
			{"X-Accel-Buffering", "no"},
		},
		header: r.Header,
	}
	r.transfer = &transfer{raw: raw, timeout: r.WriteTimeout}
	err := writeStream(raw, &h, &streamBody{
		transfer: r.transfer,
		run:      func(w *StreamWriter) error { return r.Run(&EventWriter{w}) },
	})
	raw.Response.ImmediateHeaderFlush = err == nil
	return err
}

// Work implements [Response].
func (r *EventStreamResponse) Work() background.Work { return attached(r.Background) }

// Err returns what ended the stream early; see [StreamResponse.Err].
func (r *EventStreamResponse) Err() error { return r.transfer.failure() }
