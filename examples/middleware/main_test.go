package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/velithontest"
)

const shop = "https://shop.example"

func newTestApp(log io.Writer) *velithon.App {
	limit := &rateLimit{requests: 2, window: time.Minute, now: time.Now}
	return newApp(slog.New(slog.NewTextHandler(log, nil)), apiKeys{hashOf("secret"): "ada", hashOf("other"): "bob"}, limit)
}

func TestKeysAndTheirLimit(t *testing.T) {
	kit := velithontest.New(t, newTestApp(io.Discard))
	for _, fields := range [][]string{nil, {"Authorization: Bearer wrong"}, {"Authorization: Basic secret"}, {"Authorization: secret"}} {
		answer := velithontest.Get[any](kit, "/api/hello", fields...)
		require.Equal(t, 401, answer.Status, fields)
		require.Equal(t, `Bearer realm="api"`, answer.Header.Get("WWW-Authenticate"))
		require.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"an API key is needed, in the header Authorization: Bearer KEY"}`, answer.Text)
	}
	for range 2 {
		answer := velithontest.Get[any](kit, "/api/hello", "Authorization: bearer secret")
		require.Equal(t, 200, answer.Status)
		require.Equal(t, "Hello ada", answer.Text)
	}
	answer := velithontest.Get[any](kit, "/api/hello", "Authorization: Bearer secret")
	require.Equal(t, 429, answer.Status)
	require.Regexp(t, `^([1-9]|[1-5]\d|60)$`, answer.Header.Get("Retry-After"))
	require.JSONEq(t, `{"title":"Too Many Requests","status":429,"detail":"too many requests"}`, answer.Text)
	answer = velithontest.Get[any](kit, "/api/hello", "Authorization: Bearer other")
	require.Equal(t, 200, answer.Status)
	require.Equal(t, "Hello bob", answer.Text)
}

func TestALimitEndsWithItsWindow(t *testing.T) {
	now := time.Now()
	l := &rateLimit{requests: 1, window: time.Minute, now: func() time.Time { return now }}
	_, ok := l.take("ada")
	require.True(t, ok)
	now = now.Add(20 * time.Second)
	wait, ok := l.take("ada")
	require.False(t, ok)
	require.Equal(t, 40*time.Second, wait)
	now = now.Add(wait)
	_, ok = l.take("ada")
	require.True(t, ok)
}

func TestCORS(t *testing.T) {
	kit := velithontest.New(t, newTestApp(io.Discard))

	answer := velithontest.Do[any](kit, "OPTIONS", "/api/hello", nil, "Origin: "+shop, "Access-Control-Request-Method: GET")
	require.Equal(t, 204, answer.Status)
	require.Equal(t, shop, answer.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, answer.Header.Get("Allow"), answer.Header.Get("Access-Control-Allow-Methods"))
	require.Contains(t, answer.Header.Get("Access-Control-Allow-Methods"), "GET")
	require.Equal(t, "Authorization, Content-Type", answer.Header.Get("Access-Control-Allow-Headers"))
	require.Equal(t, "Origin", answer.Header.Get("Vary"))

	for status, request := range map[int][]string{
		200: {"GET", "/api/hello", "Authorization: Bearer secret"},
		401: {"GET", "/api/hello"},
		404: {"GET", "/nowhere"},
		405: {"POST", "/api/hello"},
		400: {"GET", "/a%2Fb"}, // refused before all middleware
	} {
		answer := velithontest.Do[any](kit, request[0], request[1], nil, append(request[2:], "Origin: "+shop)...)
		require.Equal(t, status, answer.Status)
		require.Equal(t, shop, answer.Header.Get("Access-Control-Allow-Origin"), "%d", status)
		require.Empty(t, answer.Header.Get("Access-Control-Allow-Methods"), "%d", status)
	}
	for _, fields := range [][]string{nil, {"Origin: https://shop.example.evil.example"}, {"Origin: null"}} {
		answer := velithontest.Get[any](kit, "/api/hello", fields...)
		require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"), fields)
		require.Equal(t, "Origin", answer.Header.Get("Vary"), fields)
	}
}

func TestSecurityHeaders(t *testing.T) {
	kit := velithontest.New(t, newTestApp(io.Discard))
	answer := velithontest.Get[any](kit, "/nowhere")
	for name, value := range map[string]string{
		"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":           "no-referrer",
		"Strict-Transport-Security": "max-age=31536000",
		"X-Content-Type-Options":    "nosniff",
	} {
		require.Equal(t, value, answer.Header.Get(name))
	}
}

// A handler's own policy stays, and a timeout's answer has the fields, too.
func TestHeadersOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newTestApp(io.Discard)
		app.Get("/page", func(context.Context, struct{}) (responses.HTMLResponse, error) {
			page := responses.HTML("<p>")
			page.Header = responses.Header{"Content-Security-Policy": {"default-src 'self'"}}
			return page, nil
		})
		app.Get("/late", func(ctx context.Context, _ struct{}) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}, routing.Timeout(10*time.Millisecond))
		kit := velithontest.New(t, app)

		answer := velithontest.Get[any](kit, "/page", "Origin: "+shop)
		require.Equal(t, "default-src 'self'", answer.Header.Get("Content-Security-Policy"))
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))

		answer = velithontest.Get[any](kit, "/late", "Origin: "+shop)
		require.Equal(t, 503, answer.Status)
		require.Equal(t, shop, answer.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	})
}

func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	app := newTestApp(&log)
	kit := velithontest.New(t, app)
	velithontest.Get[any](kit, "/api/hello?x=1", "Authorization: Bearer secret", "X-Request-Id: a-1")
	velithontest.Get[any](kit, "/nowhere", "X-Request-Id: a-2")
	text := regexp.MustCompile(`time=\S+ |took=\S+`).ReplaceAllString(log.String(), "")
	require.Contains(t, text, "level=INFO msg=request request_id=a-1 method=GET path=/api/hello route=/api/hello status=200 \n")
	require.Contains(t, text, "level=INFO msg=request request_id=a-2 method=GET path=/nowhere route=\"\" status=404 \n")
}

func TestTheRequestIDIsForwarded(t *testing.T) {
	other := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	other.Get("/", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		return responses.Text(routing.RequestID(ctx)), nil
	})
	client := &http.Client{Transport: forwardID{velithontest.New(t, other).Client.Transport}}
	app := newTestApp(io.Discard)
	app.Get("/ask", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://other.example/", http.NoBody)
		if err != nil {
			return responses.TextResponse{}, err
		}
		response, err := client.Do(request)
		if err != nil {
			return responses.TextResponse{}, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return responses.Text(string(answer)), err
	})
	require.Equal(t, "a-7", velithontest.Get[any](velithontest.New(t, app), "/ask", "X-Request-Id: a-7").Text)
}
