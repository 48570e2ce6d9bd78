package middleware_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

type customer struct{ Name string }

type operator string

const secret = "s3cret-of-ada-0123"

var (
	token    = routing.Bearer("token", "")
	key      = routing.APIKey("key", params.Header, "X-Api-Key")
	password = routing.Basic("password")
)

func securedApp() *velithon.App {
	app := newApp()
	customers := middleware.Secrets(map[string]customer{secret: {"ada"}, "s3cret-of-bob-0123": {"bob"}})
	name := routing.NewEndpoint(func(_ context.Context, in struct {
		Customer customer `provide:""`
	},
	) (string, error) {
		return in.Customer.Name, nil
	})
	tokens := app.Group("/tokens")
	routing.Provide(tokens, middleware.BearerAuth(customers), routing.Secured(token), routing.Everywhere())
	tokens.Handle("GET", "", name, routing.Guarded(token))
	keys := app.Group("/keys")
	routing.Provide(keys, middleware.KeyAuth(customers), routing.Secured(key))
	keys.Handle("GET", "", name, routing.Guarded(key))
	metrics := app.Group("/metrics")
	routing.Provide(metrics, middleware.BasicAuth(middleware.Passwords(map[operator]string{"ada": "pass:word"})), routing.Secured(password))
	metrics.Handle("GET", "", routing.NewEndpoint(func(_ context.Context, in struct {
		Operator operator `provide:""`
	},
	) (string, error) {
		return string(in.Operator), nil
	}), routing.Guarded(password))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Test", Version: "1"}})
	return app
}

func basic(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestAuth(t *testing.T) {
	s := serve(t, securedApp())
	for _, test := range []struct {
		path, header, challenge string
		name                    string // empty for a 401
	}{
		{"/tokens", "Authorization: Bearer " + secret, "", "ada"},
		{"/tokens", "Authorization: bearer   s3cret-of-bob-0123", "", "bob"},
		{"/keys", "X-Api-Key: " + secret, "", "ada"},
		{"/metrics", "Authorization: Basic " + basic("ada:pass:word"), "", "ada"},
		{"/metrics", "Authorization: BASIC " + basic("ada:pass:word"), "", "ada"},

		{"/tokens", "X-None: 1", `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer", `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer" + secret, `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: " + secret, `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Basic " + secret, `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer " + secret + "x", `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer " + secret[:10], `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer " + strings.Repeat("t", 7000), `Bearer realm="token"`, ""},
		{"/tokens", "Authorization: Bearer \xff\xff", `Bearer realm="token"`, ""},
		{"/keys", "X-None: 1", `APIKey realm="key"`, ""},
		{"/keys", "X-Api-Key: wrong", `APIKey realm="key"`, ""},
		{"/keys", "X-Api-Key: " + strings.Repeat("k", 7000), `APIKey realm="key"`, ""},
		{"/metrics", "X-None: 1", `Basic realm="password"`, ""},
		{"/metrics", "Authorization: B", `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic", `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic%" + basic("ada:pass:word"), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + basic("ada"), `Basic realm="password"`, ""}, // no colon
		{"/metrics", "Authorization: Basic " + basic(""), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + basic(":"), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + basic("ada:"), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + basic("bob:pass:word"), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + basic("ada:pass:word\x00"), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + strings.TrimRight(basic("ada:pass:word"), "="), `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic ada:pass:word", `Basic realm="password"`, ""},
		{"/metrics", "Authorization: Basic " + strings.Repeat("A", 7000), `Basic realm="password"`, ""},
	} {
		response, body := s.do("GET", test.path, test.header)
		if test.name != "" {
			require.Equal(t, 200, response.StatusCode, "%.60s", test.header)
			require.Equal(t, `"`+test.name+`"`, body, "%.60s", test.header)
			continue
		}
		require.Equal(t, 401, response.StatusCode, "%s %.60s", test.path, test.header)
		require.Equal(t, []string{test.challenge}, response.Header["Www-Authenticate"], "%.60s", test.header)
		require.NotContains(t, body, "word", "nothing is repeated")
	}
}

// A password that is empty and a name that there is not have the same hash as nothing.
func TestNoNameHasNoPassword(t *testing.T) {
	check := middleware.Passwords(map[operator]string{"ada": "x"})
	for name, password := range map[string]string{"": "", "bob": "", "ada": ""} {
		_, err := check(context.Background(), name, password)
		require.Error(t, err, name)
	}
	none := middleware.Passwords(map[operator]string{})
	_, err := none(context.Background(), "ada", "x")
	require.Error(t, err)
}

// The providers are plain functions, and refuse by themselves also where nothing secures them.
func TestAuthWithoutASchemeRefuses(t *testing.T) {
	anyone := func(context.Context, string) (customer, error) { return customer{"anyone"}, nil }
	for _, field := range []string{"", "Bearer", "Bearer ", "bearer   ", secret, "Basic " + secret} {
		_, err := middleware.BearerAuth(anyone)(context.Background(), middleware.AuthorizationInput{Authorization: field})
		require.EqualError(t, err, "401 Unauthorized: the credentials are not known", field)
	}
	_, err := middleware.KeyAuth(anyone)(context.Background(), middleware.KeyInput{})
	require.EqualError(t, err, "401 Unauthorized: the credentials are not known")
	all := middleware.BasicAuth(func(context.Context, string, string) (customer, error) { return customer{"anyone"}, nil })
	for _, field := range []string{"", "Basic ", "Bearer " + basic("a:b"), "Basic " + basic("ab"), "Basic " + basic("a:b\x00"), "Basic " + basic("a\x7f:b"), "Basic a:b"} {
		_, err = all(context.Background(), middleware.AuthorizationInput{Authorization: field})
		require.EqualError(t, err, "401 Unauthorized: the credentials are not known", field)
	}
}

func TestAuthInTheDocument(t *testing.T) {
	_, body := serve(t, securedApp()).do("GET", "/openapi.json")
	var document struct {
		Paths map[string]struct {
			Get struct {
				Security  []map[string][]string
				Responses map[string]any
			}
		}
		Components struct {
			SecuritySchemes map[string]map[string]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &document))
	for path, scheme := range map[string]string{"/tokens": "token", "/keys": "key", "/metrics": "password"} {
		require.Equal(t, []map[string][]string{{scheme: {}}}, document.Paths[path].Get.Security)
		require.Contains(t, document.Paths[path].Get.Responses, "401")
	}
	require.Equal(t, map[string]map[string]string{
		"token":    {"type": "http", "scheme": "bearer"},
		"key":      {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
		"password": {"type": "http", "scheme": "basic"},
	}, document.Components.SecuritySchemes)
}

func TestMistakesWithAuth(t *testing.T) {
	require.Equal(t, "velithon: Secrets: the secret of {ada} has 5 bytes, and could be guessed: want at least 16 of chance",
		panicOf(func() { middleware.Secrets(map[string]customer{"short": {"ada"}}) }))
	for _, passwords := range []map[operator]string{{"ada": ""}, {"": "x"}, {"a:b": "x"}} {
		require.Contains(t, panicOf(func() { middleware.Passwords(passwords) }), "is empty, or the name has a colon")
	}
}

// A body limit and a timeout for a group are options of its routes, and need no middleware.
func TestLimitsOfAGroup(t *testing.T) {
	app := newApp()
	api := app.Group("/api")
	api.Defaults(routing.BodyLimit(10), routing.Timeout(time.Millisecond))
	api.Handle("POST", "/small", routing.NewEndpoint(func(context.Context, struct {
		Body string `body:""`
	},
	) (string, error) {
		return "", nil
	}))
	api.Handle("GET", "/slow", routing.NewEndpoint(func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}))
	s := serve(t, app)
	response, _ := s.send("POST", "/api/small", `"01234567890"`, "Content-Type: application/json")
	require.Equal(t, 413, response.StatusCode)
	response, _ = s.do("GET", "/api/slow")
	require.Equal(t, 503, response.StatusCode)
}
