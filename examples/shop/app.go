package main

import (
	"context"
	"database/sql"
	_ "expvar" // adds /debug/vars to http.DefaultServeMux
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/health"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/middleware/jwt"
	"github.com/velithon-go/velithon/middleware/ratelimit"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/otel"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

// shop is what the handlers and tasks need.
type shop struct {
	config   config
	logger   *slog.Logger
	public   *os.Root
	poll     time.Duration // how often an order that is followed is looked at
	db       *sql.DB
	queue    *durable.Queue[*sql.Tx]
	mails    background.Kind[mail]
	invoices background.Kind[int64]
	runner   *background.Runner // of the app
}

// Who makes a request: a handler that has one of these can't be called by anybody else.
type (
	customer string // the e-mail address that the login service has made a token for
	clerk    string // has the key of the staff
	operator string // looks at metrics
)

// app puts everything around the handlers.
func (s *shop) app(tracers trace.TracerProvider) *velithon.App {
	origins := strings.Fields(s.config.origins)
	cors := middleware.NewCORS(middleware.CORSOptions{Origins: origins})
	app := velithon.New(velithon.Options{Logger: s.logger, Queue: s.queue, OnRefused: cors.OnRefused})
	s.runner = app.Runner()
	metrics := prometheus.Instrument(app, nil)
	otel.Instrument(app, otel.Options{TracerProvider: tracers})
	app.Use(
		middleware.AccessLog(s.logger),
		cors.Middleware,
		middleware.SecurityHeaders(nil),
		middleware.CrossOriginProtection(origins...),
		middleware.Compress,
	)
	app.Get("/livez", health.Live)
	app.Get("/readyz", health.Ready(app))
	proxies := middleware.NewProxies("X-Forwarded-For", strings.Fields(s.config.proxies)...)
	limit := ratelimit.New(ratelimit.Options{
		Requests: s.config.rate,
		Window:   time.Minute,
		Key:      func(raw *fasthttp.RequestCtx) string { return proxies.Client(raw).String() },
	})
	s.routes(app.Group("/api", limit.Middleware))

	ops := app.Group("/ops", limit.Middleware)
	operators := middleware.Passwords(map[operator]string{"ops": s.config.password})
	routing.Provide(ops, middleware.BasicAuth(operators), routing.Secured(routing.Basic("operator")), routing.Everywhere())
	ops.Get("/metrics", metrics.Handler, hidden)
	middleware.Mount(ops.Group("/debug"), http.StripPrefix("/ops", http.DefaultServeMux), hidden)

	page := responses.Header{"Cache-Control": {"no-cache"}, "Content-Security-Policy": {"default-src 'self'"}}
	app.Get("/{path:*}", middleware.Static(s.public, page), hidden)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Shop",
		Version:     "1.0.0",
		Description: "Sells what is in stock. Prices are in cents.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// routes are the API: for all, for customers, and for the staff.
func (s *shop) routes(api *routing.Router) {
	api.Defaults(routing.BodyLimit(64<<10), routing.Timeout(5*time.Second), routing.RejectUnknown())
	api.Get("/products", s.products, answers())

	orders := api.Group("/orders")
	tokens := jwt.Options{Keys: jwt.Secret(s.config.secret), Methods: []string{"HS256"}, Issuer: "https://login.shop.example", Audience: "shop"}
	routing.Provide(orders, jwt.Auth(tokens, customerOf), routing.Secured(routing.Bearer("customer", "JWT")), routing.Everywhere())
	orders.Post("", s.place, routing.Status(201), answers(errSoldOut))
	orders.Get("/questions", s.ask, answers())
	orders.Get("/{id}", s.order, answers(errNoOrder))
	orders.Get("/{id}/events", s.follow, routing.CancelOnDisconnect(), answers(errNoOrder))

	staff := api.Group("/staff")
	keys := middleware.Secrets(map[string]clerk{s.config.staffKey: "staff"})
	routing.Provide(staff, middleware.KeyAuth(keys), routing.Secured(routing.APIKey("staff", params.Header, "X-Api-Key")), routing.Everywhere())
	staff.Patch("/products/{sku}", s.change, answers(errNoProduct))
}

func customerOf(_ context.Context, claims gojwt.RegisteredClaims) (customer, error) {
	if claims.Subject == "" {
		return "", responses.NewProblem(401, "the token has no subject")
	}
	return customer(claims.Subject), nil
}

var hidden = openapi.Describe(openapi.Operation{Hidden: true})

// answers describes what a route's types and providers don't say.
func answers(problems ...*responses.Problem) routing.Option {
	return openapi.Describe(openapi.Operation{
		Problems:  problems,
		Responses: map[int]openapi.Response{429: {Description: "Too many requests of one address"}},
	})
}
