package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-fuego/fuego"
	"github.com/go-fuego/fuego/option"
	"github.com/go-playground/validator/v10"
)

func newFuego(shop *Shop) Server {
	h := fuegoHandlers{shop, newValidator()}
	s := fuego.NewServer(
		fuego.WithoutLogger(), // it would log each request
		fuego.WithEngineOptions(fuego.WithErrorHandler(passError)),
	)
	placement := option.Group(
		option.Query("source", "where the order comes from"),
		option.QueryInt("priority", "how urgent it is"),
		option.DefaultStatusCode(http.StatusCreated),
	)
	fuego.Post(s, "/order", h.createOrder, placement)
	fuego.Post(s, "/order/tasks", h.createOrderWithTasks, placement)
	fuego.Get(s, "/products/{id}", h.product, option.QueryBool("full", "all there is to know"))
	fuego.Get(s, "/hello", h.hello)
	return newStdServer(s.Mux)
}

// passError stands in for Fuego's own handler, which would log each error.
func passError(_ context.Context, err error) error { return err }

type fuegoHandlers struct {
	shop     *Shop
	validate *validator.Validate
}

// read binds and validates. Fuego validates the body, and leaves the query to
// the controller.
func (h fuegoHandlers) read(c fuego.ContextWithBody[Order]) (p Placement, o Order, err error) {
	p = Placement{Source: c.QueryParam("source"), Priority: c.QueryParamInt("priority")}
	o, bodyErr := c.Body()
	queryErr := h.validate.Struct(&p)
	if queryErr == nil && bodyErr == nil {
		return p, o, nil
	}
	problem := fuego.HTTPError{Title: "Validation Error"}
	if bodyErr != nil && !errors.As(bodyErr, &problem) {
		return p, o, bodyErr
	}
	problem.Status = http.StatusUnprocessableEntity
	faults, ok := faultsOf(queryErr)
	if !ok {
		return p, o, queryErr
	}
	for _, fault := range faults.Errors {
		problem.Errors = append(problem.Errors, fuego.ErrorItem{Name: fault.Field, Reason: fault.Rule})
	}
	return p, o, problem
}

func (h fuegoHandlers) createOrder(c fuego.ContextWithBody[Order]) (Created, error) {
	p, o, err := h.read(c)
	if err != nil {
		return Created{}, err
	}
	return Created{h.shop.Place(p, &o), "created"}, nil
}

func (h fuegoHandlers) createOrderWithTasks(c fuego.ContextWithBody[Order]) (Created, error) {
	p, o, err := h.read(c)
	if err != nil {
		return Created{}, err
	}
	id := h.shop.Place(p, &o)
	go h.shop.Confirm(o.Email, id)
	go h.shop.Take(o.Items)
	return Created{id, "created"}, nil
}

func (h fuegoHandlers) product(c fuego.ContextNoBody) (Product, error) {
	id, err := c.PathParamIntErr("id")
	if err != nil {
		return Product{}, err
	}
	full, err := c.QueryParamBoolErr("full")
	if err != nil {
		return Product{}, err
	}
	return Product{id, full}, nil
}

// hello answers text because the Accept field of the request allows any type
// and the content is a string.
func (h fuegoHandlers) hello(fuego.ContextNoBody) (string, error) { return greeting, nil }
