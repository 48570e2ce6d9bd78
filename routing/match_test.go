package routing_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// named answers with the pattern of its route.
func named(pattern string) routing.Endpoint {
	return routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return pattern, nil })
}

// The router that is underneath gives up where a text ends in the middle, and
// takes a route of the wrong kind: each of these was one of its mistakes, or is
// one that was reported for another router.
func TestWhichRouteAPathHas(t *testing.T) {
	for _, test := range []struct {
		name     string
		patterns []string
		want     map[string]string // of a path; "" for 404
	}{
		{"a text that is the beginning of two", []string{"/users/search", "/users/settings", "/users/{name}"}, map[string]string{
			"/users/se": "/users/{name}", "/users/search": "/users/search", "/users/searches": "/users/{name}", "/users/": "", "/users": "",
		}},
		{"the same above the rest", []string{"/files/list", "/files/lint", "/files/{p:*}"}, map[string]string{
			"/files/li": "/files/{p:*}", "/files/list": "/files/list", "/files/list/x": "/files/{p:*}", "/files/": "/files/{p:*}", "/files": "",
		}},
		{"the same at the root", []string{"/login", "/logout", "/{p:*}"}, map[string]string{"/log": "/{p:*}", "/": "/{p:*}", "/login": "/login", "/login/": "/{p:*}"}},
		{"the same above a form", []string{"/p/1", "/p/100", "/p/{n:[0-9]+}"}, map[string]string{"/p/10": "/p/{n:[0-9]+}", "/p/1": "/p/1", "/p/x": ""}},
		{"the same above an optional parameter", []string{"/o/search", "/o/settings", "/o/{x?}"}, map[string]string{"/o/se": "/o/{x?}", "/o": "/o/{x?}", "/o/": ""}},
		{"a slash at the end", []string{"/users/me/", "/users/{id}"}, map[string]string{"/users/me": "/users/{id}", "/users/me/": "/users/me/", "/users/x/": ""}},
		{"both with and without one", []string{"/a", "/a/", "/a/b"}, map[string]string{"/a": "/a", "/a/": "/a/", "/a/b": "/a/b"}},
		{"all kinds", []string{"/{p:*}", "/u/{id}", "/u/{id:[0-9]+}", "/u/me"}, map[string]string{
			"/u/me": "/u/me", "/u/7": "/u/{id:[0-9]+}", "/u/x": "/u/{id}", "/u/x/y": "/{p:*}", "/u/": "/{p:*}", "/": "/{p:*}",
		}},
		{"forms, by their order", []string{"/f/{a:[a-z]+}", "/f/{b:[a-m]+}", "/f/{name}.txt", "/f/x{n}"}, map[string]string{
			"/f/abc": "/f/{a:[a-z]+}", "/f/a.txt": "/f/{name}.txt", "/f/x1": "/f/x{n}", "/f/x.txt": "/f/{name}.txt", "/f/.txt": "", "/f/atxt": "/f/{a:[a-z]+}", "/f/1xtxt": "",
		}},
		{"going back over several segments (echo #1754)", []string{"/a/{b}/c", "/a/c/d", "/a/c/df", "/{e}/c/f", "/{p:*}"}, map[string]string{
			"/a/c/f": "/{e}/c/f", "/a/c/c": "/a/{b}/c", "/a/c/d": "/a/c/d", "/a/c/x": "/{p:*}",
		}},
		{"the longer way only (echo #1368)", []string{"/{a}", "/{a}/foo", "/{a}/bar", "/{a}/bar/{b}"}, map[string]string{
			"/aaa/bbbbbb": "", "/aaa/foo": "/{a}/foo", "/aaa": "/{a}", "/aaa/bar/x": "/{a}/bar/{b}",
		}},
		{"the nearest rest (echo #1412)", []string{"/api/user", "/api/{p:*}", "/{p:*}"}, map[string]string{"/api/user/x": "/api/{p:*}", "/api/user": "/api/user", "/ap": "/{p:*}"}},
		{"files beside a code (gin #360)", []string{"/assets/{p:*}", "/{code}"}, map[string]string{"/assets/x/y": "/assets/{p:*}", "/assets": "/{code}", "/123": "/{code}", "/123/x": ""}},
		{"names that differ (httprouter #6)", []string{"/v1/{user}/b/{id}/show/", "/v1/{user}/b/{name}/search/"}, map[string]string{
			"/v1/1/b/2/show/": "/v1/{user}/b/{id}/show/", "/v1/1/b/2/search/": "/v1/{user}/b/{name}/search/",
		}},
		{"a text and a parameter at once (fastify #508)", []string{"/s", "/{file}"}, map[string]string{"/styles.css": "/{file}", "/s": "/s"}},
		{"a form that has the text behind it (chi #1115)", []string{"/{d:[0-9-]+}-{id:[0-9]+}"}, map[string]string{"/2024-01-02-77": "/{d:[0-9-]+}-{id:[0-9]+}", "/2024": ""}},
		{"a form with groups", []string{"/{a:(x|y)+}/{b:[0-9]{2}}"}, map[string]string{"/xyx/12": "/{a:(x|y)+}/{b:[0-9]{2}}", "/xyx/123": "", "/z/12": ""}},
		{"a form is the whole segment", []string{"/{n:[0-9]+}", "/{w:a|b}"}, map[string]string{"/12x": "", "/x12": "", "/12": "/{n:[0-9]+}", "/ab": "", "/b": "/{w:a|b}"}},
		{"several optional parameters", []string{"/d/{y?}/{m?:[0-9]+}"}, map[string]string{"/d": "/d/{y?}/{m?:[0-9]+}", "/d/1": "/d/{y?}/{m?:[0-9]+}", "/d/1/2": "/d/{y?}/{m?:[0-9]+}", "/d/1/x": ""}},
		{"an optional parameter at the root", []string{"/{x?}"}, map[string]string{"/": "/{x?}", "/y": "/{x?}", "/y/z": ""}},
		{"a text in any notation", []string{"/café", "/hello world", "/100%25/x", "/a%2Cb", "/%7Bx%7D", "/%2A/%3f%23"}, map[string]string{
			"/caf%C3%A9": "/café", "/caf%c3%a9": "/café", "/caf\xc3\xa9": "/café", "/hello%20world": "/hello world", "/100%25/x": "/100%25/x",
			"/a,b": "/a%2Cb", "/a%2cb": "/a%2Cb", "/%7bx%7D": "/%7Bx%7D", "/*/%3F%23": "/%2A/%3f%23", "/%68ello%20world": "/hello world",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRouter(t)
			for _, pattern := range test.patterns {
				r.Handle("GET", pattern, named(pattern))
				if pattern != test.patterns[len(test.patterns)-1] {
					r.Handle("POST", pattern, named(pattern)) // of another method, so not in the way
				}
			}
			for path, want := range test.want {
				for _, method := range []string{"GET", "HEAD"} {
					response := do(t, routing.Build(r).ServeRequest, method, path)
					switch {
					case want == "":
						assert.Equal(t, 404, response.StatusCode(), path)
					case method == "HEAD":
						assert.Equal(t, 200, response.StatusCode(), path)
						assert.Empty(t, response.Body())
					default:
						assert.Equal(t, `"`+want+`"`, string(response.Body()), path)
					}
				}
			}
		})
	}
}

// The methods of all routes of a path are in Allow, and a route of another
// method is not in the way of one that has it.
func TestAnotherMethodIsNotInTheWay(t *testing.T) {
	r := newRouter(t)
	r.Get("/users/me", hello)
	r.Post("/users/search", hello)
	r.Put("/users/{id}", hello)
	r.Delete("/users/{id:[0-9]+}", hello)
	r.Options("/{p:*}", hello)
	r.Handle("BREW", "/pots/{id}", routing.NewEndpoint(hello))
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/users/me", 200, ""},
		{"PUT", "/users/7", 200, ""},
		{"GET", "/users/se", 405, "OPTIONS, PUT"},
		{"GET", "/users/7", 405, "DELETE, OPTIONS, PUT"},
		{"POST", "/users/me", 405, "GET, HEAD, OPTIONS, PUT"},
		{"GET", "/nowhere", 405, "OPTIONS"},
		{"OPTIONS", "/users/me", 200, ""},
		{"GET", "/pots/1", 405, "BREW, OPTIONS"},
	} {
		response := do(t, routing.Build(r).ServeRequest, test.method, test.path)
		assert.Equal(t, test.status, response.StatusCode(), test)
		assert.Equal(t, test.allow, string(response.Header.Peek("Allow")), test)
	}
}

// OPTIONS * asks for the server, of which all methods are known: RFC 9110,
// section 9.3.7.
func TestOptionsOfTheServer(t *testing.T) {
	r := newRouter(t)
	r.Get("/a", hello)
	r.Post("/b/{p:*}", hello)
	r.Delete("/{p:*}", hello)
	sent := talk(t, &fasthttp.Server{Handler: routing.Build(r).ServeRequest}, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, sent, "HTTP/1.1 204 ")
	assert.Contains(t, sent, "\r\nAllow: DELETE, GET, HEAD, OPTIONS, POST\r\n")

	// "/*" is a path.
	assert.Equal(t, "DELETE, OPTIONS", string(do(t, routing.Build(r).ServeRequest, "OPTIONS", "/*").Header.Peek("Allow")))
	assert.Equal(t, 200, do(t, routing.Build(r).ServeRequest, "DELETE", "/*").StatusCode())
}

func TestMiddlewareAndParametersOfOneName(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("user", "ada")
			assert.Empty(t, routing.PathValue(raw, "user"), "no route is known yet")
			next(raw)
		}
	})
	g := r.Group("/users/{user}", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("op", routing.PathValue(raw, "op")+"!")
			raw.URI().SetPath("/elsewhere/entirely/and/longer")
			next(raw)
		}
	})
	g.Get("/{op}", func(ctx context.Context, in struct {
		User string `path:"user"`
		Op   string `path:"op"`
	},
	) ([]any, error) {
		return []any{in.User, in.Op, ctx.Value("user"), ctx.Value("op")}, nil
	})
	assert.JSONEq(t, `["bob", "x y", "ada", "x y!"]`, string(do(t, routing.Build(r).ServeRequest, "GET", "/users/bob/x%20y").Body()))
}

// A middleware may send a request on to another path, when the first route has
// answered. The second one must not see the parameters of the first.
func TestADispatchHasItsOwnParameters(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			if raw.Response.StatusCode() == 404 {
				raw.Response.Reset()
				raw.Request.SetRequestURIBytes(raw.Request.Header.Peek("Second"))
				next(raw)
			}
		}
	})
	seen := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.Response.Header.Set("Seen", "id="+routing.PathValue(raw, "id"))
			next(raw)
		}
	}
	missing := func(context.Context, struct{}) (string, error) { return "", responses.NewProblem(404, "") }
	echo := func(_ context.Context, in struct {
		ID string `path:"id"`
	},
	) (string, error) {
		return "id=" + in.ID, nil
	}
	r.Group("/first", seen).Get("/{id}", missing)
	r.Get("/bare/{id?}", echo)
	group := r.Group("/group", seen)
	group.Get("/{id?}", echo)
	group.Get("/of/{id}/{more?}", echo)
	r.Group("/café", seen).Get("/{id?}", echo) // not one that fasthttp/router has
	for second, want := range map[string]string{
		"/bare": "id=", "/bare/8": "id=8", "/group": "id=", "/group/8": "id=8", "/group/of/8": "id=8", "/caf%C3%A9": "id=",
	} {
		response := do(t, routing.Build(r).ServeRequest, "GET", "/first/7", "Second", second)
		assert.Equal(t, strconv.Quote(want), string(response.Body()), second)
		if !strings.HasPrefix(second, "/bare") {
			assert.Equal(t, want, string(response.Header.Peek("Seen")), second)
		}
	}
}
