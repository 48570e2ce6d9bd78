//go:build linux

package velithon_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
)

// secure returns what a server and its clients have for TLS, with a certificate for
// example.com.
func secure(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	server = &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}
	return server, &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
}

// serveTLS serves an app with TLS until the test ends, and returns its address.
func serveTLS(t *testing.T, app *velithon.App, config *tls.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, app, tls.NewListener(listener, config))
	return listener.Addr().String()
}

func dialTLS(t *testing.T, address string, config *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, address), config)
	require.NoError(t, conn.Handshake())
	return conn
}

// The farewell of TLS, close_notify, is a record that nobody has read, and what lies
// behind it can't be peeked at.
func TestAHandlerIsCancelledWhenItsTLSClientGoes(t *testing.T) {
	server, client := secure(t)
	for name, leave := range map[string]func(*testing.T, *tls.Conn){
		"closed":                    func(t *testing.T, conn *tls.Conn) { require.NoError(t, conn.Close()) },
		"closed without a farewell": func(t *testing.T, conn *tls.Conn) { require.NoError(t, conn.NetConn().Close()) },
		"reset": func(t *testing.T, conn *tls.Conn) {
			require.NoError(t, conn.NetConn().(*net.TCPConn).SetLinger(0))
			require.NoError(t, conn.NetConn().Close())
		},
		"reset behind a farewell": func(t *testing.T, conn *tls.Conn) {
			require.NoError(t, conn.CloseWrite())
			require.NoError(t, conn.NetConn().(*net.TCPConn).SetLinger(0))
			require.NoError(t, conn.NetConn().Close())
		},
		"closed behind its next request": func(t *testing.T, conn *tls.Conn) {
			write(t, conn, request("GET", "/", ""))
			require.NoError(t, conn.Close())
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(version), func(t *testing.T) {
				p := newPatient()
				app := velithon.New(velithon.Options{Logger: quiet})
				app.Get("/", p.handle, routing.CancelOnDisconnect())
				config := client.Clone()
				config.MaxVersion = version
				conn := dialTLS(t, serveTLS(t, app, server), config)
				write(t, conn, request("GET", "/", ""))
				await(t, p.entered, "the handler")
				leave(t, conn)
				require.ErrorIs(t, await(t, p.ended, "the end of the context"), context.Canceled)
				await(t, p.worked, "the background work")
			})
		}
	}
}

// Whoever stays is served on: neither a request that waits behind the first, nor a
// farewell of a client that reads on, is taken for its end.
func TestATLSClientThatStaysIsServed(t *testing.T) {
	server, client := secure(t)
	for name, stay := range map[string]func(*testing.T, *tls.Conn){
		"silent":                      func(*testing.T, *tls.Conn) {},
		"with its next request":       func(t *testing.T, conn *tls.Conn) { write(t, conn, request("GET", "/now", "")) },
		"with a farewell, and a read": func(t *testing.T, conn *tls.Conn) { require.NoError(t, conn.CloseWrite()) },
	} {
		t.Run(name, func(t *testing.T) {
			entered := make(chan struct{})
			app := velithon.New(velithon.Options{Logger: quiet})
			app.Get("/now", func(context.Context, struct{}) (string, error) { return "now", nil })
			app.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
				close(entered)
				select {
				case <-ctx.Done():
					return "", ctx.Err()
				case <-time.After(200 * time.Millisecond): // it is looked at after 20 and 60
					return "stayed", nil
				}
			}, routing.CancelOnDisconnect())
			conn := dialTLS(t, serveTLS(t, app, server), client)
			write(t, conn, request("GET", "/", ""))
			await(t, entered, "the handler")
			stay(t, conn)
			response, body := receive(t, bufio.NewReader(conn))
			assert.Equal(t, http.StatusOK, response.StatusCode)
			assert.Equal(t, `"stayed"`, body)
		})
	}
}

// hello returns the first message of a client.
func hello(t *testing.T, config *tls.Config) string {
	t.Helper()
	conn, other := net.Pipe()
	go func() { _ = tls.Client(conn, config).Handshake() }()
	defer conn.Close()
	header := make([]byte, 5)
	_, err := io.ReadFull(other, header)
	require.NoError(t, err)
	rest := make([]byte, binary.BigEndian.Uint16(header[3:]))
	_, err = io.ReadFull(other, rest)
	require.NoError(t, err)
	return string(header) + string(rest)
}

// A client that does not go on with its handshake is let go, as one that does not go
// on with its request.
func TestASlowHandshakeIsEnded(t *testing.T) {
	server, client := secure(t)
	for name, options := range map[string][]routing.Option{"by the server": nil, "by fasthttp": {routing.ReadTimeout(time.Hour)}} {
		for part, sent := range map[string]func(t *testing.T) string{
			"nothing":           func(*testing.T) string { return "" },
			"half of the hello": func(t *testing.T) string { return hello(t, client)[:100] },
			"the hello":         func(t *testing.T) string { return hello(t, client) },
		} {
			t.Run(part+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					begin := time.Now()
					app := velithon.New(velithon.Options{Logger: quiet})
					app.Get("/", func(context.Context, struct{}) (string, error) { return "", nil }, options...)
					conn, served := net.Pipe()
					ended := make(chan error, 1)
					go func() { ended <- app.ServeConn(tls.Server(served, server)) }()
					go func() { _, _ = io.WriteString(conn, sent(t)) }()
					_, err := io.Copy(io.Discard, conn)
					require.NoError(t, err)
					require.NoError(t, <-ended)
					assert.InDelta(t, 10, time.Since(begin).Seconds(), 1.25, "the default of ReadTimeout, and an eighth of it")
					shutdown(t, app)
				})
			})
		}
	}
}

// What speaks no TLS gets no answer in plain text, and is let go at once.
func TestARequestWithoutTLS(t *testing.T) {
	server, _ := secure(t)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		app := velithon.New(velithon.Options{Logger: quiet})
		conn, served := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- app.ServeConn(tls.Server(served, server)) }()
		go func() { _, _ = io.WriteString(conn, request("GET", "/", "")) }()
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.NoError(t, <-ended)
		assert.NotContains(t, string(answer), "HTTP")
		assert.Zero(t, time.Since(begin))
		shutdown(t, app)
	})
}

// A shutdown waits for what has begun, and tells the client that it was the last.
func TestAShutdownWithTLS(t *testing.T) {
	server, client := secure(t)
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/", func(context.Context, struct{}) (string, error) {
			time.Sleep(10 * time.Second)
			return "answered", nil
		})
		pipe, served := net.Pipe()
		go func() { _ = app.ServeConn(tls.Server(served, server)) }()
		conn := tls.Client(pipe, client)
		write(t, conn, request("GET", "/", ""))
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- app.Shutdown(t.Context()) }()
		reader := bufio.NewReader(conn)
		response, body := receive(t, reader)
		assert.Equal(t, `"answered"`, body)
		assert.True(t, response.Close)
		_, err := reader.ReadByte()
		require.ErrorIs(t, err, io.EOF, "with a farewell")
		require.NoError(t, <-ended)
	})
}
