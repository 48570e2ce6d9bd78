package web

import (
	"net/http"

	"github.com/go-playground/validator/v10"
	"github.com/labstack/echo/v5"
)

func newEcho(shop *Shop) Server {
	h, e := echoHandlers{shop}, echo.New()
	e.Validator = echoValidator{newValidator()}
	e.POST("/order", h.createOrder)
	e.POST("/order/tasks", h.createOrderWithTasks)
	e.GET("/products/:id", h.product)
	e.GET("/hello", h.hello)
	return newStdServer(e)
}

type echoValidator struct{ validate *validator.Validate }

func (v echoValidator) Validate(i any) error { return v.validate.Struct(i) }

type echoHandlers struct{ shop *Shop }

type echoOrder struct {
	Placement
	Order
}

// read binds and validates. It answers itself, and reports false, when
// something is wrong.
func (h echoHandlers) read(c *echo.Context, in *echoOrder) (bool, error) {
	if err := c.Bind(in); err != nil {
		return false, err
	}
	if err := echo.BindQueryParams(c, in); err != nil { // Bind leaves them out of a POST
		return false, err
	}
	err := c.Validate(in)
	if err == nil {
		return true, nil
	}
	faults, ok := faultsOf(err)
	if !ok {
		return false, err
	}
	return false, c.JSON(http.StatusUnprocessableEntity, faults)
}

func (h echoHandlers) createOrder(c *echo.Context) error {
	var in echoOrder
	if ok, err := h.read(c, &in); !ok {
		return err
	}
	return c.JSON(http.StatusCreated, Created{h.shop.Place(in.Placement, &in.Order), "created"})
}

func (h echoHandlers) createOrderWithTasks(c *echo.Context) error {
	var in echoOrder
	if ok, err := h.read(c, &in); !ok {
		return err
	}
	id := h.shop.Place(in.Placement, &in.Order)
	go h.shop.Confirm(in.Email, id)
	go h.shop.Take(in.Items)
	return c.JSON(http.StatusCreated, Created{id, "created"})
}

func (h echoHandlers) product(c *echo.Context) error {
	id, err := echo.PathParam[int](c, "id")
	if err != nil {
		return err
	}
	full, err := echo.QueryParamOr(c, "full", false)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Product{id, full})
}

func (h echoHandlers) hello(c *echo.Context) error { return c.String(http.StatusOK, greeting) }
