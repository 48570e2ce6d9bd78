package routing

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// newMux gives fasthttp/router the paths without parameters: no other pattern
// comes before such a path, so what it finds is right, and it finds it soonest.
// All else is the tree's, which it asks when it finds nothing. With parameters it
// can't be trusted: see docs/decisions/040-a-tree-beside-the-router.md.
func (h *Handler) newMux() *router.Router {
	mux := router.New()
	// A client is told what is wrong with its path, not sent elsewhere: a
	// redirect would make it repeat a POST, and is one more way to be led to
	// another host.
	mux.RedirectTrailingSlash, mux.RedirectFixedPath = false, false
	mux.HandleMethodNotAllowed, mux.HandleOPTIONS = false, false
	mux.NotFound = h.serveRoute
	none := new(params.PathValues) // read only
	h.tree.root.statics("", func(path string, l leaf) {
		if !isMuxPath(path) {
			return
		}
		for _, e := range l {
			rt := e.route
			handler := func(raw *fasthttp.RequestCtx) { rt.serveFound(raw, none) }
			if !rt.isTold && !rt.isWrapped {
				handler = func(raw *fasthttp.RequestCtx) { rt.serve(raw, none) } // all that serveFound would do
			}
			mux.Handle(e.method, path, handler)
		}
	})
	return mux
}

// isMuxPath reports whether fasthttp/router takes a path as it is. It compares
// paths as they were sent, where a % begins an encoding; it can't have two paths
// that differ by a slash at the end; braces are parameters to it; and two bytes that
// are not of UTF-8 are the same.
func isMuxPath(path string) bool {
	return !strings.ContainsAny(path, "%{}") && utf8.ValidString(path) && (path == "/" || !strings.HasSuffix(path, "/"))
}

// serveRoute answers a request for which fasthttp/router has nothing.
func (h *Handler) serveRoute(raw *fasthttp.RequestCtx) {
	uri := raw.URI()
	look := search{method: view(raw.Method()), PathValues: params.PathValues{Path: searchPath(uri)}}
	if rt := h.tree.find(&look); rt != nil {
		look.Names = rt.pathParams
		rt.serveFound(raw, &look.PathValues)
		return
	}
	if string(uri.PathOriginal()) == "*" { // only with OPTIONS: RFC 9110, section 9.3.7
		var all leaf
		for _, rt := range h.routes {
			all = all.add(rt)
		}
		look.others = []leaf{all}
	}
	allow := look.allow()
	switch {
	case allow == "":
		responses.WriteProblem(raw, h.engine.told(raw, responses.NewProblem(fasthttp.StatusNotFound, "no route matches the path")))
	case look.method == fasthttp.MethodOptions:
		raw.Response.Header.Set(fasthttp.HeaderAllow, allow)
		raw.SetStatusCode(fasthttp.StatusNoContent)
	default:
		raw.Response.Header.Set(fasthttp.HeaderAllow, allow)
		responses.WriteProblem(raw, h.engine.told(raw, responses.NewProblem(fasthttp.StatusMethodNotAllowed, "the path exists, but not for this method: see Allow")))
	}
}

// serveFound answers a request with the parameters that were found in its path.
// Where only the handler's input needs them, they stay on the stack and in the
// request's memory.
func (rt *route) serveFound(raw *fasthttp.RequestCtx, path *params.PathValues) {
	if rt.isTold {
		raw.SetUserValue(routeKey{}, rt)
	}
	if !rt.isWrapped {
		rt.serve(raw, path)
		return
	}
	// A request may have those of an earlier route: of one whose answer a
	// middleware has replaced by another's.
	if path.Len() > 0 || params.PathOf(raw) != nil {
		params.SetPath(raw, path)
	}
	rt.handler(raw)
}

// PathValue returns a path parameter of a request's route, for the middleware of
// a group; percent-decoded, and empty where the route has none of that name. No
// route is known yet in the router's own middleware, and a handler has the
// parameters in its input instead. The text may be kept.
func PathValue(raw *fasthttp.RequestCtx, name string) string {
	value, _ := params.PathOf(raw).Get(name)
	return value
}

// searchPath returns the path that routes are searched with: the one that
// middleware and handlers see, percent-decoded. It is none when the target is
// no path: an asterisk, or the authority of a CONNECT, which fasthttp puts a
// slash in front of.
func searchPath(uri *fasthttp.URI) string {
	if original := uri.PathOriginal(); len(original) > 0 && original[0] != '/' {
		return ""
	}
	return view(uri.Path())
}

// view returns b as a string without a copy.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // only while the request is read
}
