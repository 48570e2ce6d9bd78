package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/velithon-go/velithon/velithontest"
)

const (
	opsPassword = "Authorization: Basic b3BzOnRoZSBwYXNzd29yZCBvZiBvcHM=" // of config.password
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID      = "00f067aa0ba902b7"
	traceparent = "Traceparent: 00-" + traceID + "-" + spanID + "-01"
)

// A page of another origin reads why it was refused, whoever has refused it, and a preflight
// costs it nothing.
func TestRefusalsAcrossOrigins(t *testing.T) {
	r := start(t, func(c *config) { c.rate = 2 })
	for range 3 {
		preflight := velithontest.Do[any](r.Kit, "OPTIONS", "/api/orders", nil, "Origin: "+page0, "Access-Control-Request-Method: POST")
		require.Equal(t, 204, preflight.Status)
		require.Equal(t, page0, preflight.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), "Authorization")
	}
	ask := func(want int, body any, fields ...string) {
		t.Helper()
		answer := velithontest.Post[order](r.Kit, "/api/orders", body, append(fields, "Origin: "+page0, "Sec-Fetch-Site: cross-site")...)
		require.Equal(t, want, answer.Status, answer.Text)
		require.Equal(t, page0, answer.Header.Get("Access-Control-Allow-Origin"), answer.Text)
		if want == 429 {
			require.NotEmpty(t, answer.Header.Get("Retry-After"))
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		}
	}
	ask(413, strings.Repeat(" ", 65<<10), as(t, "ada@example.org")) // by the server, for this group
	ask(401, twoBooks)
	ask(201, twoBooks, as(t, "ada@example.org"))
	ask(429, twoBooks, as(t, "ada@example.org"))
	ask(401, twoBooks, "X-Forwarded-For: 192.0.2.1") // another client of the proxy
	ask(201, twoBooks, as(t, "ada@example.org"), "X-Forwarded-For: 192.0.2.8, 192.0.2.1")
	ask(429, twoBooks, as(t, "ada@example.org"), "X-Forwarded-For: 192.0.2.9, 192.0.2.1")
	require.Equal(t, 429, velithontest.Get[any](r.Kit, "/ops/metrics", opsPassword).Status)
	require.Equal(t, 200, velithontest.Get[any](r.Kit, "/livez").Status)
	require.Len(t, r.Wait(), 4)

	evil := velithontest.Post[order](r.Kit, "/api/orders", twoBooks, as(t, "ada@example.org"), "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	require.Equal(t, 403, evil.Status)
	require.Len(t, r.log.records(t, "request"), 3+6+3, "but for what the server has refused")
}

func TestThePage(t *testing.T) {
	r := start(t, nil)
	answer := velithontest.Get[any](r.Kit, "/")
	require.Equal(t, 200, answer.Status)
	require.Equal(t, "default-src 'self'", answer.Header.Get("Content-Security-Policy"))
	require.Contains(t, answer.Text, `src="shop.js"`)
	require.Equal(t, 200, velithontest.Get[any](r.Kit, "/shop.js").Status)
	require.Equal(t, 304, velithontest.Get[any](r.Kit, "/shop.js", "If-Modified-Since: "+velithontest.Get[any](r.Kit, "/shop.js").Header.Get("Last-Modified")).Status)
	require.Equal(t, 404, velithontest.Get[any](r.Kit, "/main.go").Status)
	require.Equal(t, 400, velithontest.Get[any](r.Kit, "/../main.go").Status)

	plain := velithontest.Get[any](r.Kit, "/openapi.json")
	packed := velithontest.Get[any](r.Kit, "/openapi.json", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
	require.Less(t, len(packed.Text), len(plain.Text)/2)
}

func TestMetrics(t *testing.T) {
	r := start(t, nil)
	r.order(t)
	require.Len(t, r.Wait(), 2)
	require.Equal(t, 404, velithontest.Get[any](r.Kit, "/nowhere").Status)

	answer := velithontest.Get[any](r.Kit, "/ops/metrics", opsPassword)
	require.Equal(t, 200, answer.Status)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(answer.Text))
	require.NoError(t, err)
	find := func(name string, labels ...string) *dto.Metric {
		t.Helper()
		for _, metric := range families[name].GetMetric() {
			var has []string
			for _, label := range metric.GetLabel() {
				has = append(has, label.GetName()+"="+label.GetValue())
			}
			if strings.Join(has, " ") == strings.Join(labels, " ") {
				return metric
			}
		}
		require.FailNow(t, "there is no such metric", "%s %v in %v", name, labels, families[name])
		return nil
	}
	for _, kind := range []string{"mail", "invoice"} {
		require.EqualValues(t, 1, find("velithon_tasks_total", "kind="+kind, "outcome=succeeded", "queue=durable").GetCounter().GetValue())
	}
	const requests = "http_server_request_duration_seconds"
	require.EqualValues(t, 1, find(requests, "http_request_method=POST", "http_response_status_code=201", "http_route=/api/orders").GetHistogram().GetSampleCount())
	require.EqualValues(t, 1, find(requests, "http_request_method=GET", "http_response_status_code=404", "http_route=/{path:*}").GetHistogram().GetSampleCount())
	require.EqualValues(t, 1, find("velithon_queue_up").GetGauge().GetValue())
	require.Contains(t, velithontest.Get[any](r.Kit, "/ops/debug/vars", opsPassword).Text, `"memstats"`)
}

// What a request and its tasks have done is in one place for who looks for it by the trace
// of the page, or by a line of the log.
func TestATrace(t *testing.T) {
	r := start(t, nil)
	r.order(t, traceparent, "X-Request-Id: r-1")
	require.Len(t, r.Wait(), 2)
	velithontest.Get[page](r.Kit, "/api/products") // sends no trace
	require.NoError(t, r.app.Shutdown(context.Background()))

	spans := make(map[string]tracetest.SpanStub)
	for _, span := range r.spans.GetSpans() {
		spans[span.Name] = span
	}
	placed := spans["POST /api/orders"]
	require.Equal(t, traceID, placed.SpanContext.TraceID().String())
	for _, kind := range []string{"mail", "invoice"} {
		require.Len(t, spans[kind].Links, 1, kind)
		require.Equal(t, placed.SpanContext.SpanID(), spans[kind].Links[0].SpanContext.SpanID(), kind)
	}
	records := r.log.records(t, "request")
	require.Equal(t, traceID, records[0]["trace_id"])
	require.Equal(t, "r-1", records[0]["request_id"])
	require.Equal(t, spans["GET /api/products"].SpanContext.TraceID().String(), records[1]["trace_id"])
}

// Whoever sends the requests is told that there are to be no more, while those that have
// begun are answered.
func TestNotReadyWhileDraining(t *testing.T) {
	r := start(t, nil)
	require.Equal(t, 200, velithontest.Get[any](r.Kit, "/readyz").Status)
	client, server := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- r.app.ServeConn(server) }()
	_, err := io.WriteString(client, "GET /readyz HTTP/1.1\r\n")
	require.NoError(t, err)
	shut := make(chan error, 1)
	go func() { shut <- r.app.Shutdown(context.Background()) }()
	for !r.app.Draining() {
		runtime.Gosched()
	}
	_, err = io.WriteString(client, "Host: shop.example\r\n\r\n")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(client), nil)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, 503, answer.StatusCode)
	require.Contains(t, string(text), `{"check":"shutdown","reason":"failed"}`)
	require.True(t, answer.Close)
	require.NoError(t, <-shut)
	require.NoError(t, <-served)
}
