package routing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type outerName string

// with is middleware that adds a value to the context.
func with(key, value string) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			routing.SetContext(raw, context.WithValue(routing.ContextOf(raw), outerName(key), value))
			next(raw)
		}
	}
}

func TestSetContext(t *testing.T) {
	r := newRouter(t)
	inTask := make(chan string, 1)
	r.Use(with("trace", "a"), with("span", "b"), func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue(outerName("both"), "of the request")
			next(raw)
		}
	}, with("both", "of the context"))
	values := func(ctx context.Context) string {
		return fmt.Sprint(ctx.Value(outerName("trace")), ctx.Value(outerName("span")), ", both ", ctx.Value(outerName("both")), ", none ", ctx.Value(outerName("none")) == nil)
	}
	r.Get("/", func(ctx context.Context, _ struct{}) (responses.JSONResponse[string, *background.Task], error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return responses.JSON(values(ctx), background.Func("look", func(ctx context.Context) error {
			inTask <- values(ctx)
			return nil
		})), nil
	})
	const want = "ab, both of the request, none true"
	got := do(t, routing.Build(r).ServeRequest, "GET", "/")
	assert.Equal(t, `"`+want+`"`, string(got.Body()))
	assert.Equal(t, want, await(t, inTask, "the task"))
}

func TestSetContextsEndHasNoEffect(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			ctx, cancel := context.WithCancel(routing.ContextOf(raw))
			cancel()
			routing.SetContext(raw, ctx)
			next(raw)
		}
	})
	r.Get("/", func(ctx context.Context, _ struct{}) (string, error) { return "served", ctx.Err() })
	assert.Equal(t, 200, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
}

func TestContextOfWithout(t *testing.T) {
	assert.Equal(t, context.Background(), routing.ContextOf(new(fasthttp.RequestCtx)))
}

func TestSetContextRefuses(t *testing.T) {
	raw := new(fasthttp.RequestCtx)
	for _, ctx := range []context.Context{raw, context.WithValue(raw, outerName("a"), "b")} {
		assert.Contains(t, panicOf(func() { routing.SetContext(raw, ctx) }), "make it from ContextOf")
		assert.Equal(t, context.Background(), routing.ContextOf(raw))
	}
	assert.Contains(t, panicOf(func() { routing.SetContext(raw, nil) }), "was given no context")
}

// keeps is a store that keeps records of all kinds, and works none.
type keeps struct{ records chan background.Record }

func (keeps) Holds(string) bool { return true }

func (k keeps) Store(_ context.Context, records []background.Record) error {
	for _, r := range records {
		k.records <- r
	}
	return nil
}

// tracing is a context that knows a trace of its own, as that of a tracer does.
type tracing struct{ context.Context }

func (c tracing) Value(key any) any {
	if key == (background.OriginKey{}) {
		return &background.Origin{Values: map[string]string{"traceparent": "of the span", background.RequestID: "another's"}}
	}
	return c.Context.Value(key)
}

func TestTraceOfStoredTasks(t *testing.T) {
	note := background.Define("note", func(context.Context, string) error { return nil })
	for name, test := range map[string]struct {
		outer  func(context.Context) context.Context
		header []string
		want   map[string]string
	}{
		"of nobody":         {nil, nil, map[string]string{}},
		"of the client":     {nil, []string{"traceparent", "theirs", "tracestate", "s"}, map[string]string{"traceparent": "theirs", "tracestate": "s"}},
		"of the middleware": {func(ctx context.Context) context.Context { return tracing{ctx} }, []string{"traceparent", "theirs", "tracestate", "s"}, map[string]string{"traceparent": "of the span"}},
		"of the client, with another's values": {
			func(ctx context.Context) context.Context { return context.WithValue(ctx, outerName("a"), "b") },
			[]string{"traceparent", "theirs"},
			map[string]string{"traceparent": "theirs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := keeps{make(chan background.Record, 1)}
			runner := background.NewRunner(background.RunnerOptions{Store: store})
			t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
			r := routing.New(routing.Options{Runner: runner})
			r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) {
					if test.outer != nil {
						routing.SetContext(raw, test.outer(routing.ContextOf(raw)))
					}
					next(raw)
				}
			})
			r.Get("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
				return responses.JSON("noted", note.Task("it")), nil
			})
			response := do(t, routing.Build(r).ServeRequest, "GET", "/", test.header...)
			require.Equal(t, 200, response.StatusCode())
			test.want[background.RequestRoute] = "GET /"
			test.want[background.RequestID] = string(response.Header.Peek("X-Request-Id"))
			assert.Equal(t, test.want, await(t, store.records, "the record").Values)
		})
	}
}
