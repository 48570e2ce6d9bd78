package velithon_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// A takeover is a response that goes on with the connection.
type takeover struct {
	converse func(conn net.Conn)
	err      error
}

// Write implements responses.Response.
func (r *takeover) Write(raw *fasthttp.RequestCtx) error {
	if r.converse != nil {
		raw.SetStatusCode(fasthttp.StatusSwitchingProtocols)
		raw.Hijack(r.converse)
	}
	return nil
}

// Work implements responses.Response.
func (*takeover) Work() background.Work { return nil }

// Err implements responses.EndedResponse.
func (r *takeover) Err() error { return r.err }

// takesOver is an app with a route whose handler takes over, and what it does then.
func takesOver(converse func(ctx context.Context, end func(), conn net.Conn)) (app *velithon.App, contexts chan context.Context) {
	app = velithon.New(velithon.Options{Logger: quiet})
	contexts = make(chan context.Context, 1)
	app.Get("/", func(ctx context.Context, _ struct{}) (*takeover, error) {
		contexts <- ctx
		end, err := routing.TakeOver(ctx)
		if converse == nil {
			return &takeover{}, err
		}
		return &takeover{converse: func(conn net.Conn) { converse(ctx, end, conn) }}, err
	})
	return app, contexts
}

// connect has one connection served in memory, and sends a request.
func connect(t *testing.T, app *velithon.App, header ...string) (conn net.Conn, reader *bufio.Reader) {
	t.Helper()
	conn, served := net.Pipe()
	t.Cleanup(func() { _ = conn.Close() })
	go func() { assert.NoError(t, app.ServeConn(served)) }()
	write(t, conn, request("GET", "/", "", header...))
	return conn, bufio.NewReader(conn)
}

func TestARequestThatTookOverEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, contexts := takesOver(func(ctx context.Context, end func(), conn net.Conn) {
			assert.NoError(t, ctx.Err())
			raw, err := routing.RequestCtx(ctx)
			assert.NoError(t, err)
			assert.Equal(t, "/", string(raw.Path()))
			_, _ = io.ReadFull(conn, make([]byte, 1))
			assert.NoError(t, ctx.Err())
			end()
			assert.ErrorIs(t, ctx.Err(), context.Canceled)
			_, err = io.WriteString(conn, "x")
			assert.NoError(t, err)
		})
		conn, reader := connect(t, app)
		response, err := http101(reader)
		require.NoError(t, err)
		require.Equal(t, 101, response)
		ctx := <-contexts
		synctest.Wait()
		require.NoError(t, ctx.Err(), "after the handler, and after the response")
		id := routing.RequestID(ctx)
		write(t, conn, "a")
		rest, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, "x", string(rest))
		synctest.Wait()
		require.Error(t, ctx.Err())
		_, err = routing.RequestCtx(ctx)
		require.ErrorIs(t, err, routing.ErrRequestEnded)
		require.Equal(t, id, routing.RequestID(ctx), "the values stay")
		_, err = routing.TakeOver(ctx)
		require.ErrorIs(t, err, routing.ErrRequestEnded)
		shutdown(t, app)
	})
}

// http101 reads the head of a response without a body, and returns its status.
func http101(reader *bufio.Reader) (status int, err error) {
	var header fasthttp.ResponseHeader
	err = header.Read(reader)
	return header.StatusCode(), err
}

func TestShutdownEndsWhatTookOverAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worked := make(chan struct{})
		var app *velithon.App
		app, _ = takesOver(func(ctx context.Context, _ func(), _ net.Conn) {
			<-ctx.Done()
			time.Sleep(3 * time.Second)
			assert.NoError(t, app.Runner().Submit(ctx, background.Func("work", func(context.Context) error {
				close(worked)
				return nil
			})), "the runner still takes work")
		})
		_, reader := connect(t, app)
		_, err := http101(reader)
		require.NoError(t, err)
		synctest.Wait()
		begin := time.Now()
		shutdown(t, app)
		assert.Equal(t, 3*time.Second, time.Since(begin))
		<-worked
	})
}

func TestShutdownGoesOnWithoutWhatTookOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		app, contexts := takesOver(func(context.Context, func(), net.Conn) { <-leave })
		_, reader := connect(t, app)
		_, err := http101(reader)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		_ = app.Shutdown(ctx)
		assert.Equal(t, 5*time.Second, time.Since(begin))
		require.Error(t, (<-contexts).Err())
		close(leave)
	})
}

// fasthttp never calls a hijack handler where the response says that the connection is
// closed, or could not be written.
func TestARequestThatDidNotGetItsConnectionEnds(t *testing.T) {
	for name, header := range map[string]string{"closed": "Connection: close", "gone": "X-Gone: 1"} {
		synctest.Test(t, func(t *testing.T) {
			app, contexts := takesOver(func(context.Context, func(), net.Conn) { t.Error("it was handed over") })
			conn, reader := connect(t, app, header)
			if name == "closed" {
				_, err := http101(reader)
				require.NoError(t, err)
			} else {
				require.NoError(t, conn.Close())
			}
			synctest.Wait()
			require.Error(t, (<-contexts).Err(), name)
			shutdown(t, app)
		})
	}
}

// What a middleware answers in place of the response is the end of the request: the client
// goes on with the connection, as it was told.
func TestWhatAMiddlewareAnswersIsNotTakenOver(t *testing.T) {
	for status, answer := range map[int]func(*fasthttp.RequestCtx){
		403: func(raw *fasthttp.RequestCtx) { raw.Error("no", 403) },
		500: func(*fasthttp.RequestCtx) { panic("told to") },
	} {
		synctest.Test(t, func(t *testing.T) {
			app, contexts := takesOver(func(context.Context, func(), net.Conn) { t.Error("it was handed over") })
			app.Get("/next", func(context.Context, struct{}) (string, error) { return "next", nil })
			app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) {
					next(raw)
					if raw.Hijacked() {
						answer(raw)
					}
				}
			})
			conn, reader := connect(t, app)
			response, _ := receive(t, reader)
			require.Equal(t, status, response.StatusCode)
			synctest.Wait()
			require.Error(t, (<-contexts).Err())
			write(t, conn, request("GET", "/next", ""))
			response, body := receive(t, reader)
			require.Equal(t, 200, response.StatusCode)
			require.Equal(t, `"next"`, body)
			require.NoError(t, conn.Close())
			shutdown(t, app)
		})
	}
}

func TestTakeOverWithoutAHijack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, contexts := takesOver(nil)
		conn, reader := connect(t, app)
		response, _ := receive(t, reader)
		require.Equal(t, 200, response.StatusCode)
		require.Error(t, (<-contexts).Err())
		require.NoError(t, conn.Close())
		shutdown(t, app)
	})
	_, err := routing.TakeOver(t.Context())
	require.ErrorIs(t, err, routing.ErrNoRequest)
}
