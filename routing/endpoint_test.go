package routing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type money struct {
	Cents int `json:"cents"`
}

// Each kind of output, through both ways to make an endpoint.
func TestOutputs(t *testing.T) {
	created := routing.Status(201)
	both(t, "content", func(context.Context, struct{}) (money, error) { return money{5}, nil }, 201, `{"cents":5}`, created)
	both(t, "pointer", func(context.Context, struct{}) (*money, error) { return &money{5}, nil }, 201, `{"cents":5}`, created)
	both(t, "nil pointer", func(context.Context, struct{}) (*money, error) { return nil, nil }, 200, `null`)
	both(t, "slice", func(context.Context, struct{}) ([]int, error) { return []int{1, 2}, nil }, 200, `[1,2]`)
	both(t, "empty struct", func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }, 200, `{}`)
	both(t, "any content", func(context.Context, struct{}) (any, error) { return money{5}, nil }, 200, `{"cents":5}`)
	both(t, "any nil", func(context.Context, struct{}) (any, error) { return nil, nil }, 200, `null`)
	both(t, "any response", func(context.Context, struct{}) (any, error) { return responses.Text("x"), nil }, 201, `x`, created)
	both(t, "response", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Content: "x", Status: 202}, nil
	}, 202, `x`, created)
	both(t, "interface", func(context.Context, struct{}) (responses.Response, error) { return responses.Text("x"), nil }, 200, `x`)
	both(t, "pointer response", func(context.Context, struct{}) (*responses.Problem, error) {
		return responses.NewProblem(409, "sold out"), nil
	}, 409, `{"title":"Conflict","status":409,"detail":"sold out"}`)
	both(t, "nil response", func(context.Context, struct{}) (*responses.Problem, error) { return nil, nil },
		500, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`)
	both(t, "error", func(context.Context, struct{}) (money, error) { return money{}, errors.New("secret") },
		500, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`)
	both(t, "content that can't be encoded", func(context.Context, struct{}) (any, error) { return func() {}, nil },
		500, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`)
}

// What a client did wrong is no matter for the log.
func TestTheLogHasTheProblemsOfTheServer(t *testing.T) {
	for status, want := range map[int]string{400: "", 422: "", 499: "", 500: "level=ERROR", 501: "level=WARN", 503: "level=WARN"} {
		book := newLogBook()
		r := newLoggedRouter(t, book)
		r.Get("/", func(context.Context, struct{}) (string, error) { return "", responses.NewProblem(status, "detail") })
		assert.Equal(t, status, answer(routing.Build(r).ServeRequest, "/").Response.StatusCode())
		if want == "" {
			assert.Empty(t, book.records, status)
			continue
		}
		assert.Contains(t, book.next(t), want, status)
	}
}

func both[Out any](t *testing.T, name string, handler func(context.Context, struct{}) (Out, error), status int, body string, options ...routing.Option) {
	t.Helper()
	for kind, endpoint := range map[string]routing.Endpoint{"typed": routing.NewEndpoint(handler), "reflected": routing.Reflected(t, handler)} {
		t.Run(name+"/"+kind, func(t *testing.T) {
			r := newRouter(t)
			r.Handle("GET", "/", endpoint, options...)
			response := do(t, routing.Build(r).ServeRequest, "GET", "/")
			assert.Equal(t, status, response.StatusCode())
			assert.Equal(t, body, string(response.Body()))
		})
	}
}

func TestAnErrorIsToldToTheLogWithItsRoute(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/orders/{id}", func(context.Context, struct{}) (string, error) { return "", errors.New("the disk is full") })
	do(t, routing.Build(r).ServeRequest, "GET", "/orders/7", routing.RequestIDHeader, "r-1")
	record := book.next(t)
	for _, want := range []string{"level=ERROR", `msg="request failed"`, "request_id=r-1", `route="GET /orders/{id}"`, `error="the disk is full"`} {
		assert.Contains(t, record, want)
	}
}

func TestWorkOfAResponseBesideAnErrorIsToldToTheLog(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error { return nil })}, errors.New("failed")
	})
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	assert.Contains(t, book.next(t), "the handler returned an error, so the background work of its response is not run")
}

func TestAPanicInMiddlewareGivesTheWorkUp(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			panic("on the way out")
		}
	})
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error {
			t.Error("ran")
			return nil
		})}, nil
	})
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	assert.Contains(t, book.next(t), `panic="on the way out"`)
	assert.Contains(t, book.next(t), "the response is not sent, so its background work is not run")
}

func TestATimeoutHandlerOfFasthttpDoesNotLoseWork(t *testing.T) {
	ran, answered := make(chan struct{}), make(chan struct{})
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			go next(raw) // as fasthttp.TimeoutHandler does when time is up
			raw.TimeoutError("too late")
			close(answered)
		}
	})
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		<-answered
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error {
			close(ran)
			return nil
		})}, nil
	})
	assert.Equal(t, 408, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	await(t, ran, "the task")
}

func TestAStreamThatEndsEarlyIsToldToTheLog(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, _ = w.WriteString("half")
			_ = w.Flush()
			return errors.New("the source is gone")
		}), nil
	})
	server := &fasthttp.Server{Handler: routing.Build(r).ServeRequest, Logger: silence{}}
	body, err := exchange(t, server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	assert.Equal(t, "half", string(body))
	assert.Error(t, err, "the client sees that something is missing")
	assert.Contains(t, book.next(t), "the source is gone")
}

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("on purpose") }

// The reservation of its work must not hold up the runner's shutdown, which
// newRouter waits for.
func TestAPanicOfTheContentGivesTheWorkUp(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (responses.JSONResponse[explosive, *background.Task], error) {
		return responses.JSON(explosive{}, background.Func("mail", func(context.Context) error {
			t.Error("ran")
			return nil
		})), nil
	})
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	assert.Contains(t, book.next(t), "the response is not sent, so its background work is not run")
	assert.Contains(t, book.next(t), `panic="on purpose"`)
}

func TestWorkThatFindsNoRoom(t *testing.T) {
	book := newLogBook()
	logger := slog.New(slog.NewTextHandler(book, nil))
	runner := background.NewRunner(background.RunnerOptions{Logger: logger})
	require.NoError(t, runner.Shutdown(context.Background()))
	r := routing.New(routing.Options{Runner: runner, Logger: logger})
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error { return nil })}, nil
	})
	response := do(t, routing.Build(r).ServeRequest, "GET", "/")
	assert.Equal(t, 503, response.StatusCode())
	assert.Contains(t, []string{"1", "2", "3", "4", "5"}, string(response.Header.Peek("Retry-After")))
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the service is busy: try again later"}`, string(response.Body()))
	assert.Contains(t, book.next(t), "no room for the background work of a response, which is answered 503")
}

// TestRetryAfterIsSpread: those who are refused together are not to come back
// together.
func TestRetryAfterIsSpread(t *testing.T) {
	runner := background.NewRunner(background.RunnerOptions{})
	require.NoError(t, runner.Shutdown(context.Background()))
	r := routing.New(routing.Options{Runner: runner, Logger: slog.New(slog.DiscardHandler)})
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error { return nil })}, nil
	})
	handler, seen := routing.Build(r).ServeRequest, map[string]bool{}
	for range 1000 {
		response := do(t, handler, "GET", "/")
		seen[string(response.Header.Peek("Retry-After"))] = true
	}
	assert.Equal(t, map[string]bool{"1": true, "2": true, "3": true, "4": true, "5": true}, seen)
}

func TestWorkOfAResponseThatCanNotBeWrittenIsToldToTheLog(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (responses.JSONResponse[any, *background.Task], error) {
		return responses.JSON[any](make(chan int), background.Func("mail", func(context.Context) error {
			t.Error("ran")
			return nil
		})), nil
	})
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	assert.Contains(t, book.next(t), "the response can't be written, so its background work is not run")
	assert.Contains(t, book.next(t), "write the response: ")
}

func TestFaultsOfTheInputAreAProblem(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(_ context.Context, in struct {
		Limit int `query:"limit"`
	},
	) (int, error) {
		return in.Limit, nil
	})
	response := do(t, routing.Build(r).ServeRequest, "GET", "/?limit=x")
	assert.Equal(t, 422, response.StatusCode())
	assert.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values",
		"errors":[{"in":"query","name":"limit","code":"type","detail":"must be an integer from `+fmt.Sprint(math.MinInt)+` to `+fmt.Sprint(math.MaxInt)+`"}]}`, string(response.Body()))
}

// The context of a log record does not end with its request.
func TestTheLogsContextOutlivesTheRequest(t *testing.T) {
	contexts := make(chan context.Context, 1)
	runner := background.NewRunner(background.RunnerOptions{})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: slog.New(contextHandler{slog.DiscardHandler, contexts})})
	r.Get("/", func(context.Context, struct{}) (string, error) { return "", errors.New("failed") })
	response := do(t, routing.Build(r).ServeRequest, "GET", "/")
	ctx := await(t, contexts, "a record")
	assert.Equal(t, string(response.Header.Peek(routing.RequestIDHeader)), routing.RequestID(ctx))
	require.NoError(t, ctx.Err())
	assert.Nil(t, ctx.Done())
	_, limited := ctx.Deadline()
	assert.False(t, limited)
}

// A contextHandler sends the contexts of records.
type contextHandler struct {
	slog.Handler
	contexts chan<- context.Context
}

func (contextHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	h.contexts <- ctx
	return nil
}

// The process would end, since nobody above recovers.
func TestALogHandlerMayPanic(t *testing.T) {
	runner := background.NewRunner(background.RunnerOptions{})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	closed := make(chan context.Context)
	close(closed) // so that sending panics
	r := routing.New(routing.Options{Runner: runner, Logger: slog.New(contextHandler{slog.DiscardHandler, closed})})
	r.Get("/error", func(context.Context, struct{}) (string, error) { return "", errors.New("failed") })
	r.Get("/panic", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	for _, target := range []string{"/error", "/panic"} {
		assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", target).StatusCode(), target)
	}
}

// Nobody sends the stream, so nobody but the router ends its request.
func TestALateStreamEnds(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			raw.TimeoutError("late")
		}
	})
	contexts := make(chan context.Context, 1)
	r.Get("/", func(ctx context.Context, _ struct{}) (*responses.StreamResponse, error) {
		contexts <- ctx
		return responses.Stream("", func(*responses.StreamWriter) error { return nil }), nil
	})
	assert.Equal(t, 408, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	require.ErrorIs(t, (<-contexts).Err(), context.Canceled)
	routing.Build(r).EndStreams() // knows of none
}

// Who answers after the router's handler takes the response away unseen.
func TestWorkThatIsLostOutsideOfTheHandlerRunsLater(t *testing.T) {
	r := newRouter(t)
	ran := make(chan string, 2)
	r.Get("/{name}", func(_ context.Context, in struct {
		Name string `path:"name"`
	},
	) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func(in.Name, func(context.Context) error {
			ran <- in.Name
			return nil
		})}, nil
	})
	handler := routing.Build(r).ServeRequest
	server := &fasthttp.Server{Handler: func(raw *fasthttp.RequestCtx) {
		handler(raw)
		raw.TimeoutError("late")
	}}
	talk(t, server, "GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Equal(t, "first", await(t, ran, "the work before the next request"))
	assert.Empty(t, ran)
	routing.Build(r).Settle(t.Context())
	assert.Equal(t, "last", await(t, ran, "the work of the last request"))
}

// A pool is something like a *sql.DB.
type pool struct{ closed chan struct{} }

func (p *pool) Close() error {
	close(p.closed)
	return nil
}

func TestAUserValueThatClosesIsClosedBeforeTheWork(t *testing.T) {
	stored, wrapped := &pool{make(chan struct{})}, &pool{make(chan struct{})}
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("stored", stored)
			raw.SetUserValue("wrapped", struct{ pool *pool }{wrapped})
			next(raw)
		}
	})
	ran := make(chan context.Context, 1)
	r.Get("/", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Background: background.Func("work", func(ctx context.Context) error {
			select {
			case <-stored.closed:
			default:
				t.Error("the value is still open")
			}
			ran <- ctx
			return nil
		})}, nil
	})
	do(t, routing.Build(r).ServeRequest, "GET", "/")
	ctx := await(t, ran, "the work")
	assert.Equal(t, struct{ pool *pool }{wrapped}, ctx.Value("wrapped"))
	select {
	case <-wrapped.closed:
		assert.Fail(t, "the pool in a struct is closed")
	default:
	}
}
