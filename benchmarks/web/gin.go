package web

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

func newGin(shop *Shop) Server {
	gin.SetMode(gin.ReleaseMode)
	h, r := ginHandlers{shop}, gin.New()
	r.POST("/order", h.createOrder)
	r.POST("/order/tasks", h.createOrderWithTasks)
	r.GET("/products/:id", h.product)
	r.GET("/hello", h.hello)
	return newStdServer(r)
}

type ginHandlers struct{ shop *Shop }

type ginPlacement struct {
	Source   string `form:"source" binding:"required,oneof=web app"`
	Priority int    `form:"priority" binding:"required,min=1,max=5"`
}

// read binds and validates. It answers itself, and reports false, when
// something is wrong.
func (h ginHandlers) read(c *gin.Context, p *ginPlacement, o *Order) bool {
	queryErr, bodyErr := c.ShouldBindQuery(p), c.ShouldBindJSON(o)
	if queryErr == nil && bodyErr == nil {
		return true
	}
	faults, ok := faultsOf(queryErr, bodyErr)
	if !ok {
		c.String(http.StatusBadRequest, "the request is not an order")
		return false
	}
	c.JSON(http.StatusUnprocessableEntity, faults)
	return false
}

func (h ginHandlers) createOrder(c *gin.Context) {
	var p ginPlacement
	var o Order
	if h.read(c, &p, &o) {
		c.JSON(http.StatusCreated, Created{h.shop.Place(Placement(p), &o), "created"})
	}
}

func (h ginHandlers) createOrderWithTasks(c *gin.Context) {
	var p ginPlacement
	var o Order
	if !h.read(c, &p, &o) {
		return
	}
	id := h.shop.Place(Placement(p), &o)
	c.JSON(http.StatusCreated, Created{id, "created"})
	go h.shop.Confirm(o.Email, id)
	go h.shop.Take(o.Items)
}

func (h ginHandlers) product(c *gin.Context) {
	id, err := strconv.Atoi(c.Param("id"))
	if err != nil {
		c.String(http.StatusUnprocessableEntity, "the id is not a number")
		return
	}
	full, err := strconv.ParseBool(c.DefaultQuery("full", "false"))
	if err != nil {
		c.String(http.StatusUnprocessableEntity, "full is neither true nor false")
		return
	}
	c.JSON(http.StatusOK, Product{id, full})
}

func (h ginHandlers) hello(c *gin.Context) { c.String(http.StatusOK, greeting) }
