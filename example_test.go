package velithon_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// tell serves app in memory, sends it requests, and prints each answer as it is
// sent, but for its date and an id that the app made. It then shuts the app down.
func tell(app *velithon.App, requests ...string) {
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	for i, request := range requests {
		if i > 0 {
			fmt.Println()
		}
		conn, err := listener.Dial()
		if err != nil {
			log.Panic(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			log.Panic(err)
		}
		var sent bytes.Buffer
		response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &sent)), nil)
		if err != nil {
			log.Panic(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			log.Panic(err)
		}
		response.Body.Close()
		conn.Close()
		varying := regexp.MustCompile(`(?m)^(Date:|X-Request-Id: [0-9a-f]{16}-).*\n`)
		text := strings.ReplaceAll(sent.String(), "\r", "")
		fmt.Println(strings.TrimSpace(varying.ReplaceAllString(text, "")))
	}
	if err := errors.Join(app.Shutdown(context.Background()), <-served); err != nil {
		log.Panic(err)
	}
}

// stdout is what os.Stdout is at the time, which an example has of its own.
type stdout struct{}

func (stdout) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

// printed is a logger that prints what does not vary.
var printed = slog.New(slog.NewTextHandler(stdout{}, &slog.HandlerOptions{
	ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "stack" {
			return slog.Attr{}
		}
		return a
	},
}))

type book struct {
	ISBN  string `json:"isbn" validate:"required,len=13"`
	Title string `json:"title" validate:"required,min=1"`
	Pages int32  `json:"pages" validate:"min=1"`
}

// library is a service of books.
type library struct{}

func (library) find(_ context.Context, in struct {
	ISBN string `path:"isbn"`
},
) (book, error) {
	return book{in.ISBN, "Moby-Dick", 635}, nil
}

func (library) add(_ context.Context, in book) (responses.JSONResponse[book, *background.Task], error) {
	index := background.Func("index the book", func(context.Context) error { return nil })
	return responses.JSON(in, index), nil
}

func ExampleNew() {
	var books library
	app := velithon.New(velithon.Options{})
	app.Get("/books/{isbn}", books.find)
	app.Post("/books", books.add, routing.Status(201))

	tell(app,
		request("GET", "/books/9780142437247", ""),
		request("POST", "/books", `{"isbn":"9780142437247","title":"Moby-Dick","pages":635}`, jsonType))
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: application/json
	// Content-Length: 56
	//
	// {"isbn":"9780142437247","title":"Moby-Dick","pages":635}
	//
	// HTTP/1.1 201 Created
	// Content-Type: application/json
	// Content-Length: 56
	//
	// {"isbn":"9780142437247","title":"Moby-Dick","pages":635}
}

// Every fault of a request is told at once.
func ExampleApp_faults() {
	var books library
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Post("/books", books.add, routing.Status(201))

	tell(app, request("POST", "/books", `{"isbn":"x","pages":"many"}`, jsonType))
	// Output:
	// HTTP/1.1 422 Unprocessable Entity
	// Content-Type: application/problem+json
	// Content-Length: 382
	//
	// {"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/pages","code":"type","detail":"must be an integer from -2147483648 to 2147483647"},{"in":"body","pointer":"#/title","code":"required","detail":"is required"},{"in":"body","pointer":"#/isbn","code":"len","detail":"must have exactly 13 characters"}]}
}

var errOnLoan = responses.NewProblem(409, "the book is on loan")

// A quotaError says that somebody borrows too much.
type quotaError struct {
	card  string
	limit int
}

// Error is for the service itself.
func (e *quotaError) Error() string { return fmt.Sprintf("card %s has %d books", e.card, e.limit) }

// StatusCode is that of the answer.
func (e *quotaError) StatusCode() int { return 429 }

// PublicMessage is the detail of the answer.
func (e *quotaError) PublicMessage() string { return fmt.Sprintf("no more than %d books", e.limit) }

func (library) borrow(_ context.Context, in struct {
	Book string `path:"book"`
	Card string `header:"X-Card"`
},
) (responses.NoContentResponse, error) {
	switch in.Book {
	case "moby-dick":
		return responses.NoContent(), errOnLoan.WithCause(errors.New("card 7 has it"))
	case "walden":
		return responses.NoContent(), &quotaError{in.Card, 5}
	case "ulysses":
		return responses.NoContent(), errors.New("dial tcp 10.0.0.5:5432: connection refused")
	case "emma":
		var shelves map[string]int
		shelves["emma"]-- //nolint:govet,staticcheck // panics on purpose
	}
	return responses.NoContent(), nil
}

// What a client is told of an error, and what the log is.
func ExampleApp_errors() {
	var books library
	app := velithon.New(velithon.Options{Logger: printed})
	app.Post("/loans/{book}", books.borrow)

	tell(app,
		request("POST", "/loans/moby-dick", "", "X-Request-Id: a-1"),
		request("POST", "/loans/walden", "", "X-Request-Id: a-2", "X-Card: 7"),
		request("POST", "/loans/ulysses", "", "X-Request-Id: a-3"),
		request("POST", "/loans/emma", "", "X-Request-Id: a-4"))
	// Output:
	// HTTP/1.1 409 Conflict
	// Content-Type: application/problem+json
	// Content-Length: 64
	// X-Request-Id: a-1
	//
	// {"title":"Conflict","status":409,"detail":"the book is on loan"}
	//
	// HTTP/1.1 429 Too Many Requests
	// Content-Type: application/problem+json
	// Content-Length: 74
	// X-Request-Id: a-2
	//
	// {"title":"Too Many Requests","status":429,"detail":"no more than 5 books"}
	//
	// level=ERROR msg="request failed" request_id=a-3 route="POST /loans/{book}" error="dial tcp 10.0.0.5:5432: connection refused"
	// HTTP/1.1 500 Internal Server Error
	// Content-Type: application/problem+json
	// Content-Length: 98
	// X-Request-Id: a-3
	//
	// {"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}
	//
	// level=ERROR msg="panic in a handler" request_id=a-4 route="POST /loans/{book}" panic="assignment to entry in nil map"
	// HTTP/1.1 500 Internal Server Error
	// Content-Type: application/problem+json
	// Content-Length: 98
	// X-Request-Id: a-4
	//
	// {"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}
}

// errNoCard is for many requests, which share it.
var errNoCard = &responses.Problem{
	Status: 401,
	Detail: "a library card is needed, in the header X-Card",
	Header: responses.Header{"WWW-Authenticate": {"Card"}},
}

// requireCard is a middleware.
func requireCard(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if len(raw.Request.Header.Peek("X-Card")) == 0 {
			printed.Info("no card", "request_id", routing.RequestID(raw))
			responses.WriteProblem(raw, errNoCard)
			return
		}
		next(raw)
	}
}

func ExampleApp_middleware() {
	var books library
	app := velithon.New(velithon.Options{Logger: printed})
	app.Group("/loans", requireCard).Post("/{book}", books.borrow)

	tell(app, request("POST", "/loans/walden", "", "X-Request-Id: a-5"))
	// Output:
	// level=INFO msg="no card" request_id=a-5
	// HTTP/1.1 401 Unauthorized
	// Content-Type: application/problem+json
	// Content-Length: 95
	// X-Request-Id: a-5
	// Www-Authenticate: Card
	//
	// {"title":"Unauthorized","status":401,"detail":"a library card is needed, in the header X-Card"}
}

// A request id is that of the handler and of the work after the response.
func ExampleApp_requestID() {
	app := velithon.New(velithon.Options{Logger: printed})
	app.Post("/mails", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		response := responses.Text("request " + routing.RequestID(ctx))
		response.Background = background.Func("send the mail", func(ctx context.Context) error {
			return errors.New("no server for request " + routing.RequestID(ctx))
		})
		return response, nil
	})

	tell(app, request("POST", "/mails", "", "X-Request-Id: a-6"))
	// Unordered output:
	// level=ERROR msg="background task failed" task="send the mail" attempt=1 error="no server for request a-6" request_id=a-6
	// HTTP/1.1 200 OK
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 11
	// X-Request-Id: a-6
	//
	// request a-6
}

// newShop makes an app with a limit for all that can grow.
func newShop() *velithon.App {
	app := velithon.New(velithon.Options{
		BodyLimit:       256 << 10,        // most routes take small JSON
		ReadTimeout:     5 * time.Second,  // a proxy in front has the whole request before it sends
		ShutdownTimeout: 40 * time.Second, // 10 s for requests, 30 s for tasks
		MaxConnections:  2048,
		Runner: background.RunnerOptions{
			Workers:  48,
			Queue:    9_600,
			Overflow: background.Reject,
			Timeout:  10 * time.Second,
		},
	})
	api := app.Group("/api")
	api.Post("/orders", func(context.Context, struct{}) (string, error) { return "", nil },
		routing.Timeout(5*time.Second))
	api.Post("/pictures", func(context.Context, struct{}) (string, error) { return "", nil },
		routing.BodyLimit(20<<20), routing.Timeout(15*time.Second))
	return app
}

// inspection has what operators look at. It is served on an address that no
// proxy passes on.
func inspection(app *velithon.App) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/runner", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(app.Runner().Stats())
	})
	return mux
}

func ExampleApp_Runner() {
	app := newShop()
	answer := httptest.NewRecorder()
	inspection(app).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/debug/runner", nil))
	fmt.Println(answer.Body)
	// Output:
	// {"Accepted":0,"Succeeded":0,"Failed":0,"Panicked":0,"Retried":0,"Rejected":0,"Skipped":0,"Abandoned":0,"Queued":0,"Running":0,"Scheduled":0,"Limited":0,"Retrying":0,"Blocked":0,"OldestWaiting":0}
}

// A service's main: nil is the normal end, so the error decides.
func ExampleApp_Run() {
	app := velithon.New(velithon.Options{})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "hello", nil })
	if err := app.Run(":8080"); err != nil {
		log.Fatal(err)
	}
}

func ExampleOptions_onRefused() {
	app := velithon.New(velithon.Options{
		OnRefused: func(raw *fasthttp.RequestCtx, problem *responses.Problem) {
			fmt.Println(problem.StatusCode(), problem.Detail, raw.RemoteIP())
			raw.Response.Header.Set("Access-Control-Allow-Origin", "https://shop.example")
		},
	})
	tell(app, "nonsense\r\n\r\n")
	// Output:
	// 400 the request can't be parsed: its HTTP or its multipart form is malformed 0.0.0.0
	// HTTP/1.1 400 Bad Request
	// Content-Type: application/problem+json
	// Content-Length: 120
	// Access-Control-Allow-Origin: https://shop.example
	// Connection: close
	//
	// {"title":"Bad Request","status":400,"detail":"the request can't be parsed: its HTTP or its multipart form is malformed"}
}
