package velithon_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The tests in this file say what a shutdown does to a connection, by what that
// is doing when the shutdown begins.

// beginShutdown has an app shut down. It returns when each response is the last
// one of its connection.
func beginShutdown(t *testing.T, app *velithon.App, address string) (ended <-chan error) {
	t.Helper()
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	write(t, conn, request("GET", "/nothing", ""))
	receive(t, reader) // so this connection is accepted, and those that were made before
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	err := make(chan error, 1)
	go func() { err <- app.Shutdown(ctx) }()
	for {
		_, err := io.WriteString(conn, request("GET", "/nothing", ""))
		require.NoError(t, err)
		if response, _ := receive(t, reader); response.Close {
			break
		}
	}
	return err
}

// requireLast reads the last response of a connection, and that it is closed
// then.
func requireLast(t *testing.T, reader *bufio.Reader, body string) {
	t.Helper()
	response, got := receive(t, reader)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, body, got)
	require.True(t, response.Close, "Connection: close")
	_, err := reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// newWaitingApp has a route that waits for leave, and one that does not.
func newWaitingApp(entered chan<- string, leave <-chan struct{}, ran chan<- string) *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet, ReadTimeout: time.Hour, IdleTimeout: time.Hour})
	answer := func(_ context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
		entered <- in.Name
		return responses.JSON(in.Name, background.Func(in.Name, func(context.Context) error {
			ran <- in.Name
			return nil
		})), nil
	}
	app.Get("/work", answer)
	app.Post("/work", answer)
	app.Get("/wait", func(ctx context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
		response, err := answer(ctx, in)
		<-leave
		return response, err
	})
	return app
}

// The request may be on its way already when the shutdown begins: a connection
// that is closed then leaves its client without an answer.
func TestShutdownAnswersOneMoreRequestOfAnIdleConnection(t *testing.T) {
	app := newWaitingApp(make(chan string, 2), nil, make(chan string, 2))
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	_, err := io.WriteString(conn, request("GET", "/work?name=a", ""))
	require.NoError(t, err)
	response, _ := receive(t, reader)
	require.False(t, response.Close)

	ended := beginShutdown(t, app, address)
	_, err = io.WriteString(conn, request("POST", "/work?name=b", ""))
	require.NoError(t, err)
	requireLast(t, reader, `"b"`)
	require.NoError(t, await(t, ended, "the shutdown"))
	assert.EqualValues(t, 2, app.Runner().Stats().Succeeded)
}

// It has all of the grace for that, also when it is the only connection.
func TestShutdownWaitsForARequestOnTheOnlyConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newWaitingApp(make(chan string, 2), nil, make(chan string, 2))
		conn, accepted := net.Pipe()
		served := serveInMemory(app, accepted)
		reader := bufio.NewReader(conn)
		write(t, conn, request("GET", "/work?name=a", ""))
		response, _ := receive(t, reader)
		require.False(t, response.Close)

		ended := make(chan error, 1)
		go func() { ended <- app.Shutdown(t.Context()) }()
		time.Sleep(time.Second - 50*time.Millisecond)
		write(t, conn, request("GET", "/work?name=b", ""))
		requireLast(t, reader, `"b"`)
		require.NoError(t, <-ended)
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// fasthttp does not tell that such a connection has ended.
func TestShutdownDoesNotWaitForAConnectionWhoseGoroutineHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(*fasthttp.RequestCtx) { runtime.Goexit() }
		})
		app.Get("/", func(context.Context, struct{}) (string, error) { return "", nil })
		conn, accepted := net.Pipe()
		served := serveInMemory(app, socketLike{accepted})
		write(t, conn, request("GET", "/", ""))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)

		begin := time.Now()
		require.NoError(t, app.Shutdown(t.Context()))
		assert.Less(t, time.Since(begin), time.Second/2)
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// A socketLike is a connection in memory that has the error of a socket once it
// is closed.
type socketLike struct{ net.Conn }

func (c socketLike) SetReadDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); err != nil {
		return net.ErrClosed
	}
	return nil
}

// serveInMemory has an app serve one connection.
func serveInMemory(app *velithon.App, conn net.Conn) (served <-chan error) {
	listener := &memoryListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	listener.conns <- conn
	err := make(chan error, 1)
	go func() { err <- app.Serve(listener) }()
	return err
}

// What follows on the response that closes a connection is not processed, as
// RFC 9112 has it: its client may send it again elsewhere.
func TestShutdownBetweenPipelinedRequests(t *testing.T) {
	entered, leave, ran := make(chan string, 4), make(chan struct{}), make(chan string, 4)
	app := newWaitingApp(entered, leave, ran)
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	var pipelined strings.Builder
	for _, target := range []string{"/work?name=a", "/nothing", "/wait?name=b", "/work?name=c", "/work?name=d"} {
		pipelined.WriteString(request("GET", target, ""))
	}
	_, err := io.WriteString(conn, pipelined.String())
	require.NoError(t, err)
	assert.Equal(t, "a", await(t, entered, "the first handler"))
	assert.Equal(t, "b", await(t, entered, "the handler that waits"))

	ended := beginShutdown(t, app, address)
	close(leave)
	response, body := receive(t, reader)
	assert.Equal(t, `"a"`, body)
	assert.False(t, response.Close)
	response, _ = receive(t, reader)
	assert.Equal(t, 404, response.StatusCode)
	assert.False(t, response.Close)
	requireLast(t, reader, `"b"`)

	require.NoError(t, await(t, ended, "the shutdown"))
	assert.Empty(t, entered)
	assert.ElementsMatch(t, []string{"a", "b"}, []string{<-ran, <-ran})
	assert.Empty(t, ran)
}

func TestShutdownAnswersARequestWhoseOtherHalfArrives(t *testing.T) {
	whole := request("POST", "/work?name=a", `"a body"`)
	for name, half := range map[string]int{"header": len("POST /wo"), "body": len(whole) - 1} {
		t.Run(name, func(t *testing.T) {
			app := newWaitingApp(make(chan string, 1), nil, make(chan string, 1))
			address := serve(t, app)
			conn := dial(t, address)
			_, err := io.WriteString(conn, whole[:half])
			require.NoError(t, err)
			ended := beginShutdown(t, app, address)
			_, err = io.WriteString(conn, whole[half:])
			require.NoError(t, err)
			requireLast(t, bufio.NewReader(conn), `"a"`)
			require.NoError(t, await(t, ended, "the shutdown"))
			assert.EqualValues(t, 1, app.Runner().Stats().Succeeded)
		})
	}
}

func TestShutdownSendsAStreamToItsEnd(t *testing.T) {
	begun, leave := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
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
		}), nil
	})
	address := serve(t, app)
	conn := dial(t, address)
	_, err := io.WriteString(conn, request("GET", "/stream", ""))
	require.NoError(t, err)
	await(t, begun, "the stream")
	ended := beginShutdown(t, app, address)
	close(leave)
	reader := bufio.NewReader(conn)
	_, body := receive(t, reader)
	assert.Equal(t, "one two", body)
	_, err = reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, await(t, ended, "the shutdown"))
}

// fasthttp keeps the response of a handler that was too late apart from the
// request, which the handler may still use.
func TestShutdownClosesAfterTheResponseOfATimeout(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if string(raw.Path()) != "/late" {
				next(raw)
				return
			}
			close(entered)
			<-leave
			raw.TimeoutErrorWithCode("too late", 200)
		}
	})
	address := serve(t, app)
	conn := dial(t, address)
	_, err := io.WriteString(conn, request("GET", "/late", ""))
	require.NoError(t, err)
	await(t, entered, "the middleware")
	ended := beginShutdown(t, app, address)
	close(leave)
	requireLast(t, bufio.NewReader(conn), "too late")
	require.NoError(t, await(t, ended, "the shutdown"))
}

// A connection that a handler has taken over is not closed with its response.
func TestShutdownLeavesAHijackedConnection(t *testing.T) {
	entered, leave, worked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (reply responses.JSONResponse[string, *background.Task], err error) {
		close(entered)
		<-leave
		raw, err := routing.RequestCtx(ctx)
		if err != nil {
			return reply, err
		}
		raw.Hijack(func(conn net.Conn) { _, _ = io.WriteString(conn, "taken over") })
		return responses.JSON("yours", background.Func("work", func(context.Context) error {
			close(worked)
			return nil
		})), nil
	})
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	write(t, conn, request("GET", "/", ""))
	await(t, entered, "the handler")
	ended := beginShutdown(t, app, address)
	close(leave)
	_, body := receive(t, reader)
	assert.Equal(t, `"yours"`, body)
	rest, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "taken over", string(rest))
	await(t, worked, "the background work")
	require.NoError(t, await(t, ended, "the shutdown"))
}
