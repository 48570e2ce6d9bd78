// Chat has rooms in which everybody reads what the others write, by WebSockets, with a page. A
// message that begins with somebody's address is mailed to them, too, in the background.
//
//	cd examples/chat
//	go run .
//
// Open http://127.0.0.1:8080/ in two tabs, and write "@ada@example.org hello" in one of them:
// both show it, and the log says
//
//	2026/11/29 12:00:00 Mail to ada@example.org: Bob in lobby: hello
//
// End it by Ctrl-C: both tabs say so, and are back when it is started again. A client that is
// no browser can connect, too: ws://127.0.0.1:8080/rooms/lobby?name=Eve. What is wrong with
// such a request is answered as ever:
//
//	curl -i http://127.0.0.1:8080/rooms/lobby
//	HTTP/1.1 422 Unprocessable Entity
//	…
//	{"title":"Unprocessable Entity","status":422,"detail":"…","errors":[{"in":"query","name":"name","code":"required","detail":"is required"}]}
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"log"
	"strings"
	"sync"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/websocket"
)

type join struct {
	Room string `path:"room" validate:"max=40"`
	Name string `query:"name" validate:"required,min=1,max=20"`
}

type message struct {
	Text string `json:"text" validate:"required,min=1,max=500"`
}

type event struct {
	From string `json:"from,omitempty"` // empty for what the service says
	Text string `json:"text"`
}

type conn = websocket.Conn[message, event]

// chat is the rooms.
type chat struct {
	socket *websocket.Socket[message, event]
	runner *background.Runner
	mail   func(ctx context.Context, to, text string) error

	mu    sync.Mutex // guards rooms
	rooms map[string]map[*conn]bool
}

func newApp(mail func(ctx context.Context, to, text string) error) *velithon.App {
	app := velithon.New(velithon.Options{})
	c := &chat{
		socket: websocket.New[message, event](websocket.Options{MessageLimit: 4 << 10}),
		runner: app.Runner(),
		mail:   mail,
		rooms:  make(map[string]map[*conn]bool),
	}
	app.Get("/rooms/{room}", c.enter)
	app.Get("/", file("index.html", "text/html; charset=utf-8"))
	app.Get("/chat.js", file("chat.js", "text/javascript; charset=utf-8"))
	app.Get("/chat.css", file("chat.css", "text/css; charset=utf-8"))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Chat",
		Version:     "1.0.0",
		Description: "Passes messages on.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// enter makes a WebSocket of a request, and talks until one side ends it.
func (c *chat) enter(ctx context.Context, in join) (*websocket.Response, error) {
	return c.socket.Upgrade(ctx, func(conn *conn) error {
		c.come(in.Room, conn)
		c.tell(in.Room, event{Text: in.Name + " is here"})
		defer func() {
			c.leave(in.Room, conn)
			c.tell(in.Room, event{Text: in.Name + " has left"})
		}()
		for {
			m, err := conn.Receive(ctx)
			if invalid, ok := errors.AsType[*params.Error](err); ok { // told to the one who has sent it
				if err := conn.Send(ctx, event{Text: "That was no message: " + wrong(invalid)}); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			c.tell(in.Room, event{in.Name, m.Text})
			if to, text, ok := mention(m.Text); ok {
				err := c.runner.Submit(ctx, background.Func("mail a mention", func(ctx context.Context) error {
					return c.mail(ctx, to, in.Name+" in "+in.Room+": "+text)
				}))
				if err != nil {
					return err
				}
			}
		}
	})
}

func (c *chat) come(room string, who *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[room] == nil {
		c.rooms[room] = make(map[*conn]bool)
	}
	c.rooms[room][who] = true
}

func (c *chat) leave(room string, who *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.rooms[room], who); len(c.rooms[room]) == 0 {
		delete(c.rooms, room)
	}
}

// tell sends to all in a room. Nobody is waited for: who is too slow has to come again.
func (c *chat) tell(room string, e event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.rooms[room] {
		if errors.Is(conn.TrySend(e), websocket.ErrFull) {
			conn.Close(websocket.TryAgainLater, "you read too slowly")
		}
	}
}

// wrong says what is wrong with a message.
func wrong(e *params.Error) string {
	if len(e.Faults) == 0 { // it is no JSON
		return e.Detail
	}
	return e.Faults[0].Pointer + " " + e.Faults[0].Detail
}

// mention returns the address at the beginning of a text, and the rest.
func mention(text string) (address, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, "@")
	address, rest, _ = strings.Cut(text, " ")
	return address, rest, ok && strings.Contains(address, "@")
}

//go:embed page
var page embed.FS

// policy lets the page load its own files and connect to its own service, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file returns a handler that answers with a file of the page.
func file(name, contentType string) func(context.Context, struct{}) (responses.BytesResponse, error) {
	content, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(err)
	}
	return func(context.Context, struct{}) (responses.BytesResponse, error) {
		response := responses.Bytes(contentType, content)
		response.Header = responses.Header{
			"Cache-Control":           {"no-cache"},
			"Content-Security-Policy": {policy},
			"Referrer-Policy":         {"no-referrer"},
			"X-Content-Type-Options":  {"nosniff"},
		}
		return response, nil
	}
}

func logMail(_ context.Context, to, text string) error {
	log.Printf("Mail to %s: %s", to, text)
	return nil
}

func main() {
	address := flag.String("listen", ":8080", "the address to serve on")
	flag.Parse()
	if err := newApp(logMail).Run(*address); err != nil {
		log.Fatal(err)
	}
}
