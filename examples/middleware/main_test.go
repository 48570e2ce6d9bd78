package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

const shop = "https://shop.example"

func newTestApp(log io.Writer) *velithon.App {
	limit := &rateLimit{requests: 2, window: time.Minute, now: time.Now}
	return newApp(slog.New(slog.NewTextHandler(log, nil)), apiKeys{hashOf("secret"): "ada", hashOf("other"): "bob"}, limit)
}

func TestKeysAndTheirLimit(t *testing.T) {
	url := serve(t, newTestApp(io.Discard))
	for _, header := range []string{"", "Authorization: Bearer wrong", "Authorization: Basic secret", "Authorization: secret"} {
		response, answer := send(t, "GET", url+"/api/hello", header)
		require.Equal(t, 401, response.StatusCode, header)
		require.Equal(t, `Bearer realm="api"`, response.Header.Get("WWW-Authenticate"))
		require.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"an API key is needed, in the header Authorization: Bearer KEY"}`, answer)
	}
	for range 2 {
		response, answer := send(t, "GET", url+"/api/hello", "Authorization: bearer secret")
		require.Equal(t, 200, response.StatusCode)
		require.Equal(t, "Hello ada", answer)
	}
	response, answer := send(t, "GET", url+"/api/hello", "Authorization: Bearer secret")
	require.Equal(t, 429, response.StatusCode)
	require.Regexp(t, `^([1-9]|[1-5]\d|60)$`, response.Header.Get("Retry-After"))
	require.JSONEq(t, `{"title":"Too Many Requests","status":429,"detail":"too many requests"}`, answer)
	response, answer = send(t, "GET", url+"/api/hello", "Authorization: Bearer other")
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, "Hello bob", answer)
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
	url := serve(t, newTestApp(io.Discard))

	response, _ := send(t, "OPTIONS", url+"/api/hello", "Origin: "+shop, "Access-Control-Request-Method: GET")
	require.Equal(t, 204, response.StatusCode)
	require.Equal(t, shop, response.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, response.Header.Get("Allow"), response.Header.Get("Access-Control-Allow-Methods"))
	require.Contains(t, response.Header.Get("Access-Control-Allow-Methods"), "GET")
	require.Equal(t, "Authorization, Content-Type", response.Header.Get("Access-Control-Allow-Headers"))
	require.Equal(t, "Origin", response.Header.Get("Vary"))

	for status, request := range map[int][]string{
		200: {"GET", "/api/hello", "Authorization: Bearer secret"},
		401: {"GET", "/api/hello"},
		404: {"GET", "/nowhere"},
		405: {"POST", "/api/hello"},
		400: {"GET", "/a%2Fb"}, // refused before all middleware
	} {
		response, _ := send(t, request[0], url+request[1], append(request[2:], "Origin: "+shop)...)
		require.Equal(t, status, response.StatusCode)
		require.Equal(t, shop, response.Header.Get("Access-Control-Allow-Origin"), "%d", status)
		require.Empty(t, response.Header.Get("Access-Control-Allow-Methods"), "%d", status)
	}
	for _, header := range []string{"", "Origin: https://shop.example.evil.example", "Origin: null"} {
		response, _ := send(t, "GET", url+"/api/hello", header)
		require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), header)
		require.Equal(t, "Origin", response.Header.Get("Vary"), header)
	}
}

func TestSecurityHeaders(t *testing.T) {
	url := serve(t, newTestApp(io.Discard))
	response, _ := send(t, "GET", url+"/nowhere")
	for name, value := range map[string]string{
		"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":           "no-referrer",
		"Strict-Transport-Security": "max-age=31536000",
		"X-Content-Type-Options":    "nosniff",
	} {
		require.Equal(t, value, response.Header.Get(name))
	}
}

// A handler's own policy stays, and a timeout's answer has the fields, too.
func TestHeadersOfOthers(t *testing.T) {
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
	url := serve(t, app)

	response, _ := send(t, "GET", url+"/page", "Origin: "+shop)
	require.Equal(t, "default-src 'self'", response.Header.Get("Content-Security-Policy"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))

	response, _ = send(t, "GET", url+"/late", "Origin: "+shop)
	require.Equal(t, 503, response.StatusCode)
	require.Equal(t, shop, response.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
}

func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	app := newTestApp(&log)
	url := serve(t, app)
	send(t, "GET", url+"/api/hello?x=1", "Authorization: Bearer secret", "X-Request-Id: a-1")
	send(t, "GET", url+"/nowhere", "X-Request-Id: a-2")
	require.NoError(t, app.Shutdown(context.Background()))
	text := regexp.MustCompile(`time=\S+ |took=\S+`).ReplaceAllString(log.String(), "")
	require.Contains(t, text, "level=INFO msg=request request_id=a-1 method=GET path=/api/hello route=/api/hello status=200 \n")
	require.Contains(t, text, "level=INFO msg=request request_id=a-2 method=GET path=/nowhere route=\"\" status=404 \n")
}

func TestTheRequestIDIsForwarded(t *testing.T) {
	var app *velithon.App
	other := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	other.Get("/", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		return responses.Text(routing.RequestID(ctx)), nil
	})
	otherURL := serve(t, other)
	client := &http.Client{Transport: forwardID{http.DefaultTransport}}
	app = newTestApp(io.Discard)
	app.Get("/ask", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, otherURL, http.NoBody)
		if err != nil {
			return responses.TextResponse{}, err
		}
		request.Close = true
		response, err := client.Do(request)
		if err != nil {
			return responses.TextResponse{}, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return responses.Text(string(answer)), err
	})
	_, answer := send(t, "GET", serve(t, app)+"/ask", "X-Request-Id: a-7")
	require.Equal(t, "a-7", answer)
}

// serve runs app on a free port until the test ends, and returns its URL.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

// send sends a request with fields as "Name: value", and returns the response and its body.
func send(t *testing.T, method, url string, fields ...string) (response *http.Response, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	for _, field := range fields {
		if name, value, ok := strings.Cut(field, ": "); ok {
			request.Header.Set(name, value)
		}
	}
	request.Close = true // no idle connection to wait for at the end
	response, err = http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(content)
}
