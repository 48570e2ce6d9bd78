package main

import (
	"context"
	"log/slog"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/health"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

// service is the orders, and what their handlers need.
type service struct {
	config   config
	logger   *slog.Logger
	store    store
	mailer   mailer
	mails    background.Kind[message]
	audit    *audit
	failures failures
}

// app has all routes, so that this is the place to look them up.
func (s *service) app() *velithon.App {
	app := velithon.New(velithon.Options{
		Logger:          s.logger,
		ShutdownTimeout: s.config.shutdownTimeout,
		BodyLimit:       64 << 10,
		Runner:          background.RunnerOptions{OnFailure: s.failures.note},
	})
	s.defineMails()
	metrics := prometheus.Instrument(app, nil) // first, so that it sees all requests
	app.Use(middleware.AccessLog(s.logger))
	app.Get("/metrics", metrics.Handler)
	app.Get("/livez", health.Live)
	app.Get("/readyz", health.Ready(app)) // with a check for a store that can be away
	app.Get("/stats", func(context.Context, struct{}) (stats, error) {
		return newStats(app.Runner().Stats(), s.failures.counts()), nil
	})

	within := routing.Timeout(s.config.requestTimeout)
	api := app.Group("/api/v1", requireKey(s.config.keys))
	orders := api.Group("/orders")
	orders.Post("", s.createOrder, within, routing.Status(201), answers(401))
	orders.Get("", s.listOrders, within, answers(401))
	orders.Get("/{id}", s.order, within, answers(401, 404))
	orders.Post("/{id}/cancel", s.cancelOrder, within, answers(401, 404, 409))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Orders",
		Version:     "1.0.0",
		Description: "Takes, lists and cancels orders, each customer its own.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// answers describes what a route may be answered with that its types don't say: by its
// middleware, and by the errors of its handler.
func answers(statuses ...int) routing.Option {
	known := map[int]openapi.Response{
		401: {Description: "An API key is needed"},
		404: {Description: "No such order"},
		409: {Description: "The order is cancelled already"},
	}
	said := make(map[int]openapi.Response)
	for _, status := range statuses {
		said[status] = known[status]
	}
	return openapi.Describe(openapi.Operation{Responses: said})
}
