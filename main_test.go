package velithon_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(runEnv); mode != "" {
		runChild(mode)
		return
	}
	if file := os.Getenv(describeEnv); file != "" {
		describeChild(file)
		return
	}
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// quiet is a logger for tests whose log nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// testTimeout bounds what would otherwise hang when a test fails.
const testTimeout = 30 * time.Second

// serve runs an app on a real socket until the test ends, and returns its
// address.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, app, listener)
	return listener.Addr().String()
}

func serveOn(t *testing.T, app *velithon.App, listener net.Listener) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
		defer cancel()
		_ = app.Shutdown(ctx) // what it returns is for the tests that are about it
		require.NoError(t, <-served)
	})
}

func shutdown(t *testing.T, app *velithon.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
}

// dial opens a raw connection.
func dial(t *testing.T, address string) *net.TCPConn {
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
func write(t *testing.T, conn io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// send sends one request on a connection of its own and returns the answer.
func send(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	conn := dial(t, address)
	defer conn.Close() // a shutdown would wait for its next request
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

// A logBuffer is a log to be read while the app goes on.
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

// logLines is a log whose lines can be waited for.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func (l logLines) waitFor(t *testing.T, part string) string {
	t.Helper()
	for {
		if line := await(t, l, part); strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
}

// serveInMemory runs an app in a bubble until the test ends. Connections are those
// of the listener's dial.
func serveInMemory(t *testing.T, app *velithon.App) *memoryListener {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Minute) }) // in the end, until a goroutine of fasthttp's has noticed it
	listener := newMemoryListener()
	serveOn(t, app, listener)
	return listener
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
