// Package websocket compares WebSockets: echoes per second of one connection that waits for
// each, and of 32 at once. Rounds are runs of their own, so that peers take turns.
//
//	for i in 1 2 3 4 5 6 7 8 9 10; do go test -run '^$' -bench . -benchtime 0.2s ./websocket; done | go run golang.org/x/perf/cmd/benchstat -row /item,/conns -col /peer -
package websocket_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	fast "github.com/fasthttp/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/websocket"
)

type message struct {
	Room string `json:"room" validate:"required,max=40"`
	Text string `json:"text" validate:"required,max=500"`
}

// valid is the rules, for peers that have none.
func (m message) valid() bool { return len(m.Room) <= 40 && len(m.Text) <= 500 }

// A peer serves echoes on a listener until it is stopped: JSON that is decoded, checked and
// encoded again, or the bytes of a text.
type peer struct {
	name  string
	serve func(b testing.TB, item string, listener net.Listener)
}

var peers = []peer{
	{"velithon", serveVelithon},
	{"fasthttp", serveFast},
	{"gorilla", serveGorilla},
	{"coder", serveCoder},
}

func converse[M any](app *velithon.App) {
	socket := websocket.New[M, M](websocket.Options{})
	app.Get("/", func(ctx context.Context, _ struct{}) (*websocket.Response, error) {
		return socket.Upgrade(ctx, func(conn *websocket.Conn[M, M]) error {
			for {
				m, err := conn.Receive(ctx)
				if err != nil {
					return err
				}
				if err := conn.Send(ctx, m); err != nil {
					return err
				}
			}
		})
	})
}

func serveVelithon(b testing.TB, item string, listener net.Listener) {
	b.Helper()
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	if item == "json" {
		converse[message](app)
	} else {
		converse[websocket.Message](app)
	}
	go func() { _ = app.Serve(listener) }()
	b.Cleanup(func() { _ = app.Shutdown(context.Background()) })
}

func serveFast(b testing.TB, item string, listener net.Listener) {
	b.Helper()
	var upgrader fast.FastHTTPUpgrader
	server := fasthttp.Server{Handler: func(raw *fasthttp.RequestCtx) {
		_ = upgrader.Upgrade(raw, func(conn *fast.Conn) {
			conn.SetReadLimit(64 << 10)
			for {
				if item == "json" {
					var m message
					if conn.ReadJSON(&m) != nil || !m.valid() || conn.WriteJSON(m) != nil {
						return
					}
					continue
				}
				kind, content, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, content) != nil {
					return
				}
			}
		})
	}}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Shutdown() })
}

func serveHTTP(b testing.TB, listener net.Listener, handler http.HandlerFunc) {
	b.Helper()
	server := http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
}

func serveGorilla(b testing.TB, item string, listener net.Listener) {
	b.Helper()
	var upgrader gorilla.Upgrader
	serveHTTP(b, listener, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetReadLimit(64 << 10)
		for {
			if item == "json" {
				var m message
				if conn.ReadJSON(&m) != nil || !m.valid() || conn.WriteJSON(m) != nil {
					return
				}
				continue
			}
			kind, content, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, content) != nil {
				return
			}
		}
	})
}

func serveCoder(b testing.TB, item string, listener net.Listener) {
	b.Helper()
	serveHTTP(b, listener, func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		conn.SetReadLimit(64 << 10)
		ctx := context.Background()
		for {
			if item == "json" {
				var m message
				if wsjson.Read(ctx, conn, &m) != nil || !m.valid() || wsjson.Write(ctx, conn, m) != nil {
					return
				}
				continue
			}
			kind, content, err := conn.Read(ctx)
			if err != nil || conn.Write(ctx, kind, content) != nil {
				return
			}
		}
	})
}

// text is what is echoed, 110 bytes.
var text = `{"room":"lobby","text":"` + strings.Repeat("hello ", 14) + `"}`

// A client sends a frame and reads the echo: as little as possible, since it shares the
// processors.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func connect(b testing.TB, address string) *client {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	c := &client{conn, bufio.NewReader(conn)}
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	require.NoError(b, err)
	response, err := http.ReadResponse(c.reader, nil)
	require.NoError(b, err)
	require.Equal(b, 101, response.StatusCode)
	_ = response.Body.Close()
	return c
}

// frame is the text, with a mask.
func frame() []byte {
	mask := [4]byte{1, 2, 3, 4}
	f := append([]byte{0x81, 0x80 | byte(len(text))}, mask[:]...)
	for i := range len(text) {
		f = append(f, text[i]^mask[i%4])
	}
	return f
}

func (c *client) echo(f []byte) error {
	if _, err := c.Write(f); err != nil {
		return err
	}
	head, err := c.reader.Peek(2)
	if err != nil {
		return err
	}
	n := 2 + int(head[1])
	whole, err := c.reader.Peek(n)
	if err != nil {
		return err
	}
	content := whole[2:]
	if content[0] != '{' {
		return fmt.Errorf("no echo: %q", whole)
	}
	_, err = c.reader.Discard(n)
	return err
}

// start serves a peer, and returns so many connections to it.
func start(b testing.TB, p peer, item string, conns int) (all []*client) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	p.serve(b, item, listener)
	for range conns {
		all = append(all, connect(b, listener.Addr().String()))
	}
	return all
}

func BenchmarkEcho(b *testing.B) {
	for _, item := range []string{"json", "text"} {
		for _, conns := range []int{1, 32} {
			for _, p := range peers {
				b.Run(fmt.Sprintf("item=%s/conns=%d/peer=%s", item, conns, p.name), func(b *testing.B) {
					clients := make(chan *client, conns)
					for _, c := range start(b, p, item, conns) {
						clients <- c
					}
					f := frame()
					b.ReportAllocs()
					b.ResetTimer()
					if conns == 1 {
						c := <-clients
						for range b.N {
							if err := c.echo(f); err != nil {
								b.Fatal(err)
							}
						}
						return
					}
					b.SetParallelism(conns / 2) // for each of two processors
					b.RunParallel(func(pb *testing.PB) {
						c := <-clients
						for pb.Next() {
							if err := c.echo(f); err != nil {
								b.Error(err)
								return
							}
						}
					})
				})
			}
		}
	}
}

// All peers answer the same.
func TestPeers(t *testing.T) {
	for _, item := range []string{"json", "text"} {
		for _, p := range peers {
			c := start(t, p, item, 1)[0]
			_, err := c.Write(frame())
			require.NoError(t, err)
			head := make([]byte, 2)
			_, err = io.ReadFull(c.reader, head)
			require.NoError(t, err)
			content := make([]byte, head[1])
			_, err = io.ReadFull(c.reader, content)
			require.NoError(t, err)
			var want, got message
			require.NoError(t, json.Unmarshal([]byte(text), &want))
			require.NoError(t, json.Unmarshal(content, &got))
			require.Equal(t, want, got, "%s of %s", item, p.name)
		}
	}
}
