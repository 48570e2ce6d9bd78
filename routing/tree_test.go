package routing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

var (
	refTexts = []string{"a", "b", "ab", "abc", "1", "12", "a b", "é"}
	refForms = []refSegment{
		{kind: 1, pattern: "{NAME:[0-9]+}", form: "[0-9]+"},
		{kind: 1, pattern: "{NAME:(a|b)+}", form: "(a|b)+"},
		{kind: 1, pattern: "{NAME:[0-9a]*}", form: "[0-9a]*"},
		{kind: 1, pattern: "a{NAME}", before: "a", form: "(?s:.+)"},
		{kind: 1, pattern: "a{NAME:[0-9]*}", before: "a", form: "[0-9]*"},
		{kind: 1, pattern: "{NAME}.b", form: "(?s:.+)", after: ".b"},
		{kind: 1, pattern: "a{NAME:[0-9]{1,2}}b", before: "a", form: "[0-9]{1,2}", after: "b"},
	}
	refParts   = []string{"a", "b", "ab", "abc", "1", "12", "a b", "é", "abcd", "a1", "a1b", "1.b", "xb", "c", ".b", "a.b"}
	refMethods = []string{"GET", "GET", "GET", "POST", "HEAD", "OPTIONS"}
)

func randomOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomRoute returns a route of few short segments, so that many collide.
func randomRoute(r *rand.Rand) refRoute {
	rt := refRoute{method: randomOf(r, refMethods)}
	depth := 1 + r.IntN(4)
	for i := range depth {
		s := refSegment{}
		switch n := r.IntN(10); {
		case n < 5:
			s.text = randomOf(r, refTexts)
			s.pattern = s.text
		case n < 7:
			s = randomOf(r, refForms)
		case n < 9:
			s = refSegment{kind: 2, pattern: "{NAME}"}
		case i == depth-1 && n == 9 && r.IntN(2) == 0: // a slash at the end
		default:
			s = refSegment{kind: 3, pattern: "{NAME:*}"}
		}
		rt.segments = append(rt.segments, s)
		if s.kind == 3 {
			break
		}
	}
	for i := len(rt.segments) - 1; i >= 0 && r.IntN(4) == 0; i-- {
		s := &rt.segments[i]
		if s.kind == 0 || s.before != "" || s.after != "" {
			break
		}
		s.pattern = strings.Replace(s.pattern, "NAME", "NAME?", 1)
		rt.optional++
	}
	for i, s := range rt.segments {
		rt.pattern += "/" + strings.ReplaceAll(s.pattern, "NAME", fmt.Sprintf("p%d", i))
	}
	return rt
}

func randomPath(r *rand.Rand) (path string) {
	for range 1 + r.IntN(4) {
		path += "/" + randomOf(r, refParts)
	}
	if r.IntN(8) == 0 {
		path += "/"
	}
	if r.IntN(40) == 0 {
		path = "/"
	}
	return path
}

// encoded returns a path as one of the clients sends it.
func encoded(r *rand.Rand, path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		switch {
		case c == '/':
			b.WriteByte(c)
		case c <= ' ' || c > '~' || r.IntN(8) == 0:
			fmt.Fprintf(&b, randomOf(r, []string{"%%%02x", "%%%02X"}), c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// The router is held to the reference: which route, its values, Allow, and what
// is known of the route when the header is read.
func TestTheRouterFindsWhatTheReferenceFinds(t *testing.T) {
	const sets, paths = 2_500, 50
	runner := background.NewRunner(background.RunnerOptions{})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	validator := params.NewValidator()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	found, refused, conflicts := 0, 0, 0
	for range sets {
		router := routing.New(routing.Options{Runner: runner, Validator: validator})
		wrapped := routing.Wrapped(router)
		var routes []refRoute
		hit, values := -1, []string(nil)
		for range 1 + r.IntN(10) {
			rt := randomRoute(r)
			i := len(routes)
			message := panicOf(func() {
				wrapped.Handle(rt.method, rt.pattern, routing.NewEndpoint(func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
					raw, err := routing.RequestCtx(ctx)
					hit, values = i, nil
					for j, s := range rt.segments {
						if s.kind > 0 {
							if value, ok := params.PathOf(raw).Get(fmt.Sprintf("p%d", j)); ok {
								values = append(values, value)
							}
						}
					}
					return responses.TextResponse{}, err
				}), routing.BodyLimit(i+1))
			})
			if refConflicts(routes, rt) {
				conflicts++
				require.Contains(t, message, "conflicts with pattern", "%s, seed %d", rt.pattern, seed)
				continue
			}
			require.Equal(t, "<nil>", message, "%s, seed %d", rt.pattern, seed)
			routes = append(routes, rt)
		}
		handler := routing.Build(router).ServeRequest
		config, _ := routing.Build(router).RequestConfig()
		for range paths {
			method, path := randomOf(r, refMethods), randomPath(r)
			target := encoded(r, path)
			want, wantValues, allow := refFind(routes, method, path)
			var raw fasthttp.RequestCtx
			raw.Request.Header.SetMethod(method)
			raw.Request.Header.SetHost("test")
			raw.Request.SetRequestURI(target)
			hit, values = -1, nil
			handler(&raw)

			var table strings.Builder
			for _, rt := range routes {
				fmt.Fprintln(&table, rt.method, rt.pattern)
			}
			where := fmt.Sprintf("seed %d\n%s%s %s", seed, &table, method, target)
			require.Equal(t, want, hit, where)
			require.Equal(t, wantValues, values, where)
			require.Equal(t, allow, string(raw.Response.Header.Peek("Allow")), where)
			status := 404
			switch {
			case want >= 0:
				status = 200
				found++
			case allow != "" && method == "OPTIONS":
				status = 204
			case allow != "":
				status = 405
				refused++
			}
			require.Equal(t, status, raw.Response.StatusCode(), where)
			require.Equal(t, want+1, config(&raw.Request.Header).MaxRequestBodySize, where)
		}
	}
	t.Logf("%d pairs: %d found, %d of another method; %d conflicts", sets*paths, found, refused, conflicts)
	assert.Greater(t, found, sets*paths/10)
	assert.Greater(t, refused, sets*paths/50)
	assert.Greater(t, conflicts, sets/50)
}
