package main

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeyIsNeeded(t *testing.T) {
	r := start(t, nil)

	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer key of eve", "Basic key of ada", "key of ada"} {
		request, err := http.NewRequest(http.MethodGet, r.url+"/api/v1/orders", nil)
		require.NoError(t, err)
		request.Close = true
		request.Header.Set("Authorization", header)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 401, response.StatusCode, header)
		require.Equal(t, `Bearer realm="orders"`, response.Header.Get("WWW-Authenticate"))
	}
	require.Equal(t, 200, r.do("ada", "GET", "/api/v1/orders", "").status)
}

func TestNoKeyIsNeededForHealth(t *testing.T) {
	r := start(t, nil)
	got := r.do("", "GET", "/healthz", "")
	require.Equal(t, 200, got.status)
	require.JSONEq(t, `{"status":"ok"}`, got.body)
}

func TestAccessLog(t *testing.T) {
	r := start(t, nil)
	for _, test := range []struct {
		customer, path string
		status         int
	}{
		{"ada", "/api/v1/orders", 200},
		{"", "/api/v1/orders", 401},
		{"", "/nothing", 404},
		{"ada", "/api/v1/%6eothing", 404}, // as it was sent
	} {
		got := r.do(test.customer, "GET", test.path, "")
		require.Equal(t, test.status, got.status)
		records := r.log.records(t, "request_id", got.header.Get("X-Request-Id"))
		require.Len(t, records, 1)
		require.Equal(t, "GET", records[0]["method"])
		require.Equal(t, test.path, records[0]["path"])
		require.EqualValues(t, test.status, records[0]["status"])
	}
}

// panickingStore has a bug.
type panickingStore struct{ store }

func (panickingStore) insert(context.Context, order) error { panic("a bug") }

func TestAccessLogSeesPanics(t *testing.T) {
	r := start(t, func(s *service) { s.store = panickingStore{s.store} })
	require.Equal(t, 500, r.do("ada", "POST", "/api/v1/orders", twoBooks).status)
	require.EqualValues(t, 500, r.log.records(t, "msg", "request")[0]["status"])
}
