package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// newVelithon adds the routes by the verbs. From Go 1.27 on the compiler checks
// the handlers and they are called directly; before, they are checked at
// registration and called by reflection.
func newVelithon(shop *Shop) Server {
	h, app := velithonHandlers{shop}, newVelithonApp()
	app.Post("/order", h.createOrder, routing.Status(http.StatusCreated))
	app.Post("/order/tasks", h.createOrderWithTasks, routing.Status(http.StatusCreated))
	app.Get("/products/{id}", h.product)
	app.Get("/hello", h.hello)
	return velithonServer(app)
}

// newVelithonHandle adds the routes by routing.NewEndpoint, which is checked by the
// compiler and calls directly on any Go.
func newVelithonHandle(shop *Shop) Server {
	h, app := velithonHandlers{shop}, newVelithonApp()
	app.Handle(http.MethodPost, "/order", routing.NewEndpoint(h.createOrder), routing.Status(http.StatusCreated))
	app.Handle(http.MethodPost, "/order/tasks", routing.NewEndpoint(h.createOrderWithTasks), routing.Status(http.StatusCreated))
	app.Handle(http.MethodGet, "/products/{id}", routing.NewEndpoint(h.product))
	app.Handle(http.MethodGet, "/hello", routing.NewEndpoint(h.hello))
	return velithonServer(app)
}

func newVelithonApp() *velithon.App {
	return velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
}

func velithonServer(app *velithon.App) Server {
	return &fastServer{handler: app.Handler(), serve: app.Serve, close: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return app.Shutdown(ctx)
	}}
}

type velithonHandlers struct{ shop *Shop }

type newOrder struct {
	Placement
	Order Order `body:"" validate:"required"`
}

func (h velithonHandlers) createOrder(_ context.Context, in newOrder) (Created, error) {
	return Created{h.shop.Place(in.Placement, &in.Order), "created"}, nil
}

func (h velithonHandlers) createOrderWithTasks(_ context.Context, in newOrder) (responses.JSONResponse[Created, *background.Tasks], error) {
	id := h.shop.Place(in.Placement, &in.Order)
	tasks := &background.Tasks{}
	tasks.Add(background.NewTask(confirm, confirmation{h.shop, in.Order.Email, id}))
	tasks.Add(background.NewTask(take, removal{h.shop, in.Order.Items}))
	return responses.JSON(Created{id, "created"}, tasks), nil
}

// The tasks are functions and have the shop in their argument: a method such as
// h.confirm would be one allocation more for each task.

type confirmation struct {
	shop           *Shop
	email, orderID string
}

func confirm(_ context.Context, c confirmation) error {
	c.shop.Confirm(c.email, c.orderID)
	return nil
}

type removal struct {
	shop  *Shop
	lines []Line
}

func take(_ context.Context, r removal) error {
	r.shop.Take(r.lines)
	return nil
}

// A lookup has tags that huma reads as well.
type lookup struct {
	ID   int  `path:"id"`
	Full bool `query:"full"`
}

func (h velithonHandlers) product(_ context.Context, in lookup) (Product, error) {
	return Product(in), nil
}

func (h velithonHandlers) hello(context.Context, struct{}) (responses.TextResponse, error) {
	return responses.Text(greeting), nil
}
