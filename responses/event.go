package responses

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is one server-sent event. At least one field must be set. One with
// neither Name nor Data does not reach the page: the client only takes note of
// its ID and Retry.
type Event struct {
	ID    string        // what the client names as Last-Event-ID when it connects again; "" for none
	Name  string        // the type to listen for; "" means "message"
	Data  string        // may have several lines; they arrive as one string, joined by "\n"
	Retry time.Duration // how long the client waits before it connects again; 0 leaves that as it is
}

// EventWriter is where server-sent events are written to. It may be used by
// several goroutines. It ends with the function it was given to.
type EventWriter struct {
	stream *StreamWriter
	gone   <-chan struct{} // closed when a heartbeat could not be sent
}

// Send sends an event at once. It returns an error, and sends nothing, for an
// event that cannot be told apart from others on the wire: one that is empty,
// one with a line break or NUL in ID or Name, or a negative Retry. Any other
// error is that of the connection.
func (w *EventWriter) Send(event Event) error {
	encoded, err := event.append(nil)
	if err != nil {
		return err
	}
	return w.stream.send(encoded)
}

// SendJSON sends an event whose data is v encoded as JSON. An empty name means
// "message".
func (w *EventWriter) SendJSON(name string, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	return w.Send(Event{Name: name, Data: string(data)})
}

// Comment sends a comment, which clients drop. The text may be empty, or have several
// lines. A sign of life is sent by the stream itself.
func (w *EventWriter) Comment(text string) error {
	return w.stream.send(append(appendLines(nil, "", text), '\n'))
}

// append adds e in the format of an event stream to dst.
func (e Event) append(dst []byte) ([]byte, error) {
	if e == (Event{}) {
		return dst, errors.New("responses: event is empty")
	}
	if strings.ContainsAny(e.ID, "\r\n\x00") {
		return dst, errors.New("responses: event ID holds a line break or NUL")
	}
	if strings.ContainsAny(e.Name, "\r\n\x00") {
		return dst, errors.New("responses: event name holds a line break or NUL")
	}
	if e.Retry < 0 {
		return dst, fmt.Errorf("responses: event retry of %v is negative", e.Retry)
	}
	if e.ID != "" {
		dst = appendLines(dst, "id", e.ID)
	}
	if e.Name != "" {
		dst = appendLines(dst, "event", e.Name)
	}
	if e.Retry > 0 {
		milliseconds := (e.Retry + time.Millisecond - 1) / time.Millisecond // rounded up: 0 would be a storm
		dst = appendLines(dst, "retry", strconv.FormatInt(int64(milliseconds), 10))
	}
	if e.Data != "" || e.Name != "" {
		dst = appendLines(dst, "data", e.Data)
	}
	return append(dst, '\n'), nil
}

// lineBreaks turns each line break of an event stream, CR LF, CR or LF, into LF.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// appendLines adds a line "field: …" to dst for each line of value. The blank
// after the colon is part of the format, and saves one that value begins with.
func appendLines(dst []byte, field, value string) []byte {
	for line := range strings.SplitSeq(lineBreaks.Replace(value), "\n") {
		dst = append(dst, field...)
		dst = append(dst, ": "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
	}
	return dst
}
