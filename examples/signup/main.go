// Signup is the smallest service with work after the response.
//
//	go run ./examples/signup
//
//	curl -i http://127.0.0.1:8080/signups -H 'Content-Type: application/json' -d '{"email":"ada@example.org"}'
//	HTTP/1.1 201 Created
//	…
//
//	{"email":"ada@example.org"}
//
// and its log says
//
//	2026/11/27 23:58:10 Welcome, ada@example.org
package main

import (
	"context"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type signup struct {
	Email string `json:"email" validate:"required,email"`
}

func signUp(_ context.Context, in signup) (responses.JSONResponse[signup, *background.Task], error) {
	return responses.JSON(in, background.NewTask(welcome, in)), nil
}

func welcome(_ context.Context, s signup) error { // starts when the response has been sent
	log.Print("Welcome, ", s.Email)
	return nil
}

func newApp() *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/signups", signUp, routing.Status(201))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Sign-up", Version: "1.0.0"}}) // GET /docs
	return app
}

func main() {
	if err := newApp().Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
