// Package otel has an app tell OpenTelemetry of its requests and of its background work:
// traces and metrics by the semantic conventions for HTTP, in their stable names of version
// 1.43. It makes no provider and no exporter: those are the service's.
//
//	app := velithon.New(velithon.Options{})
//	otel.Instrument(app, otel.Options{TracerProvider: tracers, MeterProvider: meters})
//
// A handler, its tasks and what they call find the span in their context:
// trace.SpanContextFromContext, otelsql, otelhttp.
package otel

import (
	"context"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// scope is the name of what measures.
const scope = "github.com/velithon-go/velithon/telemetry/otel"

// Options says where traces and metrics go. The zero value means OpenTelemetry's global
// providers, which do nothing before they are set.
type Options struct {
	// TracerProvider makes the spans; nil means otel.GetTracerProvider(). Its sampler is
	// told http.request.method, url.path and url.scheme of a request, and of a task its
	// links and attributes.
	TracerProvider trace.TracerProvider

	// MeterProvider makes the metrics; nil means otel.GetMeterProvider().
	MeterProvider metric.MeterProvider

	// Propagator reads the trace of a request's header; nil means W3C's trace context and
	// baggage.
	Propagator propagation.TextMapPropagator
}

// An App is what can be instrumented, such as a *velithon.App.
type App interface {
	// Use adds middleware.
	Use(middleware ...routing.Middleware)

	// Runner returns the runner of background work.
	Runner() *background.Runner
}

// Instrument traces and measures the requests of an app and the attempts at its background
// tasks. It is called before any other Use, so that its middleware is the outermost, and
// before work is submitted. It panics if an option can't be.
//
// A request has a span from when its header was read until its response was sent, of a
// stream until its end. It is a child of the client's, if that has sent one. Each attempt
// at a task has a span of its own in a trace of its own, since it may run hours later, with
// a link to the request's span; a stored task keeps the link in its record.
func Instrument(app App, options Options) {
	if options.TracerProvider == nil {
		options.TracerProvider = otel.GetTracerProvider()
	}
	if options.MeterProvider == nil {
		options.MeterProvider = otel.GetMeterProvider()
	}
	usual := options.Propagator == nil
	if usual {
		options.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	version := trace.WithSchemaURL(semconv.SchemaURL)
	meter := options.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	i := &instruments{
		tracer:     options.TracerProvider.Tracer(scope, version),
		propagator: options.Propagator,
		usual:      usual,
		requests:   newRequestTimes(meter),
		tasks:      newTaskTimes(meter),
	}
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) { i.serve(raw, next) }
	})
	app.Runner().Use(i.around)
}

// instruments are what an app is measured with.
type instruments struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	usual      bool // it is W3C's
	requests   *requestTimes
	tasks      *taskTimes
}

// The fields of W3C's propagators, as fasthttp writes them.
var traceparentField, baggageField = []byte("Traceparent"), []byte("Baggage")

// extract returns the context of the client's span, if it has sent one. Most have not.
func (i *instruments) extract(raw *fasthttp.RequestCtx) context.Context {
	ctx, header := routing.ContextOf(raw), &raw.Request.Header
	if i.usual && len(header.PeekCanonical(traceparentField)) == 0 && len(header.PeekCanonical(baggageField)) == 0 {
		return ctx
	}
	return i.propagator.Extract(ctx, (*carrier)(header))
}

// carrier is a request's header for a propagator, as a pointer, which costs no allocation.
// What it returns is copied.
type carrier fasthttp.RequestHeader

func (c *carrier) header() *fasthttp.RequestHeader { return (*fasthttp.RequestHeader)(c) }

// Get implements [propagation.TextMapCarrier].
func (c *carrier) Get(key string) string { return string(c.header().Peek(key)) }

// Set implements [propagation.TextMapCarrier].
func (c *carrier) Set(key, value string) { c.header().Set(key, value) }

// Values implements [propagation.ValuesGetter].
func (c *carrier) Values(key string) (values []string) {
	for _, value := range c.header().PeekAll(key) {
		values = append(values, string(value))
	}
	return values
}

// Keys implements [propagation.TextMapCarrier].
func (c *carrier) Keys() (keys []string) {
	for key := range c.header().All() {
		keys = append(keys, string(key))
	}
	return keys
}

// spanContext is the context with a request's span. It knows the origin of the request's
// stored tasks, which is made when one is stored. It is a part of its request, so that both
// are one allocation.
type spanContext struct{ context.Context }

// Value implements [context.Context].
func (c *spanContext) Value(key any) any {
	if key == (background.OriginKey{}) {
		values := make(map[string]string)
		propagation.TraceContext{}.Inject(c.Context, propagation.MapCarrier(values))
		return &background.Origin{Values: values}
	}
	return c.Context.Value(key)
}
