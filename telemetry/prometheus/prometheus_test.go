package prometheus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

type order struct {
	Item string `json:"item" validate:"required"`
}

const requests = "http_server_request_duration_seconds"

type withID struct {
	ID string `path:"id"`
}

func TestRequests(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	metrics := prometheus.Instrument(app, nil)
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			switch string(raw.Path()) {
			case "/middleware":
				panic("on purpose")
			case "/exit":
				runtime.Goexit()
			}
			next(raw)
		}
	})
	app.Get("/metrics", metrics.Handler)
	app.Get("/orders/{id}", func(_ context.Context, in withID) (string, error) {
		if in.ID == "none" {
			return "", responses.NewProblem(404, "no such order")
		}
		return in.ID, nil
	})
	app.Handle("PURGE", "/orders", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", nil }))
	app.Get("/panics", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	release := make(chan struct{})
	app.Get("/slow", func(context.Context, struct{}) (string, error) { <-release; return "", nil }, routing.Timeout(10*time.Millisecond))
	url := serve(t, app)
	for i := range 3 {
		do(t, "GET", fmt.Sprint(url, "/orders/", i))
	}
	for _, target := range []string{
		"HEAD /orders/1", "GET /orders/none", "PURGE /orders", "PURGE /orders/1", "GET /panics", "GET /slow",
		"GET /a", "GET /b", "BREW /pot", "BOIL /pot", "POST /middleware",
	} {
		method, path, _ := strings.Cut(target, " ")
		do(t, method, url+path)
	}
	close(release)
	_, err := http.Head(url + "/exit")
	require.Error(t, err)
	scrape(t, url)

	assert.Equal(t, map[string]float64{
		"GET 200 /orders/{id}": 3, "HEAD 200 /orders/{id}": 1, "GET 404 /orders/{id}": 1, "PURGE 200 /orders": 1,
		"_OTHER 405 unmatched": 1, "GET 500 /panics": 1, "GET 503 /slow": 1, "GET 404 unmatched": 2, "_OTHER 404 unmatched": 2,
		"POST 500 unmatched": 1, "HEAD 500 unmatched": 1, "GET 200 /metrics": 1,
	}, scrape(t, url).numbers(requests))
}

// A stream counts at its end.
func TestStreams(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/metrics", prometheus.Instrument(app, nil).Handler)
	release := make(chan struct{})
	app.Get("/events", func(context.Context, struct{}) (*responses.EventStreamResponse, error) {
		return responses.EventStream(func(events *responses.EventWriter) error {
			err := events.Send(responses.Event{Data: "first"})
			<-release
			return err
		}), nil
	})
	url := serve(t, app)
	response, err := http.Get(url + "/events")
	require.NoError(t, err)
	began := time.Now()
	lines := bufio.NewReader(response.Body)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Zero(t, scrape(t, url).numbers(requests)["GET 200 /events"])
	least := time.Since(began)
	close(release)
	_, err = io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Eventually(t, func() bool { return scrape(t, url).numbers(requests)["GET 200 /events"] == 1 }, patience, time.Millisecond)
	for _, m := range scrape(t, url)[requests].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetValue() == "/events" {
				assert.GreaterOrEqual(t, m.GetHistogram().GetSampleSum(), least.Seconds())
			}
		}
	}
}

// queue is a store that says its numbers, as a durable queue does, while its database is there.
type queue struct {
	mu   sync.Mutex
	away bool
}

func (*queue) Holds(string) bool                                { return false }
func (*queue) Store(context.Context, []background.Record) error { return nil }

func (q *queue) Kinds(ctx context.Context) ([]background.KindStats, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("a scrape must not hang")
	}
	k := background.KindStats{Kind: "charge", Succeeded: 3, Failed: 2, Panicked: 1, Retried: 4, Queued: 5, Running: 6, Scheduled: 7, Retrying: 8, OldestWaiting: 90 * time.Second}
	k.Durations.Add(time.Second)
	k.Waits.Add(time.Minute)
	if q.away {
		return []background.KindStats{k}, errors.New("the database is away")
	}
	return []background.KindStats{k}, nil
}

func TestTasks(t *testing.T) {
	store := &queue{}
	app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Workers: 1, Queue: 3, Overflow: background.Reject, Store: store}})
	app.Get("/metrics", prometheus.Instrument(app, nil).Handler)
	url := serve(t, app)
	release := make(chan struct{})
	mail := background.Define("mail", func(_ context.Context, what string) error {
		switch what {
		case "hold":
			<-release
		case "panic":
			panic("on purpose")
		}
		return nil
	})
	ctx := context.Background()
	runner := app.Runner()
	require.NoError(t, runner.Submit(ctx, mail.Task("panic")))
	require.NoError(t, runner.Idle(ctx))
	require.NoError(t, runner.Submit(ctx, mail.Task("hold")))
	for range 2 {
		require.NoError(t, runner.Submit(ctx, mail.Task("fine")))
	}
	require.NoError(t, runner.Submit(ctx, background.Func("of no kind", func(context.Context) error { return nil })))
	require.ErrorIs(t, runner.Submit(ctx, mail.Task("fine")), background.ErrFull)

	got := scrape(t, url)
	assert.Equal(t, map[string]float64{"mail": 1, "none": 0}, got.numbers("velithon_tasks_rejected_total"))
	assert.Equal(t, map[string]float64{"": 1}, got.numbers("velithon_runner_full"))
	assert.Equal(t, map[string]float64{"": 0}, got.numbers("velithon_submitters_blocked"))
	assert.Equal(t, map[string]float64{"": 1}, got.numbers("velithon_queue_up"))
	assert.Equal(t, map[string]float64{"charge durable": 90}, durable(got.numbers("velithon_task_oldest_waiting_seconds")))
	assert.Positive(t, got.numbers("velithon_task_oldest_waiting_seconds")["mail memory"])
	now := got.numbers("velithon_tasks")
	for labels, n := range map[string]float64{
		"mail memory queued": 2, "mail memory running": 1, "none memory queued": 1, "none memory running": 0,
		"charge durable queued": 5, "charge durable running": 6, "charge durable scheduled": 7, "charge durable retrying": 8, "charge durable limited": 0,
	} {
		assert.Contains(t, now, labels)
		assert.InDelta(t, n, now[labels], 0, labels)
	}
	close(release)
	require.NoError(t, runner.Idle(ctx))
	got = scrape(t, url)
	assert.Equal(t, map[string]float64{
		"mail succeeded memory": 3, "mail failed memory": 1, "mail skipped memory": 0, "mail abandoned memory": 0,
		"none succeeded memory": 1, "none failed memory": 0, "none skipped memory": 0, "none abandoned memory": 0,
		"charge succeeded durable": 3, "charge failed durable": 2, "charge skipped durable": 0, "charge abandoned durable": 0,
	}, got.numbers("velithon_tasks_total"))
	assert.Equal(t, map[string]float64{"mail memory": 1, "none memory": 0, "charge durable": 1}, got.numbers("velithon_task_panics_total"))
	assert.Equal(t, map[string]float64{"mail memory": 0, "none memory": 0, "charge durable": 4}, got.numbers("velithon_task_retries_total"))
	assert.Equal(t, map[string]float64{"mail memory": 4, "charge durable": 1}, got.numbers("velithon_task_wait_seconds"))
	assert.Equal(t, map[string]float64{"mail memory": 4, "charge durable": 1}, got.numbers("velithon_task_duration_seconds"))
	for _, m := range got["velithon_task_duration_seconds"].GetMetric() {
		if m.GetLabel()[0].GetValue() != "charge" {
			continue
		}
		assert.InDelta(t, 1, m.GetHistogram().GetSampleSum(), 1e-9)
		for _, b := range m.GetHistogram().GetBucket() {
			want := uint64(0)
			if b.GetUpperBound() > 1 {
				want = 1
			}
			assert.Equal(t, want, b.GetCumulativeCount(), "%g", b.GetUpperBound())
		}
	}

	store.mu.Lock()
	store.away = true
	store.mu.Unlock()
	got = scrape(t, url)
	assert.Equal(t, map[string]float64{"": 0}, got.numbers("velithon_queue_up"))
	assert.NotContains(t, got.numbers("velithon_tasks"), "charge durable queued", "nobody knows")
	assert.InDelta(t, 3, got.numbers("velithon_tasks_total")["charge succeeded durable"], 0)
}

func durable(all map[string]float64) map[string]float64 {
	some := make(map[string]float64)
	for labels, n := range all {
		if strings.HasSuffix(labels, " durable") {
			some[labels] = n
		}
	}
	return some
}

// What promtool would say of the names, and Prometheus of the text.
func TestNames(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Store: &queue{}}})
	metrics := prometheus.Instrument(app, client.NewRegistry())
	app.Get("/metrics", metrics.Handler)
	url := serve(t, app)
	require.NoError(t, app.Runner().Submit(context.Background(), background.Define("mail \"\\\n", func(context.Context, int) error { return nil }).Task(1)))
	require.NoError(t, app.Runner().Idle(context.Background()))
	scrape(t, url)
	_, body, _ := do(t, "GET", url+"/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
	assert.NotContains(t, body, "go_goroutines", "a registry of the service's has what it registered")
	assert.Contains(t, scrape(t, url).numbers("velithon_tasks_total"), "mail \"\\\n succeeded memory")
}

func TestTheServicesOwnMetrics(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	metrics := prometheus.Instrument(app, nil)
	app.Get("/metrics", metrics.Handler)
	orders := client.NewCounter(client.CounterOpts{Name: "orders_total", Help: "Orders."})
	metrics.Registry().MustRegister(orders)
	orders.Inc()
	fails := false
	metrics.Registry().MustRegister(client.CollectorFunc(func(metrics chan<- client.Metric) {
		if fails {
			metrics <- client.NewInvalidMetric(client.NewInvalidDesc(errors.New("on purpose")), errors.New("on purpose"))
		}
	}))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Orders", Version: "1"}})
	url := serve(t, app)
	got := scrape(t, url)
	assert.Equal(t, map[string]float64{"": 1}, got.numbers("orders_total"))
	assert.Contains(t, got, "go_goroutines")
	assert.Contains(t, got, "process_start_time_seconds")
	status, document, _ := do(t, "GET", url+"/openapi.json")
	assert.Equal(t, 200, status)
	assert.Contains(t, document, `"/metrics"`)
	fails = true
	status, body, _ := do(t, "GET", url+"/metrics")
	assert.Equal(t, 500, status)
	assert.NotContains(t, body, "on purpose")
}

// Requests of all kinds at once, while the metrics are read.
func TestAtOnce(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	metrics := prometheus.Instrument(app, nil)
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	app.Get("/{id}", func(_ context.Context, in withID) (string, error) {
		return "", responses.NewProblem(400+len(in.ID), "on purpose")
	})
	handler := app.Handler()
	var all sync.WaitGroup
	const workers, each = 8, 200
	for range workers {
		all.Go(func() {
			for i := range each {
				raw := new(fasthttp.RequestCtx)
				raw.Request.SetRequestURI("/" + strings.Repeat("a", 1+i%20))
				handler(raw)
				if i%50 == 0 {
					_, err := metrics.Handler(context.Background(), struct{}{})
					assert.NoError(t, err)
				}
			}
		})
	}
	all.Wait()
	gathered, err := metrics.Registry().Gather()
	require.NoError(t, err)
	total := uint64(0)
	for _, family := range gathered {
		if family.GetName() == requests {
			require.Len(t, family.GetMetric(), 20)
			for _, m := range family.GetMetric() {
				total += m.GetHistogram().GetSampleCount()
			}
		}
	}
	assert.EqualValues(t, workers*each, total)
}
