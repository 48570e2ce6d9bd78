package routing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/routing"
)

// said is middleware that says where it is, in the order in which it runs.
func said(text string) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.Response.Header.Add("X-Said", text)
			next(raw)
		}
	}
}

func saidEach(text string, made *[]string) routing.RouteMiddleware {
	return func(route routing.Route, next fasthttp.RequestHandler) fasthttp.RequestHandler {
		*made = append(*made, text+" "+route.Method+" "+route.Pattern)
		return said(text + ":" + route.Pattern)(next)
	}
}

func TestUseEachIsMadeOncePerRoute(t *testing.T) {
	r := newRouter(t)
	var made []string
	r.UseEach(saidEach("each", &made))
	r.Use(said("app"))
	r.Handle("GET", "/x", routing.NewEndpoint(hello))
	api := r.Group("/api", said("first"))
	api.UseEach(saidEach("inner", &made))
	api.Use(said("last"))
	api.Handle("GET", "/{id}", routing.NewEndpoint(hello))
	require.Equal(t, []string{"each GET /x", "inner GET /api/{id}", "each GET /api/{id}"}, made, "when they are added, the innermost first")

	handler := behindServer(r)
	for path, want := range map[string]string{
		"/x":     "app each:/x",
		"/api/7": "app each:/api/{id} first inner:/api/{id} last",
		"/none":  "app",
	} {
		var lines []string
		for _, line := range do(t, handler, "GET", path).Header.PeekAll("X-Said") {
			lines = append(lines, string(line))
		}
		require.Equal(t, want, strings.Join(lines, " "), path)
	}
	require.Len(t, made, 3, "and not again for a request")
}

// What a route is can be asked when its middleware is made, and its parameters in a
// request.
func TestUseEachKnowsTheRoute(t *testing.T) {
	r := newRouter(t)
	type label struct{}
	r.UseEach(func(route routing.Route, next fasthttp.RequestHandler) fasthttp.RequestHandler {
		require.Equal(t, 201, route.Status())
		require.NotNil(t, route.Plan())
		text, _ := route.Annotation(label{}).(string)
		return func(raw *fasthttp.RequestCtx) {
			of, ok := routing.RouteOf(raw)
			require.True(t, ok)
			require.Equal(t, route.Name, of.Name)
			next(raw)
			raw.Response.Header.Set("X-Said", text+routing.PathValue(raw, "id"))
		}
	})
	r.Handle("GET", "/{id}", routing.NewEndpoint(hello), routing.Status(201), routing.Name("it"), routing.Annotate(label{}, "a"))
	require.Equal(t, "a7", string(do(t, behindServer(r), "GET", "/7").Header.Peek("X-Said")))
}

func TestMistakesWithUseEach(t *testing.T) {
	var made []string
	each := saidEach("each", &made)
	for want, f := range map[string]func(r *routing.Router){
		"UseEach was given a nil middleware": func(r *routing.Router) { r.UseEach(each, nil) },
		`UseEach was called on group "" after a route was added to it, which would run without the middleware: call UseEach first`: func(r *routing.Router) {
			r.Group("/a").Handle("GET", "/x", routing.NewEndpoint(hello))
			r.UseEach(each)
		},
		"UseEach was called after the app began to serve: add all middleware first": func(r *routing.Router) {
			routing.Build(r)
			r.UseEach(each)
		},
		"a middleware has returned nil: return a handler, or next itself": func(r *routing.Router) {
			r.UseEach(func(routing.Route, fasthttp.RequestHandler) fasthttp.RequestHandler { return nil })
			r.Handle("GET", "/x", routing.NewEndpoint(hello))
		},
	} {
		require.Equal(t, "velithon: "+want, panicOf(func() { f(newRouter(t)) }))
	}
}
