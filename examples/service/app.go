package main

import (
	"context"
	"log/slog"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/routing"
)

// service is the orders, and what their handlers need.
type service struct {
	config   config
	logger   *slog.Logger
	store    store
	mailer   mailer
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
	app.Use(accessLog(s.logger))
	app.Get("/healthz", health)
	app.Get("/stats", func(context.Context, struct{}) (stats, error) {
		return newStats(app.Runner().Stats(), s.failures.counts()), nil
	})

	within := routing.Timeout(s.config.requestTimeout)
	api := app.Group("/api/v1", requireKey(s.config.keys))
	orders := api.Group("/orders")
	orders.Post("", s.createOrder, within, routing.Status(201))
	orders.Get("", s.listOrders, within)
	orders.Get("/{id}", s.order, within)
	orders.Post("/{id}/cancel", s.cancelOrder, within)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Orders", Version: "1.0.0"}})
	return app
}
