package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A logBook keeps records, which may be written at any time.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

type record struct {
	Msg       string        `json:"msg"`
	Level     string        `json:"level"`
	RequestID string        `json:"request_id"`
	TraceID   string        `json:"trace_id"`
	Method    string        `json:"method"`
	Route     string        `json:"route"`
	Status    int           `json:"status"`
	Bytes     *int          `json:"bytes"`
	Tasks     int           `json:"tasks"`
	Took      time.Duration `json:"took"`
}

// records returns all records so far, without what differs each time.
func (l *logBook) records(t *testing.T) (records []record) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var r record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		require.Equal(t, "request", r.Msg)
		require.Equal(t, "INFO", r.Level)
		require.NotEmpty(t, r.RequestID)
		require.Positive(t, r.Took)
		r.Msg, r.Level, r.Took = "", "", 0
		records = append(records, r)
	}
	return records
}

func TestAccessLog(t *testing.T) {
	book := new(logBook)
	app := newApp()
	app.Use(middleware.AccessLog(book.logger()))
	file := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	nothing := func(context.Context) error { return nil }
	get(app.Router, "/hello/{id?}", hello)
	get(app.Router, "/tasks", func() (responses.TextResponse, error) {
		answer := responses.Text("three")
		var tasks background.Tasks
		tasks.Add(background.Func("a", nothing), background.Func("b", nothing), background.Func("c", nothing))
		answer.Background = &tasks
		return answer, nil
	})
	get(app.Router, "/task", func() (responses.TextResponse, error) {
		answer := responses.Text("one")
		answer.Background = background.Func("a", nothing)
		return answer, nil
	})
	get(app.Router, "/panic", func() (responses.TextResponse, error) { panic("told to") })
	late := make(chan struct{})
	t.Cleanup(func() { close(late) })
	get(app.Router, "/late", func() (responses.TextResponse, error) { <-late; return hello() }, routing.Timeout(time.Millisecond))
	app.Handle("GET", "/file", routing.NewEndpoint(func(context.Context, struct{}) (responses.FileResponse, error) {
		return responses.File(file), nil
	}))
	app.Handle("GET", "/none", routing.NewEndpoint(func(context.Context, struct{}) (responses.NoContentResponse, error) {
		return responses.NoContent(), nil
	}))
	broken := app.Group("/broken", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { panic("in a middleware") }
	})
	get(broken, "", hello)

	s := serve(t, app)
	var want []record
	ask := func(method, path, route string, status, bytes, tasks int) {
		response, body := s.do(method, path)
		require.Equal(t, status, response.StatusCode, path)
		if bytes < 0 {
			bytes = len(body)
		}
		want = append(want, record{
			RequestID: response.Header.Get("X-Request-Id"), Method: method, Route: route, Status: status, Bytes: new(bytes), Tasks: tasks,
		})
	}
	ask("GET", "/hello/secret", "/hello/{id?}", 200, 5, 0)
	ask("HEAD", "/hello", "/hello/{id?}", 200, 0, 0)
	ask("GET", "/tasks", "/tasks", 200, 5, 3)
	ask("GET", "/task", "/task", 200, 3, 1)
	ask("GET", "/panic", "/panic", 500, -1, 0)
	ask("GET", "/late", "/late", 503, -1, 0)
	ask("GET", "/file", "/file", 200, 7, 0)
	ask("HEAD", "/file", "/file", 200, 0, 0)
	ask("GET", "/none", "/none", 204, 0, 0)
	ask("GET", "/broken", "/broken", 500, -1, 0)
	ask("GET", "/nowhere", "", 404, -1, 0)
	ask("DELETE", "/hello", "", 405, -1, 0)
	s.end()
	require.ElementsMatch(t, want, book.records(t), "behind the responses, so in any order")
}

func TestAccessLogHasTheTrace(t *testing.T) {
	book := new(logBook)
	app := newApp()
	app.Use(middleware.AccessLog(book.logger()), middleware.TraceContext)
	get(app.Router, "/", hello)
	s := serve(t, app)
	s.do("GET", "/", "traceparent: "+parent)
	s.end()
	require.Equal(t, traceID, book.records(t)[0].TraceID)
}

// What traces all requests knows better than the caller, who mostly sends nothing.
func TestAccessLogHasTheTraceOfASpan(t *testing.T) {
	book := new(logBook)
	app := newApp()
	const span = "00-0af7651916cd43dd8448eb211c80319c-" + spanID + "-01"
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if len(raw.Request.Header.Peek("X-Untraced")) == 0 {
				origin := &background.Origin{Values: map[string]string{"traceparent": span}}
				routing.SetContext(raw, context.WithValue(routing.ContextOf(raw), background.OriginKey{}, origin))
			}
			next(raw)
		}
	}, middleware.AccessLog(book.logger()), middleware.TraceContext)
	get(app.Router, "/", hello)
	s := serve(t, app)
	s.do("GET", "/")
	s.do("GET", "/", "traceparent: "+parent)
	s.do("GET", "/", "traceparent: "+parent, "X-Untraced: 1")
	s.do("GET", "/", "X-Untraced: 1")
	s.end()
	var got []string
	for _, record := range book.records(t) {
		got = append(got, record.TraceID)
	}
	require.ElementsMatch(t, []string{span[3:35], span[3:35], traceID, ""}, got)
}

// A stream is over when its last byte is sent, and not when its handler returns.
func TestAccessLogWaitsForTheEndOfAStream(t *testing.T) {
	book := new(logBook)
	app := newApp()
	app.Use(middleware.AccessLog(book.logger()))
	release := make(chan struct{})
	app.Handle("GET", "/stream", routing.NewEndpoint(func(context.Context, struct{}) (*responses.StreamResponse, error) {
		stream := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, _ = w.WriteString("begin")
			_ = w.Flush()
			<-release
			_, err := w.WriteString("end")
			return err
		})
		stream.Background = background.Func("a", func(context.Context) error { return nil })
		return stream, nil
	}))
	s := serve(t, app)
	response, err := s.client.Get("http://test/stream")
	require.NoError(t, err)
	body := bufio.NewReader(response.Body)
	_, err = body.Peek(5)
	require.NoError(t, err)
	require.Empty(t, book.records(t), "it is not over")
	close(release)
	_, err = io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	s.end()
	require.Equal(t, []record{{
		RequestID: response.Header.Get("X-Request-Id"), Method: "GET", Route: "/stream", Status: 200, Bytes: new(8), Tasks: 1,
	}}, book.records(t))
}

// What a middleware inside has taken back is not counted.
func TestAccessLogOfWorkThatIsNotRun(t *testing.T) {
	book := new(logBook)
	app := newApp()
	app.Use(middleware.AccessLog(book.logger()), func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			responses.WriteProblem(raw, responses.NewProblem(500, "can't commit"))
		}
	})
	get(app.Router, "/", func() (responses.TextResponse, error) {
		answer := responses.Text("one")
		answer.Background = background.Func("a", func(context.Context) error { return nil })
		return answer, nil
	})
	s := serve(t, app)
	s.do("GET", "/")
	s.end()
	records := book.records(t)
	require.Len(t, records, 1)
	require.Equal(t, 500, records[0].Status)
	require.Zero(t, records[0].Tasks)
}

func TestAccessLogIsDiscardedByItsLevel(t *testing.T) {
	book := new(logBook)
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	app := newApp()
	app.Use(middleware.AccessLog(slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: level}))))
	get(app.Router, "/", hello)
	s := serve(t, app)
	s.do("GET", "/")
	level.Set(slog.LevelInfo) // while it serves
	s.do("GET", "/")
	s.end()
	require.Len(t, book.records(t), 1)
}

// panicking is the handler of a log that is broken.
type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("the log is broken") }

func TestAccessLogOfABrokenLog(t *testing.T) {
	app := newApp()
	app.Use(middleware.AccessLog(slog.New(panicking{slog.NewTextHandler(sink{}, nil)})))
	get(app.Router, "/", hello)
	s := serve(t, app)
	for range 2 {
		response, body := s.do("GET", "/")
		require.Equal(t, 200, response.StatusCode)
		require.Equal(t, "hello", body)
	}
}

// A client chooses the method; a record stays small, and one line.
func TestAccessLogOfAHostileMethod(t *testing.T) {
	book := new(logBook)
	app := newApp()
	app.Use(middleware.AccessLog(book.logger()))
	get(app.Router, "/", hello)
	s := serve(t, app)
	conn, err := s.listener.Dial()
	require.NoError(t, err)
	_, err = io.WriteString(conn, strings.Repeat("M", 5000)+" / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.NoError(t, conn.Close())
	s.end()
	require.Equal(t, 405, response.StatusCode)
	require.Equal(t, strings.Repeat("M", 32), book.records(t)[0].Method)
}

// Without a server there is nobody to tell when a response is sent.
func TestAccessLogWithoutAServer(t *testing.T) {
	book := new(logBook)
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Use(middleware.AccessLog(book.logger()))
	get(app.Router, "/", hello)
	var raw fasthttp.RequestCtx
	raw.Request.SetRequestURI("/")
	app.Handler()(&raw)
	require.Len(t, book.records(t), 1)
	require.NoError(t, app.Shutdown(context.Background()))
}

// A sink is a log that takes records, as io.Discard does, and is not taken for none.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }
