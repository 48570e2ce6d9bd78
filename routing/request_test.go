package routing_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/routing"
)

// contextOf returns the context of a request that has ended, and what seen
// says of it while it was under way.
func contextOf(t *testing.T, seen func(ctx context.Context), middleware ...routing.Middleware) context.Context {
	t.Helper()
	var kept context.Context
	r := newRouter(t)
	r.Use(middleware...)
	r.Get("/{id}", func(ctx context.Context, _ struct{}) (string, error) {
		kept = ctx
		seen(ctx)
		return "ok", nil
	})
	require.Equal(t, 200, do(t, routing.Build(r).ServeRequest, "GET", "/7").StatusCode())
	return kept
}

// Package context holds a mutex while it asks a context for its end, and locks it
// to end what is derived.
func TestAContextThatIsDerivedAsTheRequestEnds(t *testing.T) {
	derived := make(chan context.Context)
	go func() {
		ctx, cancel := context.WithCancel(routing.EndedLate())
		defer cancel()
		<-ctx.Done()
		derived <- ctx
	}()
	select {
	case ctx := <-derived:
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	case <-time.After(testTimeout):
		require.Fail(t, "the context does not end")
	}
}

func TestTheContextEndsWithTheRequest(t *testing.T) {
	// While a collection frees the stacks of goroutines that have ended, NumGoroutine
	// counts them. None is under way after this, and none begins.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var derived context.Context
	called := make(chan struct{})
	ctx := contextOf(t, func(ctx context.Context) {
		require.NoError(t, ctx.Err())
		_, ok := ctx.Deadline()
		assert.False(t, ok)
		before := runtime.NumGoroutine()
		var cancel context.CancelFunc
		derived, cancel = context.WithCancel(ctx)
		t.Cleanup(cancel)
		assert.Equal(t, before, runtime.NumGoroutine(), "deriving starts no goroutine")
		context.AfterFunc(ctx, func() { close(called) })
		stop := context.AfterFunc(ctx, func() { t.Error("was stopped") })
		assert.True(t, stop())
		assert.False(t, stop())
	})
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	<-derived.Done()
	require.ErrorIs(t, derived.Err(), context.Canceled)
	await(t, called, "the AfterFunc")

	other, cancel := context.WithCancel(ctx) // of a request that has ended
	defer cancel()
	require.ErrorIs(t, other.Err(), context.Canceled)
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { close(late) })
	await(t, late, "the AfterFunc of a request that has ended")
	assert.False(t, stop())
}

// An afterFuncer is what package context looks for in a context.
type afterFuncer interface {
	AfterFunc(f func()) (stop func() bool)
}

// Package context keeps a function that was stopped from running by itself. Who
// finds the method in another way, relies on it alone.
func TestAStoppedAfterFuncOfTheContextIsNotCalled(t *testing.T) {
	contextOf(t, func(ctx context.Context) {
		stop := ctx.(afterFuncer).AfterFunc(func() { t.Error("was stopped") })
		assert.True(t, stop())
		assert.False(t, stop(), "it is stopped already")
	})
}

func TestTheContextHasTheValuesOfMiddleware(t *testing.T) {
	type key struct{}
	ctx := contextOf(t, func(context.Context) {}, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue(key{}, "user")
			raw.SetUserValue("text", 1)
			next(raw)
		}
	})
	assert.Equal(t, "user", ctx.Value(key{}))
	assert.Equal(t, 1, ctx.Value("text"))
	assert.Nil(t, ctx.Value("id"), "path parameters belong to the input")
	assert.Nil(t, ctx.Value("other"))
}

func TestRawIsThereUntilTheRequestEnds(t *testing.T) {
	ctx := contextOf(t, func(ctx context.Context) {
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		raw, err := routing.RequestCtx(derived)
		require.NoError(t, err)
		assert.Equal(t, "/7", string(raw.Path()))
	})
	_, err := routing.RequestCtx(ctx)
	require.ErrorIs(t, err, routing.ErrRequestEnded)
	require.EqualError(t, err, "velithon: the request has ended")
	_, err = routing.RequestCtx(context.Background())
	require.ErrorIs(t, err, routing.ErrNoRequest)
	require.EqualError(t, err, "velithon: the context belongs to no request")
}

func TestRequestIDs(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.Response.Header.Set("X-Seen", routing.RequestID(raw))
			next(raw)
		}
	})
	r.Get("/", func(ctx context.Context, _ struct{}) (string, error) { return routing.RequestID(ctx), nil })
	handler := routing.Build(r).ServeRequest

	seen := make(map[string]bool)
	for sent, taken := range map[string]bool{
		"": false, "a-Z_0.9:x": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
		"two words": false, "line\nbreak": false, "ümlaut": false,
	} {
		response := do(t, handler, "GET", "/", routing.RequestIDHeader, sent)
		id := string(response.Header.Peek(routing.RequestIDHeader))
		assert.Equal(t, taken, id == sent, sent)
		assert.NotEmpty(t, id)
		assert.False(t, seen[id])
		seen[id] = true
		assert.Equal(t, `"`+id+`"`, string(response.Body()))
		assert.Equal(t, id, string(response.Header.Peek("X-Seen")))
	}
	assert.NotEmpty(t, do(t, handler, "GET", "/nowhere").Header.Peek(routing.RequestIDHeader))
	assert.Empty(t, routing.RequestID(context.Background()))
}

// A middleware that answers in a way of fasthttp's drops the response with its id.
func TestTheIDOutlivesTheResponse(t *testing.T) {
	for name, answer := range map[string]func(raw *fasthttp.RequestCtx){
		"Error":        func(raw *fasthttp.RequestCtx) { raw.Error("no", 403) },
		"Reset":        func(raw *fasthttp.RequestCtx) { raw.Response.Reset() },
		"TimeoutError": func(raw *fasthttp.RequestCtx) { raw.TimeoutError("late") },
	} {
		for _, sent := range []string{"", "r-1"} {
			for _, inGroup := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					var seen string
					middleware := func(fasthttp.RequestHandler) fasthttp.RequestHandler {
						return func(raw *fasthttp.RequestCtx) {
							answer(raw)
							seen = routing.RequestID(raw)
						}
					}
					r := newRouter(t)
					group, path := r, "/x"
					if inGroup {
						group, path = r.Group("/g"), "/g/x"
					}
					group.Use(middleware)
					group.Get("/x", func(context.Context, struct{}) (string, error) { return "", nil })
					id := string(do(t, routing.Build(r).ServeRequest, "GET", path, routing.RequestIDHeader, sent).Header.Peek(routing.RequestIDHeader))
					assert.NotEmpty(t, id)
					assert.Equal(t, id, seen)
					if sent != "" {
						assert.Equal(t, sent, id)
					}
				})
			}
		}
	}
}
