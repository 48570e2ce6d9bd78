//go:build !race

package otel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
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

// How often an order allocates more than without, at most. The race detector has
// pools lose what they hold.
func TestAllocations(t *testing.T) {
	plain := testing.AllocsPerRun(500, newOrder(t, nil))
	most := map[string]float64{"without": 0, "no providers": 7, "sampled out": 7, "sampled out, measured": 7, "sampled": 15}
	for _, way := range ways {
		got := testing.AllocsPerRun(500, newOrder(t, way.options)) - plain
		assert.LessOrEqual(t, got, most[way.name], way.name)
	}
}
