package routing_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// closable is an error that could be closed, as one of a connection can.
type closable struct {
	error
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}

func TestErrorOf(t *testing.T) {
	broken := &closable{error: errors.New("broken")}
	r := newRouter(t)
	var got error
	asked := false
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			got, asked = routing.ErrorOf(raw), true
		}
	})
	handlers := map[string]func(context.Context, struct{}) (float64, error){
		"/fine":   func(context.Context, struct{}) (float64, error) { return 1, nil },
		"/broken": func(context.Context, struct{}) (float64, error) { return 1, broken },
		"/busy": func(context.Context, struct{}) (float64, error) {
			return 1, responses.NewProblem(503, "busy").WithCause(broken)
		},
		"/missing": func(context.Context, struct{}) (float64, error) { return 1, responses.NewProblem(404, "none") },
		"/panic":   func(context.Context, struct{}) (float64, error) { panic("on purpose") },
		"/unsent":  func(context.Context, struct{}) (float64, error) { return math.NaN(), nil },
		"/late": func(ctx context.Context, _ struct{}) (float64, error) {
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond) // so that nobody waits for it
			return 1, broken
		},
	}
	for path, handler := range handlers {
		if path == "/late" {
			r.Get(path, handler, routing.Timeout(time.Millisecond))
		} else {
			r.Get(path, handler)
		}
	}
	handler := routing.Build(r).ServeRequest
	for path, test := range map[string]struct {
		status int
		want   string // "" for none
	}{
		"/fine": {200, ""}, "/broken": {500, "broken"}, "/busy": {503, "busy"}, "/missing": {404, ""}, "/panic": {500, "panic: on purpose"},
		"/unsent": {500, "write the response"}, "/late": {503, ""}, "/unmatched": {404, ""},
	} {
		asked = false
		assert.Equal(t, test.status, do(t, handler, "GET", path).StatusCode(), path)
		require.True(t, asked)
		if test.want == "" {
			assert.NoError(t, got, path)
			continue
		}
		require.ErrorContains(t, got, test.want, path)
		if path == "/panic" {
			p, ok := got.(*background.PanicError) //nolint:errorlint // that one itself
			require.True(t, ok)
			assert.Contains(t, string(p.Stack), "errorof_test.go")
		}
	}
	assert.False(t, broken.closed, "fasthttp closes user values")
}
