//go:build unix

package velithon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A patient handler waits for the end of its context, and says how that came.
type patient struct {
	entered chan struct{}
	ended   chan error
	worked  chan struct{} // the work of its response ran
}

func newPatient() *patient {
	return &patient{make(chan struct{}, 1), make(chan error, 1), make(chan struct{})}
}

func (p *patient) handle(ctx context.Context, _ struct{}) (responses.JSONResponse[string, *background.Task], error) {
	p.entered <- struct{}{}
	<-ctx.Done()
	p.ended <- ctx.Err()
	return responses.JSON("late", background.Func("work", func(context.Context) error {
		close(p.worked)
		return nil
	})), nil
}

func TestAHandlerIsCancelledWhenItsClientGoes(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *net.TCPConn){
		"closed": func(t *testing.T, conn *net.TCPConn) { require.NoError(t, conn.Close()) },
		"reset": func(t *testing.T, conn *net.TCPConn) {
			require.NoError(t, conn.SetLinger(0))
			require.NoError(t, conn.Close())
		},
		"half closed": func(t *testing.T, conn *net.TCPConn) { require.NoError(t, conn.CloseWrite()) },
	} {
		for _, options := range [][]routing.Option{
			{routing.CancelOnDisconnect()},
			{routing.CancelOnDisconnect(), routing.Timeout(time.Hour)},
		} {
			t.Run(name, func(t *testing.T) {
				p := newPatient()
				app := velithon.New(velithon.Options{Logger: quiet})
				app.Get("/", p.handle, options...)
				conn := dial(t, serve(t, app))
				_, err := io.WriteString(conn, request("GET", "/", ""))
				require.NoError(t, err)
				await(t, p.entered, "the handler")
				leave(t, conn)
				require.ErrorIs(t, await(t, p.ended, "the end of the context"), context.Canceled)
				await(t, p.worked, "the background work")
			})
		}
	}
}

// A client that has closed its sending half only still reads the answer.
func TestAHandlerThatGivesUpForItsClientIsNoFailure(t *testing.T) {
	log := make(logLines, 100)
	statuses := make(chan int, 1)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			statuses <- routing.SentStatus(raw)
		}
	})
	app.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}, routing.CancelOnDisconnect())
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())

	response, body := receive(t, bufio.NewReader(conn))
	assert.Equal(t, 499, response.StatusCode)
	assert.JSONEq(t, `{"title":"Client Closed Request","status":499}`, body)
	assert.Equal(t, 499, await(t, statuses, "the middleware"))
	record := log.waitFor(t, "request_id=")
	assert.Contains(t, record, `level=INFO msg="the client went away before it was answered"`)
	assert.Contains(t, record, `error="context canceled"`)
	assert.Empty(t, log)
}

func TestAnEventStreamEndsWhenItsClientGoes(t *testing.T) {
	ended := make(chan error, 1)
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (*responses.EventStreamResponse, error) {
		return responses.EventStream(func(events *responses.EventWriter) error {
			if err := events.Send(responses.Event{Data: "hello"}); err != nil {
				return err
			}
			<-ctx.Done() // there is never another event
			ended <- ctx.Err()
			return ctx.Err()
		}), nil
	}, routing.CancelOnDisconnect())
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.ReadFull(response.Body, make([]byte, len("data: hello\n\n")))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, await(t, ended, "the end of the stream"), context.Canceled)
}

// A connection whose client was watched loses no byte: neither of the requests
// that follow, nor of those that come while a handler runs.
func TestAWatchedConnectionServesOn(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/echo", func(ctx context.Context, in named) (string, error) {
		return in.Name, ctx.Err()
	}, routing.CancelOnDisconnect())
	app.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, err := io.WriteString(w, "streamed")
			return err
		}), nil
	}, routing.CancelOnDisconnect())
	conn := dial(t, serve(t, app))
	reader := bufio.NewReader(conn)
	for n := range 50 {
		name := itoa(n)
		_, err := io.WriteString(conn, request("GET", "/echo?name="+name, ""))
		require.NoError(t, err)
		response, body := receive(t, reader)
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, `"`+name+`"`, body)
	}
	var pipeline strings.Builder
	for n := range 20 {
		pipeline.WriteString(request("GET", "/echo?name="+itoa(n), ""))
		pipeline.WriteString(request("GET", "/stream", ""))
	}
	go func() { // byte after byte, so that some arrive while a handler runs
		for _, b := range []byte(pipeline.String()) {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
		}
	}()
	for n := range 20 {
		_, body := receive(t, reader)
		require.Equal(t, `"`+itoa(n)+`"`, body)
		_, body = receive(t, reader)
		require.Equal(t, "streamed", body)
	}
}

func TestAWatchedHandlerIsNotCancelledByAShutdown(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		close(entered)
		<-leave
		return "answered", ctx.Err()
	}, routing.CancelOnDisconnect())
	address := serve(t, app)
	conn := dial(t, address)
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	await(t, entered, "the handler")
	closed := beginShutdown(t, app, address)
	close(leave)
	response, body := receive(t, bufio.NewReader(conn))
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, `"answered"`, body)
	require.NoError(t, await(t, closed, "the shutdown"))
}

func TestAWatchedHandlerIsCancelledWhenAShutdownIsUnderWay(t *testing.T) {
	p := newPatient()
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", p.handle, routing.CancelOnDisconnect())
	address := serve(t, app)
	conn := dial(t, address)
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	await(t, p.entered, "the handler")
	ended := beginShutdown(t, app, address)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, await(t, p.ended, "the end of the context"), context.Canceled)
	await(t, p.worked, "the background work")
	require.NoError(t, await(t, ended, "the shutdown"))
}

// It is the shutdown that has closed the connection, and the log does not blame
// the client.
func TestAWatchedHandlerIsCancelledWhenAShutdownClosesItsConnection(t *testing.T) {
	log := make(logLines, 100)
	entered := make(chan struct{})
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	app.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		close(entered)
		<-ctx.Done()
		return "", ctx.Err()
	}, routing.CancelOnDisconnect())
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	await(t, entered, "the handler")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, app.Shutdown(ctx), context.Canceled)
	record := log.waitFor(t, "request_id=")
	assert.Contains(t, record, `level=ERROR msg="request failed"`)
	assert.Contains(t, record, `error="context canceled"`)
}

// A handler's own time limit is not that of its route.
func TestADeadlineOfAWatchedHandlerIsNotItsTimeout(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", fmt.Errorf("roll back: %w", context.DeadlineExceeded)
	}, routing.CancelOnDisconnect(), routing.Timeout(time.Hour))
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	response, _ := receive(t, bufio.NewReader(conn))
	assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
}

// A connection in memory has no socket to ask.
func TestCancelOnDisconnectWithoutASocket(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (string, error) { return "ok", ctx.Err() }, routing.CancelOnDisconnect())
	listener := fasthttputil.NewInmemoryListener()
	serveOn(t, app, listener)
	conn, err := listener.Dial()
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request("GET", "/", ""))
	require.NoError(t, err)
	_, body := receive(t, bufio.NewReader(conn))
	assert.Equal(t, `"ok"`, body)
}
