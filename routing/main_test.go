package routing_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/serve"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

const testTimeout = 30 * time.Second

// A logBook is a log that tests can read, record by record.
type logBook struct{ records chan string }

func newLogBook() *logBook { return &logBook{make(chan string, 100)} }

func (l *logBook) Write(p []byte) (int, error) {
	l.records <- string(p)
	return len(p), nil
}

// next waits for the next record.
func (l *logBook) next(t *testing.T) string {
	t.Helper()
	return await(t, l.records, "a log record")
}

func newRouter(t *testing.T) *routing.Router {
	t.Helper()
	return newLoggedRouter(t, newLogBook())
}

func newLoggedRouter(t *testing.T, book *logBook) *routing.Router {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(book, nil))
	runner := background.NewRunner(background.RunnerOptions{Logger: logger})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	return routing.New(routing.Options{Runner: runner, Logger: logger})
}

// behindServer is the handler of a router with what a server does in front of it:
// requests that are malformed don't reach it.
func behindServer(r *routing.Router) fasthttp.RequestHandler {
	return serve.New(serve.Options{
		Logger: slog.New(slog.DiscardHandler), BodyLimit: 1 << 20, HeaderLimit: 8 << 10, MaxConnections: 100,
		ReadTimeout: testTimeout, WriteTimeout: testTimeout, IdleTimeout: testTimeout,
	}).Handler(routing.Build(r))
}

// do serves one request on a connection in memory and returns the response.
func do(t *testing.T, handler fasthttp.RequestHandler, method, target string, header ...string) *fasthttp.Response {
	t.Helper()
	return doAll(t, &fasthttp.Server{Handler: handler}, method, target, "", header...)
}

func doAll(t *testing.T, server *fasthttp.Server, method, target, body string, header ...string) *fasthttp.Response {
	t.Helper()
	server.Logger = silence{}
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	request, response := new(fasthttp.Request), new(fasthttp.Response)
	request.Header.SetMethod(method)
	request.SetRequestURI("http://test" + target)
	request.URI().DisablePathNormalizing = true
	request.SetBodyString(body)
	request.SetConnectionClose()
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := &fasthttp.HostClient{Addr: "test", Dial: func(string) (net.Conn, error) { return listener.Dial() }}
	require.NoError(t, client.DoTimeout(request, response, testTimeout))
	require.NoError(t, listener.Close())
	require.NoError(t, <-served)
	return response
}

type silence struct{}

func (silence) Printf(string, ...any) {}

func panicOf(f func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	f()
	return ""
}

// await fails the test when c is not closed or sent to in time.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testTimeout):
		require.FailNow(t, "still waiting for "+what)
		panic("unreachable")
	}
}

func hello(context.Context, struct{}) (string, error) { return "hello", nil }

// exchange sends a text to a server and reads the response to its end.
func exchange(t *testing.T, server *fasthttp.Server, text string) (body []byte, err error) {
	t.Helper()
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := listener.Dial()
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	require.NoError(t, listener.Close())
	require.NoError(t, <-served)
	return body, err
}

// talk sends a text to a server and returns all that it sends until it closes
// the connection.
func talk(t *testing.T, server *fasthttp.Server, text string) string {
	t.Helper()
	server.Logger = silence{}
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := listener.Dial()
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(testTimeout)))
	sent, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.NoError(t, <-served)
	return string(sent)
}
