// Batch runs one task for each item of a list, five at a time, and answers when
// all have ended.
//
//	go run ./examples/batch
//
//	curl --json '["a","b","c","d","e","f"]' http://127.0.0.1:8080/batch-process
//	{"message":"Processing 6 items"}
//
// and its log says, in an order that five at a time came to
//
//	2026/11/23 21:29:05 Processed: a
//	2026/11/23 21:29:05 Processed: c
//	2026/11/23 21:29:05 Processed: d
//	2026/11/23 21:29:05 Processed: e
//	2026/11/23 21:29:05 Processed: f
//	2026/11/23 21:29:05 Processed: b
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
)

type reply struct {
	Message string `json:"message"`
}

// batch processes items with a function that must not run too often at once,
// such as a call to another service.
type batch struct {
	processItem func(ctx context.Context, item string) error
}

func newApp(b *batch) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/batch-process", b.process)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Batches",
		Version:     "1.0.0",
		Description: "Processes the items of a list, a few at a time.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// process takes a JSON array of strings.
func (b *batch) process(ctx context.Context, items []string) (reply, error) {
	tasks := background.Tasks{MaxConcurrent: 5}
	for _, item := range items {
		tasks.Add(background.NewTask(b.processItem, item).Named("process item"))
	}
	if err := tasks.Run(ctx); err != nil {
		return reply{}, err
	}
	return reply{fmt.Sprintf("Processing %d items", len(items))}, nil
}

func logItem(_ context.Context, item string) error {
	log.Printf("Processed: %s", item)
	return nil
}

func main() {
	if err := newApp(&batch{logItem}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
