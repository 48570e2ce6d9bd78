package middleware_test

import (
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
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"), // compresses, and never ends
	)
}

const testTimeout = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

func newApp() *velithon.App { return velithon.New(velithon.Options{Logger: quiet}) }

func get(r *routing.Router, pattern string, handler func() (responses.TextResponse, error), options ...routing.Option) {
	r.Handle("GET", pattern, routing.NewEndpoint(func(context.Context, struct{}) (responses.TextResponse, error) { return handler() }), options...)
}

func empty(context.Context, struct{}) (string, error) { return "", nil }

func hello() (responses.TextResponse, error) { return responses.Text("hello"), nil }

// A server serves an app in memory.
type server struct {
	t        *testing.T
	app      *velithon.App
	listener *fasthttputil.InmemoryListener
	client   *http.Client
	served   chan error
}

// serve serves an app until the test has ended, or it is ended.
func serve(t *testing.T, app *velithon.App) *server {
	t.Helper()
	s := &server{t: t, app: app, listener: fasthttputil.NewInmemoryListener(), served: make(chan error, 1)}
	s.client = &http.Client{
		Transport: &http.Transport{DialContext: s.dial, DisableCompression: true, DisableKeepAlives: true},
		Timeout:   testTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	go func() { s.served <- app.Serve(s.listener) }()
	t.Cleanup(s.end)
	return s
}

// end shuts the app down, so that all that a request causes has happened.
func (s *server) end() {
	if s.served == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	assert.NoError(s.t, s.app.Shutdown(ctx))
	assert.NoError(s.t, <-s.served)
	s.served = nil
	s.client.CloseIdleConnections()
}

func (s *server) dial(context.Context, string, string) (net.Conn, error) { return s.listener.Dial() }

// do sends a request with lines of a header, and returns the response and its body.
func (s *server) do(method, path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	return s.send(method, path, "", header...)
}

func (s *server) send(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, "http://test"+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	response, err := s.client.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response, string(content)
}

func panicOf(f func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	f()
	return ""
}
