package routing_test

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
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
	r.Group("/bare").Group("/inner", trail("e")).Group("/most").Get("/x", hello)
	r.Use(trail("a"), trail("b"))
	handler := routing.Build(r).ServeRequest

	for target, want := range map[string]string{
		"/": "ab", "/outer/x": "abcd", "/outer/inner/x": "abcde", "/bare/inner/most/x": "abe", "/nowhere": "ab",
	} {
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
		response := do(t, routing.Build(r).ServeRequest, route.Method, "/")
		assert.Equal(t, 200, response.StatusCode(), route.Method)
	}
	assert.Len(t, r.Routes(), 7)
}

func TestRoutesDescribeThemselves(t *testing.T) {
	r := newRouter(t)
	r.Group("/api").Get("/hello", hello, routing.Name("greeting"))
	routes := r.Routes()
	require.Len(t, routes, 1)
	assert.Equal(t, "GET", routes[0].Method)
	assert.Equal(t, "/api/hello", routes[0].Pattern)
	assert.Equal(t, "greeting", routes[0].Name)
	assert.Equal(t, "github.com/velithon-go/velithon/routing_test.hello", routes[0].Handler)
	assert.Equal(t, reflect.TypeFor[struct{}](), routes[0].In)
	assert.Equal(t, reflect.TypeFor[string](), routes[0].Out)
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
		assert.Equal(t, want, string(do(t, routing.Build(r).ServeRequest, "GET", target).Body()), target)
	}
	assert.Equal(t, 404, do(t, routing.Build(r).ServeRequest, "GET", "/items/x").StatusCode())

	// A form takes what it prefers, and no parameter is empty.
	r = newRouter(t)
	r.Get("/little/{a:.*?}-{b}", hello)
	r.Get("/some/{a:.+?}-{b}", hello)
	assert.Equal(t, 404, do(t, routing.Build(r).ServeRequest, "GET", "/little/-x-y").StatusCode())
	assert.Equal(t, 200, do(t, routing.Build(r).ServeRequest, "GET", "/some/-x-y").StatusCode())
}

func TestMistakesPanicAtRegistration(t *testing.T) {
	add := func(pattern string, options ...routing.Option) func(*routing.Router) {
		return func(r *routing.Router) { r.Handle("GET", pattern, routing.NewEndpoint(hello), options...) }
	}
	for name, test := range map[string]struct {
		do   func(r *routing.Router)
		want string
	}{
		"no slash":          {add("x"), `the pattern "x" does not start with a slash`},
		"open brace":        {add("/{x"), `the pattern "/{x" has a { without its }`},
		"no name":           {add("/{:[a-z]+}"), `the pattern "/{:[a-z]+}" has a parameter without a name`},
		"two of a name":     {add("/{x}/{x}"), `the pattern "/{x}/{x}" has two parameters "x"`},
		"status above":      {add("/x", routing.Status(400)), "option Status(400): a success status is from 200 to 399"},
		"status below":      {add("/x", routing.Status(199)), "option Status(199): a success status is from 200 to 399"},
		"timeout":           {add("/x", routing.Timeout(0)), "option Timeout(0s): want more than 0; leave the option out for no timeout"},
		"body limit":        {add("/x", routing.BodyLimit(0)), "option BodyLimit(0): want more than 0 bytes"},
		"read timeout":      {add("/x", routing.ReadTimeout(0)), "option ReadTimeout(0s): want more than 0; leave the option out for the application's"},
		"colon":             {add("/x/:id"), `the pattern "/x/:id" has a segment that starts with a colon: a parameter is written {name}`},
		"place and handler": {add("x"), "GET x, handler github.com/velithon-go/velithon/routing_test.hello (registered at "},
		"after Build":       {func(r *routing.Router) { routing.Build(r); add("/x")(r) }, "the route is added after the app began to serve: add all routes first"},
		"empty endpoint":    {func(r *routing.Router) { r.Handle("GET", "/x", routing.Endpoint{}) }, "the endpoint is empty: make it with routing.NewEndpoint"},
		"nil handler":       {func(*routing.Router) { routing.NewEndpoint[struct{}, string](nil) }, "velithon: routing.NewEndpoint was given a nil handler"},
		"group":             {func(r *routing.Router) { r.Group("/x/") }, `group "/x/": a prefix starts with a slash and does not end with one`},
		"use after a route": {func(r *routing.Router) { g := r.Group("/g"); g.Get("/x", hello); g.Use(trail("a")) }, `Use was called on group "/g" after a route was added to it`},
		"use after Build":   {func(r *routing.Router) { routing.Build(r); r.Use(trail("a")) }, "Use was called after the app began to serve: add all middleware first"},
		"nil of middleware": {func(r *routing.Router) {
			r.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler { return nil })
			routing.Build(r)
		}, "a middleware has returned nil: return a handler, or next itself"},
		"nil middleware":    {func(r *routing.Router) { r.Use(nil) }, "Use was given a nil middleware"},
		"no runner":         {func(*routing.Router) { routing.New(routing.Options{}) }, "velithon: routing.Options.Runner is nil"},
		"absent path param": {func(r *routing.Router) { r.Handle("GET", "/x", routing.NewEndpoint(wantsID)) }, `field ID: reads the path parameter "id", which the route does not have: add {id} to its pattern`},
		"body of a GET":     {func(r *routing.Router) { r.Handle("GET", "/x", routing.NewEndpoint(wantsBody)) }, "input type map[string]string: has no source tags, so it is the JSON body, which a GET request does not have: add tags such as `query:\"name\"`, or use struct{}"},
		"rest in between":   {add("/{x:*}/y"), `the pattern "/{x:*}/y" goes on after {x:*}, which takes the rest of the path: put it last`},
		"no slash in group": {func(r *routing.Router) { r.Group("/g").Get("x", hello) }, `the pattern "x" does not start with a slash`},
		"nil option":        {add("/x", routing.Status(201), nil), "option 2 is nil: leave it out"},
		"lower case":        {func(r *routing.Router) { r.Handle("gEt", "/x", routing.NewEndpoint(hello)) }, `the method "gEt" is not in capitals, and methods are case-sensitive: want "GET"`},
		"any method":        {func(r *routing.Router) { r.Handle("*", "/x", routing.NewEndpoint(hello)) }, `the method "*" stands for none in particular: add the route for each method that it has`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, panicOf(func() { test.do(newRouter(t)) }), test.want)
		})
	}
}

func TestTheFirstAndTheLastStatusOfSuccess(t *testing.T) {
	for _, status := range []int{200, 399} {
		r := newRouter(t)
		r.Get("/", hello, routing.Status(status))
		assert.Equal(t, status, answer(routing.Build(r).ServeRequest, "/").Response.StatusCode())
	}
}

func TestTheSmallestLimitsOfARoute(t *testing.T) {
	r := newRouter(t)
	r.Post("/", hello, routing.BodyLimit(1), routing.ReadTimeout(1))
	var header fasthttp.RequestHeader
	header.SetMethod("POST")
	header.SetHost("x")
	header.SetRequestURI("/")
	config, hasReadTimeout := routing.Build(r).RequestConfig()
	assert.True(t, hasReadTimeout)
	assert.Equal(t, fasthttp.RequestConfig{MaxRequestBodySize: 1, ReadTimeout: 1}, config(&header))
	assert.Equal(t, "<nil>", panicOf(func() { newRouter(t).Get("/", hello, routing.Timeout(1)) }))
}

// Patterns that no request could match, or none that its author means.
func TestPatternsThatNoClientReaches(t *testing.T) {
	for pattern, want := range map[string]string{
		"/q?x=1":    "has a question mark, and a query is no part of a path: add a field with the tag `query`, or write %3F for the character",
		"/frag#x":   "has a #, and clients do not send fragments: remove it, or write %23 for the character",
		"/100%/x":   "has a % without two hexadecimal digits: write %25 for the character",
		"/100%":     "has a % without two hexadecimal digits: write %25 for the character",
		"/100%2":    "has a % without two hexadecimal digits: write %25 for the character",
		"/%+1":      "has a % without two hexadecimal digits: write %25 for the character",
		"/glob/*":   "has an asterisk, which is a character like any other: the rest of the path is {name:*}; write %2A for the character",
		"/{p...}":   `has a parameter "p...": a name is made of letters, digits, _ and -; the rest of the path is {name:*}, and a segment of a form {name:regexp}`,
		"/{$}":      `has a parameter "$": a name is made of`,
		"/{p@}":     `has a parameter "p@": a name is made of`,
		"/{p[}":     `has a parameter "p[": a name is made of`,
		"/{p`}":     "has a parameter \"p`\": a name is made of",
		"/{p\x7f}":  `has a parameter "p\x7f": a name is made of`,
		"/{id int}": `has a parameter "id int": a name is made of`,
		"/a%2Fb":    "has an encoded slash, and such requests are answered with 400: take a parameter {name:*}, or the query",
		"/a/../b":   "has a segment that is empty or made of dots, and such requests are answered with 400: remove it",
		"/a/%2e":    "has a segment that is empty or made of dots",
		"/a//b":     "has a segment that is empty or made of dots",
		"//":        "has a segment that is empty or made of dots",
		"/}":        "has a } without its {",
		"/{a}{b}":   "has no text between {b} and the parameter in front of it, so nobody knows where one ends",
		"/{p:a/b}":  `has a parameter "p" with a slash in its form, but a parameter is one segment: the rest of the path is {p:*}`,
		"/{p:}":     `has a parameter "p" with an empty form: leave the colon out for any text`,
		"/{id:int}": `has a parameter "id" whose form has "int" as its only match: a form is a regular expression such as [0-9]+, and the rest of the path is {id:*}`,
		"/{p:path}": `has a parameter "p" whose form has "path" as its only match: a form is a regular expression such as [0-9]+, and the rest of the path is {p:*}`,
		"/{p:[}":    `has a parameter "p" whose form is no regular expression: error parsing regexp: missing closing ]`,
		"/{p:a)(b}": `has a parameter "p" whose form is no regular expression: error parsing regexp: unexpected )`,
		"/x{p:*}":   "has {p:*} next to other text: it has to be a segment of its own",
		"/{p:*}x":   "has {p:*} next to other text: it has to be a segment of its own",
		"/{a}-{p?}": "has {p?} next to other text: it has to be a segment of its own",
		"/{p?}/x":   "goes on after an optional parameter: make all that follows optional too, or add two routes",
		"/%ff{p}":   "can't be made a regular expression: error parsing regexp: invalid UTF-8",
		"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}": "has 17 parameters: at most 16 are possible",
	} {
		message := panicOf(func() { newRouter(t).Get(pattern, hello) })
		assert.Contains(t, message, fmt.Sprintf("the pattern %q %s", pattern, want))
	}
	for _, pattern := range []string{"/{p:[^/]+}", "/...", "/{größe}", "/{azAZ_-09}", "/a:b", "/~@!$&'()+,;=", "/{a:x{2,3}}", "/{l:en|de}", "/{l:(?i)en}", "/v{n}.{m:[0-9]+}", "/{p?:*}"} {
		assert.Equal(t, "<nil>", panicOf(func() { newRouter(t).Get(pattern, hello) }), pattern)
	}
}

// Both places are named, in the words of http.ServeMux.
func TestARouteThatIsThereAlready(t *testing.T) {
	for _, test := range []struct{ first, second string }{
		{"/x", "/x"},
		{"/x/{a}", "/x/{b}"},
		{"/x/{a:[0-9]+}/y", "/x/{b:[0-9]+}/y"},
		{"/x/{a:*}", "/x/{b:*}"},
		{"/x/{a?}", "/x"},
		{"/x/{a}", "/x/{b?}"},
		{"/café", "/caf%c3%a9"},
		{"/{a}.txt", "/{b}.t%78t"},
	} {
		r := newRouter(t)
		r.Get(test.first, hello)
		message := panicOf(func() { r.Get(test.second, hello) })
		assert.Regexp(t, `velithon: GET \S+, handler \S+hello \(registered at \S+/router_test.go:\d+\): `, message)
		assert.Contains(t, message, fmt.Sprintf("pattern %q conflicts with pattern %q (registered at ", "GET "+test.second, "GET "+test.first))
		assert.Contains(t, message, fmt.Sprintf("): GET %s matches the same requests as GET %s", test.second, test.first))
		assert.Equal(t, "<nil>", panicOf(func() { r.Post(test.second, hello) }), "of another method")
		assert.Len(t, r.Routes(), 2)
	}
}

func TestTheValidatorOfTheOptionsJudges(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("never", func(validator.FieldLevel) bool { return false }))
	runner := background.NewRunner(background.RunnerOptions{})
	r := routing.New(routing.Options{Runner: runner, Validator: v})
	r.Get("/", func(context.Context, struct {
		X string `query:"x" validate:"never"`
	},
	) (string, error) {
		return "", nil
	})
	assert.Equal(t, 422, answer(routing.Build(r).ServeRequest, "/?x=1").Response.StatusCode())
	require.NoError(t, runner.Shutdown(t.Context()))
}

func TestANameIsOfOneRoute(t *testing.T) {
	r := newRouter(t)
	r.Get("/a", hello, routing.Name("a"))
	message := panicOf(func() { r.Group("/g").Post("/b", hello, routing.Name("a")) })
	assert.Regexp(t, `option Name\("a"\): the name is that of "GET /a" \(registered at \S+/router_test.go:\d+\): give each route its own`, message)
	r.Get("/c", hello)
	r.Get("/d", hello) // without a name
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
	config, hasReadTimeout := routing.Build(r).RequestConfig()
	assert.False(t, hasReadTimeout)
	server := &fasthttp.Server{Handler: routing.Build(r).ServeRequest, HeaderReceived: config, MaxRequestBodySize: 8}
	for target, limit := range map[string]int{"/files/new": 8, "/files/new?x=1": 8, "/files/x": 5, "/nowhere": 8} {
		assert.NotEqual(t, 413, doAll(t, server, "POST", target, "123456789"[:limit]).StatusCode(), target)
		response := doAll(t, server, "POST", target, "123456789"[:limit+1])
		assert.Equal(t, 400, response.StatusCode(), target) // what fasthttp answers by itself
	}
	plain := newRouter(t)
	plain.Post("/", hello)
	config, _ = routing.Build(plain).RequestConfig()
	assert.Nil(t, config)
}

func TestAReadTimeoutIsThatOfTheRouteWhichMatches(t *testing.T) {
	r := newRouter(t)
	r.Post("/slow/{id:[a-z]{2}}", hello, routing.ReadTimeout(time.Hour))
	r.Post("/zip", hello, routing.BodyLimit(5)) // behind it
	config, hasReadTimeout := routing.Build(r).RequestConfig()
	assert.True(t, hasReadTimeout)
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
		_, err := routing.RequestCtx(ctx)
		left <- err
		return "late", nil
	}, routing.Timeout(time.Millisecond))
	response := do(t, routing.Build(r).ServeRequest, "GET", "/late")
	assert.Equal(t, 503, response.StatusCode())
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 1ms"}`, string(response.Body()))
	assert.NotEmpty(t, response.Header.Peek(routing.RequestIDHeader))
	assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	close(leave)
	require.ErrorIs(t, await(t, left, "the handler"), routing.ErrRequestEnded)
	assert.Contains(t, book.next(t), "the handler returned after its timeout")
}

func TestAHandlerThatReturnsAtTheMomentOfItsTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"an answer":            {nil, 200},
		"an error":             {io.EOF, 500},
		"that it was too late": {context.DeadlineExceeded, 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRouter(t)
			r.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
				leave := make(chan struct{})
				ctx.(afterFuncer).AfterFunc(func() {
					close(leave)
					synctest.Wait() // until the handler has returned
				})
				<-leave
				return "in time", test.err
			}, routing.Timeout(time.Second))
			raw := answer(routing.Build(r).ServeRequest, "/")
			assert.Nil(t, raw.LastTimeoutErrorResponse(), name)
			assert.Equal(t, test.status, raw.Response.StatusCode(), name)
		})
	}
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
		assert.Equal(t, 503, do(t, routing.Build(r).ServeRequest, "GET", target).StatusCode())
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
	assert.Equal(t, "true", string(do(t, routing.Build(r).ServeRequest, "GET", "/").Body()))
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/panic").StatusCode())
}

func TestMiddlewareSeesTheStatusOfTheAnswer(t *testing.T) {
	var seen []int
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			seen = append(seen, routing.SentStatus(raw))
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
		do(t, routing.Build(r).ServeRequest, "GET", target)
	}
	assert.Equal(t, []int{201, 500, 503, 404}, seen)
}

func TestAHandlerThatEndsItsGoroutineIsAnswered(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(context.Context, struct{}) (string, error) {
		runtime.Goexit()
		return "", nil
	}, routing.Timeout(time.Hour))
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
}

// A method is sent to clients, in Allow.
func TestAMethodIsAToken(t *testing.T) {
	r := newRouter(t)
	for _, method := range []string{"", "GET ", "G T", "GET\r\nX: y", "GET\x00", "GET\x7f", "GET:", "GET/", "GET,POST", "GÉT", "GET\u560d\u560a"} {
		func() {
			defer func() {
				assert.Contains(t, recover(), fmt.Sprintf("the method %q is not a token: want one such as GET, in capitals, without blanks", method))
			}()
			r.Handle(method, "/", routing.NewEndpoint(hello))
		}()
	}
	for _, method := range []string{"GET", "BREW", "M-SEARCH", "!#$%&'*+-.^_`|~09AZ"} {
		r.Handle(method, "/", routing.NewEndpoint(hello))
	}
}
