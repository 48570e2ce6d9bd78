package layers_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/middleware/jwt"
	"github.com/velithon-go/velithon/middleware/ratelimit"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/otel"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

// velithonHandler returns the order in an app with a layer.
func velithonHandler(tb testing.TB, add func(app *velithon.App)) fasthttp.RequestHandler {
	tb.Helper()
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	tb.Cleanup(func() { require.NoError(tb, app.Shutdown(context.Background())) })
	add(app)
	type input struct {
		Order order `body:"" validate:"required"`
	}
	app.Handle(http.MethodPost, "/order", routing.NewEndpoint(func(_ context.Context, in input) (created, error) {
		return created{in.Order.Items[0].SKU, "created"}, nil
	}), routing.Status(201))
	app.Handle(http.MethodPost, "/long", routing.NewEndpoint(func(context.Context, input) ([]created, error) {
		return long, nil
	}), routing.Status(201))
	return app.Handler()
}

func use(m ...routing.Middleware) func(*velithon.App) {
	return func(app *velithon.App) { app.Use(m...) }
}

func pass(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) { next(raw) }
}

// A sink takes records, as io.Discard does, and is not taken for none.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

func accessLog(level slog.Level) routing.Middleware {
	return middleware.AccessLog(slog.New(slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: level})))
}

func corsOf(o middleware.CORSOptions) routing.Middleware { return middleware.NewCORS(o).Middleware }

// secret is what customers send, and traceparent what other services do.
const (
	secret      = "0123456789abcdefghijklmnop"
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "00f067aa0ba902b7" + "-01"
)

var basicAuth = "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:x"))

type (
	customer string
	operator string
)

var proxies = middleware.NewProxies("X-Forwarded-For", "10.0.0.0/8", "0.0.0.0/32")

func clientAddress(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		proxies.Client(raw)
		next(raw)
	}
}

func limited() routing.Middleware {
	return ratelimit.New(ratelimit.Options{
		Requests: 1_000_000_000, Window: time.Second,
		Key: func(raw *fasthttp.RequestCtx) string { return raw.RemoteIP().String() },
	}).Middleware
}

// ofVelithon pays for the first middleware by itself.
var ofVelithon = peer[*velithon.App]{velithonLayers, velithonHandler, use(pass)}

var velithonLayers = []layer[*velithon.App]{
	{"first", use(pass), nil},
	{"next", use(slices.Repeat([]routing.Middleware{pass}, 2)...), nil},
	{"accesslogDiscarded", use(accessLog(slog.LevelWarn)), nil},
	{"accesslog", use(accessLog(slog.LevelInfo)), nil},
	{"corsOne", use(corsOf(middleware.CORSOptions{Origins: []string{shop}})), []string{"Origin", shop}},
	{"corsCredentials", use(corsOf(middleware.CORSOptions{Origins: []string{shop}, Credentials: true})), []string{"Origin", shop}},
	{"corsSeveral", use(corsOf(middleware.CORSOptions{Origins: []string{"https://other.example", shop}})), []string{"Origin", shop}},
	{"securityheaders", use(middleware.SecurityHeaders(nil)), nil},
	{"crossorigin", use(middleware.CrossOriginProtection(shop)), []string{"Sec-Fetch-Site", "same-origin", "Origin", shop}},
	{"tracecontextWithout", use(middleware.TraceContext), nil},
	{"tracecontext", use(middleware.TraceContext), []string{"Traceparent", traceparent}},
	{"compressShort", use(middleware.Compress), []string{"Accept-Encoding", "gzip"}},
	{"compress7kB", use(middleware.Compress), []string{"Accept-Encoding", "gzip"}},
	{"clientaddress", use(clientAddress), []string{"X-Forwarded-For", "203.0.113.9, 10.0.0.2"}},
	{"bearer", func(app *velithon.App) {
		app.Use(pass) // of which a provider takes no place
		check := middleware.Secrets(map[string]customer{secret: "ada"})
		routing.Provide(app.Router, middleware.BearerAuth(check), routing.Secured(routing.Bearer("token", "")), routing.Everywhere())
	}, []string{"Authorization", "Bearer " + secret}},
	{"key", func(app *velithon.App) {
		app.Use(pass) // of which a provider takes no place
		check := middleware.Secrets(map[string]customer{secret: "ada"})
		routing.Provide(app.Router, middleware.KeyAuth(check), routing.Secured(routing.APIKey("key", params.Header, "X-Api-Key")), routing.Everywhere())
	}, []string{"X-Api-Key", secret}},
	{"basic", func(app *velithon.App) {
		app.Use(pass)
		check := middleware.Passwords(map[operator]string{"ada": "x"})
		routing.Provide(app.Router, middleware.BasicAuth(check), routing.Secured(routing.Basic("password")), routing.Everywhere())
	}, []string{"Authorization", basicAuth}},
	{"jwtES256", addJWT, []string{"Authorization", "Bearer " + token}},
	{"ratelimit", use(limited()), nil},
	{"prometheus", func(app *velithon.App) { prometheus.Instrument(app, nil) }, nil},
	{"otelSampledOut", func(app *velithon.App) {
		otel.Instrument(app, otel.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))})
	}, nil},
	{"otelSampledOutMeasured", func(app *velithon.App) {
		otel.Instrument(app, otel.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
			MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		})
	}, nil},
	{"otelSampled", func(app *velithon.App) {
		otel.Instrument(app, otel.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(nowhere{}))})
	}, nil},
}

var (
	private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	token, _   = golangjwt.NewWithClaims(golangjwt.SigningMethodES256, golangjwt.RegisteredClaims{
		Issuer: "issuer", Audience: golangjwt.ClaimStrings{"shop"}, Subject: "ada", ExpiresAt: golangjwt.NewNumericDate(time.Now().Add(24 * time.Hour)),
	}).SignedString(private)
)

func addJWT(app *velithon.App) {
	app.Use(pass)
	o := jwt.Options{
		Keys:    func(*golangjwt.Token) (any, error) { return private.Public(), nil },
		Methods: []string{"ES256"}, Issuer: "issuer", Audience: "shop",
	}
	routing.Provide(app.Router, jwt.Auth(o, func(_ context.Context, claims golangjwt.RegisteredClaims) (customer, error) {
		return customer(claims.Subject), nil
	}), routing.Secured(routing.Bearer("token", "JWT")), routing.Everywhere())
}

// nowhere is where spans go to whose export is not measured.
type nowhere struct{}

func (nowhere) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (nowhere) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (nowhere) Shutdown(context.Context) error                  { return nil }
func (nowhere) ForceFlush(context.Context) error                { return nil }

// BenchmarkMount is a text by a handler of net/http, and by one of the app's own.
func BenchmarkMount(b *testing.B) {
	handler := velithonHandler(b, func(app *velithon.App) {
		app.Handle(http.MethodPost, "/own", routing.NewEndpoint(func(context.Context, struct{}) (responses.TextResponse, error) {
			return responses.Text("hello"), nil
		}), routing.Status(201))
		middleware.Mount(app.Group("/mounted"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, "hello")
		}))
	})
	compare(b, once(b, handler, "/own", nil), once(b, handler, "/mounted/", nil))
}
