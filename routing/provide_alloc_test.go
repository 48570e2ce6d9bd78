//go:build !race

package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A provider costs no allocation more than the same value as an input: the context,
// and the text of the header.
func TestAllocationsOfProviders(t *testing.T) {
	text := func() (responses.TextResponse, error) { return responses.Text("x"), nil }
	r := newRouter(t)
	secured := r.Group("/secured")
	routing.Provide(r, func(_ context.Context, in credentials) (user, error) { return user{in.Authorization}, nil })
	routing.Provide(secured, func(_ context.Context, in credentials) (user, error) { return user{in.Authorization}, nil },
		routing.Secured(bearer), routing.Everywhere())
	routing.Provide(r, func(_ context.Context, in selfIn) (number, error) { return number(len(in.User.Name)), nil })
	r.Handle("GET", "/none", routing.NewEndpoint(func(context.Context, struct{}) (responses.TextResponse, error) { return text() }))
	r.Handle("GET", "/input", routing.NewEndpoint(func(context.Context, credentials) (responses.TextResponse, error) { return text() }))
	r.Handle("GET", "/one", routing.NewEndpoint(func(context.Context, whoIn) (responses.TextResponse, error) { return text() }))
	r.Handle("GET", "/two/{id}", routing.NewEndpoint(func(context.Context, struct {
		User   user   `provide:""`
		Number number `provide:""`
		ID     int    `path:"id"`
	},
	) (responses.TextResponse, error) {
		return text()
	}))
	secured.Handle("GET", "/", routing.NewEndpoint(func(context.Context, whoIn) (responses.TextResponse, error) { return text() }))
	handler := routing.Build(r).ServeRequest
	count := func(target string, status int) float64 {
		var raw fasthttp.RequestCtx
		raw.Request.Header.Set("Authorization", "Bearer ada")
		raw.Response.KeepBodyBuffer = true // as a server sets it
		return testing.AllocsPerRun(500, func() {
			raw.Request.SetRequestURI(target)
			raw.Response.Reset()
			handler(&raw)
			if raw.Response.StatusCode() != status {
				t.Error(raw.Response.String())
			}
		})
	}
	assert.EqualValues(t, 1, count("/none", 200))
	assert.EqualValues(t, 1+1, count("/input", 200))
	assert.EqualValues(t, 1+1, count("/one", 200))
	assert.EqualValues(t, 1+1, count("/two/7", 200))
	assert.EqualValues(t, 1+1, count("/secured/", 200))
}
