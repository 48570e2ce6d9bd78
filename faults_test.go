package velithon_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	playground "github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A faultyApp is a service with a fault of its own at /fault, and a healthy route
// at /healthy.
type faultyApp struct {
	*velithon.App
	records chan string // of the log
}

func newFaultyApp(t *testing.T, runner background.RunnerOptions) *faultyApp {
	t.Helper()
	a := &faultyApp{records: make(chan string, 100)}
	rules := params.NewValidator()
	require.NoError(t, rules.RegisterValidation("explosive", func(field playground.FieldLevel) bool {
		if field.Field().String() == "" { // as when the route is added, to see whether the rule can be used
			return true
		}
		panic("boom")
	}))
	a.App = velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(a, nil)), Runner: runner, Validator: rules})
	a.Get("/healthy", func(context.Context, struct{}) (string, error) { return "ok", nil })
	return a
}

// Write takes a record of the log.
func (a *faultyApp) Write(record []byte) (int, error) {
	a.records <- string(record)
	return len(record), nil
}

// logged waits for a record about the faulty request that has all the parts.
func (a *faultyApp) logged(t *testing.T, parts ...string) {
	t.Helper()
	parts = append(parts, "request_id=fault-1")
	for !containsAll(await(t, a.records, "a record with "+strings.Join(parts, ", ")), parts) {
	}
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// faultRequest has something for every input below.
var faultRequest = request("POST", "/fault?value=x", `{"value":"x"}`, jsonType, "X-Request-Id: fault-1")

// assertHealthy asks for /healthy, as the last request on a connection.
func assertHealthy(t *testing.T, conn io.Writer, reader *bufio.Reader) {
	t.Helper()
	write(t, conn, request("GET", "/healthy", "", "Connection: close"))
	response, body := receive(t, reader)
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, `"ok"`, body)
}

const internalProblem = `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`

// The explosive types panic in the methods that the framework calls.
type (
	explosiveInput    struct{}
	explosiveContent  struct{}
	explosiveWork     struct{}
	explosiveError    struct{ error }
	explosiveUnwrap   struct{ error }
	explosiveStatus   struct{ error }
	explosiveMessage  struct{ soldOut }
	explosiveResponse struct{ responses.TextResponse }
)

func (*explosiveInput) UnmarshalText([]byte) error    { panic("boom") }
func (*explosiveInput) UnmarshalJSON([]byte) error    { panic("boom") }
func (explosiveContent) MarshalJSON() ([]byte, error) { panic("boom") }
func (explosiveContent) MarshalText() ([]byte, error) { panic("boom") }
func (explosiveContent) String() string               { panic("boom") }
func (explosiveContent) LogValue() slog.Value         { panic("boom") }
func (explosiveWork) Run(context.Context) error       { panic("boom") }
func (explosiveError) Error() string                  { panic("boom") }
func (explosiveUnwrap) Unwrap() error                 { panic("boom") }
func (explosiveStatus) StatusCode() int               { panic("boom") }
func (explosiveMessage) PublicMessage() string        { panic("boom") }
func (explosiveResponse) Work() background.Work       { panic("boom") }

// halfWritten has put fields and a part of its body on the response before it
// panics.
type halfWritten struct{ responses.TextResponse }

func (halfWritten) Write(raw *fasthttp.RequestCtx) error {
	raw.SetStatusCode(200)
	raw.Response.Header.Set("Content-Encoding", "gzip")
	raw.Response.Header.Set("Cache-Control", "max-age=86400")
	raw.Response.Header.Set("ETag", `"1"`)
	raw.SetBodyString("half")
	panic("boom")
}

var errBoom = errors.New("boom")

func panicWith(value any) error { panic(value) }

// A fault adds the route POST /fault.
type fault func(r *routing.Router, options ...routing.Option)

func handledBy[In, Out any](handler func(context.Context, In) (Out, error)) fault {
	return func(r *routing.Router, options ...routing.Option) {
		r.Handle("POST", "/fault", routing.NewEndpoint(handler), options...)
	}
}

func panics(value any) fault {
	return handledBy(func(context.Context, struct{}) (string, error) { panic(value) })
}

func takes[In any]() fault {
	return handledBy(func(context.Context, In) (string, error) { return "not reached", nil })
}

func returns[Out any](out Out) fault {
	return handledBy(func(context.Context, struct{}) (Out, error) { return out, nil })
}

func fails(err error) fault {
	return handledBy(func(context.Context, struct{}) (string, error) { return "", err })
}

// The service's own code may panic wherever the framework calls it: the client is
// told 500, the log why, and the connection goes on. The work of the response is
// given up, or the shutdown would wait for it.
func TestAPanicIsAnswered(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault fault
		log   string
	}{
		{"in a handler", panics("boom"), "panic=boom"},
		{"with nil", panics(nil), "panic called with nil argument"},
		{"with an error", panics(errBoom), "panic=boom"},
		{"with a value that can't be logged", panics(explosiveContent{}), `msg="panic in a handler"`},
		{"in UnmarshalText", takes[struct {
			Value explosiveInput `query:"value"`
		}](), "panic=boom"},
		{"in UnmarshalJSON", takes[struct {
			Value explosiveInput `json:"value"`
		}](), "panic=boom"},
		{"in a custom rule", takes[struct {
			Value string `query:"value" validate:"explosive"`
		}](), "panic=boom"},
		{"in a custom rule of a body", takes[struct {
			Value string `json:"value" validate:"explosive"`
		}](), "panic=boom"},
		{"in MarshalJSON", returns([]explosiveContent{{}}), "panic=boom"},
		{"in MarshalJSON, beside work", returns(responses.JSON(explosiveContent{}, background.Func("never", nothing))), "panic=boom"},
		{"in MarshalJSON of a problem's errors", fails(&responses.Problem{Status: 422, Errors: explosiveContent{}}), "panic=boom"},
		{"in MarshalText of a key", returns(map[explosiveContent]int{{}: 1}), "panic=boom"},
		{"in Work of a response", returns(explosiveResponse{}), "panic=boom"},
		{"in Write of a response, half-way", returns(halfWritten{}), "panic=boom"},
		{"in Error", fails(explosiveError{errBoom}), `msg="request failed"`},
		{"in Error of a problem's cause", fails(responses.NewProblem(500, "").WithCause(explosiveError{errBoom})), `msg="request failed"`},
		{"in Unwrap", fails(explosiveUnwrap{errBoom}), "panic=boom"},
		{"in StatusCode", fails(explosiveStatus{errBoom}), "panic=boom"},
		{"in PublicMessage", fails(explosiveMessage{}), "panic=boom"},
	} {
		for how, options := range map[string][]routing.Option{
			"":                             nil,
			" within a timeout":            {routing.Timeout(time.Hour)},
			" while the client is watched": {routing.CancelOnDisconnect()},
		} {
			t.Run(test.name+how, func(t *testing.T) {
				app := newFaultyApp(t, background.RunnerOptions{})
				seen := make(chan int, 2) // by middleware
				app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
					return func(raw *fasthttp.RequestCtx) {
						next(raw)
						if string(raw.Path()) == "/fault" {
							seen <- raw.Response.StatusCode()
						}
					}
				})
				test.fault(app.Router, options...)
				conn := dial(t, serve(t, app.App))
				reader := bufio.NewReader(conn)
				for range 2 {
					write(t, conn, faultRequest)
					response, body := receive(t, reader)
					assert.Equal(t, 500, response.StatusCode)
					assert.Equal(t, problemOf(t, internalProblem).Status, problemOf(t, body).Status)
					assert.Equal(t, "fault-1", response.Header.Get("X-Request-Id"))
					for _, name := range []string{"Content-Encoding", "Cache-Control", "ETag"} {
						assert.Empty(t, response.Header.Get(name), name)
					}
					app.logged(t, test.log)
					assert.Equal(t, 500, await(t, seen, "the middleware"))
				}
				assertHealthy(t, conn, reader)
				shutdown(t, app.App)
				assert.Zero(t, app.Runner().Stats().Accepted)
			})
		}
	}
}

func nothing(context.Context) error { return nil }

// What a request had is given back when its response panics: its context has
// ended, and its upload is closed.
func TestAPanicEndsItsRequest(t *testing.T) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "f.txt")
	require.NoError(t, err)
	_, err = io.WriteString(part, "content")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	type upload struct {
		File params.File `form:"file"`
	}
	for name, options := range map[string][]routing.Option{"at once": nil, "within a timeout": {routing.Timeout(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			app := newFaultyApp(t, background.RunnerOptions{})
			var ctx context.Context
			var file params.File
			handledBy(func(c context.Context, in upload) ([]explosiveContent, error) {
				ctx, file = c, in.File
				return []explosiveContent{{}}, nil
			})(app.Router, options...)
			response, _ := send(t, serve(t, app.App), request("POST", "/fault", form.String(), "Content-Type: "+w.FormDataContentType()))
			assert.Equal(t, 500, response.StatusCode)
			require.ErrorIs(t, ctx.Err(), context.Canceled)
			_, err := routing.RequestCtx(ctx)
			require.ErrorIs(t, err, routing.ErrRequestEnded)
			_, err = file.Open()
			require.ErrorIs(t, err, os.ErrClosed)
		})
	}
}

func TestAPanicInMiddlewareIsAnswered(t *testing.T) {
	before := func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { panic("boom") }
	}
	after := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			panic("boom")
		}
	}
	text := returns(responses.TextResponse{Content: "x", Background: background.Func("never", nothing)})
	stream := handledBy(func(context.Context, struct{}) (*responses.StreamResponse, error) {
		stream := responses.Stream("", func(*responses.StreamWriter) error { panic("must not run") })
		stream.Background = background.Func("never", nothing)
		return stream, nil
	})
	for _, test := range []struct {
		name       string
		middleware routing.Middleware
		fault      fault
	}{
		{"before a text", before, text},
		{"after a text", after, text},
		{"before a stream", before, stream},
		{"after a stream", after, stream},
		{"after a panic", after, panics("another")},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := newFaultyApp(t, background.RunnerOptions{})
			app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				faulty := test.middleware(next)
				return func(raw *fasthttp.RequestCtx) {
					if string(raw.Path()) == "/fault" {
						faulty(raw)
					} else {
						next(raw)
					}
				}
			})
			test.fault(app.Router)
			conn := dial(t, serve(t, app.App))
			reader := bufio.NewReader(conn)
			write(t, conn, faultRequest)
			response, body := receive(t, reader)
			assert.Equal(t, 500, response.StatusCode)
			assert.JSONEq(t, internalProblem, body)
			app.logged(t, "panic=boom")
			assertHealthy(t, conn, reader)
			shutdown(t, app.App)
			assert.Zero(t, app.Runner().Stats().Accepted)
		})
	}
}

// The client was answered when the timeout passed; what middleware does later
// must not touch the response, which the late handler may still write on.
func TestAPanicInMiddlewareAfterATimeout(t *testing.T) {
	app := newFaultyApp(t, background.RunnerOptions{})
	leave, touched := make(chan struct{}), make(chan struct{})
	var faulty *fasthttp.RequestCtx // routing.RequestCtx does not give it to a handler that begins late
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if string(raw.Path()) != "/fault" {
				next(raw)
				return
			}
			faulty = raw
			next(raw)
			close(leave)
			panic("boom")
		}
	})
	handledBy(func(context.Context, struct{}) (string, error) {
		<-leave
		for range 100 {
			faulty.Response.Header.Set("X-Late", "late")
			faulty.Response.SetBodyString("late")
		}
		close(touched)
		return "late", nil
	})(app.Router, routing.Timeout(time.Millisecond))
	conn := dial(t, serve(t, app.App))
	reader := bufio.NewReader(conn)
	write(t, conn, faultRequest)
	response, body := receive(t, reader)
	assert.Equal(t, 503, response.StatusCode)
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 1ms"}`, body)
	app.logged(t, "the handler is still running after its timeout")
	app.logged(t, "panic=boom")
	await(t, touched, "the late handler")
	assertHealthy(t, conn, reader)
}

// A handler that is late keeps its input, whatever the connection carries
// meanwhile, and its failure is told to the log with its stack.
func TestALateHandlerKeepsItsInput(t *testing.T) {
	type input struct {
		Query  string         `query:"q"`
		List   []string       `query:"l"`
		Header string         `header:"X-Text"`
		Cookie string         `cookie:"c"`
		Body   map[string]any `body:""`
	}
	app := newFaultyApp(t, background.RunnerOptions{})
	leave, kept := make(chan struct{}), make(chan input, 1)
	handledBy(func(_ context.Context, in input) (string, error) {
		<-leave
		kept <- in
		panic("boom")
	})(app.Router, routing.Timeout(time.Millisecond))
	conn := dial(t, serve(t, app.App))
	reader := bufio.NewReader(conn)
	write(t, conn, request("POST", "/fault?q=query&l=a&l=b", `{"text":["body"]}`,
		jsonType, "X-Request-Id: fault-1", "X-Text: header", "Cookie: c=cookie"))
	response, _ := receive(t, reader)
	assert.Equal(t, 503, response.StatusCode)
	for range 100 { // over the same memory
		write(t, conn, request("POST", "/other?q=other&l=c&l=d", `{"text":["else"]}`,
			jsonType, "X-Request-Id: other-1", "X-Text: others", "Cookie: c=crumbs"))
		response, _ := receive(t, reader)
		assert.Equal(t, 404, response.StatusCode)
	}
	close(leave)
	assert.Equal(t, input{
		Query: "query", List: []string{"a", "b"}, Header: "header", Cookie: "cookie",
		Body: map[string]any{"text": []any{"body"}},
	}, await(t, kept, "the late handler"))
	app.logged(t, "the handler returned after its timeout", `error="panic: boom"`, "faults_test.go")
}

// Its response is looked at on a goroutine of the framework's.
func TestALateResponseMayPanic(t *testing.T) {
	app := newFaultyApp(t, background.RunnerOptions{})
	leave := make(chan struct{})
	handledBy(func(context.Context, struct{}) (explosiveResponse, error) {
		<-leave
		return explosiveResponse{}, nil
	})(app.Router, routing.Timeout(time.Millisecond))
	conn := dial(t, serve(t, app.App))
	reader := bufio.NewReader(conn)
	write(t, conn, faultRequest)
	response, _ := receive(t, reader)
	assert.Equal(t, 503, response.StatusCode)
	close(leave)
	app.logged(t, `error="panic: boom"`, "faults_test.go")
	assertHealthy(t, conn, reader)
}

// A readerResponse is a response of the service's own that is read.
type readerResponse struct{ body io.Reader }

func (r readerResponse) Work() background.Work { return nil }

func (r readerResponse) Write(raw *fasthttp.RequestCtx) error {
	raw.SetBodyStream(r.body, -1)
	return nil
}

type explosiveReader struct{}

func (explosiveReader) Read([]byte) (int, error) { panic("boom") }

// A stream that fails has begun with 200. The client must see that it is not
// whole; the work of the response runs all the same.
func TestAStreamThatFailsIsNotEndedWell(t *testing.T) {
	kinds := map[string]func(sent string, fail func() error, work background.Work) responses.Response{
		"a stream": func(sent string, fail func() error, work background.Work) responses.Response {
			stream := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
				_, err := w.WriteString(sent)
				if sent != "" {
					err = errors.Join(err, w.Flush())
				}
				return errors.Join(err, fail())
			})
			stream.Background = work
			return stream
		},
		"events": func(sent string, fail func() error, work background.Work) responses.Response {
			stream := responses.EventStream(func(events *responses.EventWriter) error {
				if sent == "" {
					return fail()
				}
				return errors.Join(events.Send(responses.Event{Data: sent}), fail())
			})
			stream.Background = work
			return stream
		},
	}
	for _, test := range []struct {
		name string
		fail func() error
		log  []string
	}{
		{"an error", func() error { return errBoom }, []string{"error=boom"}},
		{"a panic", func() error { panic("boom") }, []string{`error="panic: boom"`, "faults_test.go"}},
		{"a panic with nil", func() error { return panicWith(nil) }, []string{"panic called with nil argument", "faults_test.go"}},
		{"Goexit", func() error { runtime.Goexit(); return nil }, []string{`error="responses: stream called runtime.Goexit"`}},
	} {
		for kind, start := range kinds {
			for when, sent := range map[string]string{"before the first byte": "", "half-way": "half"} {
				t.Run(test.name+" in "+kind+" "+when, func(t *testing.T) {
					t.Parallel() // a shutdown waits for the connection of a goroutine that has ended
					app := newFaultyApp(t, background.RunnerOptions{})
					ran := make(chan struct{})
					handledBy(func(context.Context, struct{}) (responses.Response, error) {
						return start(sent, test.fail, background.Func("count", func(context.Context) error {
							close(ran)
							return nil
						})), nil
					})(app.Router)
					address := serve(t, app.App)
					got, err := sendFault(t, address)
					require.Error(t, err, "the client takes it for whole")
					assert.Contains(t, got, sent)
					app.logged(t, append(test.log, "a stream ended early")...)
					await(t, ran, "the work")
					conn := dial(t, address)
					assertHealthy(t, conn, bufio.NewReader(conn))
					shutdown(t, app.App)
				})
			}
		}
	}
}

// sendFault returns what came of the body, and how it ended.
func sendFault(t *testing.T, address string) (string, error) {
	t.Helper()
	conn := dial(t, address)
	write(t, conn, faultRequest)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection hangs")
	return string(body), err
}

// fasthttp reads the body of such a response, and tells of its panics itself.
func TestABodyOfTheServicesOwnMayPanic(t *testing.T) {
	app := newFaultyApp(t, background.RunnerOptions{})
	returns(readerResponse{io.MultiReader(strings.NewReader("half"), explosiveReader{})})(app.Router)
	address := serve(t, app.App)
	got, err := sendFault(t, address)
	require.Error(t, err, "the client takes it for whole")
	assert.Contains(t, got, "half")
	record := await(t, app.records, "a record")
	assert.Contains(t, record, "level=ERROR")
	assert.Contains(t, record, "panic while writing body stream: boom")
	conn := dial(t, address)
	assertHealthy(t, conn, bufio.NewReader(conn))
}

// runtime.Goexit ends the goroutine of the connection, which can't be kept from
// it. The client must not wait for an answer, nor the shutdown for the connection.
func TestAHandlerThatEndsItsGoroutine(t *testing.T) {
	exit := func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { runtime.Goexit() }
	}
	exitAfter := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			runtime.Goexit()
		}
	}
	text := returns(responses.TextResponse{Background: background.Func("never", nothing)})
	for _, test := range []struct {
		name       string
		middleware []routing.Middleware
		fault      fault
	}{
		{"handler", nil, handledBy(func(context.Context, struct{}) (string, error) {
			runtime.Goexit()
			return "", nil
		})},
		{"middleware before", []routing.Middleware{exit}, text},
		{"middleware after", []routing.Middleware{exitAfter}, text},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := newFaultyApp(t, background.RunnerOptions{})
			value := closer(make(chan struct{}))
			app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) {
					if strings.HasPrefix(string(raw.Path()), "/group") {
						raw.SetUserValue("value", value)
					}
					next(raw)
				}
			})
			test.fault(app.Group("/group", test.middleware...))
			address := serve(t, app.App)
			conn := dial(t, address)
			write(t, conn, strings.Replace(faultRequest, "/fault", "/group/fault", 1))
			_, err := conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			await(t, value, "the Close of a user value")
			app.logged(t, "runtime.Goexit")
			conn = dial(t, address)
			assertHealthy(t, conn, bufio.NewReader(conn))
			shutdown(t, app.App)
			assert.Zero(t, app.Runner().Stats().Accepted)
		})
	}
}

// A closer is a user value that fasthttp closes at the end of its request.
type closer chan struct{}

func (c closer) Close() error {
	close(c)
	return nil
}

// Whatever a task does, and the hook that is told of its failure, the log names
// it, and further requests have their work done.
func TestFaultsInTasks(t *testing.T) {
	release := make(chan struct{})
	ignoresItsEnd := func(context.Context) error {
		<-release
		return errors.New("late")
	}
	for _, test := range []struct {
		name      string
		work      background.Work
		onFailure func(context.Context, *background.TaskError)
		log       []string
	}{
		{"an error", background.Func("work", func(context.Context) error { return errBoom }), nil, []string{"error=boom"}},
		{"a panic", background.Func("work", func(context.Context) error { panic("boom") }), nil, []string{"boom", "faults_test.go"}},
		{"a panic with nil", background.Func("work", func(context.Context) error { return panicWith(nil) }), nil, []string{"panic called with nil argument"}},
		{"Goexit", background.Func("work", func(context.Context) error { runtime.Goexit(); return nil }), nil, []string{"Goexit"}},
		{"work of the service's own that panics", explosiveWork{}, nil, []string{"boom", "faults_test.go"}},
		{"an error that can't be told", background.Func("work", func(context.Context) error { return explosiveError{errBoom} }), nil, []string{"background task failed"}},
		{"a task that ignores its timeout", background.Func("work", ignoresItsEnd).WithTimeout(time.Millisecond), nil, nil},
		{
			"a hook that panics", background.Func("work", func(context.Context) error { return errBoom }),
			func(context.Context, *background.TaskError) { panic("hook") },
			[]string{"error=boom"},
		},
		{
			"a hook that ends its goroutine", background.Func("work", func(context.Context) error { return errBoom }),
			func(context.Context, *background.TaskError) { runtime.Goexit() },
			[]string{"error=boom"},
		},
		{
			"a hook that blocks", background.Func("work", func(context.Context) error { return errBoom }),
			func(context.Context, *background.TaskError) { <-release },
			[]string{"error=boom"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			release = make(chan struct{})
			app := newFaultyApp(t, background.RunnerOptions{Workers: 2, OnFailure: test.onFailure})
			returns(responses.JSON("ok", test.work))(app.Router)
			ran := make(chan struct{}, 1)
			app.Get("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
				return responses.JSON("ok", background.Func("healthy", func(context.Context) error {
					ran <- struct{}{}
					return nil
				})), nil
			})
			conn := dial(t, serve(t, app.App))
			reader := bufio.NewReader(conn)
			write(t, conn, faultRequest)
			response, _ := receive(t, reader)
			assert.Equal(t, 200, response.StatusCode)
			if test.log != nil {
				app.logged(t, test.log...)
			}
			for _, header := range []string{"X: 1", "X: 2", "Connection: close"} {
				write(t, conn, request("GET", "/work", "", header))
				receive(t, reader)
				await(t, ran, "the task of a later request")
			}
			close(release)
			shutdown(t, app.App)
			stats := app.Runner().Stats()
			assert.EqualValues(t, 1, stats.Failed)
			assert.EqualValues(t, 3, stats.Succeeded)
		})
	}
}

// A badHandler is a log handler that does something else than to log.
type badHandler func()

func (badHandler) Enabled(context.Context, slog.Level) bool         { return true }
func (handle badHandler) Handle(context.Context, slog.Record) error { handle(); return nil }
func (handle badHandler) WithAttrs([]slog.Attr) slog.Handler        { return handle }
func (handle badHandler) WithGroup(string) slog.Handler             { return handle }

// newBadlyLoggedApp logs a record for each of the requests below.
func newBadlyLoggedApp(handle func()) *velithon.App {
	app := velithon.New(velithon.Options{Logger: slog.New(badHandler(handle))})
	app.Get("/healthy", func(context.Context, struct{}) (string, error) { return "ok", nil })
	app.Get("/error", func(context.Context, struct{}) (string, error) { return "", errBoom })
	app.Get("/panic", func(context.Context, struct{}) (string, error) { panic("boom") })
	app.Get("/late", func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}, routing.Timeout(time.Millisecond))
	app.Get("/task", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("ok", background.Func("fails", func(context.Context) error { return errBoom })), nil
	})
	app.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("", func(*responses.StreamWriter) error { return errBoom }), nil
	})
	return app
}

// Nobody above the places that log recovers: the process would end.
func TestALogHandlerMayPanic(t *testing.T) {
	address := serve(t, newBadlyLoggedApp(func() { panic("no log") }))
	for target, status := range map[string]int{"/error": 500, "/panic": 500, "/late": 503, "/task": 200} {
		conn := dial(t, address)
		reader := bufio.NewReader(conn)
		write(t, conn, request("GET", target, ""))
		response, _ := receive(t, reader)
		assert.Equal(t, status, response.StatusCode, target)
		assertHealthy(t, conn, reader)
	}
	conn := dial(t, address)
	write(t, conn, request("GET", "/stream", ""))
	_, err := io.ReadAll(conn)
	require.NoError(t, err, "the connection is closed")
	response, _ := send(t, address, "BOO\r\n\r\n") // is logged by fasthttp
	assert.Equal(t, 400, response.StatusCode)
	conn = dial(t, address)
	assertHealthy(t, conn, bufio.NewReader(conn))
}

// Only those wait who have something to log.
func TestALogHandlerMayBlock(t *testing.T) {
	blocked, release := make(chan struct{}, 10), make(chan struct{})
	app := newBadlyLoggedApp(func() {
		blocked <- struct{}{}
		<-release
	})
	address := serve(t, app)
	statuses := map[string]int{"/error": 500, "/panic": 500, "/late": 503, "/task": 200}
	readers := make(map[string]*bufio.Reader)
	for target := range statuses {
		conn := dial(t, address)
		readers[target] = bufio.NewReader(conn)
		write(t, conn, request("GET", target, "", "Connection: close"))
		await(t, blocked, "the record of "+target)
	}
	conn := dial(t, address)
	reader := bufio.NewReader(conn)
	assertHealthy(t, conn, reader)
	close(release)
	for target, status := range statuses {
		response, _ := receive(t, readers[target])
		assert.Equal(t, status, response.StatusCode, target)
	}
	shutdown(t, app)
}

// What a client sends is not repeated in the log, whatever becomes of its request.
// docs/security.md names the exceptions; level debug is one, where the parser's
// errors quote what they could not read.
func TestNoValueOfARequestIsLogged(t *testing.T) {
	type input struct {
		ID    string `path:"id"`
		Query int    `query:"q"`
		Trace int    `header:"X-Trace"`
		Theme int    `cookie:"theme"`
		Body  struct {
			Count int `json:"count"`
		} `body:""`
	}
	var log logBuffer
	app := velithon.New(velithon.Options{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	app.Post("/typed/{id}", func(context.Context, input) (string, error) { return "", nil })
	app.Post("/panics/{id}", func(context.Context, struct{}) (string, error) { panic("boom") })
	app.Post("/panics/late/{id}", func(context.Context, struct{}) (string, error) { panic("boom") }, routing.Timeout(time.Hour))
	app.Post("/fails/{id}", func(context.Context, struct{}) (string, error) { return "", errBoom })
	app.Post("/stream/{id}", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("", func(*responses.StreamWriter) error { return errBoom }), nil
	})
	app.Post("/never/{id}", func(context.Context, struct{}) (responses.JSONResponse[float64, *background.Task], error) {
		return responses.JSON(math.NaN(), background.Func("never", nothing)), nil
	})
	address := serve(t, app)
	header := []string{jsonType, "X-Trace: secret", "Cookie: theme=secret", "Authorization: secret", "Connection: close"}
	for _, test := range []struct {
		send   string
		logged string // empty for nothing
	}{
		{request("POST", "/typed/secret?q=secret", `{"count":"secret"}`, header...), ""},
		{request("POST", "/typed/secret?q=secret", `{"count":secret}`, header...), ""},
		{request("POST", "/panics/secret?q=secret", "", header...), `msg="panic in a handler"`},
		{request("POST", "/panics/late/secret?q=secret", "", header...), `msg="panic in a handler"`},
		{request("POST", "/fails/secret?q=secret", "", header...), `msg="request failed"`},
		{request("POST", "/stream/secret?q=secret", "", header...), `msg="a stream ended early"`},
		{request("POST", "/never/secret?q=secret", "", header...), "its background work is not run"},
	} {
		conn := dial(t, address)
		write(t, conn, test.send)
		_, _ = io.ReadAll(conn) // until it is answered and closed
		if test.logged != "" {
			assert.Contains(t, log.String(), test.logged, test.send)
		}
	}
	for line := range strings.Lines(log.String()) {
		assert.NotContains(t, line, "secret")
	}
	assert.Contains(t, log.String(), `route="POST /panics/{id}"`)
}

// The log that a service gives to its runner, and the attributes, are its own.
func TestTheLogOfARunnerIsKept(t *testing.T) {
	log := make(logLines, 10)
	app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{
		Logger:   slog.New(slog.NewTextHandler(log, nil)),
		LogAttrs: func(context.Context) []slog.Attr { return []slog.Attr{slog.String("tenant", "t1")} },
	}})
	require.NoError(t, app.Runner().Submit(t.Context(), background.Func("fails", func(context.Context) error { return io.EOF })))
	require.Contains(t, log.waitFor(t, "fails"), "tenant=t1")
	require.NoError(t, app.Shutdown(t.Context()))
}
