package serve_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
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

// A waiting server answers at /wait when the test lets it, and at once elsewhere. It
// would wait an hour for a request.
type waiting struct {
	server
	entered chan struct{} // a request is at /wait
	leave   chan struct{}
}

func newWaitingServer() *waiting {
	w := &waiting{entered: make(chan struct{}), leave: make(chan struct{})}
	w.server = newServer(serve.Options{ReadTimeout: time.Hour, IdleTimeout: time.Hour}, &handler{answer: func(raw *fasthttp.RequestCtx) {
		raw.SetBody(raw.QueryArgs().Peek("name"))
		if string(raw.Path()) == "/wait" {
			close(w.entered)
			<-w.leave
		}
	}})
	return w
}

// beginShutdown shuts a server down, in a bubble. It returns when each response is
// the last one of its connection.
func (s server) beginShutdown(t *testing.T) (ended <-chan error) {
	t.Helper()
	synctest.Wait() // so that connections are accepted, and what was sent is read
	err := make(chan error, 1)
	go func() { err <- s.Shutdown(t.Context()) }()
	synctest.Wait()
	return err
}

// requireLast reads the last response of a connection, and that it is closed then,
// at once.
func requireLast(t *testing.T, reader *bufio.Reader, body string) {
	t.Helper()
	response, got := receive(t, reader)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, body, got)
	require.True(t, response.Close, "Connection: close")
	begin := time.Now()
	_, err := reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, time.Since(begin))
}

// An idle connection must not use up the time of a shutdown that has little.
func TestAnIdleConnectionHasATenthOfTheTime(t *testing.T) {
	for within, grace := range map[time.Duration]time.Duration{
		0:                time.Second, // no deadline
		30 * time.Second: time.Second,
		2 * time.Second:  200 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newWaitingServer()
			conn := server.inMemory(t).dial(t)
			reader := bufio.NewReader(conn)
			write(t, conn, request("GET", "/", ""))
			receive(t, reader)
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if within > 0 {
				ctx, cancel = context.WithTimeout(ctx, within)
			}
			defer cancel()
			begin := time.Now()
			ended := make(chan error, 1)
			go func() { ended <- server.Shutdown(ctx) }()
			_, err := reader.ReadByte()
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, grace, time.Since(begin))
			require.NoError(t, <-ended)
			assert.Less(t, time.Since(begin), grace+500*time.Millisecond, "it holds the shutdown up for no longer")
		})
	}
}

// The request may be on its way already when the shutdown begins: a connection that
// is closed then leaves its client without an answer. It has all of the grace for
// that, also when it is the only connection.
func TestShutdownAnswersOneMoreRequestOfAnIdleConnection(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second - 50*time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			server := newWaitingServer()
			conn := server.inMemory(t).dial(t)
			reader := bufio.NewReader(conn)
			write(t, conn, request("GET", "/?name=a", ""))
			response, _ := receive(t, reader)
			require.False(t, response.Close)

			begin := time.Now()
			ended := server.beginShutdown(t)
			time.Sleep(after)
			write(t, conn, request("POST", "/?name=b", ""))
			requireLast(t, reader, "b")
			require.NoError(t, <-ended)
			assert.LessOrEqual(t, time.Since(begin), after+200*time.Millisecond, "there is nothing more to wait for")
		})
	}
}

func TestShutdownAnswersARequestWhoseOtherHalfArrives(t *testing.T) {
	whole := request("POST", "/?name=a", "a body")
	for name, half := range map[string]int{"header": len("POST /?n"), "body": len(whole) - 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newWaitingServer()
				conn := server.inMemory(t).dial(t)
				write(t, conn, whole[:half])
				ended := server.beginShutdown(t)
				time.Sleep(2*time.Second - 50*time.Millisecond)
				write(t, conn, whole[half:])
				requireLast(t, bufio.NewReader(conn), "a")
				require.NoError(t, <-ended)
			})
		})
	}
}

func TestShutdownIsNotHeldUpByHalfARequest(t *testing.T) {
	for name, half := range map[string]string{
		"nothing":       "",
		"half a header": "GET / HTTP/1.1\r\nHost: te",
		"half a body":   "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newWaitingServer()
				conn := server.inMemory(t).dial(t)
				write(t, conn, half)
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				begin := time.Now()
				require.NoError(t, <-server.beginShutdown(t))
				assert.LessOrEqual(t, time.Since(begin), 2*time.Second+500*time.Millisecond)
			})
		})
	}
}

// What follows on the response that closes a connection is not processed, as
// RFC 9112 has it: its client may send it again elsewhere.
func TestShutdownBetweenPipelinedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newWaitingServer()
		conn := server.inMemory(t).dial(t)
		reader := bufio.NewReader(conn)
		var pipelined strings.Builder
		for _, target := range []string{"/?name=a", "/wait?name=b", "/?name=c"} {
			pipelined.WriteString(request("GET", target, ""))
		}
		write(t, conn, pipelined.String())
		ended := server.beginShutdown(t)
		close(server.leave)
		response, body := receive(t, reader)
		assert.Equal(t, "a", body)
		assert.False(t, response.Close)
		requireLast(t, reader, "b")
		require.NoError(t, <-ended)
	})
}

func TestShutdownAnswersWhatIsUnderWayAndClosesKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newWaitingServer()
		listener := server.inMemory(t)
		idle, busy := listener.dial(t), listener.dial(t)
		idleReader := bufio.NewReader(idle)
		write(t, idle, request("GET", "/", ""))
		receive(t, idleReader)
		write(t, busy, request("GET", "/wait?name=answered", ""))
		<-server.entered

		first, second := server.beginShutdown(t), server.beginShutdown(t) // twice at once
		_, err := idleReader.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		close(server.leave)
		requireLast(t, bufio.NewReader(busy), "answered")
		require.NoError(t, <-first)
		require.NoError(t, <-second)
		_, err = listener.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestShutdownSendsAStreamToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, leave := make(chan struct{}), make(chan struct{})
		var streamsEnded bool
		h := &handler{
			endStreams: func() { streamsEnded = true },
			answer: func(raw *fasthttp.RequestCtx) {
				_ = responses.Stream("text/plain", func(w *responses.StreamWriter) error {
					if _, err := w.WriteString("one "); err != nil {
						return err
					}
					if err := w.Flush(); err != nil {
						return err
					}
					close(begun)
					<-leave
					_, err := w.WriteString("two")
					return err
				}).Write(raw)
			},
		}
		server := newServer(serve.Options{}, h)
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/", ""))
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		defer response.Body.Close()
		<-begun
		ended := server.beginShutdown(t)
		assert.True(t, streamsEnded, "the handler was told")
		close(leave)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, "one two", string(body))
		_, err = reader.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, <-ended)
	})
}

// fasthttp keeps the response of a handler that was too late apart from the
// request, which the handler may still use.
func TestShutdownClosesAfterTheResponseOfATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			<-leave
			raw.TimeoutErrorWithCode("too late", 200)
		}})
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/late", ""))
		ended := server.beginShutdown(t)
		close(leave)
		requireLast(t, bufio.NewReader(conn), "too late")
		require.NoError(t, <-ended)
	})
}

// A connection that a handler has taken over is not closed with its response.
func TestShutdownLeavesAHijackedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave, closed := make(chan struct{}), make(chan struct{})
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			<-leave
			raw.Hijack(func(conn net.Conn) { _, _ = io.WriteString(conn, "taken over") })
			raw.SetUserValue("work", closer(func() { close(closed) }))
			raw.SetBodyString("yours")
		}})
		conn := server.inMemory(t).dial(t)
		reader := bufio.NewReader(conn)
		write(t, conn, request("GET", "/", ""))
		ended := server.beginShutdown(t)
		close(leave)
		_, body := receive(t, reader)
		assert.Equal(t, "yours", body)
		rest, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.Equal(t, "taken over", string(rest))
		<-closed // work is handed over
		require.NoError(t, <-ended)
	})
}

// fasthttp does not tell that such a connection has ended.
func TestShutdownDoesNotWaitForAConnectionWhoseGoroutineHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer(serve.Options{}, &handler{answer: func(*fasthttp.RequestCtx) { runtime.Goexit() }})
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/", ""))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)

		begin := time.Now()
		require.NoError(t, server.Shutdown(t.Context()))
		assert.Less(t, time.Since(begin), time.Second/2)
	})
}

// A call that runs out of time closes connections. It does not end the other calls:
// they wait for the handlers, as long as they may.
func TestEachShutdownWaitsAsLongAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer(serve.Options{}, &handler{answer: func(*fasthttp.RequestCtx) { time.Sleep(5 * time.Second) }})
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/slow", ""))
		synctest.Wait()

		start := time.Now()
		shutdown := func(within time.Duration) (took time.Duration, err error) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			err = server.Shutdown(ctx)
			return time.Since(start), err
		}
		patient := make(chan time.Duration)
		go func() {
			took, err := shutdown(10 * time.Second)
			assert.NoError(t, err)
			patient <- took
		}()
		for _, after := range []time.Duration{time.Second, 3 * time.Second} {
			took, err := shutdown(after - time.Since(start))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, after, took)
		}
		assert.InDelta(t, 5*time.Second, <-patient, float64(200*time.Millisecond))
		ended := time.Since(start)
		took, err := shutdown(time.Hour)
		assert.NoError(t, err)
		assert.Equal(t, ended, took, "one after the end")
	})
}

// The error counts the connections that it closed, idle ones too, and speaks of
// none where the server had only not noticed its end yet.
func TestAShutdownThatEndsEarlyCountsConnections(t *testing.T) {
	for open, want := range []string{
		"velithon: shutdown ended early: context canceled",
		"velithon: shutdown ended early: context canceled; 1 connection closed",
		"velithon: shutdown ended early: context canceled; 2 connections closed",
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newServer(serve.Options{}, &handler{})
			listener := &stubbornListener{conns: make(chan net.Conn), release: make(chan struct{})}
			served := make(chan error, 1)
			go func() { served <- server.Serve(listener, server.handler) }()
			for range open {
				conn, accepted := net.Pipe()
				defer conn.Close()
				listener.conns <- accepted
			}
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.EqualError(t, server.Shutdown(ctx), want)
			close(listener.release)
			require.NoError(t, <-served)
			require.NoError(t, server.Shutdown(t.Context()))
			time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
		})
	}
}

// A stubbornListener stays in Accept after Close, and so keeps a shutdown from
// its end.
type stubbornListener struct {
	conns   chan net.Conn
	release chan struct{}
}

func (l *stubbornListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.release:
		return nil, net.ErrClosed
	}
}

func (*stubbornListener) Addr() net.Addr { return &net.TCPAddr{} }
func (*stubbornListener) Close() error   { return nil }

func TestShutdownDoesNotWaitForAHandlerBeyondItsDeadline(t *testing.T) {
	server := newWaitingServer()
	conn := dial(t, server.onSocket(t))
	write(t, conn, request("GET", "/wait", ""))
	await(t, server.entered, "the handler")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := server.Shutdown(ctx)
	require.EqualError(t, err, "velithon: shutdown ended early: context canceled; 1 connection closed")
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	close(server.leave)
	server.shutdown(t) // waits for the handler
}

func TestShutdownBeforeServe(t *testing.T) {
	server := newServer(serve.Options{}, &handler{})
	server.shutdown(t)
	server.shutdown(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorIs(t, server.Serve(listener, server.handler), serve.ErrClosed)
	_, err = listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
