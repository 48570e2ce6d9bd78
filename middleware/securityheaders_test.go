package middleware_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

func TestSecurityHeaders(t *testing.T) {
	app := newApp()
	app.Use(middleware.SecurityHeaders(nil))
	get(app.Router, "/hello", hello)
	get(app.Router, "/page", func() (responses.TextResponse, error) {
		page := responses.Text("page")
		page.Header = responses.Header{"Content-Security-Policy": {"default-src 'self'"}}
		return page, nil
	})
	late := make(chan struct{})
	t.Cleanup(func() { close(late) })
	get(app.Router, "/late", func() (responses.TextResponse, error) { <-late; return hello() }, routing.Timeout(time.Millisecond))
	broken := app.Group("/broken", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(*fasthttp.RequestCtx) { panic("told to") }
	})
	get(broken, "", hello)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Test", Version: "1"}})
	s := serve(t, app)
	for path, status := range map[string]int{"/hello": 200, "/page": 200, "/late": 503, "/broken": 500, "/nowhere": 404, "/docs": 200} {
		response, _ := s.do("GET", path)
		require.Equal(t, status, response.StatusCode, path)
		require.Equal(t, []string{"no-referrer"}, response.Header["Referrer-Policy"], path)
		require.Equal(t, []string{"max-age=31536000"}, response.Header["Strict-Transport-Security"], path)
		require.Equal(t, []string{"nosniff"}, response.Header["X-Content-Type-Options"], path)
		policy := response.Header["Content-Security-Policy"]
		require.Len(t, policy, 1, path)
		switch path {
		case "/docs":
			require.Contains(t, policy[0], "'self'", "its own")
		case "/page":
			require.Equal(t, "default-src 'self'", policy[0])
		default:
			require.Equal(t, "default-src 'none'; frame-ancestors 'none'", policy[0], path)
		}
	}
}

func TestSecurityHeadersOfOnesOwn(t *testing.T) {
	app := newApp()
	app.Use(middleware.SecurityHeaders(map[string]string{
		"strict-transport-security": "", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	}))
	get(app.Router, "/", hello)
	response, _ := serve(t, app).do("GET", "/")
	require.Empty(t, response.Header["Strict-Transport-Security"])
	require.Equal(t, []string{"same-origin"}, response.Header["Referrer-Policy"])
	require.Equal(t, []string{"same-origin"}, response.Header["Cross-Origin-Opener-Policy"])
	require.Equal(t, []string{"nosniff"}, response.Header["X-Content-Type-Options"])

	require.Equal(t, `velithon: SecurityHeaders: "X A": "1" is no header field`,
		panicOf(func() { middleware.SecurityHeaders(map[string]string{"X A": "1"}) }))
	require.Equal(t, `velithon: SecurityHeaders: "X-A": "1\r\nX-B: 2" is no header field`,
		panicOf(func() { middleware.SecurityHeaders(map[string]string{"X-A": "1\r\nX-B: 2"}) }))
}
