package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOrderIsCreatedAndFound(t *testing.T) {
	r := start(t, nil)

	created := r.do("ada", "POST", "/api/v1/orders", twoBooks)
	require.Equal(t, 201, created.status)
	o := decode[order](t, created.body)
	require.Equal(t, open, o.Status)
	require.Equal(t, []item{{"book", 2}}, o.Items)
	require.Equal(t, "/api/v1/orders/"+o.ID, created.header.Get("Location"))

	found := r.do("ada", "GET", created.header.Get("Location"), "")
	require.Equal(t, 200, found.status)
	require.JSONEq(t, created.body, found.body)
}

func TestOrderIsCancelledOnce(t *testing.T) {
	r := start(t, nil)
	o := r.order("ada")

	first := r.do("ada", "POST", "/api/v1/orders/"+o.ID+"/cancel", "")
	require.Equal(t, 200, first.status)
	require.Equal(t, cancelled, decode[order](t, first.body).Status)

	second := r.do("ada", "POST", "/api/v1/orders/"+o.ID+"/cancel", "")
	require.Equal(t, 409, second.status)
	require.Equal(t, "application/problem+json", second.header.Get("Content-Type"))
	require.JSONEq(t, `{"title":"Conflict","status":409,"detail":"the order is cancelled already"}`, second.body)
}

func TestOrdersBelongToCustomers(t *testing.T) {
	r := start(t, nil)
	o := r.order("ada")

	for _, request := range [][2]string{{"GET", "/api/v1/orders/" + o.ID}, {"POST", "/api/v1/orders/" + o.ID + "/cancel"}} {
		got := r.do("grace", request[0], request[1], "")
		require.Equal(t, 404, got.status)
		require.JSONEq(t, `{"title":"Not Found","status":404,"detail":"no such order"}`, got.body)
	}
	require.JSONEq(t, `{"orders":[],"total":0}`, r.do("grace", "GET", "/api/v1/orders", "").body)
}

func TestOrdersAreListedInPages(t *testing.T) {
	r := start(t, nil)
	var ids []string
	for range 5 {
		ids = append(ids, r.order("ada").ID)
	}
	require.Equal(t, 200, r.do("ada", "POST", "/api/v1/orders/"+ids[2]+"/cancel", "").status)

	for _, test := range []struct {
		query string
		want  []string
		total int
	}{
		{"", ids, 5},
		{"?limit=2", ids[:2], 5},
		{"?limit=2&offset=4", ids[4:], 5},
		{"?offset=9", nil, 5},
		{"?status=cancelled", ids[2:3], 1},
		{"?status=open&limit=2&offset=1", []string{ids[1], ids[3]}, 4},
	} {
		got := r.do("ada", "GET", "/api/v1/orders"+test.query, "")
		require.Equal(t, 200, got.status, test.query)
		list := decode[orderList](t, got.body)
		require.Equal(t, test.total, list.Total, test.query)
		var gotIDs []string
		for _, o := range list.Orders {
			gotIDs = append(gotIDs, o.ID)
		}
		require.Equal(t, test.want, gotIDs, test.query)
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	r := start(t, nil)

	got := r.do("ada", "POST", "/api/v1/orders", `{"email":"ada","items":[{"sku":"book","quantity":0}]}`)
	require.Equal(t, 422, got.status)
	require.Contains(t, got.body, `{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}`)
	require.Contains(t, got.body, `{"in":"body","pointer":"#/items/0/quantity","code":"min","detail":"must be at least 1"}`)

	got = r.do("ada", "GET", "/api/v1/orders?limit=1000&offset=one&status=lost", "")
	require.Equal(t, 422, got.status)
	for _, name := range []string{"limit", "offset", "status"} {
		require.Contains(t, got.body, `"name":"`+name+`"`)
	}
}

// brokenStore is a store whose disk is full.
type brokenStore struct{ store }

func (brokenStore) insert(context.Context, order) error {
	return errors.New("write /var/lib/orders: no space left on device")
}

func TestUnknownErrorIsNotTold(t *testing.T) {
	r := start(t, func(s *service) { s.store = brokenStore{s.store} })

	got := r.do("ada", "POST", "/api/v1/orders", twoBooks)
	require.Equal(t, 500, got.status)
	require.NotContains(t, got.body, "/var/lib")
	failed := r.log.records(t, "msg", "request failed")
	require.Len(t, failed, 1)
	require.Equal(t, "write /var/lib/orders: no space left on device", failed[0]["error"])
	require.Equal(t, got.header.Get("X-Request-Id"), failed[0]["request_id"])
}

// slowStore is a store that does not answer before its context ends.
type slowStore struct{ store }

func (slowStore) insert(ctx context.Context, _ order) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRequestThatTakesTooLong(t *testing.T) {
	r := start(t, func(s *service) {
		s.store = slowStore{s.store}
		s.config.requestTimeout = time.Millisecond
	})

	got := r.do("ada", "POST", "/api/v1/orders", twoBooks)
	require.Equal(t, 503, got.status)
	require.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 1ms"}`, got.body)
	r.stop()
	require.Empty(t, r.log.records(t, "msg", "mail"))
	require.EqualValues(t, 503, r.log.records(t, "msg", "request")[0]["status"])
}
