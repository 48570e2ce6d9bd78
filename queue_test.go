package velithon_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A drawer is a queue that keeps the tasks of the kind "durable", and works none.
type drawer struct {
	mu      sync.Mutex // guards what follows
	records []background.Record
	calls   []string
	err     error // of the next Store
	startup error // of Start
}

func (d *drawer) Holds(kind string) bool { return kind == "durable" }

func (d *drawer) Store(_ context.Context, records []background.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.err
	if d.err = nil; err == nil {
		d.records = append(d.records, records...)
	}
	return err
}

func (d *drawer) Start(*background.Runner) error { d.call("start"); return d.startup }

func (d *drawer) Shutdown(context.Context) error { d.call("shutdown"); return nil }

func (d *drawer) call(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, name)
}

func (d *drawer) stored() (arguments []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.records {
		arguments = append(arguments, string(r.Argument))
	}
	return arguments
}

var (
	durable = background.Define("durable", func(context.Context, string) error { panic("it is not run here") })
	fleet   = background.Define("in memory", func(context.Context, string) error { return nil })
)

type kept struct {
	How string `query:"how"`
}

// keep answers with tasks of both kinds.
func (d *drawer) keep(ctx context.Context, in kept) (answer responses.JSONResponse[any, *background.Tasks], err error) {
	tasks := &background.Tasks{}
	tasks.Add(durable.Task("one"), fleet.Task("two"))
	answer = responses.JSON[any](routing.RequestID(ctx), tasks)
	answer.Header = responses.Header{"X-Of-The-Response": {"yes"}}
	switch in.How {
	case "durable":
		answer.Background = &background.Tasks{}
		answer.Background.Add(durable.Task("only"))
	case "error":
		return answer, responses.NewProblem(409, "no")
	case "panic":
		panic("no")
	case "unencodable":
		answer.Content = make(chan int)
	case "wrong":
		tasks.StopOnError = true
	case "noted":
		noted := durable.Task("noted")
		background.OriginOf(ctx).Note(noted, func(context.Context) (bool, error) { return true, nil })
		tasks.Add(noted)
	}
	return answer, nil
}

func (d *drawer) app() *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet, Queue: d})
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.Response.Header.Set("X-Of-The-Middleware", "yes")
			next(raw)
			raw.Response.Header.Set("X-Scheduled", strconv.Itoa(routing.Scheduled(raw)))
		}
	})
	app.Get("/keep", d.keep)
	return app
}

func TestTasksOfAResponseAreStored(t *testing.T) {
	d := new(drawer)
	app := d.app()
	response, _ := send(t, serve(t, app), request("GET", "/keep", "", "X-Request-Id: a-1", "traceparent: 00-abc-def-01", "tracestate: a=b"))
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, "yes", response.Header.Get("X-Of-The-Response"))
	assert.Equal(t, []string{`"one"`}, d.stored(), "before it was answered")
	assert.Equal(t, "2", response.Header.Get("X-Scheduled"))
	assert.Equal(t, map[string]string{"request_id": "a-1", "route": "GET /keep", "traceparent": "00-abc-def-01", "tracestate": "a=b"}, d.records[0].Values)
	shutdown(t, app)
	assert.EqualValues(t, 1, app.Runner().Stats().Succeeded, "the other one ran in memory")
	assert.Equal(t, []string{"start", "shutdown"}, d.calls)
}

func TestWhatIsStoredNeedsNoRunner(t *testing.T) {
	d := new(drawer)
	app := d.app()
	response, _ := send(t, serve(t, app), request("GET", "/keep?how=durable", ""))
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, []string{`"only"`}, d.stored())
	assert.Equal(t, "1", response.Header.Get("X-Scheduled"))
	shutdown(t, app)
	assert.Zero(t, app.Runner().Stats().Accepted)
}

func TestATaskThatWasStoredInATransactionAndIsReturnedIsStoredOnce(t *testing.T) {
	d := new(drawer)
	response, _ := send(t, serve(t, d.app()), request("GET", "/keep?how=noted", ""))
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, []string{`"one"`}, d.stored())
}

func TestAnAnswerThatFailsStoresNothing(t *testing.T) {
	d := new(drawer)
	app := d.app()
	address := serve(t, app)
	for how, status := range map[string]int{"error": 409, "panic": 500, "unencodable": 500, "wrong": 500} {
		response, _ := send(t, address, request("GET", "/keep?how="+how, ""))
		assert.Equal(t, status, response.StatusCode, how)
		assert.Empty(t, d.stored(), how)
	}
	shutdown(t, app)
	assert.Zero(t, app.Runner().Stats().Accepted)
}

func TestAStoreThatFailsIsA503(t *testing.T) {
	d := &drawer{err: errors.New("disk full")}
	app := d.app()
	response, body := send(t, serve(t, app), request("GET", "/keep", ""))
	assert.Equal(t, 503, response.StatusCode)
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the service is busy: try again later"}`, body)
	assert.NotEmpty(t, response.Header.Get("Retry-After"))
	assert.NotEmpty(t, response.Header.Get("X-Request-Id"))
	assert.Equal(t, "yes", response.Header.Get("X-Of-The-Middleware"))
	assert.Empty(t, response.Header.Get("X-Of-The-Response"))
	assert.Equal(t, "0", response.Header.Get("X-Scheduled"))
	shutdown(t, app)
	assert.Zero(t, app.Runner().Stats().Accepted, "nor does the rest run")
	assert.Empty(t, d.stored(), "nor is it tried again")
}

// A field for a queue that was not opened is no queue, and no nil interface either.
func TestANilQueue(t *testing.T) {
	assert.PanicsWithError(t, "velithon: Options.Queue is a nil *velithon_test.drawer: open the queue before, or leave the option out for tasks in memory",
		func() { velithon.New(velithon.Options{Queue: (*drawer)(nil)}) })
}

func TestAQueueThatDoesNotStart(t *testing.T) {
	d := &drawer{startup: errors.New("no such database")}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	app := d.app()
	require.EqualError(t, app.Serve(listener), "velithon: start the queue: no such database")
	_, err = listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	shutdown(t, app)
}

func TestRequestIDOfAStoredTask(t *testing.T) {
	app := new(drawer).app()
	defer shutdown(t, app)
	var ids []string
	kind := background.Define("note", func(ctx context.Context, _ int) error {
		ids = append(ids, routing.RequestID(ctx))
		return nil
	})
	for _, values := range []map[string]string{{background.RequestID: "a-1"}, nil} {
		_, err := app.Runner().Attempt(context.Background(), background.StoredTask{Task: kind.Task(1), Attempt: 1, Values: values})
		require.NoError(t, err)
	}
	assert.True(t, slices.Equal([]string{"a-1", ""}, ids))
}

// stoppedAtTheStart is a queue that is being started when the process is told to stop.
type stoppedAtTheStart struct {
	drawer

	t       *testing.T
	stopped chan struct{}
	stop    func() // closes it
}

func (q *stoppedAtTheStart) Start(*background.Runner) error {
	self, err := os.FindProcess(os.Getpid())
	require.NoError(q.t, err)
	require.NoError(q.t, self.Signal(syscall.SIGTERM))
	<-q.stopped
	return nil
}

func (q *stoppedAtTheStart) Shutdown(context.Context) error { q.stop(); return nil }

func TestRunIsStoppedWhileItsQueueStarts(t *testing.T) {
	q := &stoppedAtTheStart{t: t, stopped: make(chan struct{})}
	q.stop = sync.OnceFunc(func() { close(q.stopped) })
	app := velithon.New(velithon.Options{Logger: quiet, Queue: q})
	require.NoError(t, app.Run("127.0.0.1:0"))
	require.ErrorIs(t, app.Run("127.0.0.1:0"), velithon.ErrClosed, "it was not told to stop")
}
