// Async has a task that takes a while. The answer does not wait for it, and it
// gives up when the service is shut down and has no time left.
//
//	go run ./examples/async
//
//	curl --json '{"id":7}' http://127.0.0.1:8080/process
//	{"message":"Processing started"}
//
//	curl http://127.0.0.1:8080/load
//	{"running":1,"waiting":0}
//
// and a second later its log says
//
//	2026/11/23 21:26:36 Processed data: map[id:7]
package main

import (
	"context"
	"log"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
)

type reply struct {
	Message string `json:"message"`
}

// load is how busy the service is.
type load struct {
	Running int `json:"running"`
	Waiting int `json:"waiting"`
}

// processor processes data, which takes a second.
type processor struct {
	log *log.Logger
}

func newApp(p *processor) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/process", p.startProcessing)
	app.Get("/load", func(context.Context, struct{}) (load, error) {
		stats := app.Runner().Stats()
		return load{Running: stats.Running, Waiting: stats.Queued}, nil
	})
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Processing",
		Version:     "1.0.0",
		Description: "Takes data that takes a while to process, and says how busy it is.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// startProcessing takes any JSON object.
func (p *processor) startProcessing(_ context.Context, data map[string]any) (responses.JSONResponse[reply, *background.Task], error) {
	task := background.NewTask(p.processData, data).Named("process data")
	return responses.JSON(reply{"Processing started"}, task), nil
}

// processData is a plain function that waits. It holds up one worker of the
// runner and nobody else.
func (p *processor) processData(ctx context.Context, data map[string]any) error {
	select {
	case <-time.After(time.Second):
		p.log.Printf("Processed data: %v", data)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func main() {
	if err := newApp(&processor{log.Default()}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
