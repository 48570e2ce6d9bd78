package serve_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/serve"
)

// A handler answers all requests alike.
type handler func(raw *fasthttp.RequestCtx)

func (h handler) ServeRequest(raw *fasthttp.RequestCtx) { h(raw) }
func (h handler) EndStreams()                           {}

func (h handler) Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	responses.WriteProblem(raw, problem)
}

func (h handler) RequestConfig() (func(*fasthttp.RequestHeader) fasthttp.RequestConfig, bool) {
	return nil, false
}

// open serves a connection in memory with limits of a minute.
func open(h serve.Handler) (_ *serve.Server, client net.Conn, served <-chan error) {
	server := serve.New(serve.Options{
		Logger: slog.New(slog.DiscardHandler), BodyLimit: 1 << 20, HeaderLimit: 8 << 10, MaxConnections: 100,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	})
	client, accepted := net.Pipe()
	listener := &memoryListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	listener.conns <- accepted
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener, h) }()
	return server, client, ended
}

func get(t *testing.T, conn io.Writer, reader *bufio.Reader) {
	t.Helper()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	assert.Equal(t, 200, response.StatusCode)
}

// slowCloser is closed with a request, and takes its time.
type slowCloser struct{}

func (slowCloser) Close() error {
	time.Sleep(time.Hour)
	return nil
}

// What is closed at the end of a request does not use up the idle time of its
// connection.
func TestNoTimeLimitForClosers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, conn, served := open(handler(func(raw *fasthttp.RequestCtx) { raw.SetUserValue("value", slowCloser{}) }))
		reader := bufio.NewReader(conn)
		for range 2 {
			get(t, conn, reader)
			time.Sleep(time.Hour + 59*time.Second)
		}
		begin := time.Now()
		_, err := reader.ReadByte()
		require.ErrorIs(t, err, io.EOF, "idle for a minute since")
		assert.Less(t, time.Since(begin), 10*time.Second)
		require.NoError(t, server.Shutdown(t.Context()))
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// An idle connection holds a shutdown up for the grace, and no longer.
func TestAnIdleConnectionAtAShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, conn, served := open(handler(func(*fasthttp.RequestCtx) {}))
		get(t, conn, bufio.NewReader(conn))
		begin := time.Now()
		require.NoError(t, server.Shutdown(t.Context()))
		assert.GreaterOrEqual(t, time.Since(begin), time.Second)
		assert.Less(t, time.Since(begin), 1500*time.Millisecond)
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// A memoryListener accepts the connections that it is given.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
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
	l.once.Do(func() { close(l.closed) }) // the server does, and fasthttp's
	return nil
}
