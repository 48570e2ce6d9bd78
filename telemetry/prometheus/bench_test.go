package prometheus_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

type order struct {
	Item string `json:"item" validate:"required"`
}

// ways are those in which the order may be counted.
var ways = map[string]func(app *velithon.App){
	"without": func(*velithon.App) {},
	"a middleware that does nothing": func(app *velithon.App) {
		app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) { next(raw) }
		})
	},
	"counted": func(app *velithon.App) { prometheus.Instrument(app, nil) },
}

// newOrder returns a function that orders once.
func newOrder(tb testing.TB, instrument func(*velithon.App)) func() {
	tb.Helper()
	app := velithon.New(velithon.Options{Logger: quiet})
	tb.Cleanup(func() { require.NoError(tb, app.Shutdown(context.Background())) })
	instrument(app)
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
	for name, way := range ways {
		b.Run(name, func(b *testing.B) {
			once := newOrder(b, way)
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
	without, counted := newOrder(b, ways["without"]), newOrder(b, ways["counted"])
	var times [2][]time.Duration
	for b.Loop() {
		for i, once := range []func(){without, counted} {
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
}
