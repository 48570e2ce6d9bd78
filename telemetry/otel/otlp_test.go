package otel_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/otel"
)

// A receiver takes traces and metrics by OTLP over HTTP, as a collector does.
type receiver struct {
	mu      sync.Mutex
	spans   []*v1.Span
	scopes  []string
	metrics map[string]uint64 // how many durations each histogram has
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil && request.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	if err == nil {
		switch request.URL.Path {
		case "/v1/traces":
			err = r.takeTraces(body)
		case "/v1/metrics":
			err = r.takeMetrics(body)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *receiver) takeTraces(body []byte) error {
	var message collectortrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &message); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range message.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			r.scopes = append(r.scopes, scope.GetScope().GetName()+" "+scope.GetSchemaUrl())
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return nil
}

func (r *receiver) takeMetrics(body []byte) error {
	var message collectormetrics.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &message); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics = make(map[string]uint64)
	for _, resource := range message.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				for _, point := range metric.GetHistogram().GetDataPoints() {
					r.metrics[metric.GetName()] += point.GetCount()
				}
			}
		}
	}
	return nil
}

type order struct {
	Item string `json:"item" validate:"required"`
}

// One order with two tasks, as a collector gets it.
func TestAnOrderReachesACollector(t *testing.T) {
	collector := &receiver{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: collector, ReadHeaderTimeout: patience}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })

	ctx := context.Background()
	endpoint := "http://" + listener.Addr().String()
	spanExporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	require.NoError(t, err)
	metricExporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(endpoint+"/v1/metrics"))
	require.NoError(t, err)
	tracers := sdk.NewTracerProvider(sdk.WithBatcher(spanExporter))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter)))

	app := velithon.New(velithon.Options{Logger: quiet})
	otel.Instrument(app, otel.Options{TracerProvider: tracers, MeterProvider: meters})
	const mailTakes = 30 * time.Millisecond
	mail := background.Define("mail", func(context.Context, string) error { time.Sleep(mailTakes); return nil })
	inventory := background.Define("inventory", func(context.Context, string) error { return io.ErrUnexpectedEOF })
	app.Post("/orders", func(_ context.Context, in order) (responses.JSONResponse[order, *background.Tasks], error) {
		tasks := &background.Tasks{}
		tasks.Add(mail.Task(in.Item), inventory.Task(in.Item))
		return responses.JSON(in, tasks), nil
	}, routing.Status(201))
	url, shutdown := serve(t, app)
	began := time.Now()
	require.Equal(t, 201, do(t, "POST", url+"/orders", `{"item":"book"}`, "Content-Type", "application/json", "traceparent", parent).StatusCode)
	shutdown()
	ended := time.Now()
	require.NoError(t, tracers.Shutdown(ctx))
	require.NoError(t, meters.Shutdown(ctx))

	collector.mu.Lock()
	defer collector.mu.Unlock()
	spans := make(map[string]*v1.Span)
	for _, span := range collector.spans {
		spans[span.GetName()] = span
		assert.GreaterOrEqual(t, span.GetStartTimeUnixNano(), uint64(began.UnixNano()))
		assert.Greater(t, span.GetEndTimeUnixNano(), span.GetStartTimeUnixNano())
		assert.LessOrEqual(t, span.GetEndTimeUnixNano(), uint64(ended.UnixNano()))
	}
	require.Len(t, spans, 3)
	request := spans["POST /orders"]
	require.NotNil(t, request)
	assert.Equal(t, v1.Span_SPAN_KIND_SERVER, request.GetKind())
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", hex.EncodeToString(request.GetTraceId()))
	assert.Equal(t, parentSpan, hex.EncodeToString(request.GetParentSpanId()))
	for _, name := range []string{"mail", "inventory"} {
		span := spans[name]
		require.NotNil(t, span, name)
		assert.NotEqual(t, request.GetTraceId(), span.GetTraceId())
		assert.Empty(t, span.GetParentSpanId())
		require.Len(t, span.GetLinks(), 1)
		assert.Equal(t, request.GetTraceId(), span.GetLinks()[0].GetTraceId())
		assert.Equal(t, request.GetSpanId(), span.GetLinks()[0].GetSpanId())
		assert.GreaterOrEqual(t, span.GetStartTimeUnixNano(), request.GetEndTimeUnixNano(), "%s begins when the answer is sent", name)
	}
	mailed := spans["mail"]
	assert.GreaterOrEqual(t, mailed.GetEndTimeUnixNano()-mailed.GetStartTimeUnixNano(), uint64(mailTakes))
	assert.Equal(t, v1.Status_STATUS_CODE_ERROR, spans["inventory"].GetStatus().GetCode())
	assert.Equal(t, io.ErrUnexpectedEOF.Error(), spans["inventory"].GetStatus().GetMessage())
	for _, scope := range collector.scopes {
		assert.True(t, strings.HasPrefix(scope, "github.com/velithon-go/velithon/telemetry/otel https://opentelemetry.io/schemas/1."), scope)
	}
	assert.Equal(t, map[string]uint64{"http.server.request.duration": 1, "velithon.task.duration": 2}, collector.metrics)
}
