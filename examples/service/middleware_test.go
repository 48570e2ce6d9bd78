package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestKeyIsNeeded(t *testing.T) {
	r := start(t, nil)

	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer key of eve", "Basic key of ada", "key of ada"} {
		response := velithontest.Get[any](r.Kit, "/api/v1/orders", "Authorization: "+header)
		require.Equal(t, 401, response.Status, header)
		require.Equal(t, `Bearer realm="orders"`, response.Header.Get("WWW-Authenticate"))
	}
	require.Equal(t, 200, velithontest.Get[any](r.Kit, "/api/v1/orders", as("ada")).Status)
}

func TestNoKeyIsNeededForHealth(t *testing.T) {
	r := start(t, nil)
	got := velithontest.Get[any](r.Kit, "/livez")
	require.Equal(t, 200, got.Status)
	require.JSONEq(t, `{"status":"live"}`, got.Text)
}

func TestAccessLog(t *testing.T) {
	r := start(t, nil)
	for _, test := range []struct {
		customer, path, route string
		status                int
	}{
		{"ada", "/api/v1/orders", "/api/v1/orders", 200},
		{"", "/api/v1/orders", "/api/v1/orders", 401},
		{"ada", "/api/v1/orders/none", "/api/v1/orders/{id}", 404},
		{"", "/nothing", "", 404},
	} {
		var fields []string
		if test.customer != "" {
			fields = append(fields, as(test.customer))
		}
		got := velithontest.Get[any](r.Kit, test.path, fields...)
		require.Equal(t, test.status, got.Status)
		records := r.log.records(t, "request_id", got.Header.Get("X-Request-Id"))
		require.Len(t, records, 1)
		require.Equal(t, "GET", records[0]["method"])
		require.Equal(t, test.route, records[0]["route"])
		require.EqualValues(t, test.status, records[0]["status"])
	}
}

// panickingStore has a bug.
type panickingStore struct{ store }

func (panickingStore) insert(context.Context, order) error { panic("a bug") }

func TestAccessLogSeesPanics(t *testing.T) {
	r := start(t, func(s *service) { s.store = panickingStore{s.store} })
	require.Equal(t, 500, velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada")).Status)
	require.EqualValues(t, 500, r.log.records(t, "msg", "request")[0]["status"])
}
