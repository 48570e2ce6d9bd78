package middleware

import (
	"context"
	"net/http"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// Mount has a handler of net/http answer all requests for a path and below: such as
// net/http/pprof, or what a library brings. It sees the path as a whole;
// [http.StripPrefix] takes some away. The methods are GET with HEAD, POST, PUT, PATCH,
// DELETE and OPTIONS.
//
//	middleware.Mount(app.Group("/debug"), pprof)
//
// A request costs 2.6 µs and 21 allocations more than a route of one's own. Middleware
// is that of the router or group, BodyLimit and the like come by options. A Timeout has no
// effect, since the handler runs while the response is written. What the handler flushes is
// sent at once. The request's context is fasthttp's request, for [routing.RequestID] and
// values: nobody may keep it, nor read the request when the handler has returned.
func Mount(r *routing.Router, handler http.Handler, options ...routing.Option) {
	if handler == nil {
		panic("velithon: Mount: the handler is nil")
	}
	serve := fasthttpadaptor.NewFastHTTPHandler(handler)
	endpoint := routing.NewEndpoint(func(context.Context, struct{}) (MountedResponse, error) {
		return MountedResponse{serve}, nil
	})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		r.Handle(method, "/{path:*}", endpoint, options...)
	}
}

// A MountedResponse is what a handler of [Mount] answers.
type MountedResponse struct {
	serve fasthttp.RequestHandler
}

// Write implements the Response of package responses: the handler is called.
func (m MountedResponse) Write(raw *fasthttp.RequestCtx) error {
	m.serve(raw)
	return nil
}

// Work implements the Response of package responses: there is none.
func (MountedResponse) Work() background.Work { return nil }
