package health_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/health"
	"github.com/velithon-go/velithon/openapi"
)

var errDown = errors.New("dial tcp 10.0.0.7:5432: connection refused")

// asked is what a probe is answered.
type asked struct {
	status int
	body   struct {
		Status any
		Detail string
		Errors []health.Failure
	}
	header string // Cache-Control
}

func ask(t *testing.T, handler fasthttp.RequestHandler, path string) (a asked) {
	t.Helper()
	raw := new(fasthttp.RequestCtx)
	raw.Request.SetRequestURI(path)
	handler(raw)
	require.NoError(t, json.Unmarshal(raw.Response.Body(), &a.body), string(raw.Response.Body()))
	a.status, a.header = raw.Response.StatusCode(), string(raw.Response.Header.Peek("Cache-Control"))
	return a
}

// newApp returns an app with both endpoints, and its log.
func newApp(t *testing.T, options velithon.Options, checks ...health.Check) (*velithon.App, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	options.Logger = slog.New(slog.NewTextHandler(log, nil))
	app := velithon.New(options)
	app.Get("/livez", health.Live)
	app.Get("/readyz", health.Ready(app, checks...))
	return app, log
}

func TestHealthy(t *testing.T) {
	app, log := newApp(t, velithon.Options{}, health.Check{Name: "database", Run: func(context.Context) error { return nil }})
	handler := app.Handler()
	for path, want := range map[string]string{"/livez": "live", "/readyz": "ready"} {
		got := ask(t, handler, path)
		assert.Equal(t, 200, got.status)
		assert.Equal(t, want, got.body.Status)
		assert.Equal(t, "no-store", got.header)
	}
	assert.Empty(t, log.String())
	require.NoError(t, app.Shutdown(context.Background()))
	assert.Equal(t, 200, ask(t, handler, "/livez").status, "it lives as long as it answers")
}

func TestDraining(t *testing.T) {
	app, _ := newApp(t, velithon.Options{})
	handler := app.Handler()
	require.Equal(t, 200, ask(t, handler, "/readyz").status)
	require.NoError(t, app.Shutdown(context.Background()))
	got := ask(t, handler, "/readyz")
	assert.Equal(t, 503, got.status)
	assert.Equal(t, []health.Failure{{Check: "shutdown", Reason: "failed"}}, got.body.Errors)
	assert.Equal(t, "no-store", got.header)
}

func TestFullRunner(t *testing.T) {
	app, _ := newApp(t, velithon.Options{Runner: background.RunnerOptions{Workers: 1, Queue: 1}})
	handler := app.Handler()
	release := make(chan struct{})
	for range 2 {
		require.Equal(t, 200, ask(t, handler, "/readyz").status)
		require.NoError(t, app.Runner().Submit(context.Background(), background.Func("hold", func(context.Context) error {
			<-release
			return nil
		})))
	}
	got := ask(t, handler, "/readyz")
	assert.Equal(t, 503, got.status)
	assert.Equal(t, []health.Failure{{Check: "runner", Reason: "failed"}}, got.body.Errors)
	close(release)
	require.NoError(t, app.Runner().Idle(context.Background()))
	assert.Equal(t, 200, ask(t, handler, "/readyz").status)
	require.NoError(t, app.Shutdown(context.Background()))
}

// queue is one whose database may be away.
type queue struct{ err error }

func (*queue) Holds(string) bool                                { return false }
func (*queue) Store(context.Context, []background.Record) error { return nil }
func (*queue) Start(*background.Runner) error                   { return nil }
func (*queue) Shutdown(context.Context) error                   { return nil }
func (q *queue) Ping(context.Context) error                     { return q.err }

func TestQueueIsAway(t *testing.T) {
	q := &queue{}
	app, log := newApp(t, velithon.Options{Queue: q})
	handler := app.Handler()
	require.Equal(t, 200, ask(t, handler, "/readyz").status)
	q.err = errDown
	got := ask(t, handler, "/readyz")
	assert.Equal(t, 503, got.status)
	assert.Equal(t, "not ready: queue", got.body.Detail)
	assert.Equal(t, []health.Failure{{Check: "queue", Reason: "failed"}}, got.body.Errors)
	assert.Contains(t, log.String(), errDown.Error())
	require.NoError(t, app.Shutdown(context.Background()))
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		app, log := newApp(t, velithon.Options{},
			health.Check{Name: "fine", Run: func(context.Context) error { return nil }},
			health.Check{Name: "down", Run: func(context.Context) error { return errDown }},
			health.Check{Name: "panics", Run: func(context.Context) error { panic("on purpose") }},
			health.Check{Name: "exits", Run: func(context.Context) error { runtime.Goexit(); return nil }},
			health.Check{Name: "slow", Run: wait},
			health.Check{Name: "slower", Timeout: 3 * time.Second, Run: wait},
			health.Check{Name: "deaf", Timeout: 2 * time.Second, Run: func(context.Context) error { <-release; return nil }},
		)
		handler := app.Handler()
		began := time.Now()
		got := ask(t, handler, "/readyz")
		assert.Equal(t, 3*time.Second, time.Since(began), "all at the same time, each with its own timeout")
		assert.Equal(t, 503, got.status)
		assert.Equal(t, []health.Failure{
			{Check: "down", Reason: "failed"},
			{Check: "panics", Reason: "failed"},
			{Check: "exits", Reason: "failed"},
			{Check: "slow", Reason: "timed out"},
			{Check: "slower", Reason: "timed out"},
			{Check: "deaf", Reason: "timed out"},
		}, got.body.Errors)
		assert.NotContains(t, fmt.Sprint(got), "10.0.0.7", "addresses are nobody's business")
		assert.Contains(t, log.String(), "10.0.0.7")
		assert.Contains(t, log.String(), "panic: on purpose")

		close(release)
		synctest.Wait()
		for _, f := range ask(t, handler, "/readyz").body.Errors {
			assert.NotEqual(t, "deaf", f.Check, "it has returned")
		}
		require.NoError(t, app.Shutdown(context.Background()))
	})
}

// However many ask, a check that hangs has one goroutine.
func TestOneRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, runs := make(chan struct{}), 0
		app, _ := newApp(t, velithon.Options{}, health.Check{Name: "slow", Timeout: time.Minute, Run: func(context.Context) error {
			runs++
			<-release
			return nil
		}})
		handler := app.Handler()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { assert.Equal(t, 200, ask(t, handler, "/readyz").status) })
		}
		synctest.Wait()
		close(release)
		all.Wait()
		assert.Equal(t, 1, runs)
		assert.Equal(t, 200, ask(t, handler, "/readyz").status)
		assert.Equal(t, 2, runs)
		require.NoError(t, app.Shutdown(context.Background()))
	})
}

func TestChecksThatMakeNoSense(t *testing.T) {
	app, _ := newApp(t, velithon.Options{Queue: &queue{}})
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	fine := func(context.Context) error { return nil }
	for want, checks := range map[string][]health.Check{
		"health: a check has no name":                                        {{Run: fine}},
		`health: the check "a" has no function Run`:                          {{Name: "a"}},
		`health: there are two checks "a": give one another name`:            {{Name: "a", Run: fine}, {Name: "a", Run: fine}},
		`health: there are two checks "queue": give one another name`:        {{Name: "queue", Run: fine}},
		`health: there are two checks "runner": give one another name`:       {{Name: "runner", Run: fine}},
		`health: the timeout of the check "a" is -1s: use 0 for the default`: {{Name: "a", Run: fine, Timeout: -time.Second}},
	} {
		assert.PanicsWithValue(t, want, func() { health.Ready(app, checks...) })
	}
}

func TestDescribed(t *testing.T) {
	app, _ := newApp(t, velithon.Options{})
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	text, err := openapi.Document(app.Routes(), openapi.Info{Title: "Health", Version: "1"})
	require.NoError(t, err)
	var document struct {
		Paths map[string]struct {
			Get struct {
				OperationID string
				Responses   map[string]struct {
					Description string
					Content     map[string]any
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &document))
	live, ready := document.Paths["/livez"].Get, document.Paths["/readyz"].Get
	assert.Equal(t, "Live", live.OperationID)
	assert.Contains(t, live.Responses["200"].Content, "application/json")
	assert.NotContains(t, live.Responses, "503")
	assert.Equal(t, "ready", ready.OperationID)
	assert.Contains(t, ready.Responses["200"].Content, "application/json")
	assert.Contains(t, ready.Responses["503"].Content, "application/problem+json")
	assert.Contains(t, ready.Responses["503"].Description, "check has failed")
}
