package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

type status string

const (
	open      status = "open"
	cancelled status = "cancelled"
)

type order struct {
	ID       string    `json:"id"`
	Status   status    `json:"status"`
	Email    string    `json:"email"`
	Items    []item    `json:"items"`
	Created  time.Time `json:"created"`
	Customer string    `json:"-"`
}

// newOrder is the body of the request that creates one.
type newOrder struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,min=1,max=100"`
}

type item struct {
	SKU      string `json:"sku" validate:"required,min=1,max=40"`
	Quantity int    `json:"quantity" validate:"required,min=1,max=1000"`
}

// page is the part of a list that is asked for. It is embedded into the input
// of each route that lists something.
type page struct {
	Limit  int `query:"limit" default:"20" validate:"min=1,max=100"`
	Offset int `query:"offset" validate:"min=0"`
}

type listOrders struct {
	page
	Status status `query:"status" validate:"omitempty,oneof=open cancelled"`
}

type orderList struct {
	Orders []order `json:"orders"`
	Total  int     `json:"total"` // on all pages
}

// orderID is the input of the routes that are about one order.
type orderID struct {
	ID string `path:"id"`
}

// orderResponse is an order with the work that it causes.
type orderResponse = responses.JSONResponse[order, *background.Tasks]

func (s *service) createOrder(ctx context.Context, in newOrder) (orderResponse, error) {
	o := order{
		ID:       rand.Text(),
		Status:   open,
		Email:    in.Email,
		Items:    in.Items,
		Created:  time.Now().UTC().Truncate(time.Second),
		Customer: customerOf(ctx),
	}
	if err := s.store.insert(ctx, o); err != nil {
		return orderResponse{}, err
	}
	tasks := &background.Tasks{}
	tasks.Add(s.confirm(o), s.audit.task("order created", o))
	response := responses.JSON(o, tasks)
	response.Header = responses.Header{"Location": {"/api/v1/orders/" + o.ID}}
	return response, nil
}

func (s *service) listOrders(ctx context.Context, in listOrders) (list orderList, err error) {
	list.Orders, list.Total, err = s.store.orders(ctx, customerOf(ctx), in.Status, in.page)
	return list, err
}

func (s *service) order(ctx context.Context, in orderID) (order, error) {
	return s.store.order(ctx, customerOf(ctx), in.ID)
}

func (s *service) cancelOrder(ctx context.Context, in orderID) (orderResponse, error) {
	o, err := s.store.cancel(ctx, customerOf(ctx), in.ID)
	if err != nil {
		return orderResponse{}, err
	}
	tasks := &background.Tasks{}
	tasks.Add(s.audit.task("order cancelled", o))
	return responses.JSON(o, tasks), nil
}
