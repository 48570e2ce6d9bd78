//go:build !race

package prometheus_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

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

// Counting a request allocates nothing. The race detector has pools lose what they hold.
func TestAllocations(t *testing.T) {
	plain := testing.AllocsPerRun(500, newOrder(t, ways["without"]))
	assert.InDelta(t, plain, testing.AllocsPerRun(500, newOrder(t, ways["counted"])), 0)
}
