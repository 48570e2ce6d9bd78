package routing_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// trail is a middleware that notes its name in the X-Trail field on the way in.
func trail(name string) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.Response.Header.Set("X-Trail", string(raw.Response.Header.Peek("X-Trail"))+name)
			next(raw)
		}
	}
}

func TestMiddlewareRunsFromTheOutsideIn(t *testing.T) {
	r := newRouter(t)
	r.Get("/", hello)
	outer := r.Group("/outer", trail("c"))
	outer.Use(trail("d"))
	inner := outer.Group("/inner", trail("e"))
	outer.Get("/x", hello)
	inner.Get("/x", hello)
	r.Use(trail("a"), trail("b"))
	handler := r.Handler()

	for target, want := range map[string]string{"/": "ab", "/outer/x": "abcd", "/outer/inner/x": "abcde", "/nowhere": "ab"} {
		assert.Equal(t, want, string(do(t, handler, "GET", target).Header.Peek("X-Trail")), target)
	}
}

func TestEveryVerbHasItsMethod(t *testing.T) {
	r := newRouter(t)
	r.Get("/", hello)
	r.Post("/", hello)
	r.Put("/", hello)
	r.Patch("/", hello)
	r.Delete("/", hello)
	r.Head("/", hello)
	r.Options("/", hello)
	for _, route := range r.Routes() {
		response := do(t, r.Handler(), route.Method, "/")
		assert.Equal(t, 200, response.StatusCode(), route.Method)
	}
	assert.Len(t, r.Routes(), 7)
}

func TestRoutesDescribeThemselves(t *testing.T) {
	r := newRouter(t)
	r.Group("/api").Get("/hello", hello, routing.Name("greeting"))
	assert.Equal(t, []routing.Route{{
		Method: "GET", Pattern: "/api/hello", Name: "greeting",
		Handler: "github.com/velithon-go/velithon/routing_test.hello",
		In:      reflect.TypeFor[struct{}](), Out: reflect.TypeFor[string](),
	}}, r.Routes())
}

func TestPatterns(t *testing.T) {
	r := newRouter(t)
	r.Get("/items/{id:[0-9]+}", func(_ context.Context, in struct {
		ID int `path:"id"`
	},
	) (int, error) {
		return in.ID, nil
	})
	r.Get("/opt/{name?}", func(_ context.Context, in struct {
		Name *string `path:"name"`
	},
	) (bool, error) {
		return in.Name == nil, nil
	})
	r.Get("/rest/{path:*}", func(_ context.Context, in struct {
		Path string `path:"path"`
	},
	) (string, error) {
		return in.Path, nil
	})
	for target, want := range map[string]string{
		"/items/12": "12", "/opt": "true", "/opt/x": "false",
		"/rest/a/b%20c": `"a/b c"`,
	} {
		assert.Equal(t, want, string(do(t, r.Handler(), "GET", target).Body()), target)
	}
	assert.Equal(t, 404, do(t, r.Handler(), "GET", "/items/x").StatusCode())
}

func TestMistakesPanicAtRegistration(t *testing.T) {
	add := func(pattern string, options ...routing.Option) func(*routing.Router) {
		return func(r *routing.Router) { r.Add("GET", pattern, routing.Handle(hello), options...) }
	}
	for name, test := range map[string]struct {
		do   func(r *routing.Router)
		want string
	}{
		"no slash":            {add("x"), `the pattern "x" does not start with a slash`},
		"open brace":          {add("/{x"), `the pattern "/{x" has a { without its }`},
		"no name":             {add("/{:[a-z]+}"), `the pattern "/{:[a-z]+}" has a parameter without a name`},
		"two of a name":       {add("/{x}/{x}"), `the pattern "/{x}/{x}" has two parameters "x"`},
		"status":              {add("/x", routing.Status(404)), "option Status(404): a success status is from 200 to 399"},
		"timeout":             {add("/x", routing.Timeout(0)), "option Timeout(0s): want more than 0; leave the option out for no timeout"},
		"body limit":          {add("/x", routing.BodyLimit(-1)), "option BodyLimit(-1): want more than 0 bytes"},
		"read timeout":        {add("/x", routing.ReadTimeout(0)), "option ReadTimeout(0s): want more than 0; leave the option out for the application's"},
		"colon":               {add("/x/:id"), `the pattern "/x/:id" has a segment that starts with a colon: a parameter is written {name}`},
		"place and handler":   {add("x"), "GET x, handler github.com/velithon-go/velithon/routing_test.hello (registered at "},
		"twice":               {func(r *routing.Router) { add("/x")(r); add("/x")(r) }, "the pattern can't be added: a handler is already registered for path '/x'"},
		"after Handler":       {func(r *routing.Router) { r.Handler(); add("/x")(r) }, "the route is added after Handler was called"},
		"empty endpoint":      {func(r *routing.Router) { r.Add("GET", "/x", routing.Endpoint{}) }, "the endpoint is empty: make it with routing.Handle"},
		"nil handler":         {func(*routing.Router) { routing.Handle[struct{}, string](nil) }, "routing: Handle was given a nil handler"},
		"group":               {func(r *routing.Router) { r.Group("/x/") }, `group "/x/": a prefix starts with a slash and does not end with one`},
		"use after a route":   {func(r *routing.Router) { g := r.Group("/g"); g.Get("/x", hello); g.Use(trail("a")) }, `Use was called on group "/g" after a route was added to it`},
		"use after Handler":   {func(r *routing.Router) { r.Handler(); r.Use(trail("a")) }, "Use was called after Handler"},
		"nil middleware":      {func(r *routing.Router) { r.Use(nil) }, "Use was given a nil middleware"},
		"no runner":           {func(*routing.Router) { routing.New(routing.Options{}) }, "routing: Options.Runner is nil"},
		"absent path param":   {func(r *routing.Router) { r.Add("GET", "/x", routing.Handle(wantsID)) }, `field ID: reads the path parameter "id", which the route does not have: add {id} to its pattern`},
		"body of a GET":       {func(r *routing.Router) { r.Add("GET", "/x", routing.Handle(wantsBody)) }, "input type map[string]string: has no source tags, so it is the JSON body, which a GET request does not have: add tags such as `query:\"name\"`, or use struct{}"},
		"wildcard in between": {add("/{x:*}/y"), "the pattern can't be added: "},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, panicOf(func() { test.do(newRouter(t)) }), test.want)
		})
	}
}

func wantsBody(context.Context, map[string]string) (string, error) { return "", nil }

func wantsID(context.Context, struct {
	ID string `path:"id"`
},
) (string, error) {
	return "", nil
}

func TestABodyLimitIsThatOfTheRouteWhichMatches(t *testing.T) {
	r := newRouter(t)
	r.Post("/files/new", hello)
	r.Post("/files/{id}", hello, routing.BodyLimit(5))
	server := &fasthttp.Server{Handler: r.Handler(), HeaderReceived: r.RequestConfig(), MaxRequestBodySize: 8}
	for target, limit := range map[string]int{"/files/new": 8, "/files/new?x=1": 8, "/files/x": 5, "/nowhere": 8} {
		assert.NotEqual(t, 413, doAll(t, server, "POST", target, "123456789"[:limit]).StatusCode(), target)
		response := doAll(t, server, "POST", target, "123456789"[:limit+1])
		assert.Equal(t, 400, response.StatusCode(), target) // what fasthttp answers by itself
	}
	plain := newRouter(t)
	plain.Post("/", hello)
	assert.Nil(t, plain.RequestConfig())
}

func TestAReadTimeoutIsThatOfTheRouteWhichMatches(t *testing.T) {
	r := newRouter(t)
	r.Post("/slow/{id:[a-z]{2}}", hello, routing.ReadTimeout(time.Hour))
	config := r.RequestConfig()
	header := func(target string) *fasthttp.RequestHeader {
		h := new(fasthttp.RequestHeader)
		h.SetMethod("POST")
		h.SetHost("x")
		h.SetRequestURI(target)
		return h
	}
	assert.Equal(t, time.Hour, config(header("/slow/ab")).ReadTimeout)
	assert.Zero(t, config(header("/slow/abc")))
	assert.Zero(t, config(header("http://[/")), "the server refuses it")
}

func TestATimeoutAnswersInTheHandlersPlace(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	leave, left := make(chan struct{}), make(chan error, 1)
	r.Get("/late", func(ctx context.Context, _ struct{}) (string, error) {
		<-leave
		_, err := routing.Raw(ctx)
		left <- err
		return "late", nil
	}, routing.Timeout(time.Millisecond))
	response := do(t, r.Handler(), "GET", "/late")
	assert.Equal(t, 503, response.StatusCode())
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 1ms"}`, string(response.Body()))
	assert.NotEmpty(t, response.Header.Peek(routing.RequestIDHeader))
	assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	close(leave)
	require.ErrorIs(t, await(t, left, "the handler"), routing.ErrRequestEnded)
	assert.Contains(t, book.next(t), "the handler returned after its timeout")
}

func TestATimeoutLosesNothingInSilence(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	leave := make(chan struct{})
	r.Get("/late", func(context.Context, struct{}) (responses.TextResponse, error) {
		<-leave
		return responses.TextResponse{Background: background.Func("mail", func(context.Context) error { return nil })}, nil
	}, routing.Timeout(time.Millisecond))
	r.Get("/panic", func(context.Context, struct{}) (string, error) {
		<-leave
		panic("on purpose")
	}, routing.Timeout(time.Millisecond))
	for _, target := range []string{"/late", "/panic"} {
		assert.Equal(t, 503, do(t, r.Handler(), "GET", target).StatusCode())
		assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	}
	close(leave)
	log := book.next(t) + book.next(t)
	assert.Contains(t, log, "the handler returned after its timeout; the background work of its response is not run")
	assert.Contains(t, log, "panic: on purpose")
}

func TestAHandlerWithinItsTimeoutIsAnsweredAsAnyOther(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(ctx context.Context, _ struct{}) (bool, error) {
		_, ok := ctx.Deadline()
		return ok, ctx.Err()
	}, routing.Timeout(time.Hour))
	r.Get("/panic", func(context.Context, struct{}) (string, error) { panic("on purpose") }, routing.Timeout(time.Hour))
	assert.Equal(t, "true", string(do(t, r.Handler(), "GET", "/").Body()))
	assert.Equal(t, 500, do(t, r.Handler(), "GET", "/panic").StatusCode())
}

func TestMiddlewareSeesTheStatusOfTheAnswer(t *testing.T) {
	var seen []int
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			seen = append(seen, routing.StatusOf(raw))
		}
	})
	leave := make(chan struct{})
	defer close(leave)
	r.Get("/ok", hello, routing.Status(201))
	r.Get("/panic", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	r.Get("/late", func(context.Context, struct{}) (string, error) {
		<-leave
		return "", nil
	}, routing.Timeout(time.Millisecond))
	for _, target := range []string{"/ok", "/panic", "/late", "/nowhere"} {
		do(t, r.Handler(), "GET", target)
	}
	assert.Equal(t, []int{201, 500, 503, 404}, seen)
}

func TestAHandlerThatEndsItsGoroutineIsAnswered(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(context.Context, struct{}) (string, error) {
		runtime.Goexit()
		return "", nil
	}, routing.Timeout(time.Hour))
	assert.Equal(t, 500, do(t, r.Handler(), "GET", "/").StatusCode())
}

// A method is sent to clients, in Allow.
func TestAMethodIsAToken(t *testing.T) {
	r := newRouter(t)
	for _, method := range []string{"", "GET ", "G T", "GET\r\nX: y", "GET\x00", "GET\x7f", "GET:", "GET/", "GET,POST", "GÉT", "GET\u560d\u560a"} {
		func() {
			defer func() {
				assert.Contains(t, recover(), fmt.Sprintf("the method %q is not a token: want one such as GET, in capitals, without blanks", method))
			}()
			r.Add(method, "/", routing.Handle(hello))
		}()
	}
	for _, method := range []string{"GET", "BREW", "M-SEARCH", "!#$%&'*+-.^_`|~09az"} {
		r.Add(method, "/", routing.Handle(hello))
	}
}
