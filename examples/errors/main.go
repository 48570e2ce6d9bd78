// Errors tells the client that a task has failed: a task's error comes back
// from Run, and the tasks after it do not start.
//
//	go run ./examples/errors
//
//	curl -X POST 'http://127.0.0.1:8080/risky-operation?data=x'
//	{"message":"Operation completed"}
//
//	curl -X POST 'http://127.0.0.1:8080/risky-operation?data='
//	{"error":"Background task failed"}
//
// and its log says
//
//	2026/11/23 21:26:40 Processing: x
//	2026/11/23 21:26:40 Processed: x
//	2026/11/23 21:26:40 background: task "process": data cannot be empty
//	background: 1 task never ran: "announce"
package main

import (
	"context"
	"errors"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
)

// operation is the input. It takes empty data, so that the task has something
// to fail on.
type operation struct {
	Data string `query:"data"`
}

type result struct {
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

var errEmpty = errors.New("data cannot be empty")

type service struct {
	log *log.Logger
}

func newApp(s *service) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/risky-operation", s.riskyOperation, openapi.Describe(openapi.Operation{
		Responses: map[int]openapi.Response{422: {Description: "The data could not be processed", Content: result{}}},
	}))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Risky operations",
		Version:     "1.0.0",
		Description: "Does what may fail, and tells so.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func (s *service) riskyOperation(ctx context.Context, in operation) (responses.ContentResponse[result], error) {
	tasks := background.Tasks{MaxConcurrent: 1, StopOnError: true}
	tasks.Add(background.NewTask(s.process, in.Data).Named("process"))
	tasks.Add(background.NewTask(s.announce, in.Data).Named("announce"))

	if err := tasks.Run(ctx); err != nil {
		s.log.Print(err)
		return responses.JSONStatus(statusOf(err), result{Error: "Background task failed"}), nil
	}
	return responses.JSONStatus(200, result{Message: "Operation completed"}), nil
}

// statusOf tells the client's fault from the server's. The error that Run
// returns wraps those of the tasks.
func statusOf(err error) int {
	if errors.Is(err, errEmpty) {
		return 422
	}
	return 500
}

func (s *service) process(_ context.Context, data string) error {
	if data == "" {
		return errEmpty
	}
	s.log.Printf("Processing: %s", data)
	return nil
}

func (s *service) announce(_ context.Context, data string) error {
	s.log.Printf("Processed: %s", data)
	return nil
}

func main() {
	if err := newApp(&service{log.Default()}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
