package main

import (
	"log/slog"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/health"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// newApp has all routes, so that this is the place to look them up.
func newApp(c config, logger *slog.Logger, n *notes) *velithon.App {
	app := velithon.New(velithon.Options{
		Logger:          logger,
		BodyLimit:       64 << 10,
		ShutdownTimeout: c.shutdownTimeout,
	})
	app.Use(middleware.AccessLog(logger))
	hidden := openapi.Describe(openapi.Operation{Hidden: true})
	app.Get("/livez", health.Live, hidden)
	app.Get("/readyz", health.Ready(app), hidden) // give it a health.Check for your database

	app.Post("/notes", n.createNote, routing.Status(201), openapi.Describe(openapi.Operation{
		Summary: "Write a note",
		Work:    []openapi.Kind{n.announce},
	}))
	app.Get("/notes", n.listNotes, openapi.Describe(openapi.Operation{Summary: "The latest notes"}))
	app.Get("/notes/{id}", n.noteByID, openapi.Describe(openapi.Operation{
		Summary:  "One note",
		Problems: []*responses.Problem{errNoNote},
	}))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "shop", Version: "0.1.0"}})
	return app
}
