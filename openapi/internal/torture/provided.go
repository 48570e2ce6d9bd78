package torture

import (
	"context"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// What is provided.
type (
	tenant   string // has a header field, a query parameter and the path
	place    struct{ Tenant tenant }
	byBearer struct{ Token string }
	byBasic  string
	byKey    string
	byQuery  string
	byCookie string
	byOAuth  string
	byOpenID string
	byAny    string
	maybe    string
	plain    string // reads Authorization, and no scheme says so
)

// The schemes.
var (
	bearer = routing.Bearer("token", "JWT")
	basic  = routing.Basic("password")
	key    = routing.APIKey("key", params.Header, "X-Key")
	query  = routing.APIKey("query.key", params.Query, "key")
	cookie = routing.APIKey("session", params.Cookie, "sid")
	oauth  = routing.OAuth2("oauth",
		routing.OAuthFlow{ //nolint:gosec // the places of tokens, and none
			Kind: "authorizationCode", AuthorizationURL: "https://id.example.org/authorize", TokenURL: "https://id.example.org/token",
			RefreshURL: "https://id.example.org/refresh", Scopes: map[string]string{"read": "see things", "admin": "do all"},
		},
		routing.OAuthFlow{ //nolint:gosec // as above
			Kind: "clientCredentials", TokenURL: "https://id.example.org/token", Scopes: map[string]string{"read": "see things", "admin": "do all"},
		})
	openID = routing.OpenIDConnect("id", "https://id.example.org/.well-known/openid-configuration")
)

// header is the header field that most schemes are about.
type header struct {
	Authorization string `header:"Authorization"`
}

// anyPlace is where three schemes have theirs.
type anyPlace struct {
	header
	Key string `header:"x-key"`
	SID string `cookie:"sid"`
}

func provideNothing[In, T any](context.Context, In) (none T, err error) { return none, nil }

// withValue is an input that asks for a value.
type withValue[T any] struct {
	Value T `provide:""`
}

// addProvided adds routes with what providers make.
func addProvided(r *routing.Router) {
	g := r.Group("/provided")
	addProviders(g)
	addNeeds(g)
	all := g.Group("/all")
	routing.Provide(all, provideNothing[header, byBearer], routing.Secured(bearer), routing.Everywhere())
	all.Handle("GET", "/none", answer[nothing, nothing]())
}

func addProviders(g *routing.Router) {
	routing.Provide(g, provideNothing[struct {
		Tenant string  `header:"X-Tenant" validate:"required,min=2" doc:"Who pays"`
		Trace  *string `query:"trace"`
		Limit  int     `query:"limit" default:"10" validate:"max=20"`
	}, tenant])
	routing.Provide(g, provideNothing[struct {
		Tenant tenant `provide:""`
		Place  int    `path:"place" validate:"min=1"`
		Many   []int  `query:"many"`
	}, place])
	routing.Provide(g, provideNothing[header, byBearer], routing.Secured(bearer))
	routing.Provide(g, provideNothing[header, byBasic], routing.Secured(basic))
	routing.Provide(g, provideNothing[struct {
		Key string `header:"x-key" validate:"min=1"`
	}, byKey], routing.Secured(key))
	routing.Provide(g, provideNothing[struct {
		Key string `query:"key"`
	}, byQuery], routing.Secured(query))
	routing.Provide(g, provideNothing[struct {
		SID string `cookie:"sid"`
	}, byCookie], routing.Secured(cookie))
	routing.Provide(g, provideNothing[header, byOAuth], routing.Secured(oauth, "read", "admin"))
	routing.Provide(g, provideNothing[header, byOpenID], routing.Secured(openID, "profile"))
	routing.Provide(g, provideNothing[anyPlace, byAny], routing.Secured(bearer), routing.Secured(key), routing.Secured(cookie))
	routing.Provide(g, provideNothing[header, maybe], routing.Secured(bearer), routing.OrAnonymous())
	routing.Provide(g, provideNothing[header, plain])
}

func addNeeds(g *routing.Router) {
	g.Handle("GET", "/tenant", answer[withValue[tenant], nothing]())
	g.Handle("GET", "/places/{place}", answer[withValue[place], nothing]())
	g.Handle("GET", "/shared/{place}", answer[struct {
		Place place    `provide:""`
		ID    string   `path:"place"`
		Limit int      `query:"limit" validate:"min=5"`
		Many  string   `query:"many" doc:"One of many"`
		Trace []string `query:"trace" validate:"required"`
		Who   []string `header:"x-tenant"`
	}, nothing]())
	g.Handle("GET", "/bearer", answer[withValue[byBearer], responses.TextResponse]())
	g.Handle("GET", "/basic", answer[withValue[byBasic], nothing]())
	g.Handle("GET", "/key", answer[withValue[byKey], nothing]())
	g.Handle("GET", "/query", answer[withValue[byQuery], nothing]())
	g.Handle("GET", "/cookie", answer[withValue[byCookie], nothing]())
	g.Handle("GET", "/oauth", answer[withValue[byOAuth], nothing](), routing.Guarded(oauth, "admin"))
	g.Handle("GET", "/openid", answer[withValue[byOpenID], nothing]())
	g.Handle("GET", "/any", answer[withValue[byAny], nothing]())
	g.Handle("GET", "/maybe", answer[withValue[maybe], nothing]())
	g.Handle("GET", "/plain", answer[withValue[plain], nothing]())
	g.Handle("GET", "/both", answer[struct {
		Token byBearer `provide:""`
		Key   byKey    `provide:""`
	}, nothing]())
	g.Handle("GET", "/plain-and-key", answer[struct {
		Key           byKey  `provide:""`
		Authorization string `header:"Authorization" validate:"required"`
	}, nothing]())
	g.Handle("GET", "/any-with-header", answer[struct {
		Any           byAny  `provide:""`
		Authorization string `header:"authorization" validate:"required"`
	}, nothing]())
	g.Handle("GET", "/any-with-session", answer[struct {
		Any byAny  `provide:""`
		SID string `cookie:"sid" validate:"required"`
	}, nothing]())
	g.Handle("POST", "/order", answer[struct {
		Token  byBearer `provide:""`
		Tenant tenant   `provide:""`
		Body   Item     `body:"" validate:"required"`
	}, Item](), routing.RejectUnknown())
}
