package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	wire "github.com/fasthttp/websocket"
	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/velithontest"
)

func TestProductsInPages(t *testing.T) {
	r := start(t, nil)
	first := velithontest.Get[page](r.Kit, "/api/products?limit=1")
	require.Equal(t, 200, first.Status)
	require.Len(t, first.Body.Products, 1)
	require.Equal(t, "book", first.Body.Next)
	last := velithontest.Get[page](r.Kit, "/api/products?limit=1&after="+first.Body.Next)
	require.Equal(t, []product{{SKU: "pen", Name: "A pen", Price: 150, Stock: 1000}}, last.Body.Products)
	require.Empty(t, last.Body.Next)
	require.JSONEq(t, `{"products":[]}`, velithontest.Get[page](r.Kit, "/api/products?after=zzz").Text)

	wrong := velithontest.Get[page](r.Kit, "/api/products?limit=0&page=2")
	require.Equal(t, 422, wrong.Status)
	require.Equal(t, []params.Fault{
		{In: "query", Name: "limit", Code: "min", Detail: "must be at least 1"},
		{In: "query", Name: "page", Code: "unknown", Detail: "is unknown"},
	}, wrong.Problem.Errors)
}

func TestPatchOfAProduct(t *testing.T) {
	r := start(t, nil)
	for _, c := range []struct {
		body   string
		status int
		text   string
	}{
		{`{}`, 200, `{"sku":"book","name":"A book","description":"With pages","price":1200,"stock":100}`},
		{`{"price":1300}`, 200, `{"sku":"book","name":"A book","description":"With pages","price":1300,"stock":100}`},
		{`{"description":null,"stock":0}`, 200, `{"sku":"book","name":"A book","description":null,"price":1300,"stock":0}`},
		{`{"price":null}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/price","code":"type","detail":"must not be null"}]}`},
		{`{"prize":1}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/prize","code":"unknown","detail":"is unknown"}]}`},
	} {
		answer := velithontest.Patch[product](r.Kit, "/api/staff/products/book", c.body, staffKey, "Content-Type: application/merge-patch+json")
		require.Equal(t, c.status, answer.Status, c.body)
		require.JSONEq(t, c.text, answer.Text, c.body)
	}
	require.Equal(t, 404, velithontest.Patch[product](r.Kit, "/api/staff/products/none", `{}`, staffKey).Status)
	require.Equal(t, 409, velithontest.Post[order](r.Kit, "/api/orders", twoBooks, as(t, "ada@example.org")).Status, "none are left")
}

// An order, from its place in the database to its invoice, as its customer sees it.
func TestAnOrder(t *testing.T) {
	r := start(t, nil)
	r.Hold()
	answer := velithontest.Post[order](r.Kit, "/api/orders", twoBooks, as(t, "ada@example.org"))
	require.Equal(t, 201, answer.Status)
	require.Equal(t, "/api/orders/1", answer.Header.Get("Location"))
	require.Equal(t, order{ID: 1, SKU: "book", Quantity: 2, Total: 2400}, answer.Body)
	require.Equal(t, 98, velithontest.Get[page](r.Kit, "/api/products").Body.Products[0].Stock)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/api/orders/1/events", http.NoBody)
	require.NoError(t, err)
	_, token, _ := strings.Cut(as(t, "ada@example.org"), ": ")
	request.Header.Set("Authorization", token)
	stream, err := r.Client.Do(request)
	require.NoError(t, err)
	defer stream.Body.Close()
	require.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	events := bufio.NewScanner(stream.Body)
	next := func() (o order) {
		for events.Scan() {
			if data, ok := strings.CutPrefix(events.Text(), "data: "); ok {
				require.NoError(t, json.Unmarshal([]byte(data), &o))
				return o
			}
		}
		require.FailNow(t, "the stream has ended", events.Err())
		return o
	}
	require.Nil(t, next().Invoice)
	require.Empty(t, r.log.records(t, "mail"))

	require.NoError(t, r.Step("invoice").Err)
	got := next()
	for got.Invoice == nil {
		got = next()
	}
	require.EqualValues(t, 1, *got.Invoice)
	for events.Scan() { // to its end
		require.Empty(t, events.Text())
	}
	require.NoError(t, r.Step("mail").Err)
	require.Equal(t, "ada@example.org", r.log.records(t, "mail")[0]["to"])
	require.Equal(t, 200, velithontest.Get[order](r.Kit, "/api/orders/1", as(t, "ada@example.org")).Status)
	require.Equal(t, 404, velithontest.Get[order](r.Kit, "/api/orders/1", as(t, "bob@example.org")).Status, "it is not his")
}

// A question is sent back when its mail is stored. What is none ends the conversation.
func TestQuestions(t *testing.T) {
	r := start(t, nil)
	r.Hold()
	dialer := wire.Dialer{NetDialContext: r.Dial}
	_, refused, err := dialer.DialContext(t.Context(), "ws://shop.example/api/orders/questions", nil)
	require.ErrorIs(t, err, wire.ErrBadHandshake)
	require.Equal(t, 401, refused.StatusCode)
	require.NoError(t, refused.Body.Close())

	_, token, _ := strings.Cut(as(t, "ada@example.org"), ": ")
	conn, response, err := dialer.DialContext(t.Context(), "ws://shop.example/api/orders/questions", http.Header{"Authorization": {token}})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, response.Body.Close())
	require.NoError(t, conn.WriteJSON(question{"Where is it?"}))
	var got question
	require.NoError(t, conn.ReadJSON(&got))
	require.Equal(t, question{"Where is it?"}, got)
	require.NoError(t, r.Step("mail").Err)
	record := r.log.records(t, "mail")[0]
	require.Equal(t, []any{"team@shop.example", "A question"}, []any{record["to"], record["subject"]})

	require.NoError(t, conn.WriteJSON(question{""}))
	_, _, err = conn.ReadMessage()
	require.True(t, wire.IsCloseError(err, 1008), "%v", err)
}

func TestAnOrderOrNothing(t *testing.T) {
	r := start(t, nil)
	for body, status := range map[string]int{
		`{"sku":"book","quantity":100}`: 201, // all
		`{"sku":"pen","quantity":0}`:    422,
		`{"sku":"none","quantity":1}`:   409,
		`{"quantity":1}`:                422,
		`{`:                             400,
	} {
		require.Equal(t, status, velithontest.Post[order](r.Kit, "/api/orders", body, as(t, "ada@example.org")).Status, body)
	}
	answer := velithontest.Post[order](r.Kit, "/api/orders", `{"sku":"book","quantity":1}`, as(t, "ada@example.org"))
	require.Equal(t, 409, answer.Status)
	require.Equal(t, "there is not so much of this product", answer.Problem.Detail)
	require.Len(t, r.Wait(), 2, "the tasks of one order")
}

func TestWhoGetsIn(t *testing.T) {
	r := start(t, nil)
	for name, change := range map[string]func(*gojwt.RegisteredClaims){
		"another issuer":      func(c *gojwt.RegisteredClaims) { c.Issuer = "https://login.evil.example" },
		"for another service": func(c *gojwt.RegisteredClaims) { c.Audience = gojwt.ClaimStrings{"bank"} },
		"expired":             func(c *gojwt.RegisteredClaims) { c.ExpiresAt = gojwt.NewNumericDate(time.Now().Add(-time.Second)) },
		"for nobody":          func(c *gojwt.RegisteredClaims) { c.Subject = "" },
	} {
		claims := claimsOf("ada@example.org")
		change(&claims)
		answer := velithontest.Get[order](r.Kit, "/api/orders/1", sign(t, claims))
		require.Equal(t, 401, answer.Status, name)
		require.Contains(t, answer.Header.Get("WWW-Authenticate"), "Bearer", name)
	}
	for _, fields := range [][]string{nil, {"X-Api-Key: wrong"}, {as(t, "ada@example.org")}} {
		require.Equal(t, 401, velithontest.Patch[product](r.Kit, "/api/staff/products/book", `{"price":1}`, fields...).Status, fields)
	}
	for _, path := range []string{"/ops/metrics", "/ops/debug/vars"} {
		require.Equal(t, 401, velithontest.Get[any](r.Kit, path).Status, path)
		require.Equal(t, 401, velithontest.Get[any](r.Kit, path, staffKey).Status, path)
	}
}
