package serve_test

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

	"github.com/velithon-go/velithon/serve"
)

// Connections beyond the limit are told so, and served again once there is room.
func TestConnectionsAreTurnedAway(t *testing.T) {
	var log logBuffer
	var told refusals
	server := newRefusingServer(serve.Options{
		MaxConnections: 3, OnRefused: told.tell,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	a, b := server.onSocket(t), server.onSocket(t) // the limit is that of both
	occupied := []net.Conn{occupy(t, a), occupy(t, b), occupy(t, a)}
	const tries = 20
	for i := range tries {
		response, body := send(t, []string{a, b}[i%2], request("POST", "/", strings.Repeat("x", 1<<20)))
		require.Equal(t, 503, response.StatusCode)
		require.Equal(t, "the server has too many connections: try again later", detailOf(t, body))
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
		listener := newRefusingServer(serve.Options{MaxConnections: 1}).inMemory(t)
		listener.dial(t)
		var turnedAway []net.Conn
		for range 300 {
			turnedAway = append(turnedAway, listener.dial(t)) // which read nothing
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
	})
}

// Those who were turned away are closed when a shutdown has no more time, and those
// who have gone are no connections any more.
func TestShutdownClosesConnectionsThatAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newRefusingServer(serve.Options{MaxConnections: 1})
		listener := server.inMemory(t)
		listener.dial(t)
		listener.dial(t) // reads no answer
		require.NoError(t, listener.dial(t).Close())
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorContains(t, server.Shutdown(ctx), "; 2 connections closed")
	})
}

// A shutdown ends those as well, as soon as what reads ends.
func TestShutdownEndsConnectionsThatAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newRefusingServer(serve.Options{MaxConnections: 1})
		listener := server.inMemory(t)
		occupied := listener.dial(t)
		conn := listener.dial(t)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 503, response.StatusCode)
		go func() { // it would stay as long as it may
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		synctest.Wait()
		require.NoError(t, occupied.Close())
		begin := time.Now()
		require.NoError(t, server.Shutdown(t.Context()))
		assert.LessOrEqual(t, time.Since(begin), 2*time.Second+100*time.Millisecond)
	})
}
