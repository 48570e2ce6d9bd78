package serve_test

import (
	"bufio"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/serve"
)

// A failingListener accepts nothing: its errors come one after the other, and
// after them that of a closed listener.
type failingListener struct {
	net.Listener
	errors   []error
	isClosed bool
}

func (l *failingListener) Close() error {
	l.isClosed = true
	return nil
}

func (l *failingListener) Accept() (net.Conn, error) {
	if len(l.errors) == 0 {
		return nil, net.ErrClosed
	}
	err := l.errors[0]
	l.errors = l.errors[1:]
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", err)}
}

func TestServeWaitsLongerWithEachShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := newServer(serve.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, &handler{})
		begin := time.Now()
		require.NoError(t, server.Serve(&failingListener{errors: []error{
			syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EMFILE,
			syscall.EMFILE, syscall.EMFILE, syscall.EMFILE, syscall.EMFILE, syscall.EMFILE,
		}}, server.handler))
		assert.Equal(t, (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond, time.Since(begin))
		assert.Equal(t, 10, strings.Count(log.String(), "\n"))
		first, _, _ := strings.Cut(log.String(), "\n")
		assert.Contains(t, first, `msg="connections can't be accepted" error="accept: accept: too many open files" retry_in=5ms`)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

func TestServeReturnsTheErrorOfABrokenListener(t *testing.T) {
	server := newServer(serve.Options{}, &handler{})
	broken := &failingListener{errors: []error{syscall.EINVAL}}
	require.ErrorIs(t, server.Serve(broken, server.handler), syscall.EINVAL)
	require.True(t, broken.isClosed)
}

// Each listener that waits counts as a connection of fasthttp's, which the limit
// has to allow for.
func TestAListenerThatHasEndedTakesNoConnectionFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newRefusingServer(serve.Options{MaxConnections: 1})
		require.NoError(t, server.Serve(&failingListener{Listener: newMemoryListener()}, server.handler))
		conn := server.inMemory(t).dial(t)
		write(t, conn, request("GET", "/", ""))
		response, _ := receive(t, bufio.NewReader(conn))
		assert.Equal(t, 200, response.StatusCode)
	})
}
