package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/network/standard"
	"github.com/cloudwego/hertz/pkg/protocol"
)

func newHertz(shop *Shop) Server {
	return &hertzServer{shop: shop, engine: newHertzEngine(shop)}
}

var hertzQuiet = sync.OnceFunc(func() { hlog.SetOutput(io.Discard) }) // it logs each start

func newHertzEngine(shop *Shop, options ...config.Option) *server.Hertz {
	hertzQuiet()
	h, validate := hertzHandlers{shop}, newValidator()
	options = append(options, server.WithCustomValidatorFunc(func(_ *protocol.Request, v any) error {
		return validate.Struct(v)
	}))
	engine := server.New(options...)
	engine.POST("/order", h.createOrder)
	engine.POST("/order/tasks", h.createOrderWithTasks)
	engine.GET("/products/:id", h.product)
	engine.GET("/hello", h.hello)
	return engine
}

type hertzHandlers struct{ shop *Shop }

type hertzOrder struct {
	Placement
	Order
}

// read binds and validates. It answers itself, and reports false, when
// something is wrong.
func (h hertzHandlers) read(c *app.RequestContext, in *hertzOrder) bool {
	err := c.BindAndValidate(in)
	if err == nil {
		return true
	}
	faults, ok := faultsOf(err)
	if !ok {
		c.String(http.StatusBadRequest, "the request is not an order")
		return false
	}
	c.JSON(http.StatusUnprocessableEntity, faults)
	return false
}

func (h hertzHandlers) createOrder(_ context.Context, c *app.RequestContext) {
	var in hertzOrder
	if h.read(c, &in) {
		c.JSON(http.StatusCreated, Created{h.shop.Place(in.Placement, &in.Order), "created"})
	}
}

func (h hertzHandlers) createOrderWithTasks(_ context.Context, c *app.RequestContext) {
	var in hertzOrder
	if !h.read(c, &in) {
		return
	}
	id := h.shop.Place(in.Placement, &in.Order)
	c.JSON(http.StatusCreated, Created{id, "created"})
	go h.shop.Confirm(in.Email, id)
	go h.shop.Take(in.Items)
}

func (h hertzHandlers) product(_ context.Context, c *app.RequestContext) {
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

func (h hertzHandlers) hello(_ context.Context, c *app.RequestContext) {
	c.String(http.StatusOK, greeting)
}

// hertzServer makes a second engine to serve: a listener is given to Hertz
// when the engine is made.
type hertzServer struct {
	shop   *Shop
	engine *server.Hertz

	mu      sync.Mutex // guards serving
	serving *server.Hertz
}

func (s *hertzServer) Serve(listener net.Listener) error {
	options := []config.Option{server.WithListener(listener), server.WithExitWaitTime(time.Second)}
	if _, ok := listener.(*net.TCPListener); !ok {
		// Its default transport, netpoll, knows sockets only.
		options = append(options, server.WithTransport(standard.NewTransporter))
	}
	engine := newHertzEngine(s.shop, options...)
	s.mu.Lock()
	s.serving = engine
	s.mu.Unlock()
	return engine.Run()
}

func (s *hertzServer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return s.serving.Shutdown(ctx)
}

func (s *hertzServer) NewCall(r Request) Call {
	c := &hertzCall{engine: s.engine, ctx: s.engine.NewContext(), target: r.Target}
	request := &c.ctx.Request
	request.Header.SetMethod(r.Method)
	request.SetRequestURI(r.Target)
	request.Header.SetHost("localhost")
	if r.Body != "" {
		request.Header.SetContentTypeBytes([]byte(contentTypeJSON))
		request.SetBodyString(r.Body)
		request.Header.SetContentLength(len(r.Body))
	}
	return c
}

type hertzCall struct {
	engine *server.Hertz
	ctx    *app.RequestContext
	target string
}

// Do does what fastCall.Do does: the request stays, what was made of it goes.
func (c *hertzCall) Do() {
	c.ctx.Request.SetRequestURI(c.target)
	c.ctx.Response.Reset()
	c.ctx.Params = c.ctx.Params[:0]
	c.ctx.Errors = c.ctx.Errors[:0]
	c.ctx.Keys = nil
	c.ctx.SetIndex(-1)
	c.engine.ServeHTTP(context.Background(), c.ctx)
}

func (c *hertzCall) Response() (int, []byte) {
	return c.ctx.Response.StatusCode(), c.ctx.Response.Body()
}
