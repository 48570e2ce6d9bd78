package routing_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

type (
	egg     struct{}
	chicken struct{}
	eggIn   struct {
		Chicken chicken `provide:""`
	}
	chickenIn struct {
		Egg egg `provide:""`
	}
	selfIn struct {
		User user `provide:""`
	}
	eggs struct {
		Egg egg `provide:""`
	}
	shopIn struct {
		Tenant *tenant `provide:""`
	}
)

func lay(context.Context, eggIn) (egg, error)           { return egg{}, nil }
func hatch(context.Context, chickenIn) (chicken, error) { return chicken{}, nil }
func nobody(context.Context, struct{}) (*user, error)   { return nil, nil }
func eve(context.Context, struct{}) (user, error)       { return user{"eve"}, nil }
func again(context.Context, selfIn) (user, error)       { return user{}, nil }
func ofBody(context.Context, struct {
	Body user `body:""`
},
) (user, error) {
	return user{}, nil
}
func breakEggs(context.Context, eggs) (string, error)    { return "", nil }
func showTenant(context.Context, shopIn) (string, error) { return "", nil }

// Mistakes are told when they are made, with the route, the type, the field and what
// to do.
func TestMistakesWithProviders(t *testing.T) {
	token, other := routing.Bearer("token", ""), routing.Bearer("token", "JWT")
	get := func(r *routing.Router, pattern string, endpoint routing.Endpoint, options ...routing.Option) {
		r.Handle("GET", pattern, endpoint, options...)
	}
	for _, c := range []struct {
		what string
		make func(r *routing.Router)
		want string
	}{
		{
			"nobody", func(r *routing.Router) { get(r, "/", routing.NewEndpoint(who)) },
			"velithon: GET /, handler routing_test.who (registered at PLACE): input type routing_test.whoIn, field User: " +
				"no routing_test.user is provided: give routing.Provide a function that returns (routing_test.user, error), before the route is added",
		},
		{
			"nobody for a provider", func(r *routing.Router) {
				routing.Provide(r, tenantOf)
				get(r, "/{shop}", routing.NewEndpoint(showTenant))
			},
			"velithon: GET /{shop}, handler routing_test.showTenant (registered at PLACE): input type routing_test.shopIn, field Tenant: " +
				"the provider of *routing_test.tenant (routing_test.tenantOf, registered at PLACE): input type routing_test.tenantKey, field User: " +
				"no routing_test.user is provided: give routing.Provide a function that returns (routing_test.user, error), before the route is added",
		},
		{"a pointer is provided", func(r *routing.Router) {
			routing.Provide(r, nobody)
			get(r, "/", routing.NewEndpoint(who))
		}, "field User: no routing_test.user is provided, but a *routing_test.user is (routing_test.nobody, registered at PLACE): change the type of the field"},
		{"no pointer is provided", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			get(r, "/", routing.NewEndpoint(func(context.Context, struct {
				User *user `provide:""`
			},
			) (string, error) {
				return "", nil
			}))
		}, "field User: no *routing_test.user is provided, but a routing_test.user is (routing_test.signedIn, registered at PLACE): change the type of the field"},
		{"another group", func(r *routing.Router) {
			routing.Provide(r.Group("/a"), signedIn)
			get(r, "/", routing.NewEndpoint(who))
		}, "field User: no routing_test.user is provided for this route, but for another group (routing_test.signedIn, registered at PLACE): give it to a group around both"},
		{"too late", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			g := r.Group("/g")
			get(g, "/me", routing.NewEndpoint(who))
			routing.Provide(g, again)
		}, `velithon: the provider of routing_test.user (routing_test.again, registered at PLACE): the route "GET /g/me" (registered at PLACE) was added before and would not have it: call Provide first`},
		{"too late for everywhere", func(r *routing.Router) {
			get(r, "/", routing.NewEndpoint(hello))
			routing.Provide(r, signedIn, routing.Everywhere())
		}, `the route "GET /" (registered at PLACE) was added before and would not have it: call Provide first`},
		{"after the start", func(r *routing.Router) {
			routing.Build(r)
			routing.Provide(r, signedIn)
		}, "velithon: the provider of routing_test.user (routing_test.signedIn, registered at PLACE): it was given after the app began to serve: give all providers first"},
		{"twice", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			routing.Provide(r, again)
		}, "velithon: the provider of routing_test.user (routing_test.again, registered at PLACE): the type has a provider already, " +
			"routing_test.signedIn, registered at PLACE: give each a type or a group of its own"},
		{"a circle", func(r *routing.Router) {
			routing.Provide(r, lay)
			routing.Provide(r, hatch)
			get(r, "/", routing.NewEndpoint(breakEggs))
		}, "velithon: GET /, handler routing_test.breakEggs (registered at PLACE): input type routing_test.eggs, field Egg: " +
			"the provider of routing_test.egg (routing_test.lay, registered at PLACE): input type routing_test.eggIn, field Chicken: " +
			"the provider of routing_test.chicken (routing_test.hatch, registered at PLACE): input type routing_test.chickenIn, field Egg: " +
			"the providers need each other in a circle, routing_test.egg → routing_test.chicken → routing_test.egg: " +
			"take the field out of one of them, or give it a type of its own"},
		{"itself, also where it takes the place of an outer one", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			g := r.Group("/g")
			routing.Provide(g, again)
			get(g, "/", routing.NewEndpoint(who))
		}, "the providers need each other in a circle, routing_test.user → routing_test.user: take the field"},
		{"the body", func(r *routing.Router) {
			routing.Provide(r, ofBody)
			r.Handle("POST", "/", routing.NewEndpoint(who))
		}, "velithon: POST /, handler routing_test.who (registered at PLACE): input type routing_test.whoIn, field User: " +
			"the provider of routing_test.user (routing_test.ofBody, registered at PLACE): input type struct { Body routing_test.user \"body:\\\"\\\"\" }, field Body: " +
			"reads the body, which a provider does not get, since it is the handler's: use `query`, or another source"},
		{"the path", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			routing.Provide(r, tenantOf)
			get(r, "/{store}", routing.NewEndpoint(showTenant))
		}, "the provider of *routing_test.tenant (routing_test.tenantOf, registered at PLACE): input type routing_test.tenantKey, field Shop: " +
			"reads the path parameter \"shop\", which the route does not have: add {shop} to its pattern"},
		{
			"nil", func(r *routing.Router) { routing.Provide[struct{}, user](r, nil) },
			"velithon: the provider of routing_test.user is a nil function",
		},
		{
			"a nil option", func(r *routing.Router) { routing.Provide(r, signedIn, routing.Everywhere(), nil) },
			"(routing_test.signedIn, registered at PLACE): option 2 is nil: leave it out",
		},
		{"an override after the start", func(r *routing.Router) {
			routing.Build(r)
			routing.Override(r, signedIn)
		}, "velithon: the provider of routing_test.user (routing_test.signedIn, registered at PLACE): Override was called after the app began to serve: call it first"},
		{"an override of nothing", func(r *routing.Router) {
			routing.Override(r, signedIn)
			routing.Build(r)
		}, "velithon: the provider of routing_test.user (routing_test.signedIn, registered at PLACE): Override replaces nothing, since no routing_test.user is provided: call routing.Provide in its place, or leave it out"},
		{"an override that can't be", func(r *routing.Router) {
			routing.Provide(r, signedIn)
			get(r, "/", routing.NewEndpoint(who))
			routing.Override(r, again)
			routing.Build(r)
		}, `velithon: "GET /" (registered at PLACE), with what Override was given: input type routing_test.whoIn, field User: the provider of routing_test.user (routing_test.again, registered at PLACE): input type routing_test.selfIn, field User: the providers need each other in a circle`},
		{
			"OrAnonymous alone", func(r *routing.Router) { routing.Provide(r, signedIn, routing.OrAnonymous()) },
			"option OrAnonymous: without Secured nobody is asked for credentials: leave it out",
		},
		{"two schemes of one name", func(r *routing.Router) {
			routing.Provide(r, signedIn, routing.Secured(token))
			routing.Provide(r, tenantOf, routing.Secured(other))
		}, "another scheme is called \"token\", that of the provider of routing_test.user (routing_test.signedIn, registered at PLACE): make the scheme once, or give each a name of its own"},
		{"one scheme twice", func(r *routing.Router) {
			routing.Provide(r, signedIn, routing.Secured(token), routing.Secured(token, "admin"))
		}, `option Secured("token"): the scheme is given twice: give it once, with all scopes`},
		{"credentials that nobody reads", func(r *routing.Router) {
			routing.Provide(r, eve, routing.Secured(routing.APIKey("key", params.Header, "x-key")))
			get(r, "/", routing.NewEndpoint(who))
		}, "velithon: GET /, handler routing_test.who (registered at PLACE): the provider of routing_test.user (routing_test.eve, registered at PLACE) is secured by \"key\", " +
			"but neither its input struct {} nor a provider that it needs has a field for the header X-Key: add one with the tag `header:\"X-Key\"`"},
	} {
		r := newRouter(t)
		message := panicOf(func() { c.make(r) })
		message = regexp.MustCompile(`registered at \S+provide_mistakes_test\.go:\d+`).ReplaceAllString(message, "registered at PLACE")
		message = regexp.MustCompile(`github\.com/velithon-go/velithon/routing_test`).ReplaceAllString(message, "routing_test")
		assert.Contains(t, message, c.want, c.what)
	}
}
