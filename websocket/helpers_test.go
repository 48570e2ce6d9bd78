package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	wire "github.com/fasthttp/websocket"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/velithontest"
	"github.com/velithon-go/velithon/websocket"
)

// patience is longer than anything here takes.
const patience = 30 * time.Second

// A book keeps the records of a log.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *book) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

// newApp is an app whose log is a book.
func newApp() (*velithon.App, *book) {
	b := new(book)
	return velithon.New(velithon.Options{Logger: b.logger()}), b
}

// An endpoint is where a test's function converses.
func endpoint[In, Out any](app *velithon.App, socket *websocket.Socket[In, Out], converse func(ctx context.Context, conn *websocket.Conn[In, Out]) error) {
	app.Get("/", func(ctx context.Context, _ struct{}) (*websocket.Response, error) {
		return socket.Upgrade(ctx, func(conn *websocket.Conn[In, Out]) error { return converse(ctx, conn) })
	})
}

type text struct {
	Text string `json:"text" validate:"required,max=10"`
}

// echo sends back what it receives.
func echo[M any](ctx context.Context, conn *websocket.Conn[M, M]) error {
	for {
		m, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := conn.Send(ctx, m); err != nil {
			return err
		}
	}
}

// dial connects by the client of the library.
func dial(t *testing.T, kit *velithontest.Kit, target string, header http.Header) *wire.Conn {
	t.Helper()
	dialer := wire.Dialer{NetDialContext: kit.Dial}
	conn, response, err := dialer.DialContext(t.Context(), "ws://app.example"+target, header)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*patience)))
	return conn
}

// hear returns the next message.
func hear(t *testing.T, conn *wire.Conn) string {
	t.Helper()
	_, content, err := conn.ReadMessage()
	require.NoError(t, err)
	return string(content)
}

// closing returns the code and reason with which the connection is closed, behind all
// messages.
func closing(t *testing.T, conn *wire.Conn) (code int, reason string) {
	t.Helper()
	for {
		_, _, err := conn.ReadMessage()
		if err == nil {
			continue
		}
		closed, ok := errors.AsType[*wire.CloseError](err)
		require.True(t, ok, "%v", err)
		return closed.Code, closed.Text
	}
}

// The opcodes.
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
	opPong     = 10
)

// A frame is one of RFC 6455, section 5.2.
type frame struct {
	op       int
	more     bool // FIN is not set
	rsv      int  // three bits
	unmasked bool
	payload  string
}

// bytes returns a frame as it is sent, its length in the shortest form.
func (f frame) bytes() []byte {
	b := []byte{byte(f.rsv<<4 | f.op), 0}
	if !f.more {
		b[0] |= 0x80
	}
	switch n := len(f.payload); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if f.unmasked {
		return append(b, f.payload...)
	}
	b[1] |= 0x80
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d} // of the RFC's example
	b = append(b, mask[:]...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^mask[i%4])
	}
	return b
}

// closeFrame is one with a code.
func closeFrame(code int, reason string) frame {
	return frame{op: opClose, payload: string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason}
}

// A raw client speaks in frames.
type rawClient struct {
	net.Conn
	reader *bufio.Reader
	hears  chan frame // closed with the connection
}

const handshake = "GET / HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// dialRaw connects, and reads all frames from then on.
func dialRaw(t *testing.T, conn net.Conn, header string) *rawClient {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	_, err := io.WriteString(conn, handshake+header+"\r\n")
	require.NoError(t, err)
	c := &rawClient{Conn: conn, reader: bufio.NewReader(conn), hears: make(chan frame, 1<<10)}
	response, err := http.ReadResponse(c.reader, nil)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	_ = response.Body.Close()
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", response.Header.Get("Sec-WebSocket-Accept"), "of the RFC's example")
	require.Empty(t, response.Header.Get("Sec-WebSocket-Extensions"))
	go func() {
		defer close(c.hears)
		for {
			f, err := readFrame(c.reader)
			if err != nil {
				return
			}
			c.hears <- f
		}
	}()
	return c
}

// send writes bytes on a goroutine of its own, since the server may answer before it reads on.
func (c *rawClient) send(content []byte) {
	go func() { _, _ = c.Write(content) }()
}

// all returns what is heard to the end of the connection.
func (c *rawClient) all() (frames []frame) {
	for f := range c.hears {
		frames = append(frames, f)
	}
	return frames
}

// readFrame reads a frame of the server's, which may not be masked.
func readFrame(r io.Reader) (f frame, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, err
	}
	f.more, f.rsv, f.op = head[0]&0x80 == 0, int(head[0]>>4&7), int(head[0]&15)
	if head[1]&0x80 != 0 {
		return f, errors.New("a masked frame")
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f, err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	payload := make([]byte, n)
	_, err = io.ReadFull(r, payload)
	f.payload = string(payload)
	return f, err
}
