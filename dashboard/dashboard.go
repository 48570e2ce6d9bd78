// Package dashboard is a page to watch background work: what it is doing, what is stuck,
// since when and why; and, where that is allowed, to cancel a task, try one again now, or
// pause a kind.
//
//	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
//
// Without a guard the page is served to the machine itself only: see [Options].Guarded. It is
// made by the server and reads without script; with it, the numbers follow once a second.
// See docs/dashboard.md.
package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Options configures a page. The zero value shows the work to the machine itself, and lets
// nobody change anything.
type Options struct {
	// Title is the name of the page. "" means "Background work".
	Title string

	// Guarded says that middleware of the router lets in nobody but those who may see the
	// page. Where it is false, and no provider guards the routes (see [MountFor]), requests
	// are answered that come from a browser on the machine itself, by their connection, and
	// from no proxy on it as far as that can be told: a program or a test has to send
	// "Connection: keep-alive", as browsers do.
	Guarded bool

	// Acts lets those who may see the page act: cancel tasks, pause kinds and the rest of
	// [Verb], if the source is a [Controller].
	Acts bool

	// Actor returns who makes a request, for the log of acts. ctx is the handler's, with the
	// values that middleware set. nil means the address of the client. It may be called by
	// many goroutines at once.
	Actor func(ctx context.Context) string

	// Secret is what several processes share that serve one page behind a balancer, 32 random
	// bytes or more, so that each takes the forms of the others. Whether a form was sent
	// before is known to the process that has taken it. nil means a secret of its own.
	Secret []byte

	// Logger gets a record of each act, and what went wrong with the source. nil means
	// slog.Default(), as it is at the time of the record.
	Logger *slog.Logger
}

// A Router is what the page's routes are added to: an app, or a group of one.
type Router interface {
	// Handle adds a route.
	Handle(method, pattern string, endpoint routing.Endpoint, options ...routing.Option)

	// Routes returns all routes, also those outside of a group.
	Routes() []routing.Route
}

// Mount serves the page of a source's work below the prefix of a router, such as
// app.Group("/admin"), as /admin/. It panics if source is nil, the routes are taken, or
// Options.Secret is short.
func Mount(r Router, source Source, options Options) {
	p := newPage(source, options)
	p.mount(r, endpoints{
		page: func(handle pageHandler) routing.Endpoint {
			return routing.NewEndpoint(func(ctx context.Context, in input) (responses.Response, error) {
				return handle(ctx, in, p.actor(ctx))
			})
		},
		form: func(handle formHandler) routing.Endpoint {
			return routing.NewEndpoint(func(ctx context.Context, in form) (responses.Response, error) {
				return handle(ctx, in, p.actor(ctx))
			})
		},
	})
}

// MountFor is [Mount] for those whom a provider of T lets in, as one of middleware.BasicAuth
// does: see [routing.Secured]. name says who that is, in place of Options.Actor. It panics,
// too, if nobody provides T, or name is nil.
//
//	admin := app.Group("/admin")
//	routing.Provide(admin, middleware.BasicAuth(check), routing.Secured(password))
//	dashboard.MountFor(admin, source, options, func(o operator) string { return string(o) })
func MountFor[T any](r Router, source Source, options Options, name func(T) string) {
	if name == nil {
		panic("dashboard: MountFor needs a function that names who acts, such as func(o operator) string { return string(o) }")
	}
	p := newPage(source, options)
	p.mount(r, endpoints{
		page: func(handle pageHandler) routing.Endpoint {
			return routing.NewEndpoint(func(ctx context.Context, in inputFor[T]) (responses.Response, error) {
				return handle(ctx, in.input, name(in.By))
			})
		},
		form: func(handle formHandler) routing.Endpoint {
			return routing.NewEndpoint(func(ctx context.Context, in formFor[T]) (responses.Response, error) {
				return handle(ctx, in.form, name(in.By))
			})
		},
	})
}

// input is what an address says: which part of the work is meant.
type input struct {
	Page    string `query:"page"` // of the events: overview, tasks or task
	State   string `query:"state"`
	Kind    string `query:"kind"`
	Request string `query:"request"`
	After   string `query:"after"`
	ID      string `query:"id"`
	Done    string `query:"done"` // the act that has led here, if Token says so
	Token   string `query:"token"`
}

// form is an act that is asked for.
type form struct {
	Verb  string `form:"verb"`
	ID    string `form:"id"`
	Kind  string `form:"kind"`
	Token string `form:"token"`
}

type inputFor[T any] struct {
	input

	By T `provide:""`
}

type formFor[T any] struct {
	form

	By T `provide:""`
}

type (
	pageHandler func(ctx context.Context, in input, who string) (responses.Response, error)
	formHandler func(ctx context.Context, in form, who string) (responses.Response, error)
)

// endpoints make endpoints of handlers.
type endpoints struct {
	page func(pageHandler) routing.Endpoint
	form func(formHandler) routing.Endpoint
}

// page is what a Mount has made.
type page struct {
	options Options
	source  Source
	control Controller // nil if nothing can be changed
	open    bool       // for the machine itself only, since nobody guards it
	bundle  *bundle

	views   views
	history history
	forms   forms
}

func newPage(source Source, options Options) *page {
	if source == nil {
		panic("dashboard: Mount needs a source, such as dashboard.Runner(app.Runner())")
	}
	if n := len(options.Secret); n > 0 && n < minSecret {
		panic(fmt.Sprintf("dashboard: Options.Secret has %d bytes, it needs %d random ones or more", n, minSecret))
	}
	p := &page{options: options, source: source, bundle: load()}
	p.options.Title = cmp.Or(options.Title, "Background work")
	p.forms.init(options.Secret)
	if options.Acts {
		p.control, _ = source.(Controller)
	}
	return p
}

// marked is the key under which the routes of a page are annotated with it.
type marked struct{}

// maxForm is the size of a form, in bytes.
const maxForm = 16 << 10

func (p *page) mount(r Router, e endpoints) {
	get := func(pattern string, handle pageHandler, more ...routing.Option) {
		r.Handle("GET", pattern, e.page(guarded(p, handle)), append(more, routing.Hidden(), routing.Annotate(marked{}, p))...)
	}
	get("/", p.showOverview)
	get("/tasks", p.showTasks)
	get("/task", p.showTask)
	get("/events", p.follow, routing.CancelOnDisconnect())
	for _, a := range p.bundle.assets {
		get("/"+a.name, func(context.Context, input, string) (responses.Response, error) { return a.answer(), nil })
	}
	if p.base(r) != "/" {
		get("", p.addSlash)
	}
	if p.control != nil {
		r.Handle("POST", "/act", e.form(guarded(p, p.act)), routing.Hidden(), routing.BodyLimit(maxForm), routing.Annotate(marked{}, p))
	}
	p.open = !p.options.Guarded && !p.isSecured(r)
	if p.open {
		p.log(context.Background(), slog.LevelWarn, "the page of background work has no guard, and is served to this machine only", slog.String("path", p.base(r)))
	}
	p.sample()
}

// addSlash leads to the overview who has left its last slash out. What the client has called
// the group stays, which may have parameters.
func (p *page) addSlash(ctx context.Context, _ input, _ string) (responses.Response, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return nil, err
	}
	path := string(raw.URI().PathOriginal())
	return responses.RedirectResponse{URL: "." + path[strings.LastIndexByte(path, '/'):] + "/", Status: 308, Header: p.header()}, nil
}

// base returns the path of the overview.
func (p *page) base(r Router) string {
	for _, rt := range r.Routes() {
		if rt.Annotation(marked{}) == p {
			return rt.Pattern
		}
	}
	return "/"
}

// isSecured reports whether providers ask for credentials on each of the routes.
func (p *page) isSecured(r Router) bool {
	for _, rt := range r.Routes() {
		if rt.Annotation(marked{}) != p {
			continue
		}
		ways := rt.Security()
		if len(ways) == 0 {
			return false
		}
		for _, way := range ways {
			if len(way) == 0 {
				return false
			}
		}
	}
	return true
}

func (p *page) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	logger := p.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}

// errorAttrs returns an error for the log, with the stack of a panic.
func errorAttrs(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("error", err)}
	if p, ok := errors.AsType[*background.PanicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	return attrs
}

// sample asks a source that is cheap for its numbers now and then, so that there is something
// to plot when somebody comes.
func (p *page) sample() {
	sampled, ok := p.source.(Sampled)
	if !ok {
		return
	}
	var again func()
	again = func() {
		if !sampled.Closed() {
			_, _ = p.overview(context.Background())
			p.views.forgetOld()
			time.AfterFunc(sampleEvery, again)
		}
	}
	time.AfterFunc(0, again)
}
