package middleware_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

const shop = "https://shop.example"

func corsApp(t *testing.T, options middleware.CORSOptions) *velithon.App {
	cors := middleware.NewCORS(options)
	app := velithon.New(velithon.Options{Logger: quiet, OnRefused: cors.OnRefused, BodyLimit: 10})
	app.Use(cors.Middleware)
	locked := app.Group("/locked", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) { responses.WriteProblem(raw, responses.NewProblem(401, "no key")) }
	})
	get(locked, "/thing", hello)
	get(app.Router, "/hello", hello)
	get(app.Router, "/varies", func() (responses.TextResponse, error) {
		answer := responses.Text("hello")
		answer.Header = responses.Header{"Vary": {"Accept-Language"}}
		return answer, nil
	})
	get(app.Router, "/broken", func() (responses.TextResponse, error) { panic("told to") })
	late := make(chan struct{})
	get(app.Router, "/late", func() (responses.TextResponse, error) { <-late; return hello() }, routing.Timeout(time.Millisecond))
	t.Cleanup(func() { close(late) })
	broken := app.Group("/middleware", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { panic("told to") }
	})
	get(broken, "", hello)
	app.Post("/hello", func(context.Context, struct {
		Body map[string]any `body:""`
	},
	) (string, error) {
		return "", nil
	})
	return app
}

func TestCORSOfARequest(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{"https://other.example", shop}, Credentials: true, Expose: []string{"X-Request-Id", "ETag"}}))
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/hello", "", 200},
		{"GET", "/locked/thing", "", 401},
		{"GET", "/nowhere", "", 404},
		{"DELETE", "/hello", "", 405},
		{"OPTIONS", "/hello", "", 204}, // no preflight
		{"GET", "/broken", "", 500},
		{"GET", "/late", "", 503},
		{"GET", "/middleware", "", 500},
		{"GET", "/a%2Fb", "", 400},                  // refused by the server, as the next
		{"POST", "/hello", `"larger than 10"`, 413}, // which no middleware sees
	} {
		response, _ := s.send(test.method, test.path, test.body, "Origin: "+shop)
		require.Equal(t, test.status, response.StatusCode, test.path)
		require.Equal(t, []string{shop}, response.Header["Access-Control-Allow-Origin"], test.path)
		require.Equal(t, []string{"true"}, response.Header["Access-Control-Allow-Credentials"], test.path)
		require.Equal(t, []string{"X-Request-Id, ETag"}, response.Header["Access-Control-Expose-Headers"], test.path)
		require.Equal(t, []string{"Origin"}, response.Header["Vary"], test.path)
		require.Empty(t, response.Header["Access-Control-Allow-Methods"], test.path)
	}
	response, _ := s.do("GET", "/varies", "Origin: "+shop)
	require.Equal(t, []string{"Accept-Language", "Origin"}, response.Header["Vary"], "both count")
}

// Nothing of CORS but Vary is answered to an origin that is not in the list: each of
// these was let in by some library.
func TestCORSOfOtherOrigins(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{shop, "https://other.example"}, Credentials: true}))
	for _, origin := range []string{
		"", "null", "*", "https://shop.example.evil.example", "https://evil-shop.example", "https://evilshop.example",
		"http://shop.example", "https://shop.example:8443", "https://shop.example/", "https://a.shop.example", "HTTPS://SHOP.EXAMPLE",
		"https://shop.example https://evil.example", "https://evil.example, https://shop.example", "https://user@shop.example",
		"https://shop.example%00.evil.example", "shop.example", strings.Repeat("a", 7000), shop + strings.Repeat("/", 7000),
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			response, _ := s.do(method, "/hello", "Origin: "+origin, "Access-Control-Request-Method: GET")
			for _, name := range []string{"Origin", "Credentials", "Methods", "Headers"} {
				require.Empty(t, response.Header.Values("Access-Control-Allow-"+name), "%.40s", origin)
			}
			require.Contains(t, response.Header.Get("Vary"), "Origin", "%.40s", origin)
		}
	}
}

// A header that is too large is refused by the server, with the fields all the same
// where the origin can be read: it can't here.
func TestCORSOfAHeaderThatIsTooLarge(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{shop, "https://other.example"}}))
	response, _ := s.do("GET", "/hello", "Origin: "+strings.Repeat("o", 8<<10))
	require.Equal(t, 431, response.StatusCode)
	require.Equal(t, "Origin", response.Header.Get("Vary"))
	require.Empty(t, response.Header.Values("Access-Control-Allow-Origin"))
}

func TestCORSPreflight(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{shop}, Credentials: true, MaxAge: time.Hour}))
	for _, path := range []string{"/hello", "/locked/thing", "/nowhere"} {
		response, body := s.do("OPTIONS", path, "Origin: "+shop, "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a,x-b")
		require.Equal(t, 204, response.StatusCode, path)
		require.Empty(t, body)
		want := http.Header{
			"Access-Control-Allow-Origin":      {shop},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Methods":     {"PUT"},
			"Access-Control-Allow-Headers":     {"Authorization, Content-Type"},
			"Access-Control-Max-Age":           {"3600"},
			"Vary":                             {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"},
		}
		response.Header.Del("Date")
		response.Header.Del("X-Request-Id")
		response.Header.Del("Connection")
		require.Equal(t, want, response.Header, path)
	}
	for _, method := range []string{"GET, PUT", "PUT/1", strings.Repeat("M", 33)} {
		response, _ := s.do("OPTIONS", "/hello", "Origin: "+shop, "Access-Control-Request-Method: "+method)
		require.Empty(t, response.Header.Values("Access-Control-Allow-Methods"), method)
		require.Empty(t, response.Header.Values("Access-Control-Allow-Origin"), method)
	}
}

// A browser compares the one origin with its page's, so it is the same for all.
func TestCORSOfOneOrigin(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{shop}, Credentials: true}))
	for _, origin := range []string{"Origin: " + shop, "Origin: https://evil.example", "X-None: 1"} {
		for _, path := range []string{"/hello", "/locked/thing", "/a%2Fb"} {
			response, _ := s.do("GET", path, origin)
			require.Equal(t, []string{shop}, response.Header["Access-Control-Allow-Origin"])
			require.Equal(t, []string{"true"}, response.Header["Access-Control-Allow-Credentials"])
			require.Empty(t, response.Header["Vary"])
		}
	}
}

func TestCORSForAll(t *testing.T) {
	s := serve(t, corsApp(t, middleware.CORSOptions{Origins: []string{"*"}, Headers: []string{}}))
	for _, origin := range []string{"Origin: " + shop, "Origin: null", "X-None: 1"} {
		response, _ := s.do("GET", "/hello", origin)
		require.Equal(t, []string{"*"}, response.Header["Access-Control-Allow-Origin"])
		require.Empty(t, response.Header["Vary"], "it is the same for all")
		require.Empty(t, response.Header["Access-Control-Allow-Credentials"])
	}
	response, _ := s.do("OPTIONS", "/hello", "Origin: "+shop, "Access-Control-Request-Method: PUT")
	require.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, response.Header["Access-Control-Allow-Headers"])
	require.Equal(t, "600", response.Header.Get("Access-Control-Max-Age"))
}

func TestMistakesWithCORS(t *testing.T) {
	const noOrigin = " is no origin that a browser sends: want scheme://host or scheme://host:port, in lower case of ASCII, without a path, a wildcard and the scheme's own port"
	for want, options := range map[string]middleware.CORSOptions{
		"CORSOptions.Origins is empty: leave CORS out, or name the origins": {},
		`CORSOptions: Credentials with the origin "*" would let any page act as the user: name the origins`: {
			Origins: []string{"*"}, Credentials: true,
		},
		`CORSOptions.Origins: "*"` + noOrigin:                         {Origins: []string{shop, "*"}},
		`CORSOptions.Origins: "null"` + noOrigin:                      {Origins: []string{"null"}},
		`CORSOptions.Origins: "https://shop.example/"` + noOrigin:     {Origins: []string{"https://shop.example/"}},
		`CORSOptions.Origins: "https://Shop.example"` + noOrigin:      {Origins: []string{"https://Shop.example"}},
		`CORSOptions.Origins: "https://*.example"` + noOrigin:         {Origins: []string{"https://*.example"}},
		`CORSOptions.Origins: "https://shop.example:443"` + noOrigin:  {Origins: []string{"https://shop.example:443"}},
		`CORSOptions.Origins: "https://me@shop.example"` + noOrigin:   {Origins: []string{"https://me@shop.example"}},
		`CORSOptions.Origins: "https://shop.example:"` + noOrigin:     {Origins: []string{"https://shop.example:"}},
		`CORSOptions.Origins: "https://shop.example:0443"` + noOrigin: {Origins: []string{"https://shop.example:0443"}},
		`CORSOptions.Origins: "https://büro.example"` + noOrigin:      {Origins: []string{"https://büro.example"}},
		`CORSOptions.Headers: "X A" is no name of a header field`:     {Origins: []string{shop}, Headers: []string{"X A"}},
		`CORSOptions.Expose: "" is no name of a header field`:         {Origins: []string{shop}, Expose: []string{""}},
		"CORSOptions.MaxAge is negative: use 0 for the default":       {Origins: []string{shop}, MaxAge: -1},
	} {
		require.Equal(t, "velithon: "+want, panicOf(func() { middleware.NewCORS(options) }))
	}
}
