package web

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/alitto/pond/v2"
	"github.com/fasthttp/router"
	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
)

// The floor is what one writes by hand for speed: fasthttp, a router, go-json,
// and a check for each value.

func newFloor(shop *Shop) Server {
	h := &floor{shop: shop}
	h.read = h.readByHand
	return h.server()
}

type floor struct {
	shop *Shop
	read func(*fasthttp.RequestCtx) (Placement, *Order, bool)
	pool pond.Pool // for the tasks of an order; nil: a goroutine for each
}

// newFloorPond is the floor with a bounded pool for the tasks of its orders, of
// the size of Velithon's.
func newFloorPond(shop *Shop) Server {
	h := &floor{shop: shop, pool: newPool()}
	h.read = h.readByHand
	return h.server()
}

func newPool() pond.Pool { return pond.NewPool(64, pond.WithQueueSize(65536)) }

// newFloorTimeouts is the floor with the time limits that Velithon has by
// default. A deadline is set three times for each request, on layers that have a
// connection.
func newFloorTimeouts(shop *Shop) Server {
	h := &floor{shop: shop}
	h.read = h.readByHand
	return h.serverWith(&fasthttp.Server{
		ReadTimeout:  10 * time.Second,
		WriteTimeout: 30 * time.Second,
		IdleTimeout:  60 * time.Second,
	})
}

func (h *floor) server() Server { return h.serverWith(new(fasthttp.Server)) }

func (h *floor) serverWith(s *fasthttp.Server) Server {
	r := router.New()
	r.POST("/order", h.createOrder)
	r.POST("/order/tasks", h.createOrderWithTasks)
	r.GET("/products/{id}", h.product)
	r.GET("/hello", h.hello)
	s.Handler = r.Handler
	return &fastServer{handler: r.Handler, serve: s.Serve, close: func() error { return h.close(s) }}
}

func (h *floor) close(s *fasthttp.Server) error {
	err := s.Shutdown()
	if h.pool != nil {
		h.pool.StopAndWait()
	}
	return err
}

func (h *floor) createOrder(ctx *fasthttp.RequestCtx) {
	placement, order, ok := h.read(ctx)
	if !ok {
		return
	}
	answer(ctx, fasthttp.StatusCreated, Created{h.shop.Place(placement, order), "created"})
}

func (h *floor) createOrderWithTasks(ctx *fasthttp.RequestCtx) {
	placement, order, ok := h.read(ctx)
	if !ok {
		return
	}
	id := h.shop.Place(placement, order)
	answer(ctx, fasthttp.StatusCreated, Created{id, "created"})
	if h.pool == nil {
		go h.shop.Confirm(order.Email, id)
		go h.shop.Take(order.Items)
		return
	}
	err := errors.Join(
		h.pool.Go(func() { h.shop.Confirm(order.Email, id) }),
		h.pool.Go(func() { h.shop.Take(order.Items) }))
	if err != nil {
		ctx.Error("the pool is full", fasthttp.StatusServiceUnavailable)
	}
}

func (h *floor) product(ctx *fasthttp.RequestCtx) {
	id, err := strconv.Atoi(ctx.UserValue("id").(string))
	if err != nil {
		ctx.Error("the id is not a number", fasthttp.StatusUnprocessableEntity)
		return
	}
	full := false
	if text := ctx.QueryArgs().Peek("full"); len(text) > 0 {
		if full, err = strconv.ParseBool(string(text)); err != nil {
			ctx.Error("full is neither true nor false", fasthttp.StatusUnprocessableEntity)
			return
		}
	}
	answer(ctx, fasthttp.StatusOK, Product{id, full})
}

func (h *floor) hello(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(greeting)
}

func answer(ctx *fasthttp.RequestCtx, status int, content any) {
	body, err := json.Marshal(content)
	if err != nil {
		ctx.Error("the answer can't be encoded", fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType(contentTypeJSON)
	ctx.Response.SetBodyRaw(body)
}

func (h *floor) readByHand(ctx *fasthttp.RequestCtx) (p Placement, o *Order, ok bool) {
	var faults []Fault
	query := ctx.QueryArgs()
	switch string(query.Peek("source")) {
	case "web":
		p.Source = "web"
	case "app":
		p.Source = "app"
	default:
		faults = append(faults, Fault{"source", "oneof"})
	}
	var err error
	if p.Priority, err = query.GetUint("priority"); err != nil || p.Priority < 1 || p.Priority > 5 {
		faults = append(faults, Fault{"priority", "range"})
	}
	o = new(Order)
	if err := json.Unmarshal(ctx.PostBody(), o); err != nil {
		ctx.Error("the body is not an order", fasthttp.StatusBadRequest)
		return p, nil, false
	}
	faults = o.check(faults)
	if len(faults) > 0 {
		answer(ctx, fasthttp.StatusUnprocessableEntity, Faults{faults})
		return p, nil, false
	}
	return p, o, true
}

func (o *Order) check(faults []Fault) []Fault {
	if !isEmail(o.Email) {
		faults = append(faults, Fault{"email", "email"})
	}
	if len(o.Items) == 0 {
		faults = append(faults, Fault{"items", "required"})
	}
	for i := range o.Items {
		if o.Items[i].SKU == "" {
			faults = append(faults, Fault{"items/" + strconv.Itoa(i) + "/sku", "required"})
		}
		if o.Items[i].Quantity < 1 {
			faults = append(faults, Fault{"items/" + strconv.Itoa(i) + "/qty", "min"})
		}
	}
	return faults
}

// isEmail takes the addresses that are in use: name@host.domain in ASCII.
func isEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	if !ok || name == "" || len(name) > 64 || len(host) > 253 {
		return false
	}
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", name[i]) < 0 {
			return false
		}
	}
	dots, label := 0, 0
	for i := range len(host) {
		switch c := host[i]; {
		case isAlphanumeric(c), c == '-' && label > 0:
			label++
		case c == '.' && label > 0:
			dots, label = dots+1, 0
		default:
			return false
		}
	}
	return dots > 0 && label > 1
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
