package otel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/otel"
)

const (
	parentSpan = "00f067aa0ba902b7"
	parent     = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + parentSpan + "-01"
)

type withID struct {
	ID string `path:"id"`
}

func TestASpanOfARequest(t *testing.T) {
	tracers, recorder := newTracers()
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	var inHandler trace.SpanContext
	var member string
	app.Get("/orders/{id}", func(ctx context.Context, in withID) (string, error) {
		inHandler = trace.SpanContextFromContext(ctx)
		member = baggage.FromContext(ctx).Member("tenant").Value()
		return in.ID, nil
	})
	url, shutdown := serve(t, app)
	require.Equal(t, 200, do(t, "GET", url+"/orders/7?token=secret", "",
		"traceparent", parent, "tracestate", "a=b", "baggage", "other=1", "baggage", "tenant=ada", "User-Agent", "curl/8").StatusCode)
	shutdown()

	require.Len(t, recorder.Ended(), 1)
	span := recorder.Ended()[0]
	assert.Equal(t, "GET /orders/{id}", span.Name())
	assert.Equal(t, trace.SpanKindServer, span.SpanKind())
	assert.Equal(t, inHandler, span.SpanContext())
	assert.Equal(t, "ada", member)
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", span.SpanContext().TraceID().String())
	assert.Equal(t, parentSpan, span.Parent().SpanID().String())
	assert.Equal(t, "a=b", span.SpanContext().TraceState().String())
	assert.Equal(t, codes.Unset, span.Status().Code)
	got := attributes(span)
	assert.NotZero(t, got["network.peer.port"])
	assert.NotZero(t, got["server.port"])
	delete(got, "network.peer.port")
	delete(got, "server.port")
	assert.Equal(t, map[string]any{
		"http.request.method": "GET", "url.path": "/orders/7", "url.scheme": "http", "http.route": "/orders/{id}",
		"http.response.status_code": int64(200), "server.address": "127.0.0.1", "user_agent.original": "curl/8",
		"network.peer.address": "127.0.0.1", "network.protocol.version": "1.1",
	}, got)
}

// What each kind of answer leaves in a span and in the metric, and that each request has
// just one span.
func TestOutcomes(t *testing.T) {
	tracers, recorder := newTracers()
	reader := sdkmetric.NewManualReader()
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			switch string(raw.Path()) {
			case "/middleware":
				panic(io.ErrUnexpectedEOF)
			case "/exit":
				runtime.Goexit()
			case "/timeout-error":
				raw.TimeoutError("late")
				return
			}
			next(raw)
		}
	})
	app.Get("/fails", func(context.Context, struct{}) (string, error) { return "", io.ErrUnexpectedEOF })
	app.Get("/panics", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	app.Get("/busy", func(context.Context, struct{}) (string, error) { return "", responses.NewProblem(503, "busy") })
	app.Get("/hostile", func(context.Context, struct{}) (string, error) { return "", hostile{} })
	release := make(chan struct{})
	app.Get("/slow", func(context.Context, struct{}) (string, error) { <-release; return "", nil }, routing.Timeout(10*time.Millisecond))
	url, shutdown := serve(t, app)

	want := map[string]struct {
		status    int
		exception string // its type
	}{
		"GET":          {404, ""},
		"GET /fails":   {500, "*errors.errorString"},
		"GET /panics":  {500, "*background.PanicError"},
		"GET /busy":    {503, "*responses.Problem"},
		"GET /hostile": {500, "github.com/velithon-go/velithon/telemetry/otel_test.hostile"},
		"GET /slow":    {503, ""},
	}
	for name, w := range want {
		_, path, _ := strings.Cut(name, " ")
		require.Equal(t, w.status, do(t, "GET", url+path, "").StatusCode, name)
	}
	require.Equal(t, 500, do(t, "POST", url+"/middleware", "").StatusCode)
	require.Equal(t, 408, do(t, "PUT", url+"/timeout-error", "").StatusCode)
	require.Equal(t, 404, do(t, "BREW", url+"/pot", "").StatusCode)
	_, err := http.Head(url + "/exit")
	require.Error(t, err, "the connection is closed")
	close(release)
	shutdown()
	want["POST"] = struct {
		status    int
		exception string
	}{500, "*background.PanicError"}
	want["PUT"] = struct {
		status    int
		exception string
	}{408, ""}
	want["HTTP"] = struct {
		status    int
		exception string
	}{404, ""}
	want["HEAD"] = struct {
		status    int
		exception string
	}{500, ""}

	spans := recorder.Ended()
	require.Len(t, spans, len(want))
	for _, span := range spans {
		w, ok := want[span.Name()]
		require.True(t, ok, span.Name())
		delete(want, span.Name())
		got := attributes(span)
		assert.EqualValues(t, w.status, got["http.response.status_code"], span.Name())
		if w.status >= 500 {
			assert.Equal(t, codes.Error, span.Status().Code, span.Name())
			assert.NotEmpty(t, got["error.type"], span.Name())
		} else {
			assert.Equal(t, codes.Unset, span.Status().Code, span.Name())
		}
		if w.exception == "" {
			assert.Empty(t, span.Events(), span.Name())
			continue
		}
		require.Len(t, span.Events(), 1, span.Name())
		event := make(map[string]string)
		for _, kv := range span.Events()[0].Attributes {
			event[string(kv.Key)] = kv.Value.AsString()
		}
		assert.Equal(t, w.exception, event["exception.type"], span.Name())
		assert.NotEmpty(t, event["exception.message"], span.Name())
		if strings.Contains(w.exception, "Panic") {
			assert.Contains(t, event["exception.stacktrace"], "otel_test.go", span.Name())
		}
		if span.Name() == "HTTP" {
			assert.Equal(t, "BREW", got["http.request.method_original"])
		}
	}

	var metrics metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &metrics))
	counts := make(map[string]uint64)
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		if m.Name == "http.server.request.duration" {
			assert.Equal(t, "s", m.Unit)
			for _, point := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				method, _ := point.Attributes.Value("http.request.method")
				route, _ := point.Attributes.Value("http.route")
				status, _ := point.Attributes.Value("http.response.status_code")
				counts[strings.TrimSpace(method.AsString()+" "+route.AsString()+" "+status.String())] += point.Count
			}
		}
	}
	assert.Equal(t, map[string]uint64{
		"GET  404": 1, "GET /fails 500": 1, "GET /panics 500": 1, "GET /busy 503": 1, "GET /hostile 500": 1, "GET /slow 503": 1,
		"POST  500": 1, "PUT  408": 1, "_OTHER  404": 1, "HEAD  500": 1,
	}, counts)
}

// hostile is an error whose method panics.
type hostile struct{}

func (hostile) Error() string { panic("in Error") }

// A text that is not UTF-8 would cost the exporter all the spans of its batch.
func TestTextsAreValid(t *testing.T) {
	tracers, recorder := newTracers()
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	app.Get("/{path:*}", func(context.Context, struct{}) (string, error) { return "", errors.New("a\xffb") })
	url, shutdown := serve(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /a%ff HTTP/1.1\r\nHost: x\r\nUser-Agent: a\xffb\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(conn)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	shutdown()
	require.Len(t, recorder.Ended(), 1)
	span := recorder.Ended()[0]
	assert.Equal(t, "a\uFFFDb", attributes(span)["user_agent.original"])
	require.Len(t, span.Events(), 1)
	for _, kv := range span.Events()[0].Attributes {
		if kv.Key == "exception.message" {
			assert.Equal(t, "a\uFFFDb", kv.Value.AsString())
		}
	}
}

// The span of a stream ends when the last of it was sent.
func TestASpanOfAStream(t *testing.T) {
	tracers, recorder := newTracers()
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	release := make(chan struct{})
	app.Get("/events", func(context.Context, struct{}) (*responses.EventStreamResponse, error) {
		return responses.EventStream(func(events *responses.EventWriter) error {
			if err := events.Send(responses.Event{Data: "first"}); err != nil {
				return err
			}
			<-release
			return events.Send(responses.Event{Data: "last"})
		}), nil
	})
	url, shutdown := serve(t, app)
	response, err := http.Get(url + "/events")
	require.NoError(t, err)
	lines := bufio.NewReader(response.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: first\n", line)
	require.Empty(t, recorder.Ended(), "the stream goes on")
	require.Len(t, recorder.Started(), 1)
	released := time.Now()
	close(release)
	_, err = io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	shutdown()
	require.Len(t, recorder.Ended(), 1)
	assert.False(t, recorder.Ended()[0].EndTime().Before(released))
}

// Requests that no server has made end with the handler.
func TestWithoutServer(t *testing.T) {
	tracers, recorder := newTracers()
	reader := sdkmetric.NewManualReader()
	app := velithon.New(velithon.Options{Logger: quiet})
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	otel.Instrument(app, otel.Options{TracerProvider: tracers, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "", nil })
	raw := new(fasthttp.RequestCtx)
	raw.Request.SetRequestURI("/")
	app.Handler()(raw)
	require.Len(t, recorder.Ended(), 1)
	raw.ResetUserValues()
	require.Len(t, recorder.Ended(), 1, "once")
	var metrics metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &metrics))
	points := metrics.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints
	require.Len(t, points, 1)
	assert.EqualValues(t, 1, points[0].Count)
}

func TestTasks(t *testing.T) {
	tracers, recorder := newTracers()
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	kind := background.Define("try", func(context.Context, int) error { return io.ErrUnexpectedEOF },
		background.Retry{Attempts: 2, Backoff: time.Millisecond})
	var inTask trace.SpanContext
	app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Tasks], error) {
		tasks := &background.Tasks{}
		tasks.Add(kind.Task(1).Named("try 1"),
			background.Func("fine", func(ctx context.Context) error { inTask = trace.SpanContextFromContext(ctx); return nil }),
			background.Func("panics", func(context.Context) error { panic("on purpose") }),
			background.Func("exits", func(context.Context) error { runtime.Goexit(); return nil }))
		return responses.JSON("", tasks), nil
	})
	url, shutdown := serve(t, app)
	do(t, "POST", url+"/", "")
	require.NoError(t, app.Runner().Submit(context.Background(), background.Func("alone", func(context.Context) error { return nil })))
	shutdown()

	var request sdk.ReadOnlySpan
	got := make(map[string]sdk.ReadOnlySpan)
	for _, span := range recorder.Ended() {
		if span.SpanKind() == trace.SpanKindServer {
			request = span
			continue
		}
		a := attributes(span)
		got[a["velithon.task.name"].(string)+" "+a["velithon.task.outcome"].(string)+strings.Repeat("+", int(a["velithon.task.attempt"].(int64)))] = span
	}
	require.NotNil(t, request)
	require.Len(t, got, 6)
	for name, fails := range map[string]bool{"try 1 failed+": true, "try 1 failed++": true, "fine succeeded+": false, "panics panicked+": true, "exits failed+": true, "alone succeeded+": false} {
		span := got[name]
		require.NotNil(t, span, name)
		assert.Equal(t, trace.SpanKindConsumer, span.SpanKind(), name)
		assert.NotEqual(t, request.SpanContext().TraceID(), span.SpanContext().TraceID(), name)
		assert.False(t, span.Parent().IsValid(), name)
		if name == "alone succeeded+" {
			assert.Empty(t, span.Links())
		} else {
			require.Len(t, span.Links(), 1, name)
			assert.Equal(t, request.SpanContext(), span.Links()[0].SpanContext, name)
			assert.False(t, span.StartTime().Before(request.EndTime()), "%s: a task begins when the response is sent", name)
		}
		if fails {
			assert.Equal(t, codes.Error, span.Status().Code, name)
			assert.Len(t, span.Events(), 1, name)
			assert.NotEmpty(t, attributes(span)["error.type"], name)
		} else {
			assert.Equal(t, codes.Unset, span.Status().Code, name)
			assert.Empty(t, span.Events(), name)
		}
	}
	assert.Equal(t, "try", got["try 1 failed+"].Name())
	assert.Equal(t, "try", attributes(got["try 1 failed+"])["velithon.task.kind"])
	assert.Equal(t, got["fine succeeded+"].SpanContext(), inTask)
}

// shelf is a store that keeps records as JSON, and works none.
type shelf struct {
	mu      sync.Mutex
	records [][]byte
}

func (*shelf) Holds(kind string) bool { return kind == "stored" }

func (s *shelf) Store(_ context.Context, records []background.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		s.records = append(s.records, text)
	}
	return nil
}

// A stored task keeps the link to its request in its record, and so do tasks that an
// attempt at it stores, with a link to that attempt's.
func TestStoredTasks(t *testing.T) {
	tracers, recorder := newTracers()
	store := &shelf{}
	app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Store: store}})
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	kind := background.Define("stored", func(context.Context, int) error { return nil })
	app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("", kind.Task(1)), nil
	})
	url, shutdown := serve(t, app)
	response := do(t, "POST", url+"/", "", "traceparent", parent, "tracestate", "a=b")
	require.Len(t, store.records, 1)
	var record background.Record
	require.NoError(t, json.Unmarshal(store.records[0], &record))
	assert.Equal(t, response.Header.Get("X-Request-Id"), record.Values[background.RequestID])
	assert.Equal(t, "a=b", record.Values["tracestate"])
	assert.NotEqual(t, parent, record.Values["traceparent"], "the request's own span")

	task, err := kind.Restore(record)
	require.NoError(t, err)
	_, err = app.Runner().Attempt(context.Background(), background.StoredTask{Task: task, Values: record.Values, Attempt: 3})
	require.NoError(t, err)
	shutdown()
	spans := recorder.Ended()
	require.Len(t, spans, 2)
	if spans[0].SpanKind() != trace.SpanKindServer { // it ends when the answer was sent, which may be later
		slices.Reverse(spans)
	}
	require.Len(t, spans[1].Links(), 1)
	link := spans[1].Links()[0].SpanContext
	assert.Equal(t, spans[0].SpanContext().SpanID(), link.SpanID())
	assert.Equal(t, spans[0].SpanContext().TraceID(), link.TraceID())
	assert.EqualValues(t, 3, attributes(spans[1])["velithon.task.attempt"])
}

// Without a tracer the client's trace goes on to the tasks.
func TestWithoutProviders(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{})
	inTask := make(chan trace.SpanContext, 1)
	app.Get("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("", background.Func("look", func(ctx context.Context) error {
			inTask <- trace.SpanContextFromContext(ctx)
			return nil
		})), nil
	})
	url, shutdown := serve(t, app)
	require.Equal(t, 200, do(t, "GET", url+"/", "", "traceparent", parent).StatusCode)
	shutdown()
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", (<-inTask).TraceID().String())
}
