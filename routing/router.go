package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/fasthttp/router"
	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A Middleware wraps a handler with fasthttp's own shape, so that middleware
// written for fasthttp fits.
//
// It may call next on another goroutine if it waits for it, or calls TimeoutError
// before it returns. fasthttp closes user values that are an [io.Closer] at the
// end of the request: store what lives longer, such as a *sql.DB, in a struct.
type Middleware = func(next fasthttp.RequestHandler) fasthttp.RequestHandler

// A RouteMiddleware wraps the handler of one route, and is told which. It is called once
// for each route, when that is added, so that what a request of the route needs can be
// made ready then. The rest is as with [Middleware].
type RouteMiddleware = func(route Route, next fasthttp.RequestHandler) fasthttp.RequestHandler

// Options configures a [Router]. Runner must be set.
type Options struct {
	// Runner runs the background work of responses.
	Runner *background.Runner

	// Logger gets what clients are not told; nil means [slog.Default].
	Logger *slog.Logger

	// Validator judges validate tags; nil means one without custom rules.
	Validator *validator.Validate

	// FaultText returns what a client is told of a fault in its request, in place of
	// fault.Detail: in other words, or in the language of the request. "" leaves it as it
	// is. ctx is the handler's, with the values that middleware set; [RequestCtx] has the
	// header. It may be called by many goroutines at once. nil leaves all as they are.
	FaultText func(ctx context.Context, fault params.FaultInfo) string

	// Problem returns the problem that is answered in place of another: with a type of
	// your own (RFC 9457), in another language, with more members. It is called for each
	// that a handler, its input, its timeout or its background work is answered with, and
	// for the 404 and 405 of the router; not for a panic, nor for what the server refuses.
	// ctx is the handler's, or the request where no route matches. problem may be shared
	// by many requests: return a copy, or nil to leave it as it is. It may be called by many
	// goroutines at once. nil leaves all as they are.
	Problem func(ctx context.Context, problem *responses.Problem) *responses.Problem
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Validator == nil {
		o.Validator = params.NewValidator()
	}
	return o
}

// A Router collects routes and middleware, which [Build] makes a [Handler] of. It
// is for one goroutine.
type Router struct {
	table *table // the same for a router and its groups
	group *group
}

// table is what a router and its groups add to.
type table struct {
	engine *engine
	tree   tree
	routes []*route
	built  *Handler // not nil: nothing can be added any more

	providers []*provider // of all groups
	overrides []override
}

// group is a prefix with its middleware.
type group struct {
	parent     *group // nil for the router itself
	prefix     string
	middleware []Middleware      // around all routes, and where none matches: of the router itself only
	each       []RouteMiddleware // around each route
	providers  []*provider
	defaults   [][]Option // by the calls that set them
	hasRoutes  bool
}

// New returns a router without routes. It panics when options has no Runner.
func New(options Options) *Router {
	if options.Runner == nil {
		panic("velithon: routing.Options.Runner is nil: set it to a background.NewRunner")
	}
	return &Router{table: &table{engine: &engine{Options: options.withDefaults()}}, group: &group{}}
}

// Group returns a router for the routes below prefix, which starts with a slash
// and does not end with one. Its routes run the middleware of the groups
// around it first, then its own.
func (r *Router) Group(prefix string, middleware ...Middleware) *Router {
	if !strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") {
		panic(fmt.Sprintf("velithon: group %q: a prefix starts with a slash and does not end with one, e.g. \"/orders\"", prefix))
	}
	g := &group{parent: r.group, prefix: r.group.prefix + prefix}
	child := &Router{table: r.table, group: g}
	child.Use(middleware...)
	return child
}

// Use adds middleware; the first one added is the outermost. On the router
// itself it sees every request that could be read, also those that no route
// matches; on a group, those of the group's routes. It panics when a route of
// the group was added before, which would run without it.
func (r *Router) Use(middleware ...Middleware) {
	switch {
	case r.table.built != nil:
		panic("velithon: Use was called after the app began to serve: add all middleware first")
	case r.group.hasRoutes && r.group.parent != nil:
		panic(fmt.Sprintf("velithon: Use was called on group %q after a route was added to it, which would run without the middleware: call Use first", r.group.prefix))
	case slices.ContainsFunc(middleware, func(m Middleware) bool { return m == nil }):
		panic("velithon: Use was given a nil middleware")
	}
	if r.group.parent == nil {
		r.group.middleware = append(r.group.middleware, middleware...)
		return
	}
	for _, m := range middleware {
		r.group.each = append(r.group.each, func(_ Route, next fasthttp.RequestHandler) fasthttp.RequestHandler { return m(next) })
	}
}

// UseEach adds middleware that is made for each route of the router or group, and of its
// inner groups, and is told which that is: for metrics by route, for instance. It sees
// requests that a route matches. That of the router itself runs inside of all that [Router.Use]
// has added to it; in a group both run in the order in which they were added. It panics
// when a route was added before, which would run without it.
func (r *Router) UseEach(middleware ...RouteMiddleware) {
	switch {
	case r.table.built != nil:
		panic("velithon: UseEach was called after the app began to serve: add all middleware first")
	case r.group.hasRoutes:
		panic(fmt.Sprintf("velithon: UseEach was called on group %q after a route was added to it, which would run without the middleware: call UseEach first", r.group.prefix))
	case slices.ContainsFunc(middleware, func(m RouteMiddleware) bool { return m == nil }):
		panic("velithon: UseEach was given a nil middleware")
	}
	r.group.each = append(r.group.each, middleware...)
}

// Handle adds an endpoint for a method and a pattern, in which {name} is a segment
// of the path, {name:regexp} one of a form, {name?} an optional last one and
// {name:*} the rest of the path, also an empty one. Parameters may have text
// around them, as in /{name}.{type}. The rest of a pattern is as people read it
// or as clients send it: /café and /caf%C3%A9 are the same.
//
// Where several patterns match a path, at the first segment in which they differ
// a text goes before {p:regexp} and parameters with text around them, these
// before {p}, and that before {p:*}; forms are tried in the order in which they
// were added. Routes that do not have the method count for Allow only. A GET
// route answers HEAD, too, unless its pattern has a HEAD route.
//
// It panics when the endpoint, the pattern or an option is wrong, and when there
// is a route for the same requests.
func (r *Router) Handle(method, pattern string, endpoint Endpoint, options ...Option) {
	if err := r.add(method, pattern, endpoint, options); err != nil {
		panic(registrationError(method, r.group.prefix+pattern, endpoint, err))
	}
}

func registrationError(method, pattern string, endpoint Endpoint, err error) string {
	who := ""
	if endpoint.handler != "" {
		who = ", handler " + endpoint.handler
	}
	return fmt.Sprintf("velithon: %s %s%s (registered at %s): %v", method, pattern, who, caller(), err)
}

func (r *Router) add(method, pattern string, endpoint Endpoint, options []Option) error {
	t := r.table
	if t.built != nil {
		return errors.New("the route is added after the app began to serve: add all routes first")
	}
	if endpoint.exchange == nil {
		return errors.New("the endpoint is empty: make it with routing.NewEndpoint")
	}
	if err := checkMethod(method); err != nil {
		return err
	}
	if pattern != "" && pattern[0] != '/' { // in a group it would go on with the prefix
		return fmt.Errorf("the pattern %q does not start with a slash", pattern)
	}
	parsed, err := parsePattern(r.group.prefix + pattern)
	if err != nil {
		return err
	}
	rt := &route{
		Route:      Route{Method: method, Pattern: r.group.prefix + pattern, Handler: endpoint.handler, In: endpoint.in, Out: endpoint.out},
		place:      caller(),
		pathParams: parsed.names,
		endpoint:   endpoint,
		engine:     t.engine,
		group:      r.group,
	}
	rt.of, rt.over.route = rt, rt
	if err := rt.configure(r.group.allDefaults(), options); err != nil {
		return err
	}
	if err := rt.findProviders(t); err != nil {
		return err
	}
	if other := t.named(rt.Name); other != nil {
		return fmt.Errorf("option Name(%q): the name is that of %s: give each route its own", rt.Name, other)
	}
	rt.wrap()
	if taken := t.tree.add(rt, parsed.variants); taken != nil {
		return fmt.Errorf("pattern %q conflicts with pattern %s: %[1]s matches the same requests as %[3]s",
			rt.Method+" "+rt.Pattern, taken, taken.Method+" "+taken.Pattern)
	}
	t.routes = append(t.routes, rt)
	for g := r.group; g != nil; g = g.parent {
		g.hasRoutes = true
	}
	return nil
}

func checkMethod(method string) error {
	switch {
	case method == router.MethodWild:
		return errors.New(`the method "*" stands for none in particular: add the route for each method that it has`)
	case !isMethod(method):
		return fmt.Errorf("the method %q is not a token: want one such as GET, in capitals, without blanks", method)
	case strings.ToUpper(method) != method:
		return fmt.Errorf("the method %q is not in capitals, and methods are case-sensitive: want %q", method, strings.ToUpper(method))
	}
	return nil
}

// configure applies the options of a route, and checks the handler's types.
func (rt *route) configure(defaults [][]Option, options []Option) (err error) {
	rt.options = routeOptions{status: fasthttp.StatusOK}
	for _, call := range append(defaults, options) {
		if err := rt.options.apply(call); err != nil {
			return err
		}
	}
	rt.Name = rt.options.name
	rt.isSpecial = rt.options.watchesClient || rt.options.timeout > 0
	rt.plan, err = params.Compile(rt.In, params.Options{
		Method: rt.Method, PathParams: rt.pathParams, Validator: rt.engine.Validator, RejectUnknown: rt.options.rejectsUnknown,
	})
	if err != nil {
		return err
	}
	return responses.Check(rt.Out)
}

// named returns the route of a name, nil if there is none.
func (t *table) named(name string) *route {
	i := slices.IndexFunc(t.routes, func(rt *route) bool { return name != "" && rt.Name == name })
	if i < 0 {
		return nil
	}
	return t.routes[i]
}

// wrap puts the middleware of its groups around a route, but not that of the router
// itself which is around all routes.
func (rt *route) wrap() {
	rt.handler = func(raw *fasthttp.RequestCtx) { rt.serve(raw, params.PathOf(raw)) }
	for g := rt.group; g != nil; g = g.parent {
		for _, m := range slices.Backward(g.each) {
			rt.handler, rt.isWrapped = wrapped(m(rt.Route, rt.handler)), true
		}
	}
}

func chain(middleware []Middleware, handler fasthttp.RequestHandler) fasthttp.RequestHandler {
	for _, m := range slices.Backward(middleware) {
		handler = wrapped(m(handler))
	}
	return handler
}

func wrapped(handler fasthttp.RequestHandler) fasthttp.RequestHandler {
	if handler == nil {
		panic("velithon: a middleware has returned nil: return a handler, or next itself")
	}
	return handler
}

// A Route describes an added route. Its methods are for routes of [Router.Routes],
// [RouteOf] and [Router.UseEach] only.
type Route struct {
	Method  string
	Pattern string
	Name    string       // as given by the option [Name]; empty without
	Handler string       // the name of the handler's function
	In, Out reflect.Type // the handler's types

	of        *route
	described *provision // nil for a route that needs no providers
}

// Routes returns the routes in the order in which they were added.
func (r *Router) Routes() []Route {
	routes := make([]Route, len(r.table.routes))
	for i, rt := range r.table.routes {
		routes[i] = rt.Route
	}
	return routes
}

// isMethod reports whether a method is a token of RFC 9110, section 5.6.2. It is
// sent to clients in the field Allow.
func isMethod(method string) bool {
	for i := range len(method) {
		switch c := method[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return method != ""
}

// caller returns the place outside of this module's packages from which a
// route is added.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "github.com/velithon-go/velithon/routing.") || strings.HasSuffix(frame.File, "_test.go") {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
