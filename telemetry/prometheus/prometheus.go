// Package prometheus counts an app's requests and its background work for Prometheus.
//
//	metrics := prometheus.Instrument(app, nil)
//	app.Get("/metrics", metrics.Handler)
//
// What it counts has labels with few values: patterns of routes, names of kinds. The names
// of all metrics are in docs/telemetry.md, and dashboard.json, beside this file, is a
// dashboard for Grafana.
package prometheus

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// An App is what can be instrumented, such as a *velithon.App.
type App interface {
	// Use adds middleware.
	Use(middleware ...routing.Middleware)

	// Runner returns the runner of background work.
	Runner() *background.Runner
}

// Metrics are those of an app. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	seconds  *prometheus.HistogramVec
	known    observers
}

// Instrument counts the requests of an app, and has its runner and its durable queue asked
// for their numbers when the metrics are read. It is called before any other Use, so that
// its middleware is the outermost. registry is where the service's own metrics are; it has
// one app. nil means a new one, with those of Go and the process besides.
func Instrument(app App, registry *prometheus.Registry) *Metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	m := &Metrics{registry: registry, seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Time from when a request was read until its handler returned, or its stream has ended.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
	}, []string{"http_request_method", "http_route", "http_response_status_code"})}
	registry.MustRegister(m.seconds, newTasks(app.Runner()))
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) { m.serve(raw, next) }
	})
	return m
}

// Registry returns where the metrics are, for a service's own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler answers with all metrics of the registry, in Prometheus' text format 0.0.4. Let
// nobody but Prometheus reach it: it says much about the service, and asks the database of
// a durable queue each time. If one of the service's collectors fails, it answers 500, which
// the log explains.
func (m *Metrics) Handler(context.Context, struct{}) (responses.BytesResponse, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return responses.BytesResponse{}, fmt.Errorf("prometheus: gather the metrics: %w", err)
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return responses.BytesResponse{}, fmt.Errorf("prometheus: write the metrics: %w", err)
		}
	}
	return responses.Bytes(string(format), text.Bytes()), nil
}

// serve answers a request and counts it.
func (m *Metrics) serve(raw *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	began := raw.Time()
	if began.IsZero() { // no server has read it
		began = time.Now()
	}
	returned := false
	defer func() {
		if !returned { // a middleware further inside has panicked, or ended the goroutine
			m.observe(raw, fasthttp.StatusInternalServerError).Observe(time.Since(began).Seconds())
		}
	}()
	next(raw)
	returned = true
	o := m.observe(raw, routing.SentStatus(raw))
	if raw.Response.IsBodyStream() && raw.LastTimeoutErrorResponse() == nil && !raw.Hijacked() {
		raw.SetUserValue(streamKey{}, &stream{o, began}) // which fasthttp closes at its end
		return
	}
	o.Observe(time.Since(began).Seconds())
}

// streamKey is that of a stream among the user values.
type streamKey struct{}

// A stream is a response that is being sent.
type stream struct {
	observer prometheus.Observer
	began    time.Time
}

// Close counts the request. fasthttp calls it once, when the last of the stream was sent.
func (s *stream) Close() error {
	s.observer.Observe(time.Since(s.began).Seconds())
	return nil
}

// observe returns what counts requests that are answered like this one.
func (m *Metrics) observe(raw *fasthttp.RequestCtx, status int) prometheus.Observer {
	k := key{route: unmatched, status: status}
	if route, ok := routing.RouteOf(raw); ok {
		k.route = route.Pattern
		if string(raw.Method()) == route.Method {
			k.method = route.Method // maybe one of the service's own
		}
	}
	if k.method == "" {
		k.method = methodOf(raw)
	}
	if o := m.known.get(k); o != nil {
		return o
	}
	return m.known.add(k, m.seconds)
}
