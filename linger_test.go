package velithon_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

// Reading on after a refusal ends, whatever the client does.
func TestLingeringEnds(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration // between the bytes that the client goes on sending
		took  time.Duration
	}{
		"a silent client":              {time.Hour, time.Second},
		"a client that drips":          {900 * time.Millisecond, 5 * time.Second},
		"a client that drips too late": {1100 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, conn net.Conn) {
				reader := bufio.NewReader(conn)
				write(t, conn, "nonsense\r\n\r\n")
				response, _ := receive(t, reader)
				require.Equal(t, 400, response.StatusCode)
				begin := time.Now()
				ended := make(chan time.Duration)
				go func() {
					_, _ = reader.ReadByte() // returns when the server has closed
					ended <- time.Since(begin)
				}()
				go func() {
					for {
						time.Sleep(test.pause)
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
					}
				}()
				assert.Equal(t, test.took, <-ended)
				time.Sleep(2 * time.Hour) // until the client has noticed
			})
		})
	}
	t.Run("a client that floods", func(t *testing.T) {
		inTime(t, func(t *testing.T, conn net.Conn) {
			reader := bufio.NewReader(conn)
			write(t, conn, "nonsense\r\n\r\n")
			receive(t, reader)
			n, err := io.Copy(conn, zeros{})
			require.Error(t, err)
			assert.InDelta(t, 64<<20, n, 1<<20)
		})
	})
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A shutdown does not wait for clients that go on sending what is not read any
// more, nor does it say that their requests were cut off.
func TestLingeringDoesNotHoldAShutdownUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newRefusingApp(velithon.Options{})
		conn, accepted := net.Pipe()
		listener := &memoryListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.conns <- accepted
		served := make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		write(t, conn, "nonsense\r\n\r\n")
		receive(t, bufio.NewReader(conn))
		go func() {
			for {
				time.Sleep(10 * time.Millisecond)
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		require.NoError(t, app.Shutdown(ctx))
		assert.Less(t, time.Since(begin), time.Second)
		require.NoError(t, <-served)
		require.NoError(t, conn.Close())
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// Connections beyond the limit are told so, and served again once there is room.
func TestConnectionsAreTurnedAway(t *testing.T) {
	var log logBuffer
	var told refusals
	app := newRefusingApp(velithon.Options{
		MaxConnections: 3, OnRefused: told.tell,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	first, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	second, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, app, first)
	serveOn(t, app, second) // the limit is that of both
	a, b := first.Addr().String(), second.Addr().String()
	occupied := []net.Conn{occupy(t, a), occupy(t, b), occupy(t, a)}
	const tries = 20
	for i := range tries {
		response, body := send(t, []string{a, b}[i%2], request("POST", "/", strings.Repeat("x", 1<<20)))
		require.Equal(t, 503, response.StatusCode)
		require.Equal(t, "the server has too many connections: try again later", problemOf(t, body).Detail)
		assert.Equal(t, "1", response.Header.Get("Retry-After"))
		assert.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
		assert.True(t, response.Close)
	}
	assert.Len(t, told.all(), tries)
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), "a flood is not one of records as well")
	assert.Contains(t, log.String(), `level=WARN msg="connections are turned away, since MaxConnections are open" max_connections=3 turned_away=1`)
	require.NoError(t, occupied[0].Close())
	occupy(t, b)
}

// Those who are turned away and stay are no way around the limit.
func TestConnectionsThatAreTurnedAwayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newRefusingApp(velithon.Options{MaxConnections: 1})
		listener := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		open := func() net.Conn {
			conn, accepted := net.Pipe()
			listener.conns <- accepted
			return conn
		}
		occupied := open()
		var turnedAway []net.Conn
		for range 300 {
			turnedAway = append(turnedAway, open()) // which read nothing
		}
		begin := time.Now()
		for _, conn := range turnedAway[256:] {
			_, err := io.ReadAll(conn)
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(begin), "closed at once")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, conn := range turnedAway[:256] {
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Empty(t, answer, "too late")
		}
		assert.Equal(t, 5*time.Second, time.Since(begin))
		require.NoError(t, occupied.Close())
		require.NoError(t, app.Shutdown(t.Context()))
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// Those who were turned away and have gone are no connections any more.
func TestAConnectionThatWasTurnedAwayIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newRefusingApp(velithon.Options{MaxConnections: 1})
		listener := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		open := func() net.Conn {
			conn, accepted := net.Pipe()
			listener.conns <- accepted
			return conn
		}
		occupied, turnedAway := open(), open()
		require.NoError(t, turnedAway.Close())
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorContains(t, app.Shutdown(ctx), "; 1 connection closed")
		require.NoError(t, occupied.Close())
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// A shutdown ends those as well.
func TestShutdownEndsConnectionsThatAreTurnedAway(t *testing.T) {
	app := newRefusingApp(velithon.Options{MaxConnections: 1})
	address := serve(t, app)
	occupied := occupy(t, address)
	conn := dial(t, address)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 503, response.StatusCode)
	require.NoError(t, occupied.Close())
	shutdown(t, app)
}
