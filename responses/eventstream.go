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
// While Run may be quiet for long, a comment is sent at each Heartbeat, which keeps
// proxies from closing the connection and finds out that a client has gone: then the
// context of the handler is cancelled. The first comes when the first interval is
// over. There are none where a middleware reads the body instead of having it
// written; those of this framework do not.
//
// A client that connects again names the last event it saw in the request's
// header Last-Event-ID; see [Feed].
type EventStreamResponse struct {
	Run          func(events *EventWriter) error
	Heartbeat    time.Duration // the interval of heartbeats; 0 means 15 s
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
	body := &streamBody{transfer: r.transfer}
	body.run = func(w *StreamWriter) error { return r.send(body, w) }
	err := writeStream(raw, &h, body)
	raw.Response.ImmediateHeaderFlush = err == nil
	return err
}

// send calls Run, with a heart beside it.
func (r *EventStreamResponse) send(body *streamBody, w *StreamWriter) error {
	gone := make(chan struct{})
	if body.next == nil { // what is read is made in turns with its reader, by one goroutine
		h := heart{stream: w, interval: r.Heartbeat, fail: func(err error) {
			close(gone)
			body.lose(err)
		}}
		if h.interval <= 0 {
			h.interval = defaultHeartbeat
		}
		h.start()
		defer h.stop()
	}
	return r.Run(&EventWriter{w, gone})
}

// Work implements [Response].
func (r *EventStreamResponse) Work() background.Work { return attached(r.Background) }

// Err returns what ended the stream early; see [StreamResponse.Err].
func (r *EventStreamResponse) Err() error { return r.transfer.failure() }
