package velithontest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/velithon-go/velithon"
)

// A conn is the client's end of a connection.
type conn struct {
	net.Conn
	answered atomic.Bool   // the response was read to its end, or given up
	served   chan struct{} // closed when the server has let go of it
}

// Dial makes a connection and has it served: for clients of another protocol, such as
// those of WebSockets, which want a function of this form. The arguments are not looked at.
func (k *Kit) Dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	c := &conn{Conn: client, served: make(chan struct{})}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = append(slices.DeleteFunc(k.conns, (*conn).isServed), c)
	go func() {
		defer close(c.served) // also if a handler ends the goroutine
		if err := k.app.ServeConn(serverEnd{server}); err != nil && !errors.Is(err, velithon.ErrClosed) {
			k.t.Error(err)
		}
	}()
	return c, nil
}

func (c *conn) isServed() bool {
	select {
	case <-c.served:
		return true
	default:
		return false
	}
}

// all returns the connections that may still be served.
func (k *Kit) all() []*conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.conns)
}

// reads returns the body of a response, which notes when it was read.
func (c *conn) reads(of io.ReadCloser) io.ReadCloser {
	if of == http.NoBody {
		c.answered.Store(true)
	}
	return body{of, c}
}

// A body is that of a response.
type body struct {
	io.ReadCloser
	conn *conn
}

// Read implements [io.Reader].
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.conn.answered.Store(true)
	}
	return n, err
}

// Close implements [io.Closer].
func (b body) Close() error {
	defer b.conn.answered.Store(true)
	return b.ReadCloser.Close()
}

// A serverEnd is the server's end of a connection. It has addresses as one of TCP has,
// for services that look at them.
type serverEnd struct{ net.Conn }

// LocalAddr implements [net.Conn].
func (serverEnd) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// RemoteAddr implements [net.Conn].
func (serverEnd) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40_000} }
