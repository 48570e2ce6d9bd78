package middleware_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

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

// benchmarks are what the order route is called with, each with its name.
var benchmarks = []struct {
	name   string
	add    func(r *routing.Router)
	header []string
}{
	{"none", func(*routing.Router) {}, nil},
	{"empty", func(r *routing.Router) { r.Use(pass) }, nil},
	{"emptyEach", func(r *routing.Router) { r.UseEach(passEach) }, nil},
	{"accesslog/discarded", func(r *routing.Router) {
		r.Use(middleware.AccessLog(slog.New(slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	}, nil},
	{"accesslog/JSON", func(r *routing.Router) { r.Use(middleware.AccessLog(slog.New(slog.NewJSONHandler(sink{}, nil)))) }, nil},
	{"cors/several", func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://other.example", shop}}).Middleware)
	}, []string{"Origin", shop}},
	{"cors/credentials", func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{shop}, Credentials: true}).Middleware)
	}, []string{"Origin", shop}},
	{"cors/one", func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{shop}}).Middleware)
	}, []string{"Origin", shop}},
	{"securityheaders", func(r *routing.Router) { r.Use(middleware.SecurityHeaders(nil)) }, nil},
	{"crossorigin/site", func(r *routing.Router) { r.Use(middleware.CrossOriginProtection(shop)) }, []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://shop.example"}},
	{"crossorigin/origin", func(r *routing.Router) { r.Use(middleware.CrossOriginProtection()) }, []string{"Origin", "https://shop.example"}},
	{"crossorigin/neither", func(r *routing.Router) { r.Use(middleware.CrossOriginProtection()) }, nil},
	{"tracecontext", func(r *routing.Router) { r.Use(middleware.TraceContext) }, nil},
	{"tracecontext/traced", func(r *routing.Router) { r.Use(middleware.TraceContext) }, []string{"Traceparent", parent}},
	{"clientaddress", func(r *routing.Router) {
		proxies := middleware.NewProxies("X-Forwarded-For", "0.0.0.0/1", "10.0.0.0/8")
		r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				proxies.Client(raw)
				next(raw)
			}
		})
	}, []string{"X-Forwarded-For", "203.0.113.9, 10.0.0.2"}},
	{"bearerauth", func(r *routing.Router) {
		routing.Provide(r, middleware.BearerAuth(middleware.Secrets(map[string]customer{secret: {"ada"}})), routing.Secured(token), routing.Everywhere())
	}, []string{"Authorization", "Bearer " + secret}},
	{"keyauth", func(r *routing.Router) {
		routing.Provide(r, middleware.KeyAuth(middleware.Secrets(map[string]customer{secret: {"ada"}})), routing.Secured(key), routing.Everywhere())
	}, []string{"X-Api-Key", secret}},
	{"basicauth", func(r *routing.Router) {
		routing.Provide(r, middleware.BasicAuth(middleware.Passwords(map[operator]string{"ada": "x"})), routing.Secured(password), routing.Everywhere())
	}, []string{"Authorization", "Basic " + basic("ada:x")}},
	{"compress/short", func(r *routing.Router) { r.Use(middleware.Compress) }, []string{"Accept-Encoding", "gzip, br"}},
	{"compress/7kB-br", func(r *routing.Router) { r.Use(middleware.Compress, lengthen) }, []string{"Accept-Encoding", "br"}},
	{"compress/7kB-zstd", func(r *routing.Router) { r.Use(middleware.Compress, lengthen) }, []string{"Accept-Encoding", "zstd"}},
	{"compress/7kB-gzip", func(r *routing.Router) { r.Use(middleware.Compress, lengthen) }, []string{"Accept-Encoding", "gzip"}},
	{"cors/other", func(r *routing.Router) {
		r.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://other.example", shop}}).Middleware)
	}, []string{"Origin", "https://evil.example"}},
}

// A sink is a log that takes records, as io.Discard does, and is not taken for none.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

func pass(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next }

func passEach(_ routing.Route, next fasthttp.RequestHandler) fasthttp.RequestHandler { return next }

// lengthen puts a text of 7 kB in place of the answer, as a list of orders is.
func lengthen(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	var list bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&list, `{"order_id":"%x","status":"created","total":%d},`, sha256.Sum224([]byte{byte(i)}), i*i)
	}
	return func(raw *fasthttp.RequestCtx) {
		next(raw)
		raw.Response.SetBodyRaw(list.Bytes())
	}
}

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

// Benchmark says what each middleware adds to the order route. The two are called in
// turns, and the least of what either took counts: what else the machine does only adds.
func Benchmark(b *testing.B) {
	for _, test := range benchmarks {
		b.Run(test.name, func(b *testing.B) {
			without, bare := orders(b, func(*routing.Router) {}, test.header...)
			with, raw := orders(b, test.add, test.header...)
			least, least0 := time.Hour, time.Hour
			b.ReportAllocs()
			for b.Loop() {
				least0 = min(least0, hundred(without, bare))
				least = min(least, hundred(with, raw))
			}
			b.ReportMetric(float64(least-least0)/100, "more-ns/request")
			b.ReportMetric(float64(least0)/100, "bare-ns/request")
			b.ReportMetric(testing.AllocsPerRun(100, func() { once(with, raw) })-testing.AllocsPerRun(100, func() { once(without, bare) }), "more-allocs/request")
			require.Equal(b, 201, raw.Response.StatusCode())
		})
	}
}

// BenchmarkMount is a text by a handler of net/http, and by one's own.
func BenchmarkMount(b *testing.B) {
	handler, raw := orders(b, func(r *routing.Router) {
		get(r, "/own", hello)
		middleware.Mount(r.Group("/mounted"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "hello")
		}))
	})
	raw.Request.Header.SetMethod("GET")
	least := map[string]time.Duration{"/own": time.Hour, "/mounted/": time.Hour}
	for b.Loop() {
		for path := range least {
			raw.Request.SetRequestURI(path)
			least[path] = min(least[path], hundred(handler, raw))
		}
	}
	raw.Request.SetRequestURI("/own")
	own := testing.AllocsPerRun(100, func() { once(handler, raw) })
	raw.Request.SetRequestURI("/mounted/")
	b.ReportMetric(testing.AllocsPerRun(100, func() { once(handler, raw) })-own, "more-allocs/request")
	b.ReportMetric(float64(least["/mounted/"]-least["/own"])/100, "more-ns/request")
	b.ReportMetric(float64(least["/own"])/100, "own-ns/request")
}

func once(handler fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
	raw.Response.Reset()
	handler(raw)
	raw.ResetUserValues()
}

func hundred(handler fasthttp.RequestHandler, raw *fasthttp.RequestCtx) time.Duration {
	start := time.Now()
	for range 100 {
		once(handler, raw)
	}
	return time.Since(start)
}
