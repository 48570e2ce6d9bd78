package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

func TestUnknownNamesAreRejectedWhereAsked(t *testing.T) {
	type item struct {
		SKU string `json:"sku"`
	}
	r := newRouter(t)
	save := routing.NewEndpoint(func(_ context.Context, in item) (string, error) { return in.SKU, nil })
	look := routing.NewEndpoint(hello)
	r.Handle("POST", "/lenient", save)
	r.Handle("POST", "/route", save, routing.RejectUnknown())
	group := r.Group("/group")
	group.Defaults(routing.RejectUnknown(), routing.Status(201))
	group.Handle("POST", "/strict", save)
	group.Handle("POST", "/hook", save, routing.IgnoreUnknown(), routing.Status(202))
	inner := group.Group("/inner")
	inner.Defaults(routing.Status(203))
	inner.Handle("GET", "", look)
	handler := behindServer(r)

	for _, c := range []struct {
		method, target, body string
		status               int
		answer               string
	}{
		{"POST", "/lenient?x=1", `{"sku":"pen","x":1}`, 200, `"pen"`},
		{"POST", "/route?x=1", `{"sku":"pen","x":1}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[` +
			`{"in":"body","pointer":"#/x","code":"unknown","detail":"is unknown"},{"in":"query","name":"x","code":"unknown","detail":"is unknown"}]}`},
		{"POST", "/route", `{"sku":"pen"}`, 200, `"pen"`},
		{"POST", "/group/strict", `{"sku":"pen","x":1}`, 422, ""},
		{"POST", "/group/strict", `{"sku":"pen"}`, 201, `"pen"`},
		{"POST", "/group/hook?x=1", `{"sku":"pen","x":1}`, 202, `"pen"`},
		{"GET", "/group/inner", "", 203, `"hello"`},
		{"GET", "/group/inner?utm_source=x", "", 422, ""},
	} {
		response := doAll(t, &fasthttp.Server{Handler: handler}, c.method, c.target, c.body, "Content-Type", "application/json")
		assert.Equal(t, c.status, response.StatusCode(), c.target+c.body)
		if c.answer != "" {
			assert.Equal(t, c.answer, string(response.Body()), c.target+c.body)
		}
	}
}

func TestDefaultsOfTheWholeApp(t *testing.T) {
	r := newRouter(t)
	r.Defaults(routing.Status(201))
	r.Defaults(routing.RejectUnknown())
	r.Group("/v1").Handle("GET", "/x", routing.NewEndpoint(hello))
	handler := behindServer(r)
	assert.Equal(t, 201, do(t, handler, "GET", "/v1/x").StatusCode())
	assert.Equal(t, 422, do(t, handler, "GET", "/v1/x?a=").StatusCode())
}

func TestMistakesInDefaults(t *testing.T) {
	for want, call := range map[string]func(r *routing.Router){
		`option Status(100): a success status`:                       func(r *routing.Router) { r.Defaults(routing.Status(100)) },
		`velithon: Defaults was called on group "/v1" (at `:          func(r *routing.Router) { r.Group("/v1").Defaults(nil) },
		`option 1 is nil: leave it out`:                              func(r *routing.Router) { r.Defaults(nil) },
		`option Name("x"): a name is for one route: give it to that`: func(r *routing.Router) { r.Defaults(routing.Name("x")) },
		`velithon: Defaults was called on the router (at `: func(r *routing.Router) {
			r.Handle("GET", "/x", routing.NewEndpoint(hello))
			r.Defaults(routing.Status(201))
		},
		`a route was added to it before, which would be without them: call Defaults first`: func(r *routing.Router) {
			r.Group("/a").Group("/b").Handle("GET", "/x", routing.NewEndpoint(hello))
			r.Defaults(routing.Status(201))
		},
		`the app has begun to serve: set all defaults first`: func(r *routing.Router) {
			routing.Build(r)
			r.Defaults(routing.Status(201))
		},
	} {
		r := newRouter(t)
		assert.Contains(t, panicOf(func() { call(r) }), want)
	}
}

// What an input may hold, an output may, too.
func TestTypesOfInputsInOutputs(t *testing.T) {
	type patch struct {
		On   params.Date             `json:"on"`
		Wait params.Duration         `json:"wait"`
		Name params.Optional[string] `json:"name"`
		Size params.Optional[*int]   `json:"size,omitzero"`
	}
	r := newRouter(t)
	r.Handle("POST", "/echo", routing.NewEndpoint(func(_ context.Context, in patch) (patch, error) { return in, nil }))
	handler := behindServer(r)
	for body, want := range map[string]string{
		`{"on":"2026-12-01","wait":"90s"}`: `{"on":"2026-12-01","wait":"1m30s","name":null}`,
		`{"name":"x","size":null}`:         `{"on":"0001-01-01","wait":"0s","name":"x","size":null}`,
	} {
		response := doAll(t, &fasthttp.Server{Handler: handler}, "POST", "/echo", body, "Content-Type", "application/json")
		assert.Equal(t, want, string(response.Body()))
	}
}
