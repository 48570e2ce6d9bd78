//go:build !race

package middleware_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

type order struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,min=1"`
}

type item struct {
	SKU      string `json:"sku" validate:"required,min=1"`
	Quantity int    `json:"quantity" validate:"required,min=1"`
}

type created struct {
	OrderID string `json:"order_id"`
	Status  string `json:"status"`
}

func createOrder(_ context.Context, in struct {
	Order order `body:"" validate:"required"`
},
) (created, error) {
	return created{in.Order.Items[0].SKU, "created"}, nil
}

// layers are what the order route is called with.
var layers = []struct {
	name   string
	more   float64 // allocations at most
	add    func(r *routing.Router)
	header []string
}{
	{"empty", 0, func(r *routing.Router) { r.Use(pass) }, nil},
	{"emptyEach", 0, func(r *routing.Router) { r.UseEach(passEach) }, nil},
	{"accesslog/discarded", 0, func(r *routing.Router) {
		r.Use(middleware.AccessLog(slog.New(slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	}, nil},
	{"cors/several", 0, func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://other.example", shop}}).Middleware)
	}, []string{"Origin", shop}},
	{"cors/credentials", 0, func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{shop}, Credentials: true}).Middleware)
	}, []string{"Origin", shop}},
	{"cors/one", 0, func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{shop}}).Middleware)
	}, []string{"Origin", shop}},
	{"securityheaders", 0, func(r *routing.Router) { r.Use(middleware.SecurityHeaders(nil)) }, nil},
	{"crossorigin/site", 0, func(r *routing.Router) { r.Use(middleware.CrossOriginProtection(shop)) }, []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://shop.example"}},
	{"crossorigin/origin", 0, func(r *routing.Router) { r.Use(middleware.CrossOriginProtection()) }, []string{"Origin", "https://shop.example"}},
	{"crossorigin/neither", 0, func(r *routing.Router) { r.Use(middleware.CrossOriginProtection()) }, nil},
	{"tracecontext", 0, func(r *routing.Router) { r.Use(middleware.TraceContext) }, nil},
	{"bearerauth", 1, func(r *routing.Router) {
		routing.Provide(r, middleware.BearerAuth(middleware.Secrets(map[string]customer{secret: {"ada"}})), routing.Secured(token), routing.Everywhere())
	}, []string{"Authorization", "Bearer " + secret}},
	{"keyauth", 1, func(r *routing.Router) {
		routing.Provide(r, middleware.KeyAuth(middleware.Secrets(map[string]customer{secret: {"ada"}})), routing.Secured(key), routing.Everywhere())
	}, []string{"X-Api-Key", secret}},
	{"compress/short", 0, func(r *routing.Router) { r.Use(middleware.Compress) }, []string{"Accept-Encoding", "gzip, br"}},
	{"cors/other", 0, func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://other.example", shop}}).Middleware)
	}, []string{"Origin", "https://evil.example"}},
}

func pass(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next }

func passEach(_ routing.Route, next fasthttp.RequestHandler) fasthttp.RequestHandler { return next }

// orders returns the handler of the order route, and a request for it.
func orders(tb testing.TB, add func(r *routing.Router), header ...string) (fasthttp.RequestHandler, *fasthttp.RequestCtx) {
	tb.Helper()
	runner := background.NewRunner(background.RunnerOptions{Logger: quiet})
	tb.Cleanup(func() { require.NoError(tb, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: quiet})
	add(r)
	r.Handle("POST", "/order", routing.NewEndpoint(createOrder), routing.Status(201))
	raw := new(fasthttp.RequestCtx)
	raw.Request.Header.SetMethod("POST")
	raw.Request.Header.SetHost("shop.example")
	raw.Request.Header.SetContentType("application/json")
	raw.Request.Header.SetUserAgent("test")
	for i := 0; i < len(header); i += 2 {
		raw.Request.Header.Set(header[i], header[i+1])
	}
	raw.Request.SetRequestURI("/order")
	raw.Request.SetBodyString(`{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`)
	raw.Response.KeepBodyBuffer = true // as a server sets it
	return routing.Build(r).ServeRequest, raw
}

func once(handler fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
	raw.Response.Reset()
	handler(raw)
	raw.ResetUserValues()
}

// What most requests pass through allocates nothing.
func TestMiddlewareAllocates(t *testing.T) {
	for _, l := range layers {
		without, bare := orders(t, func(*routing.Router) {}, l.header...)
		with, raw := orders(t, l.add, l.header...)
		more := testing.AllocsPerRun(200, func() { once(with, raw) }) - testing.AllocsPerRun(200, func() { once(without, bare) })
		require.LessOrEqual(t, more, l.more, l.name)
		require.Equal(t, 201, raw.Response.StatusCode(), l.name)
	}
}
