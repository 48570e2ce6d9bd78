package velithon_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// A recordingListener notes in a journal what is written to its connections.
type recordingListener struct {
	net.Listener
	journal *journal
}

func (l recordingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{conn, l.journal}, nil
}

type recordingConn struct {
	net.Conn
	journal *journal
}

// Write notes each response by its body, after it was written: "sent a".
func (c *recordingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	for part := range strings.SplitSeq(string(p[:n]), "HTTP/1.1 200 OK") {
		if _, body, ok := strings.Cut(part, "\r\n\r\n"); ok {
			c.journal.add("sent " + body)
		}
	}
	return n, err
}

type named struct {
	Name string `query:"name" validate:"required"`
}

// newTaskApp answers each request with its name and a task that notes it.
func newTaskApp(j *journal, ran chan<- string) *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/work", func(_ context.Context, in named) (responses.TextResponse, error) {
		response := responses.Text(in.Name)
		response.Background = background.Func(in.Name, func(context.Context) error {
			j.add("task " + in.Name)
			ran <- in.Name
			return nil
		})
		return response, nil
	})
	return app
}

func serveRecorded(t *testing.T, app *velithon.App, j *journal) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, app, recordingListener{listener, j})
	return listener.Addr().String()
}

// rounds is how often a test of an order repeats it: a wrong order shows in a
// part of the runs only.
const rounds = 200

func TestTaskStartsAfterTheResponseIsWritten(t *testing.T) {
	j, ran := &journal{}, make(chan string, 1)
	address := serveRecorded(t, newTaskApp(j, ran), j)
	for i := range rounds {
		name := "n" + itoa(i)
		_, body := send(t, address, request("GET", "/work?name="+name, ""))
		require.Equal(t, name, body)
		await(t, ran, "the task")
	}
	for i, event := range j.all() {
		want := "sent n" + itoa(i/2)
		if i%2 == 1 {
			want = "task n" + itoa(i/2)
		}
		require.Equal(t, want, event)
	}
}

func TestTaskStartsAfterItsResponseOfPipelinedRequests(t *testing.T) {
	j, ran := &journal{}, make(chan string, 3)
	address := serveRecorded(t, newTaskApp(j, ran), j)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	for i := range rounds {
		names := []string{"a" + itoa(i), "b" + itoa(i), "c" + itoa(i)}
		var pipeline string
		for _, name := range names {
			pipeline += request("GET", "/work?name="+name, "")
		}
		_, err := io.WriteString(conn, pipeline)
		require.NoError(t, err)
		for _, name := range names {
			_, body := receive(t, reader)
			require.Equal(t, name, body)
		}
		for range names {
			await(t, ran, "a task")
		}
		events := j.all()[6*i:]
		require.Len(t, events, 6)
		for _, name := range names {
			require.Less(t, indexOf(events, "sent "+name), indexOf(events, "task "+name), "%v", events)
		}
	}
}

func indexOf(events []string, event string) int {
	for i, e := range events {
		if e == event {
			return i
		}
	}
	return len(events)
}

func TestTaskRunsWhenTheClientIsGone(t *testing.T) {
	entered, leave, ran := make(chan struct{}), make(chan struct{}), make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		close(entered)
		<-leave
		return responses.JSON("x", background.Func("audit", func(context.Context) error {
			close(ran)
			return nil
		})), nil
	})
	conn := dial(t, serve(t, app))
	_, err := io.WriteString(conn, request("GET", "/work", ""))
	require.NoError(t, err)
	await(t, entered, "the handler")
	require.NoError(t, conn.SetLinger(0)) // close with a reset
	require.NoError(t, conn.Close())
	close(leave)
	await(t, ran, "the task of a client that is gone")
}

func TestTaskOfAProblemRuns(t *testing.T) {
	ran := make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/work", func(context.Context, struct{}) (string, error) {
		return "", responses.NewProblem(409, "sold out").WithBackground(background.Func("audit", func(context.Context) error {
			close(ran)
			return nil
		}))
	})
	response, body := send(t, serve(t, app), request("GET", "/work", ""))
	assert.Equal(t, 409, response.StatusCode)
	assert.JSONEq(t, `{"title":"Conflict","status":409,"detail":"sold out"}`, body)
	await(t, ran, "the task of a problem")
}

func TestTaskOfAStreamStartsAfterItsEnd(t *testing.T) {
	j, ran := &journal{}, make(chan struct{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/stream", func(ctx context.Context, _ struct{}) (*responses.StreamResponse, error) {
		response := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			for _, part := range []string{"one ", "two"} {
				if _, err := w.WriteString(part); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			j.add("stream")
			return ctx.Err() // the request has not ended yet
		})
		response.Background = background.Func("count", func(context.Context) error {
			j.add("task")
			close(ran)
			return nil
		})
		return response, nil
	})
	_, body := send(t, serve(t, app), request("GET", "/stream", ""))
	assert.Equal(t, "one two", body)
	await(t, ran, "the task")
	assert.Equal(t, []string{"stream", "task"}, j.all())
}

func TestTaskOfAPanicDoesNotRun(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/panic", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	address := serve(t, app)
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	for range 2 { // the connection goes on
		_, err := io.WriteString(conn, request("GET", "/panic", ""))
		require.NoError(t, err)
		response, body := receive(t, reader)
		assert.Equal(t, 500, response.StatusCode)
		assert.JSONEq(t, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`, body)
	}
	require.NoError(t, conn.Close())
	shutdown(t, app)
	assert.Zero(t, app.Runner().Stats().Accepted)
}

func TestWorkOfAResponseThatCanNotBeEncodedDoesNotRun(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/bad", func(context.Context, struct{}) (responses.JSONResponse[any, *background.Task], error) {
		return responses.JSON[any](make(chan int), background.Func("never", func(context.Context) error { return nil })), nil
	})
	response, _ := send(t, serve(t, app), request("GET", "/bad", ""))
	assert.Equal(t, 500, response.StatusCode)
	shutdown(t, app)
	assert.Zero(t, app.Runner().Stats().Accepted)
}

// newFullApp has a runner with one worker and room for one more task. Each
// request adds a task that waits for release.
func newFullApp(overflow background.Overflow, release <-chan struct{}, started chan<- string) *velithon.App {
	app := velithon.New(velithon.Options{
		Logger: quiet,
		Runner: background.RunnerOptions{Workers: 1, Queue: 1, Overflow: overflow},
	})
	app.Get("/work", func(_ context.Context, in named) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON(in.Name, background.Func(in.Name, func(context.Context) error {
			started <- in.Name
			<-release
			return nil
		})), nil
	})
	return app
}

func TestRejectAnswers503AtTheBound(t *testing.T) {
	release, started := make(chan struct{}), make(chan string, 3)
	app := newFullApp(background.Reject, release, started)
	address := serve(t, app)
	response, _ := send(t, address, request("GET", "/work?name=runs", ""))
	assert.Equal(t, 200, response.StatusCode)
	await(t, started, "the first task")
	response, _ = send(t, address, request("GET", "/work?name=waits", ""))
	assert.Equal(t, 200, response.StatusCode)

	response, body := send(t, address, request("GET", "/work?name=refused", ""))
	assert.Equal(t, 503, response.StatusCode)
	assert.Contains(t, []string{"1", "2", "3", "4", "5"}, response.Header.Get("Retry-After"))
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the service is busy: try again later"}`, body)

	close(release)
	shutdown(t, app)
	stats := app.Runner().Stats()
	assert.EqualValues(t, 2, stats.Succeeded)
	assert.EqualValues(t, 1, stats.Rejected)
}

func TestBlockMakesOnlyTheSchedulingConnectionWait(t *testing.T) {
	release, started := make(chan struct{}), make(chan string, 3)
	app := newFullApp(background.Block, release, started)
	app.Get("/free", func(context.Context, struct{}) (string, error) { return "free", nil })
	address := serve(t, app)
	send(t, address, request("GET", "/work?name=runs", ""))
	await(t, started, "the first task")
	send(t, address, request("GET", "/work?name=waits", ""))

	// The third one is answered, but its connection has to wait.
	flood := dial(t, address)
	reader := bufio.NewReader(flood)
	_, err := io.WriteString(flood, request("GET", "/work?name=blocks", ""))
	require.NoError(t, err)
	_, body := receive(t, reader)
	assert.Equal(t, `"blocks"`, body)
	_, err = io.WriteString(flood, request("GET", "/free", ""))
	require.NoError(t, err)

	// Others do not.
	_, body = send(t, address, request("GET", "/free", ""))
	assert.Equal(t, `"free"`, body)
	assert.Zero(t, reader.Buffered())

	close(release)
	_, body = receive(t, reader)
	assert.Equal(t, `"free"`, body)
	require.NoError(t, flood.Close())
	shutdown(t, app)
	assert.EqualValues(t, 3, app.Runner().Stats().Succeeded)
}

// Work goes with the response of the handler: where another one is sent in its
// place it is not run, and the log names it.
func TestTheWorkOfAResponseThatIsNotWritten(t *testing.T) {
	var log logBuffer
	ran := make(chan string, 1)
	work := background.Func("the work", func(context.Context) error { ran <- "ran"; return nil })
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	file := func(path string) func(context.Context, struct{}) (responses.FileResponse, error) {
		return func(context.Context, struct{}) (responses.FileResponse, error) {
			return responses.FileResponse{Path: path, Header: responses.Header{"ETag": {`"1"`}}, Background: work}, nil
		}
	}
	app.Get("/file", file("afterresponse_test.go"))
	app.Get("/missing", file("no such file"))
	app.Get("/nan", func(context.Context, struct{}) (responses.JSONResponse[float64, *background.Task], error) {
		return responses.JSON(math.NaN(), work), nil
	})
	app.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		stream := responses.Stream("", func(*responses.StreamWriter) error { return nil })
		stream.Background = work
		return stream, nil
	})
	address := serve(t, app)
	for i, test := range []struct {
		send   string
		status int
	}{
		{request("GET", "/nan", ""), 500},
		{request("GET", "/missing", ""), 404},
		{request("GET", "/file", "", `If-Match: "2"`), 412},
		{request("GET", "/file", "", "Range: bytes=1000000-"), 416},
		{"GET /stream HTTP/1.0\r\n\r\n", 505},
	} {
		response, _ := send(t, address, test.send)
		assert.Equal(t, test.status, response.StatusCode)
		assert.Equal(t, i+1, strings.Count(log.String(), `tasks="[the work]"`), test.status)
	}
	assert.Zero(t, app.Runner().Stats().Accepted)
	response, _ := send(t, address, request("GET", "/file", "", `If-None-Match: "1"`))
	assert.Equal(t, 304, response.StatusCode)
	await(t, ran, "the work of a 304")
}
