package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
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

// A page of the shop reads every answer, whoever has given it, and each is careful. What
// the server itself has refused has no record.
func TestAllAnswersAreWrapped(t *testing.T) {
	var log bytes.Buffer
	kit := velithontest.New(t, newTestApp(&log))
	for status, request := range map[int][]string{
		200: {"GET", "/api/hello", "Authorization: Bearer secret"},
		204: {"OPTIONS", "/api/hello", "Access-Control-Request-Method: GET"},
		401: {"GET", "/api/hello"},
		404: {"GET", "/nowhere"},
		405: {"POST", "/api/hello"},
		400: {"GET", "/a%2Fb"},
	} {
		answer := velithontest.Do[any](kit, request[0], request[1], nil, append(request[2:], "Origin: "+shop)...)
		require.Equal(t, status, answer.Status)
		require.Equal(t, shop, answer.Header.Get("Access-Control-Allow-Origin"), "%d", status)
		isRefused := status == 400
		if !isRefused && status != 204 {
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"), "%d", status)
		}
		require.Equal(t, !isRefused, strings.Contains(log.String(), fmt.Sprintf("status=%d", status)), "%d", status)
	}
	velithontest.Get[any](kit, "/api/hello", "Authorization: Bearer secret", "X-Request-Id: a-1")
	text := regexp.MustCompile(`time=\S+ |took=\S+`).ReplaceAllString(log.String(), "")
	require.Contains(t, text, "level=INFO msg=request request_id=a-1 method=GET route=/api/hello status=200 bytes=9 tasks=0 \n")
}
