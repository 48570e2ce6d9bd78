package routing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A user is who makes the request.
type user struct{ Name string }

type credentials struct {
	Authorization string `header:"Authorization"`
}

var errSignIn = responses.NewProblem(401, "sign in")

func signedIn(_ context.Context, in credentials) (user, error) {
	name, ok := strings.CutPrefix(in.Authorization, "Bearer ")
	if !ok {
		return user{}, errSignIn
	}
	return user{name}, nil
}

// A tenant is whose shop it is.
type tenant struct {
	ID    string
	Owner string
}

type tenantKey struct {
	Shop string `path:"shop"`
	User user   `provide:""`
}

func tenantOf(_ context.Context, in tenantKey) (*tenant, error) {
	return &tenant{in.Shop, in.User.Name}, nil
}

// ask has a request answered without a server.
func ask(handler fasthttp.RequestHandler, method, target, body string, header ...string) *fasthttp.Response {
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	raw.Request.Header.SetMethod(method)
	raw.Request.SetRequestURI("http://test" + target)
	raw.Request.Header.SetProtocol("HTTP/1.1")
	if body != "" {
		raw.Request.Header.SetContentType("application/json")
		raw.Request.SetBodyString(body)
	}
	for i := 0; i < len(header); i += 2 {
		raw.Request.Header.Add(header[i], header[i+1])
	}
	handler(raw)
	raw.ResetUserValues()
	return &raw.Response
}

func TestProvidedValuesAreInTheInput(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, signedIn)
	routing.Provide(r, tenantOf)
	type paged struct {
		Again user `provide:""`
	}
	type input struct {
		paged
		User   user    `provide:""`
		Tenant *tenant `provide:""`
		Page   int     `query:"page" validate:"min=1"`
		Order  struct {
			N int `json:"n" validate:"min=1"`
		} `body:""`
	}
	handle := func(_ context.Context, in input) (string, error) {
		return fmt.Sprint(in.User, in.Again, *in.Tenant, in.Page, in.Order.N), nil
	}
	r.Handle("POST", "/shops/{shop}", routing.NewEndpoint(handle))
	r.Handle("POST", "/reflected/{shop}", routing.Reflected(t, handle))
	h := routing.Build(r).ServeRequest
	for _, path := range []string{"/shops/tea", "/reflected/tea"} {
		got := ask(h, "POST", path+"?page=3", `{"n":4}`, "Authorization", "Bearer ada")
		assert.Equal(t, `"{ada} {ada} {tea ada} 3 4"`, string(got.Body()), path)
	}
}

// The provider of a signed-in user comes before all else that could be wrong, so that
// nobody learns of the input who is not signed in, and no body is parsed for them.
func TestARefusalOfAProviderComesBeforeOtherFaults(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, signedIn)
	type input struct {
		Page  int            `query:"page" validate:"required"`
		Order map[string]int `body:"" validate:"required"`
		User  user           `provide:""`
	}
	r.Handle("POST", "/", routing.NewEndpoint(func(context.Context, input) (string, error) { return "", nil }))
	h := routing.Build(r).ServeRequest
	for _, body := range []string{"", "{", `{"a":"b"}`} {
		assert.Equal(t, 401, ask(h, "POST", "/", body).StatusCode(), body)
	}
	assert.Equal(t, 422, ask(h, "POST", "/", "", "Authorization", "Bearer ada").StatusCode())
	assert.Equal(t, 400, ask(h, "POST", "/", "{", "Authorization", "Bearer ada").StatusCode())
	assert.Equal(t, 200, ask(h, "POST", "/?page=1", `{"a":1}`, "Authorization", "Bearer ada").StatusCode())
}

type (
	number  int
	clock   interface{ Now() string }
	fixed   string
	holder  struct{ clock }
	printer func() string
)

func (f fixed) Now() string { return string(f) }

func TestAnyTypeCanBeProvided(t *testing.T) {
	r := newRouter(t)
	type none = struct{}
	routing.Provide(r, func(context.Context, none) (number, error) { return 7, nil })
	routing.Provide(r, func(context.Context, none) (*number, error) { n := number(8); return &n, nil })
	routing.Provide(r, func(context.Context, none) (clock, error) { return fixed("noon"), nil })
	routing.Provide(r, func(context.Context, none) (io.Reader, error) { return nil, nil })
	routing.Provide(r, func(context.Context, none) ([]string, error) { return []string{"a"}, nil })
	routing.Provide(r, func(context.Context, none) (map[string]int, error) { return map[string]int{"k": 1}, nil })
	routing.Provide(r, func(context.Context, none) (printer, error) { return func() string { return "printed" }, nil })
	routing.Provide(r, func(context.Context, struct {
		Clock clock `provide:""`
	},
	) (holder, error) {
		return holder{fixed("midnight")}, nil
	})
	r.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		Number  number         `provide:""`
		Pointer *number        `provide:""`
		Clock   clock          `provide:""`
		Nil     io.Reader      `provide:""`
		List    []string       `provide:""`
		Map     map[string]int `provide:""`
		Func    printer        `provide:""`
		Holder  holder         `provide:""`
	},
	) (string, error) {
		return fmt.Sprintf("%v %v %v %v %v %v %v %v", in.Number, *in.Pointer, in.Clock.Now(), in.Nil, in.List, in.Map, in.Func(), in.Holder.Now()), nil
	}))
	got := ask(routing.Build(r).ServeRequest, "GET", "/", "")
	assert.Equal(t, `"7 8 noon \u003cnil\u003e [a] map[k:1] printed midnight"`, string(got.Body()))
}

// A type is provided once for a request, whoever needs it, and faults of its input
// are told once.
func TestATypeIsProvidedOnceForARequest(t *testing.T) {
	type first struct{ n int64 }
	type second struct{ first first }
	type third struct {
		first  first
		second second
	}
	var calls atomic.Int64
	var order []string
	r := newRouter(t)
	routing.Provide(r, func(_ context.Context, in struct {
		Second second `provide:""`
		First  first  `provide:""`
	},
	) (third, error) {
		order = append(order, "third")
		return third{in.First, in.Second}, nil
	})
	routing.Provide(r, func(_ context.Context, in struct {
		First first `provide:""`
	},
	) (second, error) {
		order = append(order, "second")
		return second{in.First}, nil
	})
	routing.Provide(r, func(_ context.Context, in struct {
		N int64 `query:"n"`
	},
	) (first, error) {
		order = append(order, "first")
		return first{in.N*100 + calls.Add(1)}, nil
	})
	r.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		Third  third  `provide:""`
		First  first  `provide:""`
		Again  first  `provide:""`
		Second second `provide:""`
	},
	) (string, error) {
		return fmt.Sprint(in.Third, in.First, in.Again, in.Second), nil
	}))
	h := routing.Build(r).ServeRequest
	for i := range 3 {
		want := fmt.Sprintf(`"{{%d} {{%[1]d}}} {%[1]d} {%[1]d} {{%[1]d}}"`, 500+i+1)
		assert.Equal(t, want, string(ask(h, "GET", "/?n=5", "").Body()))
	}
	assert.Equal(t, []string{"first", "second", "third"}, order[:3])
	bad := ask(h, "GET", "/?n=x", "")
	assert.Equal(t, 422, bad.StatusCode())
	assert.Equal(t, 1, strings.Count(string(bad.Body()), `"name":"n"`), string(bad.Body()))
	assert.EqualValues(t, 3, calls.Load())
}

type limitError struct{}

func (limitError) Error() string         { return "the secret reason" }
func (limitError) StatusCode() int       { return 429 }
func (limitError) PublicMessage() string { return "slow down" }

// An error of a provider is answered as one of a handler, and nothing else runs.
func TestErrorsOfProviders(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		body   string
		log    string
	}{
		{responses.NewProblem(403, "not yours"), 403, `{"title":"Forbidden","status":403,"detail":"not yours"}`, ""},
		{fmt.Errorf("wrapped: %w", responses.NewProblem(404, "gone")), 404, `{"title":"Not Found","status":404,"detail":"gone"}`, ""},
		{limitError{}, 429, `{"title":"Too Many Requests","status":429,"detail":"slow down"}`, ""},
		{errors.New("no database"), 500, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`, "no database"},
	} {
		book := newLogBook()
		r := newLoggedRouter(t, book)
		routing.Provide(r, func(context.Context, struct{}) (user, error) { return user{"half"}, c.err })
		routing.Provide(r, func(context.Context, struct {
			User user `provide:""`
		},
		) (*tenant, error) {
			return nil, errors.New("called in spite of the error")
		})
		r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct {
			Tenant *tenant `provide:""`
			N      int     `query:"n" validate:"required"`
		},
		) (string, error) {
			return "called in spite of the error", nil
		}))
		got := ask(routing.Build(r).ServeRequest, "GET", "/", "")
		assert.Equal(t, c.status, got.StatusCode())
		assert.JSONEq(t, c.body, string(got.Body()))
		if c.log != "" {
			assert.Contains(t, book.next(t), c.log)
		}
		assert.Empty(t, book.records)
	}
}

// Providers run behind the middleware of app and groups, and see what that has set.
func TestProvidersRunBehindMiddleware(t *testing.T) {
	var order []string
	note := func(name string) routing.Middleware {
		return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				order = append(order, name)
				raw.SetUserValue("from "+name, "seen")
				next(raw)
				order = append(order, fmt.Sprint(name, " ", raw.Response.StatusCode()))
			}
		}
	}
	r := newRouter(t)
	r.Use(note("app"))
	g := r.Group("/g", note("group"))
	routing.Provide(g, func(ctx context.Context, _ struct{}) (user, error) {
		order = append(order, "provider")
		route, ok := routing.RouteOf(ctx)
		assert.True(t, ok)
		assert.Equal(t, "/g/", route.Pattern)
		_, err := routing.RequestCtx(ctx)
		assert.NoError(t, err)
		return user{fmt.Sprint(ctx.Value("from app"), " ", ctx.Value("from group"))}, nil
	})
	g.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		User user `provide:""`
	},
	) (string, error) {
		order = append(order, "handler")
		return in.User.Name, nil
	}))
	assert.Equal(t, `"seen seen"`, string(ask(routing.Build(r).ServeRequest, "GET", "/g/", "").Body()))
	assert.Equal(t, []string{"app", "group", "provider", "handler", "group 200", "app 200"}, order)
}

type whoIn struct {
	User user `provide:""`
}

func who(_ context.Context, in whoIn) (responses.TextResponse, error) {
	return responses.Text(in.User.Name), nil
}

func userNamed(name string) func(context.Context, struct{}) (user, error) {
	return func(context.Context, struct{}) (user, error) { return user{name}, nil }
}

func TestProvidersOfGroups(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, userNamed("outer"))
	routing.Provide(r, tenantOf) // needs a user, that of the route
	outer := r.Group("/outer")
	inner := outer.Group("/inner")
	routing.Provide(inner, userNamed("inner"))
	innermost := inner.Group("/most")
	tenantHandler := routing.NewEndpoint(func(_ context.Context, in struct {
		Tenant *tenant `provide:""`
	},
	) (responses.TextResponse, error) {
		return responses.Text(in.Tenant.Owner), nil
	})
	first := r.Group("/first")
	own := first.Group("/own")
	routing.Provide(own, userNamed("own"))
	own.Handle("GET", "/user", routing.NewEndpoint(who))
	routing.Provide(first, userNamed("first"), routing.Everywhere()) // does not concern the route, which has another
	first.Handle("GET", "/user", routing.NewEndpoint(who))
	for _, g := range []*routing.Router{r, outer, inner, innermost} {
		g.Handle("GET", "/user", routing.NewEndpoint(who))
		g.Handle("GET", "/tenant/{shop}", tenantHandler)
	}
	h := routing.Build(r).ServeRequest
	for path, want := range map[string]string{
		"": "outer", "/outer": "outer", "/outer/inner": "inner", "/outer/inner/most": "inner", "/first": "first", "/first/own": "own",
	} {
		assert.Equal(t, want, string(ask(h, "GET", path+"/user", "").Body()), path)
		if strings.HasPrefix(path, "/first") {
			continue
		}
		assert.Equal(t, want, string(ask(h, "GET", path+"/tenant/tea", "").Body()), path)
	}
}

// Everywhere guards routes that have no field for the value, in inner groups too.
func TestEverywhere(t *testing.T) {
	var calls int
	r := newRouter(t)
	r.Handle("GET", "/open", routing.NewEndpoint(hello))
	g := r.Group("/g")
	routing.Provide(g, func(ctx context.Context, in credentials) (user, error) {
		calls++
		return signedIn(ctx, in)
	}, routing.Everywhere())
	g.Handle("GET", "/", routing.NewEndpoint(hello))
	g.Handle("GET", "/me", routing.NewEndpoint(who))
	inner := g.Group("/inner")
	inner.Handle("GET", "/", routing.NewEndpoint(hello))
	other := g.Group("/other")
	routing.Provide(other, userNamed("other"))
	other.Handle("GET", "/", routing.NewEndpoint(hello))
	h := routing.Build(r).ServeRequest
	for path, want := range map[string]int{"/open": 200, "/g/": 401, "/g/me": 401, "/g/inner/": 401, "/g/other/": 200} {
		assert.Equal(t, want, ask(h, "GET", path, "").StatusCode(), path)
		calls = 0
		assert.Equal(t, 200, ask(h, "GET", path, "", "Authorization", "Bearer ada").StatusCode(), path)
		assert.Equal(t, map[bool]int{true: 1}[want == 401], calls, path)
	}
	require.Len(t, r.Routes()[1].Providers(), 1)
}

func TestOverride(t *testing.T) {
	token := routing.Bearer("token", "")
	newShop := func(t *testing.T) (*routing.Router, *routing.Router) {
		r := newRouter(t)
		routing.Provide(r, signedIn, routing.Secured(token), routing.Everywhere())
		routing.Provide(r, tenantOf)
		g := r.Group("/g")
		routing.Provide(g, userNamed("of the group"))
		for _, to := range []*routing.Router{r, g} {
			to.Handle("GET", "/user", routing.NewEndpoint(who))
			to.Handle("GET", "/tenant/{shop}", routing.NewEndpoint(func(_ context.Context, in struct {
				Tenant *tenant `provide:""`
			},
			) (responses.TextResponse, error) {
				return responses.Text(in.Tenant.Owner), nil
			}))
		}
		return r, g
	}
	get := func(r *routing.Router, path string, header ...string) string {
		h := routing.Build(r).ServeRequest
		response := ask(h, "GET", path, "", header...)
		return fmt.Sprint(response.StatusCode(), " ", string(response.Body()))
	}

	r, _ := newShop(t)
	assert.Contains(t, get(r, "/user"), "401 ")
	assert.Equal(t, "200 of the group", get(r, "/g/user"))

	// In the router for all groups, also for those that have a provider of their own,
	// and below other providers.
	r, _ = newShop(t)
	routing.Override(r, userNamed("earlier"))
	routing.Override(r, userNamed("test"))
	for _, path := range []string{"/user", "/tenant/tea", "/g/user", "/g/tenant/tea"} {
		assert.Equal(t, "200 test", get(r, path), path)
	}
	// The service is described as it is without.
	assert.Equal(t, [][]routing.Requirement{{{Scheme: token}}}, r.Routes()[0].Security())
	assert.Contains(t, r.Routes()[0].Providers()[0].Function, "signedIn")

	// Who needs the user asks for no credentials, either, that nobody reads then.
	r = newRouter(t)
	routing.Provide(r, signedIn, routing.Secured(token))
	routing.Provide(r, func(context.Context, selfIn) (number, error) { return 7, nil }, routing.Secured(token, "admin"))
	r.Handle("GET", "/admin", routing.NewEndpoint(func(_ context.Context, in struct {
		Admin number `provide:""`
	},
	) (number, error) {
		return in.Admin, nil
	}))
	routing.Override(r, userNamed("test"))
	assert.Equal(t, "200 7", get(r, "/admin"))

	// In a group for its own routes.
	r, g := newShop(t)
	routing.Override(g, func(_ context.Context, in struct {
		Name string `query:"name" validate:"required"`
	},
	) (user, error) {
		return user{in.Name}, nil
	})
	assert.Contains(t, get(r, "/user"), "401 ")
	assert.Equal(t, "200 ada", get(r, "/user", "Authorization", "Bearer ada"))
	assert.Contains(t, get(r, "/g/user"), "422 ")
	assert.Equal(t, "200 bob", get(r, "/g/tenant/tea?name=bob"))
}

// What a provider reads from the query is not unknown to the route, whichever provider it is.
func TestRejectUnknownKnowsWhatProvidersRead(t *testing.T) {
	type keyed struct {
		Key string `query:"key"`
	}
	type other struct {
		Other string `query:"other"`
	}
	byKey := func(_ context.Context, in keyed) (user, error) { return user{in.Key}, nil }
	byOther := func(_ context.Context, in other) (user, error) { return user{in.Other}, nil }
	for _, overridden := range []bool{false, true} {
		r := newRouter(t)
		routing.Provide(r, byKey)
		r.Handle("GET", "/notes", routing.NewEndpoint(func(_ context.Context, in struct {
			Page int  `query:"page"`
			User user `provide:""`
		},
		) (responses.TextResponse, error) {
			return responses.Text(in.User.Name), nil
		}), routing.RejectUnknown())
		known, unknown := "key", "other"
		if overridden {
			routing.Override(r, byOther)
			known, unknown = unknown, known
		}
		handler := routing.Build(r).ServeRequest
		response := ask(handler, "GET", "/notes?page=1&"+known+"=ann", "")
		assert.Equal(t, 200, response.StatusCode(), string(response.Body()))
		assert.Equal(t, "ann", string(response.Body()))
		response = ask(handler, "GET", "/notes?page=1&"+unknown+"=ann", "")
		assert.Equal(t, 422, response.StatusCode())
		assert.Contains(t, string(response.Body()), `"name":"`+unknown+`"`)
	}
}
