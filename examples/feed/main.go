// Feed is a wall of notes: each page that is open shows a note as soon as somebody leaves
// it. A page whose connection breaks comes again, and is sent what it has missed.
//
//	go run ./examples/feed
//
// and http://127.0.0.1:8080 in two windows, or
//
//	curl -N http://127.0.0.1:8080/notes/events
//	id: 2Q4FKZ7YBLAXE-0
//
//	id: 2Q4FKZ7YBLAXE-1
//	event: note
//	data: {"number":1,"text":"Tea is ready"}
//
// while
//
//	curl -i --json '{"text":"Tea is ready"}' http://127.0.0.1:8080/notes
//	HTTP/1.1 201 Created
//	{"number":1,"text":"Tea is ready"}
//
// What came later is there with -H 'Last-Event-ID: 2Q4FKZ7YBLAXE-1'. The ids begin anew
// with each process: one of another is answered with the event "reset", and the page loads
// the notes again.
package main

import (
	"context"
	_ "embed"
	"flag"
	"log"
	"sync"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

//go:embed page.html
var page string

//go:embed page.js
var script string

// policy lets the page run its script, and talk to this service, and nothing else.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// most is how many notes fit on the wall.
const most = 100

type note struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

type wall struct {
	feed *responses.Feed

	mu    sync.Mutex // guards what follows
	last  int
	notes []note
}

func (w *wall) leave(_ context.Context, in struct {
	Text string `json:"text" validate:"required,min=1,max=1000"`
},
) (note, error) {
	w.mu.Lock() // until it is published, so that the feed has the order of the wall
	defer w.mu.Unlock()
	w.last++
	left := note{w.last, in.Text}
	w.notes = append(w.notes, left)
	if len(w.notes) > most {
		w.notes = w.notes[1:]
	}
	return left, w.feed.PublishJSON("note", left)
}

func (w *wall) list(context.Context, struct{}) ([]note, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]note{}, w.notes...), nil
}

func (w *wall) follow(ctx context.Context, in struct {
	LastEventID string `header:"Last-Event-ID"`
},
) (*responses.EventStreamResponse, error) {
	return w.feed.Stream(ctx, in.LastEventID), nil
}

func newApp() *velithon.App {
	w := &wall{feed: responses.NewFeed(responses.FeedOptions{})}
	app := velithon.New(velithon.Options{})
	app.Post("/notes", w.leave, routing.Status(201))
	app.Get("/notes", w.list)
	app.Get("/notes/events", w.follow)
	app.Get("/", func(context.Context, struct{}) (responses.HTMLResponse, error) {
		answer := responses.HTML(page)
		answer.Header = responses.Header{"Content-Security-Policy": {policy}}
		return answer, nil
	})
	app.Get("/page.js", func(context.Context, struct{}) (responses.BytesResponse, error) {
		return responses.Bytes("text/javascript", []byte(script)), nil
	})
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Wall",
		Version:     "1.0.0",
		Description: "A wall of notes, which all who look at it see at once.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func main() {
	address := flag.String("listen", ":8080", "where to listen")
	flag.Parse()
	if err := newApp().Run(*address); err != nil {
		log.Fatal(err)
	}
}
