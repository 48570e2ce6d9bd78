package routing_test

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Middleware, router, forms and handler have one view of a path. The
// server refuses what they would not agree on.
func TestThereIsOneViewOfAPath(t *testing.T) {
	type view struct {
		seen   string // by middleware
		answer string // the route and its parameters
	}
	for target, want := range map[string]view{
		"/shops/5":            {seen: "/shops/5", answer: "/shops/{id}: 5"},
		"/users/%6De":         {seen: "/users/me", answer: "/users/me: "},
		"/users/%6d%65":       {seen: "/users/me", answer: "/users/me: "},
		"/n/1%32":             {seen: "/n/12", answer: "/n/{n:[0-9]+}: 12"},
		"/n/1%41":             {seen: "/n/1A"},
		"/f/a%2bb":            {seen: "/f/a+b", answer: "/f/{name:[^./]+}: a+b"},
		"/f/%252e%252e":       {seen: "/f/%2e%2e", answer: "/f/{name:[^./]+}: %2e%2e"}, // decoded once
		"/is%2541":            {seen: "/is%41", answer: "/is%2541: "},
		"/is%41":              {seen: "/isA"},
		"/a%20b":              {seen: "/a b", answer: "/a b: "},
		"/f/a%252Fb":          {seen: "/f/a%2Fb", answer: "/f/{name:[^./]+}: a%2Fb"},
		"/shops/...":          {seen: "/shops/...", answer: "/shops/{id}: ..."},
		"/shops/.a":           {seen: "/shops/.a", answer: "/shops/{id}: .a"},
		"/shops/%00":          {seen: "/shops/\x00", answer: "/shops/{id}: \x00"},
		"/shops/a%0Ab":        {seen: "/shops/a\nb", answer: "/shops/{id}: a\nb"},
		"/shops/%C0%AF":       {seen: "/shops/\xc0\xaf", answer: "/shops/{id}: \xc0\xaf"}, // an overlong slash is none
		"/shops/a%5Cb":        {seen: `/shops/a\b`, answer: `/shops/{id}: a\b`},
		"/shops/%3F%23":       {seen: "/shops/?#", answer: "/shops/{id}: ?#"},
		"/shops/a;b=c?d":      {seen: "/shops/a;b=c", answer: "/shops/{id}: a;b=c"},
		"/rest/a/b/":          {seen: "/rest/a/b/", answer: "/rest/{p:*}: a/b/"},
		"http://x/shops/5":    {seen: "/shops/5", answer: "/shops/{id}: 5"},
		"http://x/users/%6De": {seen: "/users/me", answer: "/users/me: "},
		"http://x":            {seen: "/", answer: "/: "},
		"http://x?a=/shops/5": {seen: "/", answer: "/: "},
	} {
		r := newRouter(t)
		seen := ""
		r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				seen = string(raw.Path())
				next(raw)
			}
		})
		for _, pattern := range []string{"/", "/users/me", "/users/{id}", "/shops/{id}", "/public/{id}", "/public/x", "/is%2541", "/a b", "/f/{id:[^./]+}", "/n/{id:[0-9]+}", "/rest/{id:*}"} {
			pattern := strings.NewReplacer("{id:[^", "{name:[^", "{id:[0", "{n:[0", "{id:*", "{p:*").Replace(pattern)
			routing.Wrapped(r).Get(pattern, func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
				raw, err := routing.RequestCtx(ctx)
				value := routing.PathValue(raw, "id") + routing.PathValue(raw, "name") + routing.PathValue(raw, "n") + routing.PathValue(raw, "p")
				return responses.Text(pattern + ": " + value), err
			})
		}
		sent := talk(t, &fasthttp.Server{Handler: behindServer(r)}, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		do(t, behindServer(r), "GET", target) // again, for what is seen
		if strings.HasPrefix(target, "/") {
			assert.Equal(t, want.seen, seen, target)
		}
		if want.answer == "" {
			assert.Contains(t, sent, "HTTP/1.1 404 ", target)
			continue
		}
		assert.Contains(t, sent, "\r\n\r\n"+want.answer+"HTTP/1.1 200", target)
	}
}

// A middleware that changes the path before the route is known changes the view
// of all.
func TestMiddlewareChangesTheView(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.URI().SetPath("/%61/../b/" + string(raw.Path()[1:]))
			next(raw)
		}
	})
	r.Get("/b/{id}", func(ctx context.Context, in struct {
		ID string `path:"id"`
	},
	) (string, error) {
		raw, err := routing.RequestCtx(ctx)
		return string(raw.Path()) + " " + in.ID, err
	})
	assert.Equal(t, `"/b/x x"`, string(do(t, behindServer(r), "GET", "/x").Body()))
}

// FuzzPath sends targets. Whenever a handler is reached, the path that
// middleware sees leads the reference to the same route and the same parameters;
// and what is refused is what has an encoded slash, dots or nothing for a segment,
// or no valid encoding.
func FuzzPath(f *testing.F) {
	text := func(s string) refSegment { return refSegment{text: s, pattern: s} }
	param := refSegment{kind: 2, pattern: "{NAME}"}
	rest := refSegment{kind: 3, pattern: "{NAME:*}"}
	routes := []refRoute{
		{method: "GET", segments: []refSegment{text("")}},
		{method: "GET", segments: []refSegment{text("users"), text("me")}},
		{method: "GET", segments: []refSegment{text("users"), text("search")}},
		{method: "GET", segments: []refSegment{text("users"), text("me"), text("")}},
		{method: "GET", segments: []refSegment{text("users"), param}},
		{method: "GET", segments: []refSegment{text("users"), param, text("x")}},
		{method: "DELETE", segments: []refSegment{text("shops"), param}},
		{method: "POST", segments: []refSegment{text("shops"), param}},
		{method: "GET", segments: []refSegment{text("public"), rest}},
		{method: "GET", segments: []refSegment{text("café"), text("a b")}},
		{method: "GET", segments: []refSegment{text("f"), {kind: 1, pattern: "{NAME:[^./]+}", form: "[^./]+"}}},
		{method: "GET", segments: []refSegment{text("f"), {kind: 1, pattern: "{NAME}.txt", form: "(?s:.+)", after: ".txt"}}},
		{method: "GET", segments: []refSegment{text("n"), {kind: 1, pattern: "{NAME:[0-9]+}", form: "[0-9]+"}}},
		{method: "HEAD", segments: []refSegment{text("n"), {kind: 1, pattern: "{NAME:[0-9]+}", form: "[0-9]+"}}},
		{method: "GET", segments: []refSegment{text("n"), {kind: 1, pattern: "v{NAME}", before: "v", form: "(?s:.+)"}}},
		{method: "GET", segments: []refSegment{text("o"), {kind: 2, pattern: "{NAME?}"}}, optional: 1},
		{method: "OPTIONS", segments: []refSegment{rest}},
	}
	runner := background.NewRunner(background.RunnerOptions{})
	f.Cleanup(func() { assert.NoError(f, runner.Shutdown(context.Background())) })
	router := routing.New(routing.Options{Runner: runner})
	var seen string
	reached, hit, values := false, -1, []string(nil)
	router.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			reached, seen = true, string(raw.Path())
			next(raw)
		}
	})
	wrapped := routing.Wrapped(router)
	for i := range routes {
		rt := &routes[i]
		for j, s := range rt.segments {
			rt.pattern += "/" + strings.ReplaceAll(s.pattern, "NAME", fmt.Sprintf("p%d", j))
		}
		wrapped.Handle(rt.method, rt.pattern, routing.NewEndpoint(func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
			raw, err := routing.RequestCtx(ctx)
			hit, values = i, nil
			for j, s := range rt.segments {
				if value, ok := params.PathOf(raw).Get(fmt.Sprintf("p%d", j)); ok && s.kind > 0 {
					values = append(values, value)
				}
			}
			return responses.TextResponse{}, err
		}), routing.BodyLimit(i+1))
	}
	handler := behindServer(router)
	config, _ := routing.Build(router).RequestConfig()

	methods := []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "CONNECT"}
	for i, target := range []string{
		"/", "*", "/users/me", "/users/%6De", "/users/me/", "/users/se", "/shops/..%2Fpublic%2F5", "/admin/%2e%2e/public/x", "/public%2Fx",
		"/f/%2e%2e%2fetc%2fpasswd", "/n/1%32", "/caf%C3%A9/a%20b", "/caf\xc3\xa9/a+b", "//users", "/users//me", "/.", "/..", "/public/%00/%0a",
		"http://x/users/me", "http://x", "http://x?/users/me", "x:443", "/%c0%af", "/f/a.txt", "/n/v.", "/o", "/o/", `/public/..\x`, "/%5C..%5cx", "/users/me#x", "/public/%252e%252e",
	} {
		f.Add(uint8(i), target)
		f.Add(uint8(0), target)
	}
	f.Fuzz(func(t *testing.T, m uint8, target string) {
		method := methods[int(m)%len(methods)]
		var raw fasthttp.RequestCtx
		wire := method + " " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"
		if raw.Request.Read(bufio.NewReader(strings.NewReader(wire))) != nil || string(raw.Request.Header.RequestURI()) != target {
			return // another message than was meant
		}
		if new(fasthttp.URI).Parse([]byte("x"), []byte(target)) != nil {
			return // a server refuses it
		}
		reached, seen, hit, values = false, "", -1, nil
		handler(&raw)
		status := raw.Response.StatusCode()

		if path, ok := strings.CutPrefix(target, "/"); ok && !strings.Contains(target, "#") && !strings.HasPrefix(path, "/") {
			path, _, _ = strings.Cut(path, "?")
			decoded, isBad := decodePath(path)
			require.Equal(t, !isBad, reached, "%d for %q", status, target)
			if !isBad {
				require.Equal(t, "/"+decoded, seen)
			}
		}
		if !reached {
			require.Equal(t, 400, status)
			require.Negative(t, hit)
			return
		}
		isPath := target != "*" && method != "CONNECT" || strings.HasPrefix(target, "/")
		if hit >= 0 {
			require.True(t, isPath)
			require.Equal(t, seen, string(raw.Path()))
		}
		if isPath {
			want, wantValues, allow := refFind(routes, method, seen)
			require.Equal(t, want, hit, "%s %q", method, seen)
			require.Equal(t, wantValues, values)
			require.Equal(t, allow, string(raw.Response.Header.Peek("Allow")))
		}
		require.Equal(t, hit+1, config(&raw.Request.Header).MaxRequestBodySize)
	})
}

// decodePath decodes a path without its first slash, or says that it is bad.
func decodePath(sent string) (decoded string, isBad bool) {
	parts := strings.Split(sent, "/")
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil || strings.Contains(text, "/") || text == "." || text == ".." || text == "" && i < len(parts)-1 {
			return "", true
		}
		parts[i] = text
	}
	return strings.Join(parts, "/"), false
}

// Bytes that are not of UTF-8 are as many paths as there are.
func TestPathsThatAreNotText(t *testing.T) {
	r := newRouter(t)
	patterns := []string{"/%FE", "/%FF", "/a%FEb", "/a%FFc", "/%EF%BF%BD", "/%FFd"}
	for _, pattern := range patterns {
		r.Get(pattern, func(context.Context, struct{}) (string, error) { return pattern, nil })
	}
	handler := routing.Build(r).ServeRequest
	for _, pattern := range patterns {
		response := do(t, handler, "GET", pattern)
		assert.Equal(t, strconv.Quote(pattern), string(response.Body()))
	}
	for _, path := range []string{"/a%FEc", "/a%FFb", "/%FD", "/%EF"} {
		assert.Equal(t, 404, do(t, handler, "GET", path).StatusCode(), path)
	}
	assert.Equal(t, `"/a%FFc"`, string(do(t, handler, "GET", "/a\xffc").Body()), "as it is")
	assert.Equal(t, 404, do(t, handler, "GET", "/a\xfec").StatusCode())
}
