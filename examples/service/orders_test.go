package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestOrderIsCreatedAndFound(t *testing.T) {
	r := start(t, nil)

	created := velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada"))
	require.Equal(t, 201, created.Status)
	o := decode[order](t, created.Text)
	require.Equal(t, open, o.Status)
	require.Equal(t, []item{{"book", 2}}, o.Items)
	require.Equal(t, "/api/v1/orders/"+o.ID, created.Header.Get("Location"))

	found := velithontest.Get[any](r.Kit, created.Header.Get("Location"), as("ada"))
	require.Equal(t, 200, found.Status)
	require.JSONEq(t, created.Text, found.Text)
}

func TestOrderIsCancelledOnce(t *testing.T) {
	r := start(t, nil)
	o := r.order("ada")

	first := velithontest.Post[any](r.Kit, "/api/v1/orders/"+o.ID+"/cancel", nil, as("ada"))
	require.Equal(t, 200, first.Status)
	require.Equal(t, cancelled, decode[order](t, first.Text).Status)

	second := velithontest.Post[any](r.Kit, "/api/v1/orders/"+o.ID+"/cancel", nil, as("ada"))
	require.Equal(t, 409, second.Status)
	require.Equal(t, "application/problem+json", second.Header.Get("Content-Type"))
	require.JSONEq(t, `{"title":"Conflict","status":409,"detail":"the order is cancelled already"}`, second.Text)
}

func TestOrdersBelongToCustomers(t *testing.T) {
	r := start(t, nil)
	o := r.order("ada")

	for _, request := range [][2]string{{"GET", "/api/v1/orders/" + o.ID}, {"POST", "/api/v1/orders/" + o.ID + "/cancel"}} {
		got := velithontest.Do[any](r.Kit, request[0], request[1], nil, as("grace"))
		require.Equal(t, 404, got.Status)
		require.JSONEq(t, `{"title":"Not Found","status":404,"detail":"no such order"}`, got.Text)
	}
	require.JSONEq(t, `{"orders":[],"total":0}`, velithontest.Get[any](r.Kit, "/api/v1/orders", as("grace")).Text)
}

func TestOrdersAreListedInPages(t *testing.T) {
	r := start(t, nil)
	var ids []string
	for range 5 {
		ids = append(ids, r.order("ada").ID)
	}
	require.Equal(t, 200, velithontest.Post[any](r.Kit, "/api/v1/orders/"+ids[2]+"/cancel", nil, as("ada")).Status)

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
		got := velithontest.Get[any](r.Kit, "/api/v1/orders"+test.query, as("ada"))
		require.Equal(t, 200, got.Status, test.query)
		list := decode[orderList](t, got.Text)
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

	got := velithontest.Post[any](r.Kit, "/api/v1/orders", `{"email":"ada","items":[{"sku":"book","quantity":0}]}`, as("ada"))
	require.Equal(t, 422, got.Status)
	require.Contains(t, got.Text, `{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}`)
	require.Contains(t, got.Text, `{"in":"body","pointer":"#/items/0/quantity","code":"min","detail":"must be at least 1"}`)

	got = velithontest.Get[any](r.Kit, "/api/v1/orders?limit=1000&offset=one&status=lost", as("ada"))
	require.Equal(t, 422, got.Status)
	for _, name := range []string{"limit", "offset", "status"} {
		require.Contains(t, got.Text, `"name":"`+name+`"`)
	}
}

// brokenStore is a store whose disk is full.
type brokenStore struct{ store }

func (brokenStore) insert(context.Context, order) error {
	return errors.New("write /var/lib/orders: no space left on device")
}

func TestUnknownErrorIsNotTold(t *testing.T) {
	r := start(t, func(s *service) { s.store = brokenStore{s.store} })

	got := velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada"))
	require.Equal(t, 500, got.Status)
	require.NotContains(t, got.Text, "/var/lib")
	failed := r.log.records(t, "msg", "request failed")
	require.Len(t, failed, 1)
	require.Equal(t, "write /var/lib/orders: no space left on device", failed[0]["error"])
	require.Equal(t, got.Header.Get("X-Request-Id"), failed[0]["request_id"])
}

// slowStore is a store that does not answer before its context ends.
type slowStore struct{ store }

func (slowStore) insert(ctx context.Context, _ order) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRequestThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(s *service) {
			s.store = slowStore{s.store}
			s.config.requestTimeout = time.Millisecond
		})

		got := velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada"))
		require.Equal(t, 503, got.Status)
		require.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 1ms"}`, got.Text)
		r.Wait()
		require.Empty(t, r.log.records(t, "msg", "mail"))
		require.EqualValues(t, 503, r.log.records(t, "msg", "request")[0]["status"])
	})
}
