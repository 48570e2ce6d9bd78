package routing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// places are all that credentials can be in.
type places struct {
	Authorization string `header:"Authorization"`
	Header        string `header:"X-Key" validate:"omitempty,max=8"`
	Query         string `query:"key"`
	Cookie        string `cookie:"session"`
}

func fromAnywhere(_ context.Context, in places) (user, error) {
	return user{fmt.Sprintf("%s|%s|%s|%s", in.Authorization, in.Header, in.Query, in.Cookie)}, nil
}

var (
	flow = routing.OAuthFlow{
		Kind: "authorizationCode", AuthorizationURL: "https://id.example/authorize", TokenURL: "https://id.example/token",
		Scopes: map[string]string{"orders": "read orders", "admin": "all"},
	}
	bearer  = routing.Bearer("token", "JWT")
	basic   = routing.Basic("password")
	inField = routing.APIKey("field", params.Header, "x-key")
	inQuery = routing.APIKey("query", params.Query, "key")
	session = routing.APIKey("session", params.Cookie, "session")
	oauth   = routing.OAuth2("oauth", flow)
	openID  = routing.OpenIDConnect("openid", "https://id.example/.well-known/openid-configuration")
)

// What is documented is enforced: without credentials nobody gets to the provider,
// let alone to the handler.
func TestCredentialsAreAskedFor(t *testing.T) {
	const keyDetail = "credentials are needed: a key in the "
	for _, c := range []struct {
		scheme    routing.Scheme
		challenge string
		detail    string
		refused   [][]string // pairs of header fields, with "query" for the query
		let       [][]string
	}{
		{
			bearer, `Bearer realm="token"`, "credentials are needed: Bearer credentials in the header Authorization",
			[][]string{
				nil,
				{"Authorization", ""},
				{"Authorization", "Bearer"},
				{"Authorization", "Bearer "},
				{"Authorization", "Bearer   "},
				{"Authorization", "Bearerx"},
				{"Authorization", "Bearer\tx"},
				{"Authorization", "Basic YTpi"},
				{"Authorization", "x Bearer y"},
				{"X-Key", "k"},
				{"Cookie", "Authorization=Bearer x"},
			},
			[][]string{{"Authorization", "Bearer x"}, {"authorization", "bearer x"}, {"AUTHORIZATION", "BEARER x"}, {"Authorization", "Bearer  x"}},
		},
		{
			basic, `Basic realm="password"`, "credentials are needed: Basic credentials in the header Authorization",
			[][]string{nil, {"Authorization", "Basic"}, {"Authorization", "Bearer x"}},
			[][]string{{"Authorization", "Basic YTpi"}, {"Authorization", "basic YTpi"}},
		},
		{
			inField, `APIKey realm="field"`, keyDetail + "header X-Key",
			[][]string{nil, {"X-Key", ""}, {"Authorization", "Bearer k"}, {"query", "x-key=k"}},
			[][]string{{"X-Key", "k"}, {"x-KEY", "k"}},
		},
		{
			inQuery, `APIKey realm="query"`, keyDetail + "query parameter key",
			[][]string{nil, {"query", "key="}, {"query", "key"}, {"query", "Key=k"}, {"Key", "k"}},
			[][]string{{"query", "key=k"}, {"query", "a=b&key=%20"}},
		},
		{
			session, `APIKey realm="session"`, keyDetail + "cookie session",
			[][]string{nil, {"Cookie", "session="}, {"Cookie", "Session=s"}, {"Session", "s"}, {"query", "session=s"}},
			[][]string{{"Cookie", "a=b; session=s"}},
		},
		{
			oauth, `Bearer realm="oauth"`, "credentials are needed: Bearer credentials in the header Authorization",
			[][]string{nil, {"Authorization", "Basic YTpi"}},
			[][]string{{"Authorization", "Bearer x"}},
		},
		{
			openID, `Bearer realm="openid"`, "credentials are needed: Bearer credentials in the header Authorization",
			[][]string{nil, {"Authorization", "Basic YTpi"}},
			[][]string{{"Authorization", "Bearer x"}},
		},
	} {
		r := newRouter(t)
		calls := 0
		routing.Provide(r, func(context.Context, struct{}) (number, error) { // an expensive one, that comes first
			calls++
			return 1, nil
		}, routing.Everywhere())
		routing.Provide(r, func(ctx context.Context, in places) (user, error) {
			calls++
			return fromAnywhere(ctx, in)
		}, routing.Secured(c.scheme))
		r.Handle("GET", "/", routing.NewEndpoint(who))
		h := routing.Build(r).ServeRequest
		send := func(header []string) *fasthttp.Response {
			if len(header) > 0 && header[0] == "query" {
				return ask(h, "GET", "/?"+header[1], "")
			}
			return ask(h, "GET", "/", "", header...)
		}
		for _, header := range c.refused {
			got := send(header)
			assert.Equal(t, 401, got.StatusCode(), "%s %q", c.scheme.Name, header)
			assert.Equal(t, c.challenge, string(got.Header.Peek("WWW-Authenticate")))
			assert.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"`+c.detail+`"}`, string(got.Body()))
			assert.Zero(t, calls)
		}
		for _, header := range c.let {
			assert.Equal(t, 200, send(header).StatusCode(), "%s %q", c.scheme.Name, header)
			assert.Equal(t, 2, calls)
			calls = 0
		}
	}
}

func TestOneOfSeveralSchemes(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, fromAnywhere, routing.Secured(bearer), routing.Secured(session))
	r.Handle("GET", "/", routing.NewEndpoint(who))
	h := routing.Build(r).ServeRequest
	got := ask(h, "GET", "/", "")
	assert.Equal(t, 401, got.StatusCode())
	assert.Contains(t, string(got.Body()), "Bearer credentials in the header Authorization, or a key in the cookie session")
	var challenges []string
	for _, value := range got.Header.PeekAll("WWW-Authenticate") {
		challenges = append(challenges, string(value))
	}
	assert.Equal(t, []string{`Bearer realm="token"`, `APIKey realm="session"`}, challenges)
	assert.Equal(t, 200, ask(h, "GET", "/", "", "Authorization", "Bearer x").StatusCode())
	assert.Equal(t, 200, ask(h, "GET", "/", "", "Cookie", "session=x").StatusCode())
}

func TestOrAnonymous(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, fromAnywhere, routing.Secured(bearer), routing.OrAnonymous())
	routing.Provide(r, func(context.Context, selfIn) (number, error) { return 1, nil }, routing.Secured(bearer, "admin"))
	r.Handle("GET", "/", routing.NewEndpoint(who))
	r.Handle("GET", "/admin", routing.NewEndpoint(func(context.Context, struct {
		Admin number `provide:""`
	},
	) (string, error) {
		return "", nil
	}))
	h := routing.Build(r).ServeRequest
	assert.Equal(t, "|||", string(ask(h, "GET", "/", "").Body()))
	assert.Equal(t, "Bearer x|||", string(ask(h, "GET", "/", "", "Authorization", "Bearer x").Body()))
	assert.Equal(t, 401, ask(h, "GET", "/admin", "").StatusCode(), "the provider in front lets them in, this one does not")
	assert.Equal(t, [][]routing.Requirement{{{Scheme: bearer}}, nil}, r.Routes()[0].Security())
	assert.Equal(t, [][]routing.Requirement{{{Scheme: bearer, Scopes: []string{"admin"}}}}, r.Routes()[1].Security())
}

// Faults of the credentials are no faults of the request: who can't sign in learns
// only that.
func TestMalformedCredentialsAreNotLetIn(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, func(context.Context, struct {
		Key   string `header:"x-KEY" validate:"omitempty,max=8"`
		Query string `query:"key"`
	},
	) (user, error) {
		return user{}, nil
	}, routing.Secured(inField))
	type input struct {
		User user `provide:""`
		Page int  `query:"page"`
	}
	r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, input) (string, error) { return "", nil }))
	h := routing.Build(r).ServeRequest
	got := ask(h, "GET", "/?page=x", "", "X-Key", "longer than eight")
	assert.Equal(t, 401, got.StatusCode())
	assert.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"the credentials are malformed"}`, string(got.Body()))
	assert.Equal(t, `APIKey realm="field"`, string(got.Header.Peek("WWW-Authenticate")))
	assert.Equal(t, 422, ask(h, "GET", "/?page=x", "", "X-Key", "short").StatusCode())
	assert.Equal(t, 422, ask(h, "GET", "/?key=a&key=b", "", "X-Key", "short").StatusCode(), "of another field of the provider's")
}

// A 401 says how to sign in, whoever has made it (RFC 9110, section 15.5.2).
func TestRefusalsOfProvidersHaveAChallenge(t *testing.T) {
	shared := responses.NewProblem(401, "wrong token")
	own := &responses.Problem{Status: 401, Header: responses.Header{"www-authenticate": {`Bearer error="invalid_token"`}}}
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{shared, 401, `Bearer realm="token"`},
		{fmt.Errorf("wrapped: %w", shared), 401, `Bearer realm="token"`},
		{own, 401, `Bearer error="invalid_token"`},
		{responses.NewProblem(403, "not an admin"), 403, ""},
	} {
		r := newRouter(t)
		routing.Provide(r, func(context.Context, credentials) (user, error) { return user{}, c.err }, routing.Secured(bearer))
		r.Handle("GET", "/", routing.NewEndpoint(who))
		r.Handle("GET", "/timed", routing.NewEndpoint(who), routing.Timeout(testTimeout))
		h := routing.Build(r).ServeRequest
		for _, path := range []string{"/", "/timed"} {
			got := ask(h, "GET", path, "", "Authorization", "Bearer x")
			assert.Equal(t, c.status, got.StatusCode())
			assert.Equal(t, c.want, string(got.Header.Peek("WWW-Authenticate")))
			assert.LessOrEqual(t, len(got.Header.PeekAll("WWW-Authenticate")), 1)
		}
	}
	assert.Empty(t, shared.Header)
}

func TestSecurityOfARoute(t *testing.T) {
	r := newRouter(t)
	routing.Provide(r, fromAnywhere, routing.Secured(bearer), routing.Secured(session))
	routing.Provide(r, func(context.Context, selfIn) (number, error) { return 1, nil },
		routing.Secured(bearer, "admin"), routing.Secured(session, "admin"))
	routing.Provide(r, func(context.Context, places) (fixed, error) { return "", nil }, routing.Secured(inField))
	routing.Provide(r, func(context.Context, places) (egg, error) { return egg{}, nil })
	type (
		userAndKey struct {
			User user  `provide:""`
			Key  fixed `provide:""`
		}
		open struct {
			Egg egg `provide:""`
		}
	)
	r.Handle("GET", "/user", routing.NewEndpoint(who))
	r.Handle("GET", "/admin", routing.NewEndpoint(func(context.Context, struct {
		Admin number `provide:""`
		User  user   `provide:""`
	},
	) (string, error) {
		return "", nil
	}))
	r.Handle("GET", "/both", routing.NewEndpoint(func(context.Context, userAndKey) (string, error) { return "", nil }))
	r.Handle("GET", "/open", routing.NewEndpoint(func(context.Context, open) (string, error) { return "", nil }))
	r.Handle("GET", "/none", routing.NewEndpoint(hello))
	routes := r.Routes()
	need := func(scheme routing.Scheme, scopes ...string) routing.Requirement {
		return routing.Requirement{Scheme: scheme, Scopes: scopes}
	}
	assert.Equal(t, [][]routing.Requirement{{need(bearer)}, {need(session)}}, routes[0].Security())
	assert.Equal(t, [][]routing.Requirement{{need(bearer, "admin")}, {need(session, "admin")}}, routes[1].Security())
	assert.Equal(t, [][]routing.Requirement{{need(bearer), need(inField)}, {need(session), need(inField)}}, routes[2].Security())
	assert.Nil(t, routes[3].Security())
	assert.Nil(t, routes[4].Security())
	assert.Nil(t, routes[4].Providers())

	admin := routes[1].Providers()
	require.Len(t, admin, 2)
	assert.Equal(t, "routing_test.user routing_test.number", fmt.Sprint(admin[0].Type, " ", admin[1].Type), "in the order in which they run")
	assert.Equal(t, "routing_test.places", admin[0].In.String())
	assert.True(t, admin[0].Plan.Reads(params.Cookie, "session"))
	assert.Contains(t, admin[0].Function, "routing_test.fromAnywhere")
	assert.Equal(t, []routing.Requirement{need(bearer), need(session)}, admin[0].Security)
	assert.False(t, admin[0].Anonymous)
}

// A route that says that it is guarded, and is not, can't start.
func TestGuarded(t *testing.T) {
	type adminIn struct {
		Admin number `provide:""`
	}
	admins := routing.NewEndpoint(func(context.Context, adminIn) (string, error) { return "", nil })
	for _, c := range []struct {
		what     string
		provide  []routing.ProviderOption
		endpoint routing.Endpoint
		claims   []routing.Option
		want     string // empty: can be added
	}{
		{"a field", []routing.ProviderOption{routing.Secured(oauth)}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth)}, ""},
		{"everywhere", []routing.ProviderOption{routing.Secured(oauth), routing.Everywhere()}, routing.NewEndpoint(hello), []routing.Option{routing.Guarded(oauth)}, ""},
		{"any of two", []routing.ProviderOption{routing.Secured(oauth), routing.Secured(session)}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth), routing.Guarded(session)}, ""},
		{"a scope", nil, admins, []routing.Option{routing.Guarded(oauth, "admin")}, ""},
		{
			"nothing",
			[]routing.ProviderOption{routing.Secured(oauth)},
			routing.NewEndpoint(hello),
			[]routing.Option{routing.Guarded(oauth)},
			"option Guarded(\"oauth\"): the route is not guarded: add a field for what a provider secured by it provides, such as `provide:\"\"`, or provide that with Everywhere",
		},
		{
			"another scheme",
			[]routing.ProviderOption{routing.Secured(session)},
			routing.NewEndpoint(who),
			[]routing.Option{routing.Guarded(oauth)},
			"option Guarded(\"oauth\"): the route is not guarded: its providers also let in who has less: give them the scheme and the scopes by Secured",
		},
		{"another one, too", []routing.ProviderOption{routing.Secured(oauth), routing.Secured(session)}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth)}, "also let in who has less"},
		{"anonymous", []routing.ProviderOption{routing.Secured(oauth), routing.OrAnonymous()}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth)}, "also let in who has less"},
		{"no scope", []routing.ProviderOption{routing.Secured(oauth, "orders")}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth, "admin")}, "also let in who has less"},
		{"no such scope", []routing.ProviderOption{routing.Secured(oauth)}, routing.NewEndpoint(who), []routing.Option{routing.Guarded(oauth, "x")}, `option Guarded("oauth"): the flow "authorizationCode" does not have the scope "x": add it to its Scopes`},
	} {
		r := newRouter(t)
		routing.Provide(r, fromAnywhere, c.provide...)
		routing.Provide(r, func(context.Context, places) (number, error) { return 0, nil }, routing.Secured(oauth, "admin"))
		add := func() { r.Handle("GET", "/", c.endpoint, c.claims...) }
		if c.want == "" {
			assert.NotPanics(t, add, c.what)
			continue
		}
		assert.Contains(t, panicOf(add), c.want, c.what)
	}
}

func TestMistakesInSchemes(t *testing.T) {
	with := func(change func(*routing.OAuthFlow)) routing.Scheme {
		f := flow
		change(&f)
		return routing.OAuth2("s", f)
	}
	for _, c := range []struct {
		scheme routing.Scheme
		want   string
	}{
		{routing.Bearer("", ""), `option Secured(""): the name of a scheme has letters, digits, ".", "_" and "-" only, such as "token"`},
		{routing.Basic("a b"), `option Secured("a b"): the name of a scheme has letters`},
		{routing.Scheme{Name: "s"}, `the type "" is not known: make the scheme by routing.Bearer, Basic, APIKey, OAuth2 or OpenIDConnect`},
		{routing.Scheme{Name: "s", Type: "http", HTTPScheme: "digest"}, `the HTTP scheme "digest" is not known: want "bearer" or "basic"`},
		{routing.APIKey("s", params.Path, "x"), `an API key comes from params.Header, params.Query or params.Cookie, not from "path"`},
		{routing.APIKey("s", params.Query, ""), "the parameter of the API key has no name"},
		{routing.OpenIDConnect("s", ""), "the URL of OpenID Connect is empty: want that of its discovery document"},
		{routing.OAuth2("s"), "OAuth2 has no flows: say how a client gets a token"},
		{with(func(f *routing.OAuthFlow) { f.Kind = "device" }), `the flow "device" is not known: want "implicit", "password", "clientCredentials" or "authorizationCode"`},
		{with(func(f *routing.OAuthFlow) { f.AuthorizationURL = "" }), `the flow "authorizationCode" has no AuthorizationURL`},
		{with(func(f *routing.OAuthFlow) { f.TokenURL = "" }), `the flow "authorizationCode" has no TokenURL`},
		{with(func(f *routing.OAuthFlow) { f.Scopes = nil }), `the flow "authorizationCode" does not have the scope "admin": add it to its Scopes`},
		{with(func(f *routing.OAuthFlow) { f.Kind, f.TokenURL = "implicit", "" }), ""},
		{with(func(f *routing.OAuthFlow) { f.Kind, f.AuthorizationURL = "password", "" }), ""},
	} {
		provide := func() { routing.Provide(newRouter(t), fromAnywhere, routing.Secured(c.scheme, "admin")) }
		if c.want == "" {
			assert.NotPanics(t, provide)
			continue
		}
		assert.Contains(t, panicOf(provide), c.want)
	}
}
