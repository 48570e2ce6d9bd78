package routing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/routing"
)

func TestRoutesTellTheirOptions(t *testing.T) {
	type key struct{}
	r := newRouter(t)
	r.Get("/plain", hello)
	r.Post("/order", hello, routing.Status(201), routing.Timeout(time.Second), routing.BodyLimit(100),
		routing.ReadTimeout(time.Minute), routing.Annotate(key{}, "noted"), routing.Annotate("other", 2), routing.Hidden())
	routes := r.Routes()

	plain := routes[0]
	assert.Equal(t, 200, plain.Status())
	assert.Zero(t, plain.Timeout())
	assert.Zero(t, plain.BodyLimit())
	assert.Zero(t, plain.ReadTimeout())
	assert.Nil(t, plain.Annotation(key{}))
	assert.False(t, plain.IsHidden())
	assert.True(t, plain.Plan().IsEmpty())

	order := routes[1]
	assert.Equal(t, 201, order.Status())
	assert.Equal(t, time.Second, order.Timeout())
	assert.Equal(t, 100, order.BodyLimit())
	assert.Equal(t, time.Minute, order.ReadTimeout())
	assert.Equal(t, "noted", order.Annotation(key{}))
	assert.Equal(t, 2, order.Annotation("other"))
	assert.True(t, order.IsHidden())
	assert.Nil(t, routing.Route{}.Plan())
}

func TestAnnotationsOfOneKey(t *testing.T) {
	r := newRouter(t)
	message := panicOf(func() { r.Get("/", hello, routing.Annotate("key", 1), routing.Annotate("key", 2)) })
	assert.Contains(t, message, "option Annotate(string): the route has a value for this key: give it once")
}

// A route's own value takes the place of a default, that of an inner group of an outer's.
func TestAnnotationsByDefault(t *testing.T) {
	r := newRouter(t)
	r.Defaults(routing.Annotate("key", "app"), routing.Annotate("other", 1))
	message := panicOf(func() { r.Defaults(routing.Annotate("key", 1), routing.Annotate("key", 2)) })
	assert.Contains(t, message, "give it once")
	r.Get("/app", hello)
	g := r.Group("/g")
	g.Defaults(routing.Annotate("key", "group"))
	g.Defaults(routing.Annotate("third", 3))
	g.Get("/group", hello)
	g.Get("/own", hello, routing.Annotate("key", "own"))
	for i, want := range []string{"app", "group", "own"} {
		assert.Equal(t, want, r.Routes()[i].Annotation("key"))
		assert.Equal(t, 1, r.Routes()[i].Annotation("other"))
	}
	assert.Equal(t, 3, r.Routes()[2].Annotation("third"))
}

func TestTemplates(t *testing.T) {
	type path = routing.PathTemplate
	type param = routing.PathParam
	id := param{Name: "id"}
	for pattern, want := range map[string][]path{
		"/":            {{Path: "/"}},
		"/order":       {{Path: "/order"}},
		"/order/{id}":  {{Path: "/order/{id}", Params: []param{id}}},
		"/o/{id}/x":    {{Path: "/o/{id}/x", Params: []param{id}}},
		"/o/{id?}":     {{Path: "/o"}, {Path: "/o/{id}", Params: []param{id}}},
		"/{id?}":       {{Path: "/"}, {Path: "/{id}", Params: []param{id}}},
		"/f/{rest:*}":  {{Path: "/f/{rest}", Params: []param{{Name: "rest", Rest: true}}}},
		"/{id}.{type}": {{Path: "/{id}.{type}", Params: []param{id, {Name: "type"}}}},
		"/{id:[0-9]{2,3}}/{b?:[a-z]+}/{c?}": {
			{Path: "/{id}", Params: []param{{Name: "id", Form: "[0-9]{2,3}"}}},
			{Path: "/{id}/{b}", Params: []param{{Name: "id", Form: "[0-9]{2,3}"}, {Name: "b", Form: "[a-z]+"}}},
			{Path: "/{id}/{b}/{c}", Params: []param{{Name: "id", Form: "[0-9]{2,3}"}, {Name: "b", Form: "[a-z]+"}, {Name: "c"}}},
		},
	} {
		r := newRouter(t)
		r.Get(pattern, func(context.Context, struct{}) (string, error) { return "", nil })
		assert.Equal(t, want, r.Routes()[0].Templates(), pattern)
	}
}
