// Middleware puts what most services need around a handler, by package middleware, and two
// of the service's own inside of it: API keys, and a rate limit for each customer, which has
// to know whose a key is.
//
//	KEY=secret go run ./examples/middleware
//
//	curl -i http://127.0.0.1:8080/api/hello -H 'Authorization: Bearer secret' -H 'Origin: https://shop.example'
//	HTTP/1.1 200 OK
//	Access-Control-Allow-Origin: https://shop.example
//	…
//
//	Hello ada
//
// and its log says
//
//	2026/11/27 23:58:10 INFO request request_id=b26d5e0495fb7731-4000001 method=GET route=/api/hello status=200 bytes=9 tasks=0 took=61.3µs
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
)

// guarded describes what the middleware answers, which the types of a route don't say.
var guarded = openapi.Describe(openapi.Operation{
	Responses: map[int]openapi.Response{401: {Description: "An API key is needed"}, 429: {}},
})

// newApp puts the middleware in its order: the first is the outermost. That of the app is
// package middleware's; that of the group is the service's own, a file each.
func newApp(logger *slog.Logger, keys apiKeys, limit *rateLimit) *velithon.App {
	cors := middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://shop.example"}})
	app := velithon.New(velithon.Options{Logger: logger, OnRefused: cors.OnRefused})
	app.Use(
		middleware.AccessLog(logger),
		middleware.TraceContext,
		cors.Middleware,
		middleware.SecurityHeaders(nil),
		middleware.Compress,
	)
	api := app.Group("/api", requireKey(keys), limit.middleware)
	api.Get("/hello", hello, guarded)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Hello",
		Version:     "1.0.0",
		Description: "Greets its customers.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func hello(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
	return responses.Text("Hello " + customerOf(ctx)), nil
}

func main() {
	key := os.Getenv("KEY")
	if key == "" {
		log.Fatal("KEY is not set: nobody could call the service")
	}
	limit := &rateLimit{requests: 100, window: time.Minute, now: time.Now}
	if err := newApp(slog.Default(), apiKeys{hashOf(key): "ada"}, limit).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
