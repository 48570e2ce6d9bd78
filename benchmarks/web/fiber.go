package web

import (
	"net"
	"strconv"

	"github.com/go-playground/validator/v10"
	"github.com/goccy/go-json"
	"github.com/gofiber/fiber/v3"
)

func newFiber(shop *Shop) Server {
	return fiberServer(shop, fiber.Config{})
}

func newFiberGoJSON(shop *Shop) Server {
	return fiberServer(shop, fiber.Config{JSONEncoder: json.Marshal, JSONDecoder: json.Unmarshal})
}

func fiberServer(shop *Shop, config fiber.Config) Server {
	h := fiberHandlers{shop}
	config.StructValidator = fiberValidator{newValidator()}
	app := fiber.New(config)
	app.Post("/order", h.createOrder)
	app.Post("/order/tasks", h.createOrderWithTasks)
	app.Get("/products/:id", h.product)
	app.Get("/hello", h.hello)
	return &fastServer{
		handler: app.Handler(),
		serve: func(listener net.Listener) error {
			return app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
		},
		close: app.Shutdown,
	}
}

type fiberValidator struct{ validate *validator.Validate }

func (v fiberValidator) Validate(out any) error { return v.validate.Struct(out) }

type fiberHandlers struct{ shop *Shop }

// read binds and validates. It answers itself, and reports false, when
// something is wrong.
func (h fiberHandlers) read(c fiber.Ctx, p *Placement, o *Order) (bool, error) {
	queryErr, bodyErr := c.Bind().Query(p), c.Bind().Body(o)
	if queryErr == nil && bodyErr == nil {
		return true, nil
	}
	faults, ok := faultsOf(queryErr, bodyErr)
	if !ok {
		return false, fiber.ErrBadRequest
	}
	return false, c.Status(fiber.StatusUnprocessableEntity).JSON(faults)
}

func (h fiberHandlers) createOrder(c fiber.Ctx) error {
	var p Placement
	var o Order
	if ok, err := h.read(c, &p, &o); !ok {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(Created{h.shop.Place(p, &o), "created"})
}

func (h fiberHandlers) createOrderWithTasks(c fiber.Ctx) error {
	var p Placement
	var o Order
	if ok, err := h.read(c, &p, &o); !ok {
		return err
	}
	id := h.shop.Place(p, &o)
	go h.shop.Confirm(o.Email, id)
	go h.shop.Take(o.Items)
	return c.Status(fiber.StatusCreated).JSON(Created{id, "created"})
}

func (h fiberHandlers) product(c fiber.Ctx) error {
	id, err := strconv.Atoi(c.Params("id"))
	if err != nil {
		return fiber.ErrUnprocessableEntity
	}
	full, err := strconv.ParseBool(c.Query("full", "false"))
	if err != nil {
		return fiber.ErrUnprocessableEntity
	}
	return c.JSON(Product{id, full})
}

func (h fiberHandlers) hello(c fiber.Ctx) error { return c.SendString(greeting) }
