package serve_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// converse has the server serve one connection in memory, without a listener, and
// returns the client's end of it, and what ServeConn returns.
func (s server) converse(t *testing.T) (conn net.Conn, ended <-chan error) {
	t.Helper()
	conn, served := net.Pipe()
	t.Cleanup(func() { _ = conn.Close() })
	err := make(chan error, 1)
	go func() { err <- s.ServeConn(served, s.handler) }()
	return conn, err
}

// Nothing of the server is left when the bubble ends, at once: fasthttp's workers,
// which look only every ten seconds whether they have ended, are not used.
func TestServeConnUntilTheClientCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := newServer(serve.Options{}, byPath(timed))
		conn, ended := s.converse(t)
		reader := bufio.NewReader(conn)
		for range 2 {
			write(t, conn, request("POST", "/echo", "text"))
			_, body := receive(t, reader)
			require.Equal(t, "text", body)
		}
		require.NoError(t, conn.Close())
		require.NoError(t, <-ended)
		s.shutdown(t)
		assert.Zero(t, time.Since(begin))
	})
}

func TestServeConnKeepsTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(serve.Options{}, byPath(timed))
		conn, ended := s.converse(t)
		write(t, conn, "GET / HT")
		sent := requireClosed(t, conn, readTimeout)
		assert.Contains(t, sent, "HTTP/1.1 408 ")
		require.NoError(t, <-ended, "what a client does is no error of the server's")
		s.shutdown(t)
	})
}

func TestServeConnAndAShutdown(t *testing.T) {
	for name, listens := range map[string]bool{"alone": false, "beside a listener": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newWaitingServer()
				if listens {
					s.inMemory(t)
				}
				idle, idleEnded := s.converse(t)
				reader := bufio.NewReader(idle)
				write(t, idle, request("GET", "/", ""))
				receive(t, reader)
				busy, busyEnded := s.converse(t)
				write(t, busy, request("GET", "/wait?name=last", ""))
				<-s.entered

				begin := time.Now()
				ended := s.beginShutdown(t)
				_, err := reader.ReadByte()
				require.ErrorIs(t, err, io.EOF)
				require.NoError(t, <-idleEnded)
				assert.Equal(t, time.Second, time.Since(begin), "an idle connection gets the grace")
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Empty(t, ended, "the shutdown waits for the handler")
				close(s.leave)
				requireLast(t, bufio.NewReader(busy), "last")
				require.NoError(t, <-busyEnded)
				require.NoError(t, <-ended)

				late, lateEnded := s.converse(t)
				require.ErrorIs(t, <-lateEnded, serve.ErrClosed)
				_, err = late.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
			})
		})
	}
}

// A request that comes during the grace is answered, as the last one.
func TestServeConnAnswersOneMoreRequestInAShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWaitingServer()
		conn, connEnded := s.converse(t)
		reader := bufio.NewReader(conn)
		write(t, conn, request("GET", "/?name=a", ""))
		receive(t, reader)
		ended := s.beginShutdown(t)
		time.Sleep(time.Second - time.Millisecond)
		write(t, conn, request("GET", "/?name=b", ""))
		requireLast(t, reader, "b")
		require.NoError(t, <-connEnded)
		require.NoError(t, <-ended)
	})
}

func TestServeConnOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWaitingServer()
		conn, connEnded := s.converse(t)
		write(t, conn, request("GET", "/wait", ""))
		<-s.entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.EqualError(t, s.Shutdown(ctx), "velithon: shutdown ended early: context deadline exceeded; 1 connection closed")
		close(s.leave)
		require.NoError(t, <-connEnded)
		s.shutdown(t)
	})
}

func TestServeConnIsOneOfMaxConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(serve.Options{MaxConnections: 2}, byPath(timed))
		var conns []net.Conn
		for range 2 {
			conn, _ := s.converse(t)
			conns = append(conns, conn)
		}
		synctest.Wait()
		third, ended := s.converse(t)
		response, err := http.ReadResponse(bufio.NewReader(third), nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, 503, response.StatusCode)
		require.NoError(t, <-ended)
		for _, conn := range append(conns, third) {
			require.NoError(t, conn.Close())
		}
		s.shutdown(t)
	})
}

// A handler that ends its goroutine ends that of ServeConn, too, and holds up no
// shutdown.
func TestServeConnWithAHandlerThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(serve.Options{}, &handler{answer: func(*fasthttp.RequestCtx) { runtime.Goexit() }})
		conn, ended := s.converse(t)
		write(t, conn, request("GET", "/", ""))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		s.shutdown(t)
		require.Empty(t, ended)
	})
}
