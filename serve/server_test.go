package serve_test

import (
	"bufio"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/serve"
)

// fasthttp does not say that it has ended such a connection. Its record must not
// stay: it would for each of them, and a shutdown would wait for it.
func TestAConnectionThatIsHungUpIsForgotten(t *testing.T) {
	for name, text := range map[string]string{
		"a handler": request("GET", "/exit", ""),
		"OnRefused": "nonsense\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newServer(
				serve.Options{OnRefused: func(*fasthttp.RequestCtx, *responses.Problem) { runtime.Goexit() }},
				&handler{answer: func(*fasthttp.RequestCtx) { runtime.Goexit() }},
			)
			conn := server.inMemory(t).dial(t)
			write(t, conn, text)
			answer, err := io.ReadAll(conn)
			require.NoError(t, err, name)
			assert.Empty(t, answer, name)
			waitsForNone(t, server)
		})
	}
}

// The same in the middle of a stream, where the server learns of it by the idle time.
func TestAConnectionWhoseStreamIsHungUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			_ = responses.Stream("text/csv", func(*responses.StreamWriter) error { runtime.Goexit(); return nil }).Write(raw)
		}})
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/", ""))
		_, err := io.ReadAll(conn)
		require.NoError(t, err)
		time.Sleep(2 * idleTimeout)
		waitsForNone(t, server)
	})
}

// waitsForNone shuts a server down that knows no connection any more. For one it would
// wait a second.
func waitsForNone(t *testing.T, s server) {
	t.Helper()
	synctest.Wait() // the server may be a little behind its client
	begin := time.Now()
	require.NoError(t, s.Shutdown(t.Context()))
	assert.Less(t, time.Since(begin), time.Second)
}

// What is closed at the end of a request does not use up the idle time of its
// connection.
func TestNoTimeLimitForClosers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("value", closer(func() { time.Sleep(time.Hour) }))
		}}).inMemory(t).dial(t)
		reader := bufio.NewReader(conn)
		for range 2 {
			write(t, conn, request("GET", "/", ""))
			response, _ := receive(t, reader)
			assert.Equal(t, 200, response.StatusCode)
			time.Sleep(time.Hour + idleTimeout - time.Second)
		}
		begin := time.Now()
		_, err := reader.ReadByte()
		require.ErrorIs(t, err, io.EOF, "idle for a minute since")
		assert.Less(t, time.Since(begin), 4*time.Second)
	})
}

// A request that no server has read has no connection whose time could be kept.
func TestAHandlerWithoutAServer(t *testing.T) {
	for name, answer := range map[string]func(raw *fasthttp.RequestCtx){
		"stream": func(raw *fasthttp.RequestCtx) { raw.SetBodyStream(strings.NewReader("body"), 4) },
		"closer": func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("closer", io.NopCloser(nil))
			raw.SetBodyString("body")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(serve.Options{}, &handler{answer: answer})
			var raw fasthttp.RequestCtx
			var get fasthttp.Request
			get.Header.SetHost("test")
			raw.Init(&get, nil, nil)
			server.Handler(server.handler)(&raw)
			assert.Equal(t, "body", string(raw.Response.Body()))
		})
	}
}

// The end of a stream has time of its own to be sent, however long nothing came
// before it.
func TestAStreamThatIsQuietAtItsEnd(t *testing.T) {
	quiet := func(first string) func(raw *fasthttp.RequestCtx) {
		return func(raw *fasthttp.RequestCtx) {
			err := responses.Stream("text/csv", func(w *responses.StreamWriter) error {
				_, _ = w.WriteString(first)
				err := w.Flush()
				time.Sleep(time.Hour)
				return err
			}).Write(raw)
			if err != nil {
				raw.Error(err.Error(), 500)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		server := newServer(serve.Options{}, byPath(map[string]func(raw *fasthttp.RequestCtx){"/line": quiet("a\n"), "/": quiet("")}))
		listener := server.inMemory(t)
		for path, want := range map[string]string{"/line": "a\n", "/": ""} {
			conn := listener.dial(t)
			write(t, conn, request("GET", path, ""))
			response, body := receive(t, bufio.NewReader(conn))
			assert.Equal(t, 200, response.StatusCode)
			assert.Equal(t, want, body)
			require.NoError(t, conn.Close())
		}
	})
}

// Pieces of a long write have time of their own as well: a client that reads slowly
// but steadily gets all of it.
func TestALongWriteToASlowClient(t *testing.T) {
	const size = 8 << 20
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			_ = responses.Stream("text/csv", func(w *responses.StreamWriter) error {
				_, err := w.Write(make([]byte, size))
				ended <- err
				return err
			}).Write(raw)
		}})
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/", ""))
		got, piece := 0, make([]byte, 64<<10)
		for got < size {
			n, err := conn.Read(piece)
			require.NoError(t, err)
			got += n
			time.Sleep(time.Second) // 64 KiB a second, for two minutes
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		require.NoError(t, <-ended)
		require.NoError(t, conn.Close())
	})
}
