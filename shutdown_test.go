package velithon_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// Every response that a client has read had its task run, however the shutdown
// falls between the requests.
func TestShutdownUnderLoadRunsTheTasksOfEveryResponse(t *testing.T) {
	for range 5 {
		var ran sync.Map
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/work", func(_ context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
			return responses.JSON(in.Name, background.NewTask(func(_ context.Context, name string) error {
				ran.Store(name, true)
				return nil
			}, in.Name)), nil
		})
		address := serve(t, app)

		var answered sync.Map
		var count atomic.Int64
		enough := make(chan struct{})
		var wg sync.WaitGroup
		for c := range 8 {
			wg.Go(func() {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for n := 0; ; n++ {
					name := itoa(c) + "-" + itoa(n)
					response, err := client.Get("http://" + address + "/work?name=" + name)
					if err != nil {
						return // shut down
					}
					_, err = io.ReadAll(response.Body)
					response.Body.Close()
					if err == nil && response.StatusCode == http.StatusOK {
						answered.Store(name, true)
						if count.Add(1) == 500 {
							close(enough)
						}
					}
				}
			})
		}
		await(t, enough, "the load")
		shutdown(t, app)
		wg.Wait()
		answered.Range(func(name, _ any) bool {
			_, ok := ran.Load(name)
			return assert.True(t, ok, "the task of response %v did not run", name)
		})
	}
}

func TestShutdownPastItsDeadlineNamesWhatDidNotFinish(t *testing.T) {
	release, started := make(chan struct{}), make(chan string, 1)
	app := newFullApp(background.Block, release, started)
	address := serve(t, app)
	send(t, address, request("GET", "/work?name=stuck", ""))
	await(t, started, "the task")
	send(t, address, request("GET", "/work?name=waits", ""))

	ctx, cancel := context.WithCancel(context.Background())
	closed := make(chan error, 1)
	go func() { closed <- app.Shutdown(ctx) }()
	cancel()
	err := await(t, closed, "the shutdown")
	drain, ok := errors.AsType[*background.DrainError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, []string{"stuck"}, drain.Running)
	assert.Equal(t, []string{"waits"}, drain.Waiting)
	require.ErrorIs(t, err, context.Canceled)
	close(release)
}

// The last tenth of the time is for tasks to put things away, also when requests
// take all of it.
func TestShutdownLeavesTasksTimeToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/hang", func(context.Context, struct{}) (string, error) {
			<-leave
			return "late", nil
		})
		listener := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		conn, accepted := net.Pipe()
		defer conn.Close()
		listener.conns <- accepted
		go func() { _, _ = io.WriteString(conn, request("GET", "/hang", "")) }()
		saved := time.Time{}
		require.NoError(t, app.Runner().Submit(t.Context(), background.Func("saves", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(5 * time.Millisecond)
			saved = time.Now()
			return nil
		})))
		synctest.Wait()

		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := app.Shutdown(ctx)
		require.EqualError(t, err, "velithon: shutdown ended early: context deadline exceeded; 1 connection closed")
		assert.Equal(t, start.Add(9*time.Second+5*time.Millisecond), saved)
		assert.Equal(t, 10*time.Second, time.Since(start))
		close(leave)
		require.NoError(t, app.Shutdown(t.Context()))
		require.NoError(t, <-served)
	})
}

// A call that runs out of time closes connections. It does not end the other calls:
// they wait for the handlers, as long as they may.
func TestEachShutdownWaitsAsLongAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/slow", func(context.Context, struct{}) (string, error) {
			time.Sleep(5 * time.Second)
			return "late", nil
		})
		listener := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		conn, accepted := net.Pipe()
		defer conn.Close()
		listener.conns <- accepted
		go func() { _, _ = io.WriteString(conn, request("GET", "/slow", "")) }()
		synctest.Wait()

		start := time.Now()
		shutdown := func(within time.Duration) (took time.Duration, err error) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			err = app.Shutdown(ctx)
			return time.Since(start), err
		}
		patient := make(chan time.Duration)
		go func() {
			took, err := shutdown(10 * time.Second)
			assert.NoError(t, err)
			patient <- took
		}()
		for _, after := range []time.Duration{time.Second, 3 * time.Second} {
			took, err := shutdown(after - time.Since(start))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, after, took)
		}
		assert.InDelta(t, 5*time.Second, <-patient, float64(200*time.Millisecond))
		ended := time.Since(start)
		took, err := shutdown(time.Hour)
		assert.NoError(t, err)
		assert.Equal(t, ended, took, "one after the end")
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// A shutdown by a task would wait for the task.
func TestShutdownByATaskOfTheAppFails(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "ok", nil })
	address := serve(t, app)
	result := make(chan error, 1)
	require.NoError(t, app.Runner().Submit(t.Context(), background.Func("stops", func(ctx context.Context) error {
		result <- app.Shutdown(ctx)
		return nil
	})))
	require.ErrorContains(t, await(t, result, "the shutdown"), "Shutdown was called with the context of a task")
	_, body := send(t, address, request("GET", "/", ""))
	assert.Equal(t, `"ok"`, body)
}

// The error counts the connections that it closed, idle ones too, and speaks of
// none where the server had only not noticed its end yet.
func TestAShutdownThatEndsEarlyCountsConnections(t *testing.T) {
	for open, want := range []string{
		"velithon: shutdown ended early: context canceled",
		"velithon: shutdown ended early: context canceled; 1 connection closed",
		"velithon: shutdown ended early: context canceled; 2 connections closed",
	} {
		synctest.Test(t, func(t *testing.T) {
			app := velithon.New(velithon.Options{Logger: quiet})
			listener := &stubbornListener{conns: make(chan net.Conn), release: make(chan struct{})}
			served := make(chan error, 1)
			go func() { served <- app.Serve(listener) }()
			for range open {
				conn, accepted := net.Pipe()
				defer conn.Close()
				listener.conns <- accepted
			}
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.EqualError(t, app.Shutdown(ctx), want)
			close(listener.release)
			require.NoError(t, <-served)
			require.NoError(t, app.Shutdown(t.Context()))
			time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
		})
	}
}

// A stubbornListener stays in Accept after Close, and so keeps a shutdown from
// its end.
type stubbornListener struct {
	conns   chan net.Conn
	release chan struct{}
}

func (l *stubbornListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.release:
		return nil, net.ErrClosed
	}
}

func (*stubbornListener) Addr() net.Addr { return &net.TCPAddr{} }
func (*stubbornListener) Close() error   { return nil }

func TestShutdownDoesNotWaitForAHandlerBeyondItsDeadline(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/hang", func(context.Context, struct{}) (string, error) {
		close(entered)
		<-leave
		return "late", nil
	})
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/hang", ""))
	require.NoError(t, err)
	await(t, entered, "the handler")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = app.Shutdown(ctx)
	require.ErrorContains(t, err, "velithon: shutdown ended early: context canceled; 1 connection closed")
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	close(leave)
	shutdown(t, app) // waits for the handler
}

func TestShutdownIsNotHeldUpByHalfARequest(t *testing.T) {
	for name, half := range map[string]string{
		"nothing":       "",
		"half a header": "GET /work HTTP/1.1\r\nHost: te",
		"half a body":   "POST /work HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			// The server would wait an hour for the rest.
			app := velithon.New(velithon.Options{Logger: quiet, ReadTimeout: time.Hour, IdleTimeout: time.Hour})
			app.Get("/work", func(context.Context, struct{}) (string, error) { return "ok", nil })
			app.Post("/work", func(context.Context, struct{}) (string, error) { return "ok", nil })
			address := serve(t, app)
			conn := dial(t, address)
			_, err := io.WriteString(conn, half)
			require.NoError(t, err)
			send(t, address, request("GET", "/work", "")) // the other one was accepted before
			shutdown(t, app)
		})
	}
}

func TestShutdownAnswersWhatIsUnderWayAndClosesKeepAlive(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/wait", func(context.Context, struct{}) (string, error) {
		close(entered)
		<-leave
		return "answered", nil
	})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "ok", nil })
	address := serve(t, app)

	idle := dial(t, address)
	idleReader := bufio.NewReader(idle)
	_, err := io.WriteString(idle, request("GET", "/", ""))
	require.NoError(t, err)
	receive(t, idleReader)

	busy := dial(t, address)
	_, err = io.WriteString(busy, request("GET", "/wait", ""))
	require.NoError(t, err)
	await(t, entered, "the handler")

	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	closed := make(chan error, 2)
	for range 2 { // twice at once
		go func() { closed <- app.Shutdown(ctx) }()
	}
	_, err = idleReader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	close(leave)
	response, body := receive(t, bufio.NewReader(busy))
	assert.Equal(t, `"answered"`, body)
	assert.True(t, response.Close, "Connection: close")
	for range 2 {
		require.NoError(t, await(t, closed, "the shutdown"))
	}
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
}

func TestShutdownBeforeServe(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	shutdown(t, app)
	shutdown(t, app)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorIs(t, app.Serve(listener), velithon.ErrClosed)
	_, err = listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// runEnv makes the test binary a service: the child process of the tests of
// Run. Its value is what the tasks wait for, "stdin" or "cancel".
const runEnv = "VELITHON_TEST_RUN"

func runChild(mode string) {
	app := velithon.New(velithon.Options{})
	app.Get("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("ok", background.Func("slow", func(ctx context.Context) error {
			println("task started")
			if mode == "cancel" {
				<-ctx.Done()
				return ctx.Err()
			}
			_, err := io.ReadAll(os.Stdin)
			println("task done")
			return err
		})), nil
	})
	if err := app.Run("127.0.0.1:0"); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

// A child is this test binary as a service.
type child struct {
	*exec.Cmd
	address string
	stdin   io.Closer
	lines   *bufio.Scanner // what it prints
}

func startChild(t *testing.T, mode string) *child {
	t.Helper()
	return startCommand(t, mode, exec.Command(os.Args[0]))
}

func startCommand(t *testing.T, mode string, command *exec.Cmd) *child {
	t.Helper()
	c := &child{Cmd: command}
	c.Env = append(os.Environ(), runEnv+"="+mode)
	var err error
	c.stdin, err = c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	timer := time.AfterFunc(testTimeout, func() { _ = c.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	c.lines = bufio.NewScanner(out)
	_, c.address, _ = strings.Cut(c.waitFor(t, "address="), "address=")
	return c
}

// waitFor reads what the child prints up to a line that contains part.
func (c *child) waitFor(t *testing.T, part string) string {
	t.Helper()
	var all bytes.Buffer
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), part) {
			return c.lines.Text()
		}
		all.WriteString(c.lines.Text() + "\n")
	}
	require.FailNow(t, "the child did not print "+part, all.String())
	return ""
}

func TestRunDrainsOnASignal(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		c := startChild(t, "stdin")
		send(t, c.address, request("GET", "/work", ""))
		require.NoError(t, c.Process.Signal(sig))
		c.waitFor(t, "shutting down")
		require.NoError(t, c.stdin.Close())
		c.waitFor(t, "task done")
		c.waitFor(t, "shut down")
		require.NoError(t, c.Wait())
	}
}

func TestRunEndsAtOnceOnASecondSignal(t *testing.T) {
	c := startChild(t, "cancel")
	send(t, c.address, request("GET", "/work", ""))
	c.waitFor(t, "task started")
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	c.waitFor(t, "shutting down")
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	exit, ok := errors.AsType[*exec.ExitError](c.Wait())
	require.True(t, ok)
	status := exit.Sys().(syscall.WaitStatus)
	assert.True(t, status.Signaled())
	assert.Equal(t, syscall.SIGTERM, status.Signal())
}

// A service that ends by itself, and not by a signal, loses no work either.
func TestRunDrainsWhenShutdownIsCalledElsewhere(t *testing.T) {
	log := make(logLines, 100)
	release, ended := make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	app.Get("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("ok", background.Func("slow", func(context.Context) error {
			<-release
			close(ended)
			return nil
		})), nil
	})
	ran := make(chan error, 1)
	go func() { ran <- app.Run("127.0.0.1:0") }()
	_, address, _ := strings.Cut(log.waitFor(t, "address="), "address=")
	send(t, address, request("GET", "/work", ""))

	shut := make(chan error, 1)
	go func() { shut <- app.Shutdown(context.Background()) }()
	log.waitFor(t, "shutting down") // Run does so, too
	close(release)
	require.NoError(t, await(t, shut, "the shutdown"))
	require.NoError(t, await(t, ran, "Run"))
	await(t, ended, "the task")
}

func TestRunReportsAnAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	err = velithon.New(velithon.Options{Logger: quiet}).Run(listener.Addr().String())
	require.ErrorContains(t, err, "velithon: listen tcp "+listener.Addr().String()+": bind: address already in use")
}

func TestNewRefusesBadOptions(t *testing.T) {
	require.PanicsWithError(t, "velithon: Options.BodyLimit is negative: use 0 for the default",
		func() { velithon.New(velithon.Options{BodyLimit: -1}) })
}

func TestShutdownEndsStreamsThatLookAtTheirContext(t *testing.T) {
	ran := make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/events", func(ctx context.Context, _ struct{}) (*responses.EventStreamResponse, error) {
		response := responses.EventStream(func(events *responses.EventWriter) error {
			if err := events.Send(responses.Event{Data: "hello"}); err != nil {
				return err
			}
			<-ctx.Done()
			return events.Send(responses.Event{Data: "bye"})
		})
		response.Background = background.Func("count", func(context.Context) error {
			close(ran)
			return nil
		})
		return response, nil
	})
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/events", ""))
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	first := make([]byte, len("data: hello\n\n"))
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)

	shutdown(t, app)
	rest, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "data: hello\n\ndata: bye\n\n", string(first)+string(rest))
	await(t, ran, "the task of the stream")
}
