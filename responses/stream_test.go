package responses_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"

var errStore = errors.New("store went away")

func TestStreamOnTheWire(t *testing.T) {
	stream := responses.Stream("text/csv", func(w *responses.StreamWriter) error {
		if _, err := w.WriteString("a,b\n"); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := w.Flush(); err != nil { // nothing to send: an empty chunk would end the body
			return err
		}
		_, err := w.Write([]byte("1,2\n"))
		return err
	})
	sent, err := exchange(t, stream, get())
	require.NoError(t, err)
	assert.Equal(t, streamHead+"4\r\na,b\n\r\n4\r\n1,2\n\r\n0\r\n\r\n", sent)
	assert.NoError(t, stream.Err())
}

func TestStreamIsCutIntoChunks(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	stream := &responses.StreamResponse{Status: 201, Run: func(w *responses.StreamWriter) error {
		for i := range len(long) {
			if _, err := w.WriteString(long[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	}}
	sent, err := exchange(t, stream, get())
	require.NoError(t, err)
	assert.Contains(t, sent, "\r\n\r\nff0\r\n")
	response := parse(t, sent)
	assert.Equal(t, 201, response.StatusCode())
	assert.Equal(t, "application/octet-stream", string(response.Header.ContentType()))
	assert.Equal(t, long, string(response.Body()))
}

func TestStreamIsNotRunForHead(t *testing.T) {
	stream := responses.Stream("text/csv", func(*responses.StreamWriter) error { panic("must not run") })
	sent := exchangeWith(t, func(raw *fasthttp.RequestCtx) {
		raw.SetBodyString("of a middleware, which the stream replaces")
		assert.NoError(t, answer(raw, stream))
	}, request("HEAD"))
	assert.Equal(t, streamHead, sent)
	assert.NoError(t, stream.Err())
}

func TestStreamNeedsHTTP11(t *testing.T) {
	for _, response := range []responses.Response{
		responses.Stream("text/csv", func(*responses.StreamWriter) error { panic("must not run") }),
		responses.EventStream(func(*responses.EventWriter) error { panic("must not run") }),
	} {
		sent, err := exchange(t, response, "GET / HTTP/1.0\r\n\r\n")
		assert.EqualError(t, err, "505 HTTP Version Not Supported: this response is streamed, which needs HTTP/1.1")
		assert.Equal(t, 505, parse(t, sent).StatusCode())
	}
}

// A stream that fails ends with the connection, without the chunk that ends a
// body, also where a middleware compresses it.
func TestStreamThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		fail func() error
		want string
	}{
		"error":       {func() error { return errStore }, "store went away"},
		"panic":       {func() error { panic("no shelf") }, "panic: no shelf"},
		"error panic": {func() error { panic(errStore) }, "panic: store went away"},
	} {
		for wrapping, wrap := range map[string]func(fasthttp.RequestHandler) fasthttp.RequestHandler{
			"plain":      func(handler fasthttp.RequestHandler) fasthttp.RequestHandler { return handler },
			"compressed": fasthttp.CompressHandler,
		} {
			t.Run(name+" "+wrapping, func(t *testing.T) {
				stream := responses.Stream("text/csv", func(w *responses.StreamWriter) error {
					if _, err := w.WriteString("a,b\n"); err != nil {
						return err
					}
					if err := w.Flush(); err != nil {
						return err
					}
					return test.fail()
				})
				sent := exchangeWith(t, wrap(func(raw *fasthttp.RequestCtx) {
					assert.NoError(t, answer(raw, stream))
				}), get("Accept-Encoding: gzip")+get())

				assert.Equal(t, 1, strings.Count(sent, "HTTP/1.1 200 OK"), "the connection is closed")
				assert.Error(t, new(fasthttp.Response).Read(bufio.NewReader(strings.NewReader(sent))), "the body has no end")
				assert.EqualError(t, stream.Err(), test.want)
				if strings.HasPrefix(name, "error") {
					assert.ErrorIs(t, stream.Err(), errStore)
				}
				if panicked, ok := errors.AsType[*background.PanicError](stream.Err()); ok {
					assert.Contains(t, string(panicked.Stack), "stream_test.go")
				}
			})
		}
	}
}

func TestStreamIsReadable(t *testing.T) {
	written := 0
	stream := responses.Stream("text/csv", func(w *responses.StreamWriter) error {
		for i := range 1000 {
			n, err := fmt.Fprintf(w, "line %d\n", i)
			written += n
			if err != nil {
				return err
			}
		}
		return nil
	})
	var raw fasthttp.RequestCtx
	require.NoError(t, stream.Write(&raw))
	body := raw.Response.BodyStream()
	start := make([]byte, 5)
	_, err := io.ReadFull(body, start)
	require.NoError(t, err)
	assert.Equal(t, "line ", string(start))
	assert.Less(t, written, 5000, "the function waits for the reader")

	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	assert.Len(t, rest, written-5)
	assert.True(t, strings.HasSuffix(string(rest), "line 999\n"))
	require.NoError(t, raw.Response.CloseBodyStream())
	assert.NoError(t, stream.Err())
}

func TestStreamThatFailsWhileRead(t *testing.T) {
	for _, test := range []struct {
		run  func(*responses.StreamWriter) error
		want string
	}{
		{func(*responses.StreamWriter) error { return errStore }, "store went away"},
		{func(*responses.StreamWriter) error { panic("no shelf") }, "panic: no shelf"},
	} {
		stream := responses.Stream("", test.run)
		var raw fasthttp.RequestCtx
		require.NoError(t, stream.Write(&raw))
		_, err := io.ReadAll(raw.Response.BodyStream())
		assert.EqualError(t, err, test.want)
		assert.EqualError(t, raw.Response.CloseBodyStream(), test.want)
		assert.EqualError(t, stream.Err(), test.want)
	}
}

// Such a stream has an error of its own, so that nobody takes it for whole.
func TestStreamThatEndsItsGoroutine(t *testing.T) {
	for name, consume := range map[string]func(body io.Reader){
		"written": func(body io.Reader) { _, _ = body.(io.WriterTo).WriteTo(io.Discard) },
		"read":    func(body io.Reader) { _, _ = body.Read(make([]byte, 10)) },
	} {
		stream := responses.Stream("", func(*responses.StreamWriter) error { runtime.Goexit(); return nil })
		var raw fasthttp.RequestCtx
		require.NoError(t, stream.Write(&raw))
		var group sync.WaitGroup
		group.Go(func() { consume(raw.Response.BodyStream()) })
		group.Wait()
		assert.EqualError(t, stream.Err(), "responses: stream called runtime.Goexit", name)
	}
}

func TestStreamSaysHowMuchItWrote(t *testing.T) {
	for _, length := range []int{10_000, 1 << 20} { // the latter in pieces
		stream := responses.Stream("", func(w *responses.StreamWriter) error {
			n, err := w.Write(bytes.Repeat([]byte("x"), length))
			assert.Equal(t, length, n)
			return err
		})
		var raw fasthttp.RequestCtx
		require.NoError(t, stream.Write(&raw))
		var sent bytes.Buffer
		n, err := io.Copy(&sent, raw.Response.BodyStream())
		require.NoError(t, err)
		assert.EqualValues(t, length, n)
		assert.Equal(t, length, sent.Len())
		assert.NoError(t, raw.Response.CloseBodyStream())
	}
}

func TestStreamThatIsReadInPart(t *testing.T) {
	var wrote error
	stream := responses.Stream("", func(w *responses.StreamWriter) error {
		for wrote == nil {
			_, wrote = w.WriteString("more ")
		}
		return wrote
	})
	var raw fasthttp.RequestCtx
	require.NoError(t, stream.Write(&raw))
	_, err := raw.Response.BodyStream().Read(make([]byte, 10))
	require.NoError(t, err)
	var copied strings.Builder
	n, err := io.CopyN(&copied, raw.Response.BodyStream(), 90)
	require.NoError(t, err)
	assert.Equal(t, int64(90), n)
	full := errors.New("disk full")
	_, err = raw.Response.BodyStream().(io.WriterTo).WriteTo(failing{full})
	assert.Equal(t, full, err, "io.Copy goes on where Read ended")

	assert.Error(t, raw.Response.CloseBodyStream())
	assert.EqualError(t, wrote, "responses: connection closed before the end of the body")
	assert.Equal(t, wrote, stream.Err())
}

// failing is a writer that fails.
type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

// What Write was not called for has not failed.
func TestStreamThatIsNotWritten(t *testing.T) {
	assert.NoError(t, responses.Stream("", nil).Err())
	assert.NoError(t, responses.EventStream(nil).Err())
}

func TestStreamThatIsReplaced(t *testing.T) {
	stream := responses.Stream("", func(*responses.StreamWriter) error { panic("must not run") })
	sent := exchangeWith(t, func(raw *fasthttp.RequestCtx) {
		assert.NoError(t, answer(raw, stream))
		raw.Response.SetBodyString("instead")
	}, get())
	assert.Equal(t, "instead", string(parse(t, sent).Body()))
	assert.NoError(t, stream.Err())
}

// The client of a real socket closes it in the middle of an endless stream.
func TestStreamWhoseClientIsGone(t *testing.T) {
	for name, wrap := range map[string]func(fasthttp.RequestHandler) fasthttp.RequestHandler{
		"plain":      func(handler fasthttp.RequestHandler) fasthttp.RequestHandler { return handler },
		"compressed": fasthttp.CompressHandler,
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			returned := make(chan error, 1)
			closed := make(chan error, 1)
			serve(t, listener, wrap(func(raw *fasthttp.RequestCtx) {
				stream := responses.Stream("text/plain", func(w *responses.StreamWriter) (err error) {
					for err == nil {
						_, err = fmt.Fprint(w, "more ", time.Now(), "\n")
					}
					returned <- err
					return err
				})
				raw.SetUserValue("end", afterwards(func() { closed <- stream.Err() }))
				assert.NoError(t, answer(raw, stream))
			}))

			connection := dial(t, listener)
			_, err := io.WriteString(connection, get("Accept-Encoding: gzip"))
			require.NoError(t, err)
			_, err = io.ReadFull(connection, make([]byte, 1000))
			require.NoError(t, err)
			require.NoError(t, connection.Close())

			assert.Error(t, <-returned)
			assert.Error(t, <-closed)
		})
	}
}

// afterwards is a user value that fasthttp closes after the response.
type afterwards func()

func (f afterwards) Close() error {
	f()
	return nil
}

// A goroutine that a stream's function leaves behind must not write into the
// connection of the next request.
func TestStreamWriterAfterTheEnd(t *testing.T) {
	var kept *responses.StreamWriter
	var events *responses.EventWriter
	_, err := exchange(t, responses.Stream("", func(w *responses.StreamWriter) error {
		kept = w
		return nil
	}), get())
	require.NoError(t, err)
	_, err = exchange(t, responses.EventStream(func(w *responses.EventWriter) error {
		events = w
		return nil
	}), get())
	require.NoError(t, err)

	const want = "responses: write to a stream that has ended"
	_, err = kept.Write([]byte("late"))
	assert.EqualError(t, err, want)
	_, err = kept.WriteString("late")
	assert.EqualError(t, err, want)
	assert.EqualError(t, kept.Flush(), want)
	assert.EqualError(t, events.Comment("late"), want)
}

// The deadline counts for each chunk: a stream may take far longer than it, and
// a client that does not read is cut off after it.
func TestStreamDeadline(t *testing.T) {
	run := func(t *testing.T, read bool) (*responses.StreamResponse, string, time.Duration) {
		var sent []byte
		var took time.Duration
		stream := &responses.StreamResponse{ContentType: "text/csv", WriteTimeout: 2 * time.Second}
		stream.Run = func(w *responses.StreamWriter) error {
			for range 10 {
				time.Sleep(time.Second)
				if _, err := w.WriteString(strings.Repeat("x", 4000)); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		}
		synctest.Test(t, func(t *testing.T) {
			server := &fasthttp.Server{
				Handler:      func(raw *fasthttp.RequestCtx) { assert.NoError(t, answer(raw, stream)) },
				WriteTimeout: time.Second, // fasthttp's own, for a whole response
				Logger:       quiet{},
			}
			pipe := fasthttputil.NewPipeConns()
			start := time.Now()
			go func() {
				_ = server.ServeConn(pipe.Conn2())
				took = time.Since(start)
				_ = pipe.Conn2().Close()
			}()
			_, err := io.WriteString(pipe.Conn1(), get())
			require.NoError(t, err)
			if !read {
				synctest.Wait()
				time.Sleep(time.Minute)
			}
			sent, err = io.ReadAll(pipe.Conn1())
			require.NoError(t, err)
			synctest.Wait()
		})
		return stream, string(sent), took
	}

	stream, sent, took := run(t, true)
	assert.NoError(t, stream.Err())
	assert.Len(t, parse(t, sent).Body(), 40_000)
	assert.Equal(t, 10*time.Second, took)

	stream, sent, took = run(t, false)
	assert.ErrorIs(t, stream.Err(), fasthttputil.ErrTimeout)
	assert.NotContains(t, sent, "0\r\n\r\n")
	assert.Less(t, took, 10*time.Second)
}
