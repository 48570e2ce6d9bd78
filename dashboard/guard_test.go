package dashboard_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/velithontest"
)

// Without a guard the page is for the machine itself: by the connection, whatever the fields
// of the request say, and by a name that leads here.
func TestWithoutAGuard(t *testing.T) {
	app := velithon.New(velithon.Options{})
	defer end(t, app)
	records := &records{}
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{Logger: logTo(records), Acts: true})
	require.Len(t, records.of(t, "the page of background work has no guard, and is served to this machine only"), 1)
	handler := app.Handler()
	ask := func(peer, host, protocol string, fields ...string) int {
		status := 0
		for _, path := range []string{"GET /admin/", "GET /admin", "GET /admin/tasks", "GET /admin/task?id=x", "GET /admin/events?page=nothing", "POST /admin/act"} {
			method, path, _ := strings.Cut(path, " ")
			var request fasthttp.Request
			request.Header.SetMethod(method)
			request.SetRequestURI(path)
			request.Header.SetHost(host)
			request.Header.SetProtocol(protocol)
			request.Header.Set("Connection", "keep-alive")
			if method == "POST" {
				request.Header.SetContentType("application/x-www-form-urlencoded")
				request.SetBodyString("verb=pause")
			}
			for _, f := range fields {
				name, value, _ := strings.Cut(f, ": ")
				if name == "Connection" {
					request.Header.Del(name)
				}
				request.Header.Add(name, value)
			}
			var raw fasthttp.RequestCtx
			var from net.Addr = &net.UnixAddr{Name: "@"}
			if peer != "" {
				from = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(peer), 4000))
			}
			raw.Init(&request, from, nil)
			handler(&raw)
			if path == "/admin/" {
				status = raw.Response.StatusCode()
			} else if got := raw.Response.StatusCode(); status == 403 {
				assert.Equal(t, 403, got, path)
			}
			if status == 403 {
				assert.Regexp(t, "no guard|another origin", string(raw.Response.Body()), path)
			}
			assert.Empty(t, raw.Response.Header.Peek("Set-Cookie"))
		}
		return status
	}
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:8080", "[::1]:8080", "[::1]", "127.9.9.9"} {
		assert.Equal(t, 200, ask("127.0.0.1", host, "HTTP/1.1"), host)
		assert.Equal(t, 200, ask("::1", host, "HTTP/1.1"), host)
		assert.Equal(t, 200, ask("::ffff:127.0.0.1", host, "HTTP/1.1"), host)
		assert.Equal(t, 403, ask("::ffff:192.0.2.1", host, "HTTP/1.1"), host)
		assert.Equal(t, 403, ask("192.0.2.1", host, "HTTP/1.1"), host)
		assert.Equal(t, 403, ask("", host, "HTTP/1.1"), "a Unix socket")
		assert.Equal(t, 403, ask("127.0.0.1", host, "HTTP/1.0"), "a proxy that nobody has set up")
	}
	for _, host := range []string{"shop.example", "127.0.0.1.shop.example", "localhost.shop.example", "192.0.2.1", "", "[::ffff:192.0.2.1]", "0.0.0.0"} {
		assert.Equal(t, 403, ask("127.0.0.1", host, "HTTP/1.1"), host)
	}
	for _, field := range []string{
		"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "x-real-ip: ::1", "Via: 1.1 proxy", "X-Forwarded-For: ", "X-Forwarded-Proto: https", "CF-Connecting-IP: 127.0.0.1",
		"X-Forwarded-Prefix: /", "X-Forwarded: for=::1", "X-Original-For: 127.0.0.1", "X-Original-URL: /admin", "x-amzn-trace-id: Root=1", "X-Cluster-Client-Ip: ::1", "CDN-Loop: proxy",
	} {
		assert.Equal(t, 403, ask("127.0.0.1", "localhost", "HTTP/1.1", field), field)
	}
	for _, field := range []string{"Connection: close", "Connection: ", "Connection: Upgrade", "Connection: keep-alive, x"} { // as proxies have it
		assert.Equal(t, 403, ask("127.0.0.1", "localhost", "HTTP/1.1", field), field)
	}
	for _, field := range []string{"Connection: Keep-Alive", "Origin: http://localhost:8080", "Origin: https://127.0.0.1", "Origin: http://[::1]:8080", "Vi: 1", "Accept: */*"} {
		assert.Equal(t, 200, ask("127.0.0.1", "localhost", "HTTP/1.1", field), field)
	}
	for _, origin := range []string{"https://shop.example", "http://localhost.shop.example", "null", "", "localhost", "http://", "http://localhost@shop.example", "http://192.0.2.1"} {
		assert.Equal(t, 403, ask("127.0.0.1", "localhost", "HTTP/1.1", "Origin: "+origin), origin)
	}
}

// A service whose CORS lets pages of all others read does not mean the page.
func TestCORSOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: &records{}, release: make(chan struct{})}
		d.app = velithon.New(velithon.Options{})
		d.app.Use(middleware.NewCORS(middleware.CORSOptions{Origins: []string{"*"}}).Middleware)
		dashboard.Mount(d.app.Group("/admin"), dashboard.Runner(d.app.Runner()), dashboard.Options{Acts: true})
		d.kit = velithontest.New(t, d.app)
		assert.Equal(t, 200, d.get("/admin/").status)
		for _, path := range []string{"/admin/", "/admin/tasks", "/admin/task?id=1", "/admin/events?page=overview"} {
			a := d.get(path, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors")
			assert.Equal(t, 403, a.status, path)
		}
	})
}

func end(t *testing.T, app *velithon.App) {
	t.Helper()
	require.NoError(t, app.Shutdown(context.Background()))
}

type operator string

// A guard is middleware, of which the options say so, or a provider of who that is.
func TestGuards(t *testing.T) {
	check := middleware.Passwords(map[operator]string{"ada": "a long password"})
	secured := func(app *velithon.App, options dashboard.Options) {
		admin := app.Group("/admin")
		routing.Provide(admin, middleware.BasicAuth(check), routing.Secured(routing.Basic("password")))
		dashboard.MountFor(admin, dashboard.Runner(app.Runner()), options, func(o operator) string { return string(o) })
	}
	for name, test := range map[string]struct {
		mount           func(*velithon.App, dashboard.Options)
		without, within int
		warns           bool
	}{
		"a provider": {secured, 401, 200, false},
		"middleware": {func(app *velithon.App, options dashboard.Options) {
			options.Guarded = true
			dashboard.Mount(app.Group("/admin", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) {
					if len(raw.Request.Header.Peek("Authorization")) == 0 {
						raw.SetStatusCode(401)
						return
					}
					next(raw)
				}
			}), dashboard.Runner(app.Runner()), options)
		}, 401, 200, false},
		"a provider that lets everybody in": {func(app *velithon.App, options dashboard.Options) {
			admin := app.Group("/admin")
			routing.Provide(admin, func(context.Context, struct{}) (operator, error) { return "somebody", nil })
			dashboard.MountFor(admin, dashboard.Runner(app.Runner()), options, func(o operator) string { return string(o) })
		}, 403, 403, true},
		"a provider that lets in who has no password": {func(app *velithon.App, options dashboard.Options) {
			admin := app.Group("/admin")
			routing.Provide(admin, func(context.Context, middleware.AuthorizationInput) (operator, error) { return "somebody", nil },
				routing.Secured(routing.Basic("password")), routing.OrAnonymous())
			dashboard.MountFor(admin, dashboard.Runner(app.Runner()), options, func(o operator) string { return string(o) })
		}, 403, 403, true},
		"none": {func(app *velithon.App, options dashboard.Options) {
			dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), options)
		}, 403, 403, true},
	} {
		t.Run(name, func(t *testing.T) {
			app := velithon.New(velithon.Options{})
			defer end(t, app)
			records := &records{}
			test.mount(app, dashboard.Options{Logger: logTo(records), Acts: true})
			assert.Equal(t, test.warns, len(records.of(t, "the page of background work has no guard, and is served to this machine only")) == 1)
			for _, route := range app.Routes() {
				assert.True(t, route.IsHidden(), route.Pattern)
			}
			handler := app.Handler()
			for i, want := range []int{test.without, test.within} {
				for _, path := range []string{"/admin/", "/admin/tasks"} {
					var request fasthttp.Request
					request.SetRequestURI("http://shop.example" + path)
					if i == 1 {
						request.Header.Set("Authorization", "Basic YWRhOmEgbG9uZyBwYXNzd29yZA==")
					}
					var raw fasthttp.RequestCtx
					raw.Init(&request, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, nil)
					handler(&raw)
					assert.Equal(t, want, raw.Response.StatusCode(), path)
				}
			}
		})
	}
}

// Who comes by a Unix socket has no address, and is not given one in the log.
func TestAnActByAUnixSocket(t *testing.T) {
	app := velithon.New(velithon.Options{})
	defer end(t, app)
	records := &records{}
	dashboard.Mount(app.Group("/admin"), newFake("plain"), dashboard.Options{Logger: logTo(records), Acts: true, Guarded: true})
	var request fasthttp.Request
	request.Header.SetMethod("POST")
	request.SetRequestURI("http://localhost/admin/act")
	request.Header.Set("Connection", "keep-alive")
	request.Header.SetContentType("application/x-www-form-urlencoded")
	request.SetBodyString("verb=cancel")
	var raw fasthttp.RequestCtx
	raw.Init(&request, &net.UnixAddr{Name: "@"}, nil)
	app.Handler()(&raw)
	assert.Equal(t, 403, raw.Response.StatusCode())
	require.Len(t, records.of(t, "an act on background work was refused"), 1)
	assert.Equal(t, "unknown", records.of(t, "an act on background work was refused")[0]["by"])
}

func TestMistakesPanic(t *testing.T) {
	app := velithon.New(velithon.Options{})
	defer end(t, app)
	assert.PanicsWithValue(t, "dashboard: Runner needs a runner, such as app.Runner()", func() { dashboard.Runner(nil) })
	assert.PanicsWithValue(t, "dashboard: Mount needs a source, such as dashboard.Runner(app.Runner())", func() {
		dashboard.Mount(app.Group("/admin"), nil, dashboard.Options{})
	})
	assert.PanicsWithValue(t, "dashboard: MountFor needs a function that names who acts, such as func(o operator) string { return string(o) }", func() {
		dashboard.MountFor[operator](app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{}, nil)
	})
	assert.Panics(t, func() {
		dashboard.MountFor(app.Group("/admin"), dashboard.Runner(background.NewRunner(background.RunnerOptions{})), dashboard.Options{}, func(operator) string { return "" })
	}, "nobody provides it")
}
