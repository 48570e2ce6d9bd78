//go:build !race

package routing_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type orderLine struct {
	SKU      string `json:"sku" validate:"required"`
	Quantity int    `json:"qty" validate:"min=1"`
}

type newOrder struct {
	Source   string `query:"source" validate:"required,oneof=web app"`
	Priority int    `query:"priority" validate:"required,min=1,max=5"`
	Order    struct {
		Email string      `json:"email" validate:"required,email"`
		Items []orderLine `json:"items" validate:"required,min=1,dive"`
	} `body:"" validate:"required"`
}

type created struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

type lookup struct {
	ID   int  `path:"id"`
	Full bool `query:"full"`
}

type product struct {
	ID   int  `json:"id"`
	Full bool `json:"full"`
}

// The counts are all that a request allocates, from the router to the end of
// its work, of which 1 is the context that a handler may keep.
func TestAllocations(t *testing.T) {
	var ran atomic.Int64
	take := func(context.Context, []orderLine) error {
		ran.Add(1)
		return nil
	}
	type confirmation struct{ email, id string }
	confirm := func(context.Context, confirmation) error {
		ran.Add(1)
		return nil
	}
	createWithTasks := func(_ context.Context, in newOrder) (responses.JSONResponse[created, *background.Tasks], error) {
		tasks := new(background.Tasks)
		tasks.Add(background.NewTask(confirm, confirmation{in.Order.Email, "7"}))
		tasks.Add(background.NewTask(take, in.Order.Items))
		return responses.JSON(created{"7", "created"}, tasks), nil
	}
	r := newRouter(t)
	r.Handle("GET", "/text", routing.NewEndpoint(func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.Text("hello"), nil
	}))
	r.Handle("GET", "/lookup/{id}", routing.NewEndpoint(func(_ context.Context, in lookup) (product, error) { return product(in), nil }))
	group := r.Group("/group", func(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next })
	group.Handle("GET", "/lookup/{id}", routing.NewEndpoint(func(_ context.Context, in lookup) (product, error) { return product(in), nil }))
	r.Handle("POST", "/order", routing.NewEndpoint(func(context.Context, newOrder) (created, error) { return created{"7", "created"}, nil }))
	r.Handle("POST", "/tasks", routing.NewEndpoint(createWithTasks))
	handler := routing.Build(r).ServeRequest

	count := func(method, target, body string, tasks int) float64 {
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod(method)
		raw.Request.Header.SetContentType("application/json")
		raw.Request.SetBodyString(body)
		raw.Response.KeepBodyBuffer = true // as a server sets it
		return testing.AllocsPerRun(500, func() {
			raw.Request.SetRequestURI(target)
			raw.Response.Reset()
			ended := ran.Load() + int64(tasks)
			handler(&raw)
			raw.ResetUserValues()
			for ran.Load() < ended {
				runtime.Gosched()
			}
		})
	}
	const order = `{"email":"ada@example.com","items":[{"sku":"A-1","qty":1},{"sku":"B-2","qty":2}]}`
	assert.EqualValues(t, 1, count("GET", "/text", "", 0))

	assert.EqualValues(t, 1, count("GET", "/lookup/42?full=true", "", 0))

	// For the middleware of a group: the path, and where the parameters are in it.
	assert.EqualValues(t, 1+2, count("GET", "/group/lookup/42?full=true", "", 0))

	// params: the texts of the body, and the list in it.
	assert.EqualValues(t, 1+2, count("POST", "/order?source=web&priority=3", order, 0))

	// The handler: the collection and its tasks. The runner: the group.
	assert.LessOrEqual(t, count("POST", "/tasks?source=web&priority=3", order, 2), 1+2+3.)
}

// A context that is kept should cost what it is worth.
func TestTheContextIsSmall(t *testing.T) {
	assert.LessOrEqual(t, routing.ContextSize, uintptr(32))
}

// A lookup through SetContext costs no allocation.
func TestSetContextAllocations(t *testing.T) {
	r := newRouter(t)
	ctx := context.WithValue(context.Background(), outerName("trace"), "a")
	var got any
	r.Get("/", func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		got = ctx.Value(outerName("trace"))
		return responses.Text("x"), nil
	})
	handler := routing.Build(r).ServeRequest
	allocations := func(set bool) float64 {
		raw := new(fasthttp.RequestCtx)
		raw.Request.SetRequestURI("/")
		return testing.AllocsPerRun(200, func() {
			if set {
				routing.SetContext(raw, ctx)
			}
			handler(raw)
			raw.ResetUserValues()
			raw.Response.Reset()
		})
	}
	without := allocations(false)
	require.Nil(t, got)
	assert.LessOrEqual(t, allocations(true), without+1, "the part of a request that most do without")
	assert.Equal(t, "a", got)
}
