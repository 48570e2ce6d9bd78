package responses_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

const eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n" +
	"X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"

func TestEventStreamOnTheWire(t *testing.T) {
	stream := responses.EventStream(func(events *responses.EventWriter) error {
		if err := events.Send(responses.Event{ID: "7", Name: "stock", Data: "a\nb"}); err != nil {
			return err
		}
		if err := events.Comment(""); err != nil {
			return err
		}
		return events.SendJSON("", map[string]string{"a": "<\n"})
	})
	sent, err := exchange(t, stream, get())
	require.NoError(t, err)
	assert.Equal(t, eventHead+
		"24\r\nid: 7\nevent: stock\ndata: a\ndata: b\n\n\r\n"+
		"4\r\n: \n\n\r\n"+
		"18\r\ndata: {\"a\":\"\\u003c\\n\"}\n\n\r\n"+
		"0\r\n\r\n", sent)
	assert.NoError(t, stream.Err())
}

// The header is on the wire before the first event, so that the client knows
// that the stream is open.
func TestEventStreamSendsItsHeaderAtOnce(t *testing.T) {
	listener := listen(t)
	seen := make(chan struct{})
	serve(t, listener, func(raw *fasthttp.RequestCtx) {
		assert.NoError(t, answer(raw, responses.EventStream(func(*responses.EventWriter) error {
			<-seen
			return nil
		})))
	})
	connection := dial(t, listener)
	_, err := connection.Write([]byte(get()))
	require.NoError(t, err)
	head := make([]byte, len(eventHead))
	_, err = connection.Read(head)
	assert.NoError(t, err)
	assert.Equal(t, eventHead, string(head))
	close(seen)
}

func TestEventStreamHeaderMayBeOverridden(t *testing.T) {
	sent, err := exchange(t, &responses.EventStreamResponse{
		Header: responses.Header{"Cache-Control": {"no-store"}},
		Run:    func(*responses.EventWriter) error { return nil },
	}, get())
	require.NoError(t, err)
	assert.Equal(t, "no-store", string(parse(t, sent).Header.Peek("Cache-Control")))
}

func TestEventStreamThatPanics(t *testing.T) {
	stream := responses.EventStream(func(*responses.EventWriter) error { panic("no shelf") })
	sent, err := exchange(t, stream, get())
	require.NoError(t, err)
	assert.Equal(t, eventHead, sent)
	assert.EqualError(t, stream.Err(), "panic: no shelf")
}

func TestEventFormat(t *testing.T) {
	for _, test := range []struct {
		event responses.Event
		want  string
	}{
		{responses.Event{Data: "a"}, "data: a\n\n"},
		{responses.Event{Data: " a"}, "data:  a\n\n"},
		{responses.Event{Data: "a\nb\r\nc\rd"}, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
		{responses.Event{Data: "\n"}, "data: \ndata: \n\n"},
		{responses.Event{Data: "\r\r\n\n"}, "data: \ndata: \ndata: \ndata: \n\n"},
		{responses.Event{Data: "a\n\nid: 9"}, "data: a\ndata: \ndata: id: 9\n\n"},
		{responses.Event{Data: "a\x00ü"}, "data: a\x00ü\n\n"},
		{responses.Event{Name: "ping"}, "event: ping\ndata: \n\n"},
		{responses.Event{ID: "7"}, "id: 7\n\n"},
		{responses.Event{Retry: 2 * time.Second}, "retry: 2000\n\n"},
		{responses.Event{Retry: time.Nanosecond}, "retry: 1\n\n"},
		{
			responses.Event{ID: "7", Name: "stock", Data: "{}", Retry: 1500 * time.Millisecond},
			"id: 7\nevent: stock\nretry: 1500\ndata: {}\n\n",
		},
	} {
		got, err := test.event.Append(nil)
		assert.NoError(t, err)
		assert.Equal(t, test.want, string(got), "%+v", test.event)
	}
}

func TestEventRefusals(t *testing.T) {
	for _, test := range []struct {
		event responses.Event
		want  string
	}{
		{responses.Event{}, "responses: event is empty"},
		{responses.Event{ID: "a\n", Data: "x"}, "responses: event ID holds a line break or NUL"},
		{responses.Event{ID: "a\r", Data: "x"}, "responses: event ID holds a line break or NUL"},
		{responses.Event{ID: "\x00", Data: "x"}, "responses: event ID holds a line break or NUL"},
		{responses.Event{Name: "a\nb", Data: "x"}, "responses: event name holds a line break or NUL"},
		{responses.Event{Name: "\r", Data: "x"}, "responses: event name holds a line break or NUL"},
		{responses.Event{Retry: -time.Second}, "responses: event retry of -1s is negative"},
	} {
		sent, err := exchange(t, responses.EventStream(func(events *responses.EventWriter) error {
			assert.EqualError(t, events.Send(test.event), test.want)
			assert.Error(t, events.SendJSON("x", make(chan int)))
			return events.Comment("still alive")
		}), get())
		require.NoError(t, err)
		assert.Equal(t, ": still alive\n\n", string(parse(t, sent).Body()))
	}
}

// Events of several goroutines must not mix.
func TestEventsOfManyGoroutines(t *testing.T) {
	sent, err := exchange(t, responses.EventStream(func(events *responses.EventWriter) error {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 20 {
					assert.NoError(t, events.Send(responses.Event{Data: "a\nb"}))
				}
			})
		}
		group.Wait()
		return nil
	}), get())
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("data: a\ndata: b\n\n", 160), string(parse(t, sent).Body()))
}

// FuzzEvent reads what was written by the rules of the standard.
func FuzzEvent(f *testing.F) {
	f.Add("7", "stock", "a\nb", int64(time.Second))
	f.Add("", "", "\r\n\r", int64(0))
	f.Add("a\x00", "b\n", " : data", int64(-1))
	f.Add("", "id: 9", ": a\n\nretry: 1", int64(1))
	f.Fuzz(func(t *testing.T, id, name, data string, retry int64) {
		event := responses.Event{ID: id, Name: name, Data: data, Retry: time.Duration(retry)}
		encoded, err := event.Append(nil)
		if err != nil {
			require.Empty(t, encoded)
			return
		}
		got, rest := readEvent(string(encoded))
		require.Empty(t, rest)
		require.Equal(t, id, got.ID)
		require.Equal(t, name, got.Name)
		require.Equal(t, strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n"), got.Data)
		require.Equal(t, event.Retry > 0, got.Retry > 0)
	})
}

// readEvent reads an event as WHATWG HTML, section 9.2.6, says, but without its
// retry's number, and returns what follows it.
func readEvent(stream string) (event responses.Event, rest string) {
	for {
		line, after, found := strings.Cut(stream, "\n")
		if !found {
			return event, stream
		}
		stream = after
		if line == "" {
			event.Data = strings.TrimSuffix(event.Data, "\n")
			return event, stream
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			event.ID = value
		case "event":
			event.Name = value
		case "data":
			event.Data += value + "\n"
		case "retry":
			event.Retry = 1
		}
	}
}
