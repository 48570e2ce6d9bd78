package velithon_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

// A failingListener accepts nothing: its errors come one after the other, and
// after them that of a closed listener.
type failingListener struct {
	net.Listener
	errors []error
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
		app := newFaultyApp(t, background.RunnerOptions{})
		begin := time.Now()
		require.NoError(t, app.Serve(&failingListener{errors: []error{
			syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EMFILE,
			syscall.EMFILE, syscall.EMFILE, syscall.EMFILE, syscall.EMFILE, syscall.EMFILE,
		}}))
		assert.Equal(t, (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond, time.Since(begin))
		require.Len(t, app.records, 10)
		record := <-app.records
		assert.Contains(t, record, `msg="connections can't be accepted" error="accept: accept: too many open files" retry_in=5ms`)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

func TestServeReturnsTheErrorOfABrokenListener(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	err := app.Serve(&failingListener{errors: []error{syscall.EINVAL}})
	require.ErrorIs(t, err, syscall.EINVAL)
}

// Each listener that waits counts as a connection of fasthttp's, which the limit
// has to allow for.
func TestAListenerThatHasEndedTakesNoConnectionFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet, MaxConnections: 1})
		require.NoError(t, app.Serve(&failingListener{Listener: &memoryListener{closed: make(chan struct{})}}))
		conn, accepted := net.Pipe()
		served := serveInMemory(app, accepted)
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, bufio.NewReader(conn))
		assert.Equal(t, 404, response.StatusCode)
		require.NoError(t, conn.Close())
		require.NoError(t, app.Shutdown(t.Context()))
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// A service that has no file descriptors left answers on the connections that it
// has, and accepts others once it has some again.
func TestAServiceOutOfFileDescriptorsRecovers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no limit of open files")
	}
	c := startCommand(t, "cancel", exec.Command("/bin/sh", "-c", `ulimit -n 40 && exec "$0"`, os.Args[0]))
	conns := make([]net.Conn, 80) // more than the service can have
	for i := range conns {
		conns[i] = dial(t, c.address)
	}
	c.waitFor(t, "too many open files")

	first := bufio.NewReader(conns[0])
	for range 3 {
		write(t, conns[0], request("GET", "/nowhere", ""))
		response, _ := receive(t, first)
		assert.Equal(t, 404, response.StatusCode)
	}
	for _, conn := range conns[1:60] {
		require.NoError(t, conn.Close())
	}
	for _, conn := range conns[60:] {
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, bufio.NewReader(conn))
		assert.Equal(t, 404, response.StatusCode)
	}
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	c.waitFor(t, "shut down")
	require.NoError(t, c.Wait())
}
