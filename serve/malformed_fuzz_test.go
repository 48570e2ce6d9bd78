package serve_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// FuzzMessages sends bytes to a server, and compares the requests that get to its
// handler with what Go's net/http reads from the same bytes. A request that
// is seen here and not there is how requests are smuggled past a proxy. Where
// net/http refuses the bytes, so does a proxy that is made of it, and nothing is
// said about what follows.
func FuzzMessages(f *testing.F) {
	for _, table := range [][]malformed{requestLines, versions, fields, lengths, codings, chunks, connections} {
		for _, m := range table {
			if len(m.send) < 1000 && m.shortfall == "" {
				f.Add(m.send + second)
			}
		}
	}
	for _, o := range odds {
		if len(o.send) < 1000 {
			f.Add(o.send + second)
		}
	}

	var log logBuffer
	server := newServer(serve.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))},
		&handler{answer: func(raw *fasthttp.RequestCtx) {
			conn := raw.Conn().(*scriptedConn)
			conn.seen = append(conn.seen, string(raw.Method())+" "+string(raw.RequestURI()))
			raw.SetBodyString("ok")
		}})
	listener := newMemoryListener()
	server.start(f, listener)
	f.Fuzz(func(t *testing.T, text string) {
		conn := &scriptedConn{in: strings.NewReader(text), closed: make(chan struct{})}
		listener.conns <- conn
		await(t, conn.closed, "the end of the connection")

		want, whole := readByNetHTTP(text)
		for i := range min(len(want), len(conn.seen)) {
			assert.Equal(t, want[i], conn.seen[i])
		}
		if whole {
			assert.LessOrEqual(t, len(conn.seen), len(want), "%q, where net/http has %q", conn.seen, want)
		}
		assert.NotContains(t, conn.out.String(), "HTTP/1.1 5")
		assert.Empty(t, log.String())
	})
}

// readByNetHTTP returns the requests in text, as far as net/http reads them, and
// whether it came to their end.
func readByNetHTTP(text string) (requests []string, whole bool) {
	reader := bufio.NewReader(strings.NewReader(text))
	for {
		for { // empty lines before a request, which RFC 9112 asks to skip
			if head, _ := reader.Peek(2); string(head) != "\r\n" {
				break
			}
			_, _ = reader.Discard(2)
		}
		request, err := http.ReadRequest(reader)
		if errors.Is(err, io.EOF) {
			return requests, true
		}
		if err != nil {
			return requests, false
		}
		requests = append(requests, request.Method+" "+request.RequestURI)
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return requests, false
		}
		if request.Close {
			return requests, true
		}
	}
}

// A scriptedConn is a client that has sent all it will send.
type scriptedConn struct {
	net.Conn // nil: what is not below is not called

	in     io.Reader
	out    bytes.Buffer
	seen   []string
	close  sync.Once
	closed chan struct{}
}

func (c *scriptedConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *scriptedConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *scriptedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *scriptedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptedConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }

func (c *scriptedConn) Close() error {
	c.close.Do(func() { close(c.closed) })
	return nil
}
