package websocket_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	wire "github.com/fasthttp/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
	"github.com/velithon-go/velithon/websocket"
)

// Over TCP and TLS, many at once, and all of them are told of the shutdown.
func TestOverTheNetwork(t *testing.T) {
	borrowed := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer borrowed.Close()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)

	app, book := newApp()
	endpoint(app, websocket.New[text, text](websocket.Options{}), echo)
	var served sync.WaitGroup
	for _, listener := range []net.Listener{plain, tls.NewListener(secure, &tls.Config{Certificates: borrowed.TLS.Certificates})} {
		served.Go(func() { assert.NoError(t, app.Serve(listener)) })
	}
	dialer := wire.Dialer{TLSClientConfig: borrowed.Client().Transport.(*http.Transport).TLSClientConfig}

	const clients, messages = 10, 50
	var talked, closed sync.WaitGroup
	for i := range 2 * clients {
		url := "ws://" + plain.Addr().String()
		if i >= clients {
			url = "wss://" + secure.Addr().String()
		}
		talked.Add(1)
		closed.Go(func() {
			conn, response, err := dialer.DialContext(t.Context(), url+"/", nil)
			if !assert.NoError(t, err) {
				talked.Done()
				return
			}
			defer conn.Close()
			defer response.Body.Close()
			for range messages {
				assert.NoError(t, conn.WriteJSON(text{"hello"}))
				var got text
				assert.NoError(t, conn.ReadJSON(&got))
				assert.Equal(t, text{"hello"}, got)
			}
			talked.Done()
			_, _, err = conn.ReadMessage()
			assert.True(t, wire.IsCloseError(err, websocket.GoingAway), "%v", err)
		})
	}
	talked.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	closed.Wait()
	served.Wait()
	require.Empty(t, book.String())
}

// Many send at once, and every message arrives as a whole.
func TestManySenders(t *testing.T) {
	app, _ := newApp()
	const senders, each = 8, 100
	endpoint(app, websocket.New[text, int](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[text, int]) error {
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for j := range each {
					assert.NoError(t, conn.Send(ctx, i*each+j))
				}
			})
		}
		all.Wait()
		return nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	conn, response, err := wire.DefaultDialer.DialContext(t.Context(), "ws://"+listener.Addr().String()+"/", nil)
	require.NoError(t, err)
	defer response.Body.Close()
	defer conn.Close()
	got := make(map[int]bool)
	for range senders * each {
		var n int
		require.NoError(t, conn.ReadJSON(&n))
		got[n] = true
	}
	require.Len(t, got, senders*each)
	code, _ := closing(t, conn)
	require.Equal(t, 1000, code)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
}

// What a client sends behind a frame that can't be taken is read to its end, also where
// messages wait: a connection that is closed with bytes unread is reset, and the close that
// was sent may be lost.
func TestAClientThatStillSendsIsReadOn(t *testing.T) {
	for code, octets := range map[int][]byte{
		websocket.TooBig:        binary8(strings.Repeat("x", 1<<20)).bytes(),
		websocket.ProtocolError: append(frame{op: opText, rsv: 1}.bytes(), make([]byte, 1<<20)...),
	} {
		synctest.Test(t, func(t *testing.T) {
			app, _ := newApp()
			endpoint(app, websocket.New[websocket.Message, int](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[websocket.Message, int]) error {
				var senders sync.WaitGroup
				for range 8 {
					senders.Go(func() {
						for conn.Send(ctx, 1) == nil {
						}
					})
				}
				senders.Wait()
				return nil
			})
			client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
			go func() {
				_, err := client.Write(octets[:20]) // the head
				assert.NoError(t, err)
				synctest.Wait()
				_, err = client.Write(octets[20:])
				assert.NoError(t, err)
				assert.NoError(t, client.Close())
			}()
			var last frame
			for f := range client.hears {
				last = f
			}
			require.Equal(t, opClose, last.op)
			require.Equal(t, closeFrame(code, "").payload, last.payload[:2])
		})
	}
}
