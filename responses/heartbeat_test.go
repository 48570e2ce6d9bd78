package responses_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// quietly is a stream that says hello, and nothing else.
func quietly(ctx context.Context) *responses.EventStreamResponse {
	return responses.EventStream(func(events *responses.EventWriter) error {
		if err := events.Send(responses.Event{Data: "hello"}); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

func TestHeartbeats(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{0: 15 * time.Second, -1: 15 * time.Second, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			p := open(t, func(ctx context.Context) *responses.EventStreamResponse {
				stream := quietly(ctx)
				stream.Heartbeat = interval
				return stream
			})
			time.Sleep(want - 1)
			synctest.Wait()
			assert.Equal(t, "data: hello\n\n", p.sent())
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			assert.Equal(t, "data: hello\n\n:\n\n", p.sent())
			time.Sleep(2 * want)
			synctest.Wait()
			assert.Equal(t, "data: hello\n\n:\n\n:\n\n:\n\n", p.sent())
			p.close()
			require.NoError(t, p.err)
			time.Sleep(10 * want)
			synctest.Wait()
			assert.Equal(t, "data: hello\n\n:\n\n:\n\n:\n\n", p.sent(), "after the end")
		})
	}
}

// A heartbeat that can't be sent ends what waits for something else.
func TestAHeartbeatFindsOutThatTheClientIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stream := quietly(ctx)
		raw := new(fasthttp.RequestCtx)
		raw.Init(new(fasthttp.Request), nil, nil)
		require.NoError(t, stream.Write(raw))
		body := raw.Response.BodyStream()
		body.(interface{ OnLost(lost func()) }).OnLost(cancel)
		reader, writer := io.Pipe()
		ended := make(chan error)
		go func() {
			_, err := body.(io.WriterTo).WriteTo(writer)
			ended <- err
		}()
		_, err := io.ReadFull(reader, make([]byte, len("data: hello\n\n")))
		require.NoError(t, err)
		require.NoError(t, reader.CloseWithError(errPageGone))
		time.Sleep(15*time.Second - 1)
		synctest.Wait()
		require.NoError(t, ctx.Err())
		require.ErrorIs(t, <-ended, errPageGone)
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		require.ErrorIs(t, stream.Err(), errPageGone)
	})
}

// One that is on its way when the stream ends is waited for, and is the last.
func TestAStreamEndsDuringAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *page
		p = open(t, func(ctx context.Context) *responses.EventStreamResponse {
			return responses.EventStream(func(*responses.EventWriter) error {
				<-ctx.Done()
				p.set(false, false)
				return nil
			})
		})
		p.set(true, false)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		p.stop()
		<-p.ended
		require.NoError(t, p.err)
		synctest.Wait()
		assert.Equal(t, ":\n\n", p.sent())
	})
}

// What reads the body gets no heartbeats: the function and its reader take turns, and
// another goroutine must not come between.
func TestABodyThatIsReadHasNoHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := responses.EventStream(func(events *responses.EventWriter) error {
			for range 2 {
				time.Sleep(time.Minute)
				if err := events.Send(responses.Event{Data: "x"}); err != nil {
					return err
				}
			}
			return nil
		})
		raw := new(fasthttp.RequestCtx)
		raw.Init(new(fasthttp.Request), nil, nil)
		require.NoError(t, stream.Write(raw))
		text, err := io.ReadAll(struct{ io.Reader }{raw.Response.BodyStream()})
		require.NoError(t, err)
		require.NoError(t, raw.Response.CloseBodyStream())
		assert.Equal(t, "data: x\n\ndata: x\n\n", string(text))
	})
}

// What a stream needs is free at its end, and not at its next heartbeat. The runtime drops
// timers that were stopped a few at a time, so that some may be left.
func TestStreamsThatHaveEndedAreFree(t *testing.T) {
	ended := make([]weak.Pointer[responses.EventStreamResponse], 200)
	for i := range ended {
		ended[i] = endedStream(t)
	}
	runtime.GC()
	left := 0
	for _, stream := range ended {
		if stream.Value() != nil {
			left++
		}
	}
	require.Less(t, left, len(ended)/2)
}

func endedStream(t *testing.T) weak.Pointer[responses.EventStreamResponse] {
	t.Helper()
	stream := responses.EventStream(func(*responses.EventWriter) error { return nil })
	stream.Heartbeat = time.Hour
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	require.NoError(t, stream.Write(raw))
	_, err := raw.Response.BodyStream().(io.WriterTo).WriteTo(io.Discard)
	require.NoError(t, err)
	require.NoError(t, raw.Response.CloseBodyStream())
	return weak.Make(stream)
}
