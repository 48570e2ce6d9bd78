package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

func newHuma(shop *Shop) Server {
	h, mux := humaHandlers{shop}, chi.NewMux()
	config := huma.DefaultConfig("Shop", "1.0.0")
	config.CreateHooks = nil // which would add $schema to each answer
	api := humachi.New(mux, config)
	created := func(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }
	huma.Post(api, "/order", h.createOrder, created)
	huma.Post(api, "/order/tasks", h.createOrderWithTasks, created)
	huma.Get(api, "/products/{id}", h.product)
	huma.Get(api, "/hello", h.hello)
	return newStdServer(mux)
}

type humaHandlers struct{ shop *Shop }

type humaOrder struct {
	Placement
	Body Order
}

type humaCreated struct{ Body Created }

func (h humaHandlers) createOrder(_ context.Context, in *humaOrder) (*humaCreated, error) {
	return &humaCreated{Created{h.shop.Place(in.Placement, &in.Body), "created"}}, nil
}

func (h humaHandlers) createOrderWithTasks(_ context.Context, in *humaOrder) (*humaCreated, error) {
	id := h.shop.Place(in.Placement, &in.Body)
	go h.shop.Confirm(in.Body.Email, id)
	go h.shop.Take(in.Body.Items)
	return &humaCreated{Created{id, "created"}}, nil
}

type humaProduct struct{ Body Product }

func (h humaHandlers) product(_ context.Context, in *lookup) (*humaProduct, error) {
	return &humaProduct{Product(*in)}, nil
}

type humaText struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (h humaHandlers) hello(context.Context, *struct{}) (*humaText, error) {
	return &humaText{"text/plain; charset=utf-8", []byte(greeting)}, nil
}
