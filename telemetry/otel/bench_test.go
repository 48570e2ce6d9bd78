package otel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/otel"
)

// ways are those in which the order may be instrumented; nil for not at all.
var ways = []struct {
	name    string
	options func() otel.Options
}{
	{"without", nil},
	{"no providers", func() otel.Options { return otel.Options{} }},
	{"sampled out", func() otel.Options {
		return otel.Options{TracerProvider: sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample()))}
	}},
	{"sampled out, measured", func() otel.Options {
		return otel.Options{
			TracerProvider: sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample())),
			MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		}
	}},
	{"sampled", func() otel.Options {
		return otel.Options{TracerProvider: sdk.NewTracerProvider(sdk.WithSpanProcessor(nowhere{}))}
	}},
}

// nowhere is where spans go to whose export is not measured.
type nowhere struct{}

func (nowhere) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (nowhere) OnEnd(sdk.ReadOnlySpan)                     {}
func (nowhere) Shutdown(context.Context) error             { return nil }
func (nowhere) ForceFlush(context.Context) error           { return nil }

// newOrder returns a function that orders once.
func newOrder(tb testing.TB, options func() otel.Options) func() {
	tb.Helper()
	app := velithon.New(velithon.Options{Logger: quiet})
	tb.Cleanup(func() { require.NoError(tb, app.Shutdown(context.Background())) })
	if options != nil {
		otel.Instrument(app, options())
	}
	app.Post("/orders/{id}", func(_ context.Context, in struct {
		ID   string `path:"id"`
		Body order  `body:""`
	},
	) (order, error) {
		return in.Body, nil
	}, routing.Status(201))
	handler, raw := app.Handler(), new(fasthttp.RequestCtx)
	raw.Init(&fasthttp.Request{}, nil, nil) // with a time, as a server does
	raw.Request.Header.SetMethod("POST")
	raw.Request.SetRequestURI("/orders/7")
	raw.Request.Header.SetContentType("application/json")
	raw.Request.SetBodyString(`{"item":"book"}`)
	return func() {
		raw.Response.Reset()
		handler(raw)
		raw.ResetUserValues()
		if raw.Response.StatusCode() != 201 {
			tb.Fatal(raw.Response.String())
		}
	}
}

func BenchmarkOrder(b *testing.B) {
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			once := newOrder(b, way.options)
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

// BenchmarkMore takes turns of 50 orders with and without, and compares their medians.
func BenchmarkMore(b *testing.B) {
	const turn = 50
	for _, way := range ways[1:] {
		b.Run(way.name, func(b *testing.B) {
			without, instrumented := newOrder(b, nil), newOrder(b, way.options)
			var times [2][]time.Duration
			for b.Loop() {
				for i, once := range []func(){without, instrumented} {
					began := time.Now()
					for range turn {
						once()
					}
					times[i] = append(times[i], time.Since(began)/turn)
				}
			}
			for i := range times {
				slices.Sort(times[i])
			}
			median := func(i int) float64 { return float64(times[i][len(times[i])/2]) }
			b.ReportMetric(median(0), "ns/without")
			b.ReportMetric(median(1)-median(0), "ns/more")
		})
	}
}
