package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/routing"
)

func TestParametersOfProviders(t *testing.T) {
	d := describe(t, torture.New())
	const (
		owner = `{"name":"X-Tenant","in":"header","description":"Who pays","required":true,"schema":{"type":"string","minLength":2}}`
		trace = `{"name":"trace","in":"query","schema":{"type":"string"}}`
		limit = `{"name":"limit","in":"query","schema":{"type":"integer","format":"int64","maximum":20,"default":10}}`
		place = `{"name":"place","in":"path","required":true,"schema":{"type":"integer","format":"int64","minimum":1}}`
		many  = `{"name":"many","in":"query","schema":{"type":"array","items":{"type":"integer","format":"int64"}}}`
	)
	d.is("paths /provided/tenant get parameters", "["+owner+","+trace+","+limit+"]")
	d.is("paths /provided/places/{place} get parameters", "["+owner+","+trace+","+limit+","+place+","+many+"]")
	d.is("paths /provided/shared/{place} get parameters", `[
		{"name":"place","in":"path","required":true,"schema":{"allOf":[{"type":"string"},{"type":"integer","format":"int64","minimum":1}]}},
		{"name":"limit","in":"query","required":true,"schema":{"allOf":[{"type":"integer","format":"int64","minimum":5},{"type":"integer","format":"int64","maximum":20,"default":10}]}},
		{"name":"many","in":"query","description":"One of many","schema":{"allOf":[{"type":"string"},{"type":"integer","format":"int64"}]}},
		{"name":"trace","in":"query","required":true,"schema":{"type":"string"}},
		{"name":"x-tenant","in":"header","description":"Who pays","required":true,"x-repeatable":true,"schema":{"allOf":[{"type":"string"},{"type":"string","minLength":2}]}}]`)
	assert.Contains(t, keys(d.at("paths /provided/tenant get responses")), "422")
	assert.NotContains(t, keys(d.at("paths /provided/tenant get responses")), "401")
	assert.NotContains(t, keys(d.at("paths /provided/bearer get responses")), "422", "what is wrong with the credentials is a 401")
}

func TestSecurity(t *testing.T) {
	d := describe(t, torture.New())
	for path, want := range map[string]string{
		"bearer":           `[{"token":[]}]`,
		"basic":            `[{"password":[]}]`,
		"key":              `[{"key":[]}]`,
		"query":            `[{"query.key":[]}]`,
		"cookie":           `[{"session":[]}]`,
		"oauth":            `[{"oauth":["read","admin"]}]`,
		"openid":           `[{"id":["profile"]}]`,
		"any":              `[{"token":[]},{"key":[]},{"session":[]}]`,
		"maybe":            `[{"token":[]},{}]`,
		"plain":            `[{},{"authorization":[]}]`,
		"both":             `[{"token":[],"key":[]}]`,
		"plain-and-key":    `[{"key":[],"authorization":[]}]`,
		"any-with-session": `[{"token":[]},{"key":[]},{"session":[]}]`,
		"any-with-header":  `[{"token":[]},{"key":[],"authorization":[]},{"session":[],"authorization":[]}]`,
		"all/none":         `[{"token":[]}]`,
		"tenant":           `null`,
	} {
		d.is("paths /provided/"+path+" get security", want)
		if path != "tenant" && path != "any-with-session" {
			assert.Nil(t, d.at("paths /provided/"+path+" get parameters"), "%s: the place of credentials is no parameter", path)
		}
	}
	d.is("paths /provided/any-with-session get parameters", `[{"name":"sid","in":"cookie","required":true,"schema":{"type":"string"}}]`)
	d.is("paths /provided/order post security", `[{"token":[]}]`)
	flow := `"tokenUrl":"https://id.example.org/token","scopes":{"admin":"do all","read":"see things"}`
	d.is("components securitySchemes", `{
		"authorization":{"type":"apiKey","in":"header","name":"Authorization"},
		"id":{"type":"openIdConnect","openIdConnectUrl":"https://id.example.org/.well-known/openid-configuration"},
		"key":{"type":"apiKey","in":"header","name":"X-Key"},
		"oauth":{"type":"oauth2","flows":{
			"authorizationCode":{"authorizationUrl":"https://id.example.org/authorize","refreshUrl":"https://id.example.org/refresh",`+flow+`},
			"clientCredentials":{`+flow+`}}},
		"password":{"type":"http","scheme":"basic"},
		"query.key":{"type":"apiKey","in":"query","name":"key"},
		"session":{"type":"apiKey","in":"cookie","name":"sid"},
		"token":{"type":"http","scheme":"bearer","bearerFormat":"JWT"}}`)
	problem := `"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"},"example":`
	d.is("paths /provided/bearer get responses 401", `{"description":"The credentials are missing or wrong",`+problem+`{"title":"Unauthorized","status":401}}},
		"headers":{"WWW-Authenticate":{"description":"the credentials that are asked for","schema":{"type":"string"}}}}`)
	d.is("paths /provided/bearer get responses 403", `{"description":"The credentials are not enough",`+problem+`{"title":"Forbidden","status":403}}}}`)
	assert.ElementsMatch(t, []string{"200", "401", "403", "500"}, keys(d.at("paths /provided/bearer get responses")))
	assert.ElementsMatch(t, []string{"200", "422", "500"}, keys(d.at("paths /provided/plain get responses")), "nobody knows what it answers to strangers")
}

// A request whose credentials are of no way that the document has is answered with 401 and
// a challenge, and any other gets further.
func TestSecurityIsWhatTheServiceAsksFor(t *testing.T) {
	r := torture.New()
	d := describe(t, r)
	handler := routing.Build(r).ServeRequest
	schemes := d.at("components securitySchemes").(map[string]any)
	names := slices.Sorted(maps.Keys(schemes))
	secured, let := 0, 0
	for path, item := range d.at("paths").(map[string]any) {
		operation, ok := item.(map[string]any)["get"].(map[string]any)
		if !ok || !strings.HasPrefix(path, "/provided/") {
			continue
		}
		ways, _ := operation["security"].([]any)
		for _, one := range append([]string{""}, names...) {
			for _, two := range append([]string{""}, names...) {
				var raw fasthttp.RequestCtx
				raw.Request.SetRequestURI(strings.ReplaceAll(path, "{place}", "1"))
				given := give(&raw, schemes, one, two)
				satisfied := len(ways) == 0 || slices.ContainsFunc(ways, func(way any) bool {
					for name := range way.(map[string]any) {
						if !given(name) {
							return false
						}
					}
					return true
				})
				handler(&raw)
				status := raw.Response.StatusCode()
				challenge := string(raw.Response.Header.Peek("WWW-Authenticate"))
				if satisfied {
					let++
					assert.NotEqual(t, 401, status, "%s with %s and %s: %s", path, one, two, raw.Response.Body())
				} else if status != 422 { // Authorization is wanted by an input, and by no scheme
					secured++
					assert.Equal(t, 401, status, "%s with %s and %s: %s", path, one, two, raw.Response.Body())
					assert.NotEmpty(t, challenge, path)
				}
				assert.Contains(t, operation["responses"], fmt.Sprint(status), path)
			}
		}
	}
	assert.Greater(t, secured, 100)
	assert.Greater(t, let, 100)
}

// give gives a request the credentials of two schemes, and returns whether it has those of
// another one: of two in one place it has the second.
func give(raw *fasthttp.RequestCtx, schemes map[string]any, names ...string) (has func(name string) bool) {
	sent := make(map[string]string) // by the place
	place := func(name string) (at, value string) {
		scheme := schemes[name].(map[string]any)
		switch {
		case scheme["type"] == "apiKey":
			return fmt.Sprint(scheme["in"], " ", scheme["name"]), "x"
		case scheme["scheme"] == "basic":
			return "header Authorization", "Basic eDp5"
		default:
			return "header Authorization", "Bearer x"
		}
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		at, value := place(name)
		sent[at] = value
		switch in, parameter, _ := strings.Cut(at, " "); in {
		case "header":
			raw.Request.Header.Set(parameter, value)
		case "query":
			raw.QueryArgs().Set(parameter, value)
			raw.Request.URI().SetQueryString(raw.QueryArgs().String())
		default:
			raw.Request.Header.SetCookie(parameter, value)
		}
	}
	return func(name string) bool {
		at, value := place(name)
		return sent[at] == value || value == "x" && sent[at] != ""
	}
}

func TestMistakesInSecurity(t *testing.T) {
	type in struct {
		Authorization string `header:"Authorization"`
	}
	add := func(scheme routing.Scheme, pattern string) []routing.Route {
		r := newRouter(t)
		routing.Provide(r, func(context.Context, in) (int, error) { return 0, nil }, routing.Secured(scheme), routing.Everywhere())
		r.Handle("GET", pattern, answer[struct{}, string]())
		return r.Routes()
	}
	routes := slices.Concat(add(routing.Bearer("token", ""), "/a"), add(routing.Basic("token"), "/b"))
	_, err := openapi.Document(routes, info)
	require.EqualError(t, err, `openapi: two security schemes are called "token": give each a name of its own`)
	_, err = openapi.Document(slices.Concat(add(routing.Bearer("token", ""), "/a"), add(routing.Bearer("token", ""), "/b")), info)
	require.NoError(t, err)

	// A scheme may have the name of the one of those who have none.
	r := newRouter(t)
	r.Handle("GET", "/c", answer[in, string]())
	text, err := openapi.Document(slices.Concat(r.Routes(), add(routing.Bearer("authorization", ""), "/a")), info)
	require.NoError(t, err)
	d := parse(t, text)
	d.is("paths /a get security", `[{"authorization":[]}]`)
	d.is("paths /c get security", `[{},{"authorizationHeader":[]}]`)
	d.is("components securitySchemes authorizationHeader", `{"type":"apiKey","in":"header","name":"Authorization"}`)
}

// An answer that is said in place of a 401 has its challenge all the same.
func TestAnswersOfOnesOwnToStrangers(t *testing.T) {
	type own struct{ Why string }
	r := newRouter(t)
	routing.Provide(r, func(context.Context, struct {
		Authorization string `header:"Authorization"`
	},
	) (int, error) {
		return 0, nil
	}, routing.Secured(routing.Bearer("token", "")), routing.Everywhere())
	r.Handle("GET", "/x", answer[struct{}, string](), openapi.Describe(openapi.Operation{Responses: map[int]openapi.Response{
		401: {Content: own{}}, 403: {Description: "Not yours"},
	}}))
	d := describe(t, r)
	d.is("paths /x get responses 401 content", `{"application/json":{"schema":{"$ref":"#/components/schemas/Own"}}}`)
	assert.Equal(t, []string{"WWW-Authenticate"}, keys(d.at("paths /x get responses 401 headers")))
	d.is("paths /x get responses 403 description", `"Not yours"`)
	text, err := json.Marshal(d.at("paths /x get responses"))
	require.NoError(t, err)
	assert.NotContains(t, string(text), `"422"`)
}
