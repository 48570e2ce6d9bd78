package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The route is known to all that has to do with a request: middleware once it has
// matched, the handler, and its background work, which goes on after the request.
func TestRouteOf(t *testing.T) {
	type seen struct {
		by, pattern string
		ok          bool
	}
	var all []seen
	note := func(by string, ctx context.Context) {
		rt, ok := routing.RouteOf(ctx)
		all = append(all, seen{by, rt.Method + " " + rt.Pattern, ok})
	}
	noting := func(by string) routing.Middleware {
		return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				note("before "+by, raw)
				next(raw)
				note("after "+by, raw)
			}
		}
	}
	ran := make(chan struct{}, 1)
	handler := func(ctx context.Context, _ struct{}) (responses.JSONResponse[string, *background.Task], error) {
		note("handler", ctx)
		return responses.JSON("", background.Func("work", func(ctx context.Context) error {
			note("work", ctx)
			ran <- struct{}{}
			return nil
		})), nil
	}
	r := newRouter(t)
	r.Use(noting("router"))
	r.Get("/plain", handler)
	r.Get("/plain/{id}", handler)
	r.Group("/group", noting("group")).Get("/{id}", handler)
	h := routing.Build(r).ServeRequest

	for target, want := range map[string]string{"/plain": "GET /plain", "/plain/7": "GET /plain/{id}"} {
		all = nil
		do(t, h, "GET", target)
		await(t, ran, "the work")
		assert.Equal(t, []seen{{"before router", " ", false}, {"handler", want, true}, {"after router", want, true}, {"work", want, true}}, all)
	}
	all = nil
	do(t, h, "HEAD", "/group/7")
	await(t, ran, "the work")
	const want = "GET /group/{id}"
	assert.Equal(t, []seen{
		{"before router", " ", false},
		{"before group", want, true},
		{"handler", want, true},
		{"after group", want, true},
		{"after router", want, true},
		{"work", want, true},
	}, all)

	all = nil
	assert.Equal(t, 404, do(t, h, "GET", "/nowhere").StatusCode())
	note("nobody", t.Context())
	assert.Equal(t, []seen{{"before router", " ", false}, {"after router", " ", false}, {"nobody", " ", false}}, all)
}
