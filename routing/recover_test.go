package routing_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

func TestWhatNoRouteTakes(t *testing.T) {
	r := newRouter(t)
	r.Get("/x", hello)
	r.Put("/x", hello)
	handler := routing.Build(r).ServeRequest
	for _, test := range []struct {
		method, target string
		status         int
		allow, body    string
	}{
		{"GET", "/y", 404, "", `{"title":"Not Found","status":404,"detail":"no route matches the path"}`},
		{"POST", "/x", 405, "GET, HEAD, OPTIONS, PUT", `{"title":"Method Not Allowed","status":405,"detail":"the path exists, but not for this method: see Allow"}`},
		{"OPTIONS", "/x", 204, "GET, HEAD, OPTIONS, PUT", ""},
	} {
		response := do(t, handler, test.method, test.target)
		assert.Equal(t, test.status, response.StatusCode())
		assert.Equal(t, test.allow, string(response.Header.Peek("Allow")))
		assert.Equal(t, test.body, string(response.Body()))
	}
}

func TestMiddlewareWritesProblems(t *testing.T) {
	for _, test := range []struct {
		problem *responses.Problem
		status  int
	}{
		{responses.NewProblem(401, "who are you?"), 401},
		{&responses.Problem{Status: 401, Header: responses.Header{"X-Bad": {"a\r\nb"}}}, 500},
	} {
		r := newRouter(t)
		r.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) { responses.WriteProblem(raw, test.problem) }
		})
		response := do(t, routing.Build(r).ServeRequest, "GET", "/")
		assert.Equal(t, test.status, response.StatusCode())
		assert.Equal(t, "application/problem+json", string(response.Header.ContentType()))
		assert.Empty(t, response.Header.Peek("X-Bad"))
	}
}

// What says how the body is compressed or cached is not about the problem.
func TestAPanicLeavesNoFieldsOfTheContent(t *testing.T) {
	r := newRouter(t)
	fields := []string{"Content-Encoding", "Cache-Control", "ETag", "Last-Modified"}
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			for _, name := range append(fields, "X-Other") {
				raw.Response.Header.Set(name, "x")
			}
			next(raw)
		}
	})
	r.Get("/", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	response := &answer(routing.Build(r).ServeRequest, "/").Response
	assert.Equal(t, 500, response.StatusCode())
	for _, name := range fields {
		assert.Empty(t, response.Header.Peek(name), name)
	}
	assert.Equal(t, "x", string(response.Header.Peek("X-Other")))
}

// Nobody else would close what the request has as values.
func TestAGoexitEndsTheRequest(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { runtime.Goexit() }
	})
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	closed := make(closing)
	raw.SetUserValue("value", closed)
	go routing.Build(r).ServeRequest(raw)
	await(t, closed, "the Close of a user value")
	assert.Contains(t, book.next(t), "a handler called runtime.Goexit")
}

// closing is a user value that is closed with its request.
type closing chan struct{}

func (c closing) Close() error {
	close(c)
	return nil
}

// Nothing follows an informational response, so its client would wait.
func TestAStatusThatEndsNoRequestIsAnsweredWith500(t *testing.T) {
	for sent, want := range map[int]int{100: 500, 103: 500, 199: 500, 200: 200, 999: 999, 1000: 500} {
		r := newRouter(t)
		r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				next(raw)
				raw.SetStatusCode(sent)
			}
		})
		r.Get("/", hello)
		assert.Equal(t, want, answer(routing.Build(r).ServeRequest, "/").Response.StatusCode(), sent)
	}
}

// A client takes the content of a 205 for the next response.
func TestAResetContentHasNoContent(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			raw.SetStatusCode(fasthttp.StatusResetContent)
		}
	})
	r.Get("/", hello)
	response := &answer(routing.Build(r).ServeRequest, "/").Response
	assert.Empty(t, response.Body())
	assert.Contains(t, response.String(), "Content-Length: 0\r\n")
	assert.NotContains(t, response.String(), "Content-Type")
}

func TestARefusedRequestHasAnID(t *testing.T) {
	r := newRouter(t)
	seen := make(map[string]bool)
	for range 3 {
		raw := new(fasthttp.RequestCtx)
		routing.Build(r).Refuse(raw, responses.NewProblem(400, "no HTTP"))
		assert.Equal(t, 400, raw.Response.StatusCode())
		id := string(raw.Response.Header.Peek(routing.RequestIDHeader))
		assert.NotEmpty(t, id)
		assert.False(t, seen[id], id)
		seen[id] = true
	}
}

func TestAPanicOfAStreamIsLoggedWithItsStack(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("", func(*responses.StreamWriter) error { panic("on purpose") }), nil
	})
	talk(t, &fasthttp.Server{Handler: routing.Build(r).ServeRequest}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	record := book.next(t)
	assert.Contains(t, record, "a stream ended early")
	assert.Contains(t, record, "on purpose")
	assert.Contains(t, record, "recover_test.go")
}

// A stream of the service's own may say by a method Err how it ended.
type failedStream struct {
	responses.TextResponse
	err func() error
}

func (s failedStream) Write(raw *fasthttp.RequestCtx) error {
	raw.SetBodyStream(strings.NewReader("half"), -1)
	return nil
}

func (s failedStream) Err() error { return s.err() }

func TestAStreamOfTheServicesOwnSaysHowItEnded(t *testing.T) {
	for want, err := range map[string]func() error{
		"the source is gone": func() error { return errors.New("the source is gone") },
		"panic: on purpose":  func() error { panic("on purpose") },
	} {
		book := newLogBook()
		r := newLoggedRouter(t, book)
		ran := make(chan struct{})
		r.Get("/", func(context.Context, struct{}) (failedStream, error) {
			text := responses.TextResponse{Background: background.Func("work", func(context.Context) error {
				close(ran)
				return nil
			})}
			return failedStream{text, err}, nil
		})
		do(t, routing.Build(r).ServeRequest, "GET", "/")
		record := book.next(t)
		assert.Contains(t, record, "a stream ended early")
		assert.Contains(t, record, want)
		await(t, ran, "the work")
	}
}

// A middleware that replaces a stream, or ends the goroutine after it, leaves
// nothing behind.
func TestAStreamThatIsGivenUp(t *testing.T) {
	for name, then := range map[string]func(){
		"panic":  func() { panic("on purpose") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			book := newLogBook()
			r := newLoggedRouter(t, book)
			r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) {
					next(raw)
					then()
				}
			})
			var ctx context.Context
			r.Get("/", func(c context.Context, _ struct{}) (*responses.StreamResponse, error) {
				ctx = c
				stream := responses.Stream("", func(*responses.StreamWriter) error { panic("must not run") })
				stream.Background = background.Func("work", func(context.Context) error { panic("must not run") })
				return stream, nil
			})
			sent := talk(t, &fasthttp.Server{Handler: behindServer(r)}, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			if name == "panic" {
				assert.Contains(t, sent, "500 Internal Server Error")
				assert.Contains(t, book.next(t), "panic in a handler")
			} else {
				assert.Empty(t, sent)
				assert.Contains(t, book.next(t), "runtime.Goexit")
			}
			assert.Contains(t, book.next(t), "the response is not sent, so its background work is not run")
			require.ErrorIs(t, ctx.Err(), context.Canceled)
			routing.Build(r).EndStreams() // knows of none
		})
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	r := newRouter(t)
	begun := make(chan struct{}, 2)
	r.Get("/", func(ctx context.Context, _ struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("", func(w *responses.StreamWriter) error {
			begun <- struct{}{}
			<-ctx.Done()
			_, err := w.WriteString("the end")
			return err
		}), nil
	})
	server := &fasthttp.Server{Handler: routing.Build(r).ServeRequest}
	go func() {
		<-begun
		routing.Build(r).EndStreams()
	}()
	for range 2 { // one that has begun, and one that begins later
		sent := talk(t, server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		assert.Contains(t, sent, "the end")
	}
}

// The cause of an answer below 500 is in nobody's log.
func TestACauseIsLoggedFrom500On(t *testing.T) {
	for status, logged := range map[int]string{400: "", 404: "", 409: "", 499: "", 500: "level=ERROR", 503: "level=WARN"} {
		book := newLogBook()
		logger := slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r := routing.New(routing.Options{Runner: background.NewRunner(background.RunnerOptions{}), Logger: logger})
		r.Get("/", func(context.Context, struct{}) (string, error) {
			return "", responses.NewProblem(status, "").WithCause(errors.New("the cause"))
		})
		assert.Equal(t, status, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
		if logged == "" {
			assert.Empty(t, book.records, status)
			continue
		}
		record := book.next(t)
		assert.Contains(t, record, logged)
		assert.Contains(t, record, "the cause")
	}
}

// Raw is there until the request ends: with the end of its stream, if it has one.
func TestRawInAStream(t *testing.T) {
	r := newRouter(t)
	inStream, inWork := make(chan string, 1), make(chan error, 1)
	r.Get("/", func(ctx context.Context, _ struct{}) (*responses.StreamResponse, error) {
		stream := responses.Stream("", func(*responses.StreamWriter) error {
			raw, err := routing.RequestCtx(ctx)
			if err == nil {
				inStream <- string(raw.Request.Header.Peek("X-Trace"))
			}
			return err
		})
		stream.Background = background.Func("work", func(work context.Context) error {
			_, err := routing.RequestCtx(work)
			inWork <- err
			return nil
		})
		return stream, nil
	})
	do(t, routing.Build(r).ServeRequest, "GET", "/", "X-Trace", "abc")
	assert.Equal(t, "abc", await(t, inStream, "the stream"))
	assert.ErrorIs(t, await(t, inWork, "the work"), routing.ErrRequestEnded)
}

// unwritable fails with a problem that can't be written.
type unwritable struct{ responses.NoContentResponse }

func (unwritable) Write(*fasthttp.RequestCtx) error {
	problem := responses.NewProblem(409, "conflict")
	problem.Header = responses.Header{"X-Reason": {"a\nb"}}
	return problem
}

func TestAProblemThatCannotBeWritten(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(context.Context, struct{}) (unwritable, error) { return unwritable{}, nil })
	response := do(t, routing.Build(r).ServeRequest, "GET", "/")
	assert.Equal(t, 500, response.StatusCode())
	assert.NotEmpty(t, response.Body())
}
