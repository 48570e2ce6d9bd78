package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alitto/pond/v2"
	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"
)

// floorSafe is the floor with what Velithon promises of each request, written by
// hand as cheaply as it can be: a request id, a context that may be kept, the
// recovery of panics, the refusal of messages on which two servers may disagree,
// and time limits. Those are kept by notes: fasthttp's own set three deadlines for
// each request, which costs more than all of the rest. Its tasks have the context
// and are recovered, too.
type floorSafe struct {
	floor
	ids    atomic.Uint64
	prefix string
	log    *slog.Logger
}

func newFloorSafe(shop *Shop) Server { return newFloorSafeWith(shop, nil) }

// newFloorSafePond is the safe floor with a bounded pool for its tasks.
func newFloorSafePond(shop *Shop) Server { return newFloorSafeWith(shop, newPool()) }

func newFloorSafeWith(shop *Shop, pool pond.Pool) Server {
	h := &floorSafe{floor: floor{shop: shop, pool: pool}, prefix: rand.Text()[:8] + "-", log: slog.New(slog.DiscardHandler)}
	h.read = h.readByHand
	r := router.New()
	r.POST("/order", h.safe(func(_ context.Context, ctx *fasthttp.RequestCtx) { h.createOrder(ctx) }))
	r.POST("/order/tasks", h.safe(h.createOrderWithTasks))
	r.GET("/products/{id}", h.safe(func(_ context.Context, ctx *fasthttp.RequestCtx) { h.product(ctx) }))
	r.GET("/hello", h.safe(func(_ context.Context, ctx *fasthttp.RequestCtx) { h.hello(ctx) }))
	r.NotFound = h.safe(func(_ context.Context, ctx *fasthttp.RequestCtx) { ctx.Error("not found", fasthttp.StatusNotFound) })
	var notes notes
	s := &fasthttp.Server{Handler: r.Handler, ConnState: notes.take}
	return &fastServer{
		handler: r.Handler,
		serve: func(l net.Listener) error {
			end := notes.keep()
			defer end()
			return s.Serve(noting{l, &notes})
		},
		close: func() error { return h.close(s) },
	}
}

// notes say since when each connection is busy or idle, in half seconds.
type notes struct {
	now   atomic.Int64
	conns sync.Map // of *notedConn
}

const (
	noteTick  = time.Second / 2
	busyLimit = 40 // in ticks: a request and its response
	idleLimit = 120
)

// noting is a listener whose connections are noted.
type noting struct {
	net.Listener
	notes *notes
}

func (l noting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &notedConn{Conn: conn, notes: l.notes}
	l.notes.conns.Store(c, nil)
	return c, nil
}

type notedConn struct {
	net.Conn
	notes *notes
	until atomic.Int64 // the tick at which it has taken too long
}

func (c *notedConn) Close() error {
	c.notes.conns.Delete(c)
	return c.Conn.Close()
}

// take is told by fasthttp what a connection does from now on.
func (n *notes) take(conn net.Conn, state fasthttp.ConnState) {
	limit := int64(busyLimit)
	if state == fasthttp.StateIdle {
		limit = idleLimit
	}
	conn.(*notedConn).until.Store(n.now.Load() + limit)
}

// keep closes what has taken too long, until end is called.
func (n *notes) keep() (end func()) {
	ended := make(chan struct{})
	ticker := time.NewTicker(noteTick)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			now := n.now.Add(1)
			n.conns.Range(func(key, _ any) bool {
				if c := key.(*notedConn); c.until.Load() < now {
					_ = c.Close()
				}
				return true
			})
		}
	}()
	return func() { close(ended) }
}

// requestContext is what a request's handler and its tasks may keep.
type requestContext struct {
	context.Context
	h      *floorSafe
	number uint64 // of which the id is made
	sent   string // the id that the client has sent, or ""
}

type requestIDKey struct{}

func (c *requestContext) Value(key any) any {
	switch {
	case key != requestIDKey{}:
		return c.Context.Value(key)
	case c.sent != "":
		return c.sent
	}
	return string(c.h.appendID(nil, c.number))
}

var requestIDHeader = []byte("X-Request-Id")

// safe returns a handler that keeps the promises around next.
func (h *floorSafe) safe(next func(context.Context, *fasthttp.RequestCtx)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		defer func() {
			if cause := recover(); cause != nil {
				h.log.Error("panic", "error", cause, "stack", string(debug.Stack()))
				ctx.Error("internal error", fasthttp.StatusInternalServerError)
			}
		}()
		if !isUnambiguous(ctx) {
			ctx.Error("the request is malformed", fasthttp.StatusBadRequest)
			ctx.SetConnectionClose()
			return
		}
		next(h.newContext(ctx), ctx)
	}
}

// newContext takes over the id that the client or a proxy has sent, or makes one.
func (h *floorSafe) newContext(ctx *fasthttp.RequestCtx) *requestContext {
	c := &requestContext{Context: context.Background(), h: h}
	if id := ctx.Request.Header.PeekCanonical(requestIDHeader); len(id) > 0 && len(id) <= 64 {
		c.sent = string(id)
		ctx.Response.Header.SetCanonical(requestIDHeader, id)
		return c
	}
	c.number = h.ids.Add(1)
	var text [32]byte
	ctx.Response.Header.SetCanonical(requestIDHeader, h.appendID(text[:0], c.number))
	return c
}

func (h *floorSafe) appendID(text []byte, number uint64) []byte {
	return strconv.AppendUint(append(text, h.prefix...), number, 36)
}

// isUnambiguous looks at the places where a message is read in two ways.
func isUnambiguous(ctx *fasthttp.RequestCtx) bool {
	header, uri := &ctx.Request.Header, ctx.URI()
	raw, target := header.RawHeaders(), header.RequestURI()
	return header.IsHTTP11() &&
		(len(raw) == 0 || bytes.HasSuffix(raw, []byte("\r\n\r\n"))) &&
		header.ContentLength() != -1 && !header.ConnectionClose() &&
		target[0] == '/' && len(target) == len(uri.PathOriginal())+len(uri.QueryString())+min(1, len(uri.QueryString())) &&
		len(header.Host()) == len(uri.Host())
}

func (h *floorSafe) createOrderWithTasks(kept context.Context, ctx *fasthttp.RequestCtx) {
	placement, order, ok := h.read(ctx)
	if !ok {
		return
	}
	id := h.shop.Place(placement, order)
	answer(ctx, fasthttp.StatusCreated, Created{id, "created"})
	confirm, take := func() {
		defer h.recovered(kept)
		h.shop.Confirm(order.Email, id)
	}, func() {
		defer h.recovered(kept)
		h.shop.Take(order.Items)
	}
	if h.pool == nil {
		go confirm()
		go take()
		return
	}
	if err := errors.Join(h.pool.Go(confirm), h.pool.Go(take)); err != nil {
		ctx.Error("the pool is full", fasthttp.StatusServiceUnavailable)
	}
}

// recovered keeps a task's panic from ending the process.
func (h *floorSafe) recovered(kept context.Context) {
	if cause := recover(); cause != nil {
		h.log.ErrorContext(kept, "panic", "error", cause, "id", kept.Value(requestIDKey{}))
	}
}
