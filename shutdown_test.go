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
	"runtime"
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
	"github.com/velithon-go/velithon/routing"
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

// beginShutdown shuts an app down. It returns when each response is the last
// one of its connection.
func beginShutdown(t *testing.T, app *velithon.App, address string) (ended <-chan error) {
	t.Helper()
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	write(t, conn, request("GET", "/nothing", ""))
	receive(t, reader) // so this connection is accepted, and those that were made before
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	err := make(chan error, 1)
	go func() { err <- app.Shutdown(ctx) }()
	for {
		_, err := io.WriteString(conn, request("GET", "/nothing", ""))
		require.NoError(t, err)
		if response, _ := receive(t, reader); response.Close {
			break
		}
	}
	return err
}

// requireLast reads the last response of a connection, and that it is closed
// then.
func requireLast(t *testing.T, reader *bufio.Reader, body string) {
	t.Helper()
	response, got := receive(t, reader)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, body, got)
	require.True(t, response.Close, "Connection: close")
	_, err := reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// newWaitingApp has a route that waits for leave, and one that does not.
func newWaitingApp(entered chan<- string, leave <-chan struct{}, ran chan<- string) *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet, ReadTimeout: time.Hour, IdleTimeout: time.Hour})
	answer := func(_ context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
		entered <- in.Name
		return responses.JSON(in.Name, background.Func(in.Name, func(context.Context) error {
			ran <- in.Name
			return nil
		})), nil
	}
	app.Get("/work", answer)
	app.Post("/work", answer)
	app.Get("/wait", func(ctx context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
		response, err := answer(ctx, in)
		<-leave
		return response, err
	})
	return app
}

// So a request that is on its way when the shutdown begins has its task run, too.
func TestShutdownAnswersOneMoreRequestOfAnIdleConnection(t *testing.T) {
	app := newWaitingApp(make(chan string, 2), nil, make(chan string, 2))
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	_, err := io.WriteString(conn, request("GET", "/work?name=a", ""))
	require.NoError(t, err)
	response, _ := receive(t, reader)
	require.False(t, response.Close)

	ended := beginShutdown(t, app, address)
	_, err = io.WriteString(conn, request("POST", "/work?name=b", ""))
	require.NoError(t, err)
	requireLast(t, reader, `"b"`)
	require.NoError(t, await(t, ended, "the shutdown"))
	assert.EqualValues(t, 2, app.Runner().Stats().Succeeded)
}

// What follows on the response that closes a connection is not processed, as
// RFC 9112 has it: its client may send it again elsewhere.
func TestShutdownBetweenPipelinedRequests(t *testing.T) {
	entered, leave, ran := make(chan string, 4), make(chan struct{}), make(chan string, 4)
	app := newWaitingApp(entered, leave, ran)
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	var pipelined strings.Builder
	for _, target := range []string{"/work?name=a", "/nothing", "/wait?name=b", "/work?name=c", "/work?name=d"} {
		pipelined.WriteString(request("GET", target, ""))
	}
	_, err := io.WriteString(conn, pipelined.String())
	require.NoError(t, err)
	assert.Equal(t, "a", await(t, entered, "the first handler"))
	assert.Equal(t, "b", await(t, entered, "the handler that waits"))

	ended := beginShutdown(t, app, address)
	close(leave)
	response, body := receive(t, reader)
	assert.Equal(t, `"a"`, body)
	assert.False(t, response.Close)
	response, _ = receive(t, reader)
	assert.Equal(t, 404, response.StatusCode)
	assert.False(t, response.Close)
	requireLast(t, reader, `"b"`)

	require.NoError(t, await(t, ended, "the shutdown"))
	assert.Empty(t, entered)
	assert.ElementsMatch(t, []string{"a", "b"}, []string{<-ran, <-ran})
	assert.Empty(t, ran)
}

// A connection that a handler has taken over is not closed with its response.
func TestShutdownLeavesAHijackedConnection(t *testing.T) {
	entered, leave, worked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(ctx context.Context, _ struct{}) (reply responses.JSONResponse[string, *background.Task], err error) {
		close(entered)
		<-leave
		raw, err := routing.RequestCtx(ctx)
		if err != nil {
			return reply, err
		}
		raw.Hijack(func(conn net.Conn) { _, _ = io.WriteString(conn, "taken over") })
		return responses.JSON("yours", background.Func("work", func(context.Context) error {
			close(worked)
			return nil
		})), nil
	})
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	write(t, conn, request("GET", "/", ""))
	await(t, entered, "the handler")
	ended := beginShutdown(t, app, address)
	close(leave)
	_, body := receive(t, reader)
	assert.Equal(t, `"yours"`, body)
	rest, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "taken over", string(rest))
	await(t, worked, "the background work")
	require.NoError(t, await(t, ended, "the shutdown"))
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
		write(t, serveInMemory(t, app).dial(t), request("GET", "/hang", ""))
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
	for _, conn := range conns {
		_ = conn.Close() // a shutdown would wait for its next request
	}
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	c.waitFor(t, "shut down")
	require.NoError(t, c.Wait())
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

// A drain that was cut short is an error, and not told as an end in order.
func TestRunReportsWhatADrainLeft(t *testing.T) {
	log := make(logLines, 100)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil)), ShutdownTimeout: time.Millisecond})
	release := make(chan struct{})
	defer close(release)
	require.NoError(t, app.Runner().Submit(t.Context(), background.Func("deaf", func(context.Context) error { <-release; return nil })))
	ran := make(chan error, 1)
	go func() { ran <- app.Run("127.0.0.1:0") }()
	log.waitFor(t, "listening")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, app.Shutdown(ctx))
	_, ok := errors.AsType[*background.DrainError](await(t, ran, "Run"))
	require.True(t, ok)
	for len(log) > 0 {
		assert.NotContains(t, <-log, "shut down")
	}
}

// What is due later is no failure of a process that was asked to end: it is named in
// the log, and by Shutdown.
func TestRunReturnsNilWhenOnlyLaterTasksAreGivenUp(t *testing.T) {
	log := make(logLines, 100)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	later := background.Func("later", func(context.Context) error { return nil }).After(time.Hour)
	require.NoError(t, app.Runner().Submit(t.Context(), later))
	ran := make(chan error, 1)
	go func() { ran <- app.Run("127.0.0.1:0") }()
	_, address, _ := strings.Cut(log.waitFor(t, "address="), "address=")
	send(t, address, request("GET", "/nowhere", "")) // Shutdown comes after Serve
	require.ErrorIs(t, app.Shutdown(t.Context()), background.ErrDueLater)
	require.NoError(t, await(t, ran, "Run"))
	log.waitFor(t, "tasks=[later]")
	log.waitFor(t, "tasks_succeeded=0 tasks_failed=0 tasks_given_up=1")
}

// panickingLog panics on each record.
type panickingLog struct{ slog.Handler }

func (panickingLog) Enabled(context.Context, slog.Level) bool { return true }

func (panickingLog) Handle(context.Context, slog.Record) error { panic("on purpose") }

func TestRunOutlivesItsLog(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: slog.New(panickingLog{slog.DiscardHandler})})
	require.NoError(t, app.Shutdown(t.Context())) // so that it ends at once
	require.Error(t, app.Run("127.0.0.1:0"))
}

func TestRunReportsAnAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	err = velithon.New(velithon.Options{Logger: quiet}).Run(listener.Addr().String())
	require.ErrorContains(t, err, "velithon: listen tcp "+listener.Addr().String()+": bind: address already in use")
}

func TestNewRefusesBadOptions(t *testing.T) {
	for name, options := range map[string]velithon.Options{
		"BodyLimit":       {BodyLimit: -1},
		"HeaderLimit":     {HeaderLimit: -1},
		"ReadTimeout":     {ReadTimeout: -1},
		"WriteTimeout":    {WriteTimeout: -1},
		"IdleTimeout":     {IdleTimeout: -1},
		"ShutdownTimeout": {ShutdownTimeout: -1},
		"MaxConnections":  {MaxConnections: -1},
	} {
		require.PanicsWithError(t, "velithon: Options."+name+" is negative: use 0 for the default", func() { velithon.New(options) })
	}
}

func TestShutdownEndsStreamsThatLookAtTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		conn := serveInMemory(t, app).dial(t)
		write(t, conn, request("GET", "/events", ""))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer response.Body.Close()
		first := make([]byte, len("data: hello\n\n"))
		_, err = io.ReadFull(response.Body, first)
		require.NoError(t, err)

		ended := make(chan error, 1)
		go func() { ended <- app.Shutdown(t.Context()) }()
		rest, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, "data: hello\n\ndata: bye\n\n", string(first)+string(rest))
		require.NoError(t, <-ended)
		<-ran // the task of the stream
	})
}

func TestDraining(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	held, release := make(chan struct{}), make(chan struct{})
	app.Get("/", func(context.Context, struct{}) (bool, error) {
		close(held)
		<-release
		return app.Draining(), nil
	})
	assert.False(t, app.Draining())
	address := serve(t, app)
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + address + "/")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	await(t, held, "the request")
	assert.False(t, app.Draining())
	ended := make(chan error, 1)
	go func() { ended <- app.Shutdown(context.Background()) }()
	require.Eventually(t, app.Draining, 10*time.Second, time.Millisecond)
	close(release)
	assert.Equal(t, "true", await(t, answer, "the answer"))
	require.NoError(t, await(t, ended, "the shutdown"))
	assert.True(t, app.Draining())
}
