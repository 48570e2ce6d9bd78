package jwt_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware/jwt"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

type claims struct {
	golangjwt.RegisteredClaims
	Name string `json:"name"`
}

type user string

func userOf(_ context.Context, c claims) (user, error) {
	if c.Name == "" {
		return "", responses.NewProblem(403, "who are you?")
	}
	return user(c.Name), nil
}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return k
}

// served is a JWKS with one key, over HTTP.
func served(t *testing.T, public *ecdsa.PublicKey) golangjwt.Keyfunc {
	t.Helper()
	point, err := public.Bytes()
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"1","x":%q,"y":%q}]}`, encode(point[1:33]), encode(point[33:]))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{server.URL})
	require.NoError(t, err)
	return keys.Keyfunc
}

func good() claims {
	now := time.Now()
	return claims{golangjwt.RegisteredClaims{
		Issuer: "https://id.example", Audience: golangjwt.ClaimStrings{"shop", "other"},
		IssuedAt: golangjwt.NewNumericDate(now), ExpiresAt: golangjwt.NewNumericDate(now.Add(time.Hour)),
	}, "ada"}
}

func sign(t *testing.T, method golangjwt.SigningMethod, with crypto.PrivateKey, kid string, c claims) string {
	t.Helper()
	token := golangjwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	text, err := token.SignedString(with)
	require.NoError(t, err)
	return text
}

func options(keys golangjwt.Keyfunc) jwt.Options {
	return jwt.Options{Keys: keys, Methods: []string{"ES256"}, Issuer: "https://id.example", Audience: "shop"}
}

func TestAuth(t *testing.T) {
	private := key(t)
	public := &private.PublicKey
	point, err := public.Bytes()
	require.NoError(t, err)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	routing.Provide(app.Router, jwt.Auth(options(served(t, public)), userOf), routing.Secured(routing.Bearer("token", "JWT")))
	app.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		User user `provide:""`
	},
	) (string, error) {
		return string(in.User), nil
	}))
	handler := app.Handler()
	ask := func(field string) *fasthttp.Response {
		var raw fasthttp.RequestCtx
		raw.Request.SetRequestURI("/")
		raw.Request.Header.Set("Authorization", field)
		handler(&raw)
		return &raw.Response
	}
	changed := func(change func(c *claims)) string {
		c := good()
		change(&c)
		return sign(t, golangjwt.SigningMethodES256, private, "1", c)
	}
	whole := changed(func(*claims) {})
	response := ask("Bearer " + whole)
	require.Equal(t, 200, response.StatusCode())
	require.Equal(t, `"ada"`, string(response.Body()))
	require.Equal(t, 403, ask("Bearer "+changed(func(c *claims) { c.Name = "" })).StatusCode())

	parts := strings.Split(whole, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"1"}`))
	date := golangjwt.NewNumericDate
	for name, token := range map[string]string{
		"none":                       none + "." + parts[1] + ".",
		"none, with the signature":   none + "." + parts[1] + "." + parts[2],
		"None":                       base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","kid":"1"}`)) + "." + parts[1] + ".",
		"the public key as a secret": sign(t, golangjwt.SigningMethodHS256, point, "1", good()),
		"another key":                sign(t, golangjwt.SigningMethodES256, key(t), "1", good()),
		"an unknown key":             sign(t, golangjwt.SigningMethodES256, private, "2", good()),
		"no signature":               parts[0] + "." + parts[1] + ".",
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 whole + ".x",
		"other claims":               parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"name":"bob"}`)) + "." + parts[2],
		"expired":                    changed(func(c *claims) { c.ExpiresAt = date(time.Now().Add(-time.Second)) }),
		"never expires":              changed(func(c *claims) { c.ExpiresAt = nil }),
		"not yet":                    changed(func(c *claims) { c.NotBefore = date(time.Now().Add(time.Hour)) }),
		"issued later":               changed(func(c *claims) { c.IssuedAt = date(time.Now().Add(time.Hour)) }),
		"another issuer":             changed(func(c *claims) { c.Issuer = "https://id.example.evil.example" }),
		"no issuer":                  changed(func(c *claims) { c.Issuer = "" }),
		"for another service":        changed(func(c *claims) { c.Audience = golangjwt.ClaimStrings{"other"} }),
		"for none":                   changed(func(c *claims) { c.Audience = nil }),
		"dots":                       strings.Repeat(".", 7000),
		"text":                       strings.Repeat("x", 7000),
	} {
		response := ask("Bearer " + token)
		require.Equal(t, 401, response.StatusCode(), name)
		require.Equal(t, `Bearer error="invalid_token"`, string(response.Header.Peek("WWW-Authenticate")), name)
		require.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"the token is not valid"}`, string(response.Body()), name)
	}
	for _, field := range []string{"", "Bearer", "Bearer" + whole, whole, "Basic " + whole} {
		response := ask(field)
		require.Equal(t, 401, response.StatusCode(), "%.20s", field)
		require.Equal(t, `Bearer realm="token"`, string(response.Header.Peek("WWW-Authenticate")))
	}
}

func TestMistakes(t *testing.T) {
	keys := func(*golangjwt.Token) (any, error) { return nil, nil }
	for want, change := range map[string]func(o *jwt.Options){
		"Options.Keys is nil":                     func(o *jwt.Options) { o.Keys = nil },
		"Options.Methods is empty":                func(o *jwt.Options) { o.Methods = nil },
		`"none" is no algorithm that signs`:       func(o *jwt.Options) { o.Methods = []string{"none"} },
		`"ES257" is no algorithm that signs`:      func(o *jwt.Options) { o.Methods = []string{"ES257"} },
		"has secrets beside public keys":          func(o *jwt.Options) { o.Methods = []string{"HS256", "RS256"} },
		"Options.Issuer or Audience is empty":     func(o *jwt.Options) { o.Issuer = "" },
		"Options.Issuer or Audience is empty: a ": func(o *jwt.Options) { o.Audience = "" },
	} {
		o := options(keys)
		change(&o)
		func() {
			defer func() { require.ErrorContains(t, recover().(error), want) }()
			jwt.Auth(o, userOf)
		}()
	}
	byPointer := func(context.Context, *claims) (user, error) { return "", nil }
	require.PanicsWithError(t, "jwt: Auth: the claims *jwt_test.claims are a pointer or an interface: use the struct itself", func() { jwt.Auth(options(keys), byPointer) })
	o := options(keys)
	o.Methods = []string{"HS256", "HS512"}
	jwt.Auth(o, userOf) // secrets alone
}

// A secret that anyone could guess lets nobody in, and is told in the log: above all one
// that was not set.
func TestShortSecrets(t *testing.T) {
	long := strings.Repeat("s", 64)
	short := func(n int) golangjwt.Keyfunc {
		return func(*golangjwt.Token) (any, error) { return []byte(long[:n]), nil }
	}
	set := func(n int) golangjwt.Keyfunc {
		return func(*golangjwt.Token) (any, error) {
			return golangjwt.VerificationKeySet{Keys: []golangjwt.VerificationKey{[]byte(long), []byte(long[:n])}}, nil
		}
	}
	for name, c := range map[string]struct {
		keys   golangjwt.Keyfunc
		method golangjwt.SigningMethod
		with   string
		status int
	}{
		"empty":              {short(0), golangjwt.SigningMethodHS256, "", 500},
		"31 bytes":           {short(31), golangjwt.SigningMethodHS256, long[:31], 500},
		"32 bytes":           {short(32), golangjwt.SigningMethodHS256, long[:32], 200},
		"32 bytes for HS512": {short(32), golangjwt.SigningMethodHS512, long[:32], 500},
		"64 bytes for HS512": {short(64), golangjwt.SigningMethodHS512, long, 200},
		"one of a set":       {set(0), golangjwt.SigningMethodHS256, "", 500},
		"a set":              {set(32), golangjwt.SigningMethodHS256, long[:32], 200},
		"Secret":             {jwt.Secret(long), golangjwt.SigningMethodHS256, long, 200},
		"another secret":     {jwt.Secret(long), golangjwt.SigningMethodHS256, long[:40], 401},
	} {
		var log bytes.Buffer
		app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		o := options(c.keys)
		o.Methods = []string{"HS256", "HS512"}
		routing.Provide(app.Router, jwt.Auth(o, userOf), routing.Secured(routing.Bearer("token", "JWT")), routing.Everywhere())
		app.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", nil }))
		var raw fasthttp.RequestCtx
		raw.Request.SetRequestURI("/")
		raw.Request.Header.Set("Authorization", "Bearer "+sign(t, c.method, []byte(c.with), "1", good()))
		app.Handler()(&raw)
		require.Equal(t, c.status, raw.Response.StatusCode(), name)
		require.Equal(t, c.status == 500, strings.Contains(log.String(), "the secret is too short"), name)
		require.NoError(t, app.Shutdown(context.Background()), name)
	}
	for _, secret := range []string{"", long[:31]} {
		require.PanicsWithValue(t, fmt.Sprintf("jwt: Secret: %d bytes could be guessed: want at least 32 of chance (RFC 7518, section 3.2)", len(secret)), func() { jwt.Secret(secret) })
	}
}
