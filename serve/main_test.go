package serve_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/serve"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// testTimeout bounds what would otherwise hang when a test fails.
const testTimeout = 30 * time.Second

// The limits of a test's server, unless it sets others.
const (
	bodyLimit    = 4 << 20
	headerLimit  = 8 << 10
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = time.Minute
)

// A handler answers the requests of a test. It is a [serve.Handler] whose refusals
// are problems with an id.
type handler struct {
	answer         func(raw *fasthttp.RequestCtx)
	config         func(*fasthttp.RequestHeader) fasthttp.RequestConfig // may be nil
	hasReadTimeout bool                                                 // config sets one
	endStreams     func()                                               // may be nil
	refused        atomic.Int32
}

func (h *handler) ServeRequest(raw *fasthttp.RequestCtx) { h.answer(raw) }

func (h *handler) Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	raw.Response.Header.Set("X-Request-Id", "refused-"+itoa(int(h.refused.Add(1))))
	responses.WriteProblem(raw, problem)
}

func (h *handler) RequestConfig() (func(*fasthttp.RequestHeader) fasthttp.RequestConfig, bool) {
	return h.config, h.hasReadTimeout
}

func (h *handler) EndStreams() {
	if h.endStreams != nil {
		h.endStreams()
	}
}

// byPath answers by the function for the path, and others with 404.
func byPath(answers map[string]func(raw *fasthttp.RequestCtx)) *handler {
	return &handler{answer: func(raw *fasthttp.RequestCtx) {
		if answer := answers[string(raw.Path())]; answer != nil {
			answer(raw)
			return
		}
		raw.Error("no such path", 404)
	}}
}

// say answers with a text.
func say(body string) func(raw *fasthttp.RequestCtx) {
	return func(raw *fasthttp.RequestCtx) { raw.SetBodyString(body) }
}

// A server is one with its handler.
type server struct {
	*serve.Server
	handler serve.Handler
}

func newServer(o serve.Options, h serve.Handler) server {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.BodyLimit = cmp.Or(o.BodyLimit, bodyLimit)
	o.HeaderLimit = cmp.Or(o.HeaderLimit, headerLimit)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, readTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, writeTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, idleTimeout)
	o.MaxConnections = cmp.Or(o.MaxConnections, 100_000)
	return server{serve.New(o), h}
}

// start serves a listener until the test ends.
func (s server) start(t testing.TB, listener net.Listener) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener, s.handler) }()
	t.Cleanup(func() {
		s.shutdown(t)
		require.NoError(t, <-served)
	})
}

// onSocket serves a socket until the test ends, and returns its address.
func (s server) onSocket(t testing.TB) (address string) {
	t.Helper()
	listener := listen(t)
	s.start(t, listener)
	return listener.Addr().String()
}

// listen opens a socket.
func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

// inMemory serves connections in memory until the test, which is in a bubble, ends.
func (s server) inMemory(t *testing.T) *memoryListener {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Minute) }) // in the end, until a goroutine of fasthttp's has noticed it
	listener := newMemoryListener()
	s.start(t, listener)
	return listener
}

func (s server) shutdown(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
}

// A memoryListener accepts connections that need no network.
type memoryListener struct {
	conns  chan net.Conn
	close  sync.Once
	closed chan struct{}
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// dial opens a connection.
func (l *memoryListener) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, accepted := net.Pipe()
	l.conns <- accepted
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *memoryListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

// dial opens a connection to a socket.
func dial(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(testTimeout)))
	return conn.(*net.TCPConn)
}

// request writes an HTTP/1.1 request as its sender would.
func request(method, target, body string, header ...string) string {
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\nHost: test\r\n")
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Length: " + itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

func itoa(n int) string { return string(fasthttp.AppendUint(nil, n)) }

// write sends text on a connection.
func write(t testing.TB, conn io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// send sends one request on a connection of its own and returns the answer.
func send(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	conn := dial(t, address)
	defer conn.Close()
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, text)
	return receive(t, bufio.NewReader(conn))
}

func receive(t *testing.T, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
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

// A journal collects events in the order in which they happened.
type journal struct {
	mu     sync.Mutex // guards events
	events []string
}

func (j *journal) add(event string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, event)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.events...)
}

// A logBuffer is a log to be read while the server goes on.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// detailOf returns the detail of a problem.
func detailOf(t *testing.T, body string) string {
	t.Helper()
	var problem struct{ Detail string }
	require.NoError(t, json.Unmarshal([]byte(body), &problem), body)
	return problem.Detail
}
