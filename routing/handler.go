package routing

import (
	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A Handler answers requests by the routes of a [Router]. It may be called by many
// goroutines at once.
//
// Give it to a server as it is, and add what wraps it by [Router.Use]: its end
// decides what becomes of background work, so nothing should answer after it. It
// takes for granted that requests are well-formed, their paths above all: package
// serve sees to that, and the handler of an app has it in front.
type Handler struct {
	engine *engine
	tree   *tree
	routes []*route
	mux    *router.Router          // of the paths without parameters, see serveRoute
	chain  fasthttp.RequestHandler // mux, in the router's own middleware

	hasMiddleware bool // any, of the router or of a group
}

// engine is what all routes of a router share while they answer.
type engine struct {
	Options
	streams streams
	pending pending
}

// Build makes a handler of all routes and middleware of a router and its groups,
// to which nothing can be added then. Built again it is the same.
func Build(r *Router) *Handler {
	t, root := r.table, r.group
	if t.built != nil {
		return t.built
	}
	for root.parent != nil {
		root = root.parent
	}
	t.override()
	h := &Handler{engine: t.engine, tree: &t.tree, routes: t.routes}
	h.hasMiddleware = len(root.middleware) > 0
	for _, rt := range h.routes {
		rt.isTold = rt.isWrapped || len(root.middleware) > 0
		h.hasMiddleware = h.hasMiddleware || rt.isWrapped
	}
	h.mux = h.newMux()
	h.chain = chain(root.middleware, h.mux.Handler)
	t.built = h
	return h
}

// ServeRequest answers a request. It is a [fasthttp.RequestHandler].
func (h *Handler) ServeRequest(raw *fasthttp.RequestCtx) {
	e := h.engine
	ids.assign(raw)
	returned := false
	defer e.recover(raw, &returned)
	h.chain(raw)
	if h.hasMiddleware {
		ids.keep(raw)
	}
	if !hasUsualStatus(raw) {
		e.finish(raw)
	}
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		if raw.IsHead() {
			late.SkipBody = true // fasthttp sends it in another request's name
		}
		e.handlerEnded(raw, false)
	} else if !e.pending.isEmpty(uint32(raw.ConnID())) {
		e.handlerEnded(raw, false)
	}
	returned = true
}

// Refuse answers a request that could not be read as one, without any middleware.
func (h *Handler) Refuse(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	ids.assignRefused(raw)
	responses.WriteProblem(raw, problem)
	raw.Response.SkipBody = raw.IsHead() // fasthttp sees to it behind a handler only
}

// RequestConfig returns a function for [fasthttp.Server.HeaderReceived] that
// knows the body limits and read timeouts of the routes, nil when no route has its
// own, and whether one has a read timeout.
func (h *Handler) RequestConfig() (config func(*fasthttp.RequestHeader) fasthttp.RequestConfig, hasReadTimeout bool) {
	for _, rt := range h.routes {
		if rt.options.reading != (fasthttp.RequestConfig{}) {
			config = h.requestConfig
		}
		hasReadTimeout = hasReadTimeout || rt.options.reading.ReadTimeout > 0
	}
	return config, hasReadTimeout
}

func (h *Handler) requestConfig(header *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
	uri := fasthttp.AcquireURI()
	defer fasthttp.ReleaseURI(uri)
	if uri.Parse(header.Host(), header.RequestURI()) != nil {
		return config // the server refuses it next
	}
	look := search{method: view(header.Method()), PathValues: params.PathValues{Path: searchPath(uri)}}
	if rt := h.tree.find(&look); rt != nil {
		config = rt.options.reading
	}
	return config
}
