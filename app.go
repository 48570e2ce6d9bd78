// Package velithon is a web framework of typed handlers on fasthttp, with
// background work that starts once a response is on the wire.
//
//	type Greeting struct {
//		Message string `json:"message"`
//	}
//
//	func greet(ctx context.Context, in struct {
//		Name string `query:"name" validate:"required"`
//	}) (Greeting, error) {
//		return Greeting{"Hello " + in.Name}, nil
//	}
//
//	func main() {
//		app := velithon.New(velithon.Options{})
//		app.Get("/greet", greet)
//		if err := app.Run(":8080"); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The parts are packages of their own: routing binds handlers to routes,
// params decodes their input, responses writes their output, and background
// runs tasks.
package velithon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/serve"
)

// The defaults of Options.
const (
	defaultBodyLimit       = 4 << 20 // bytes
	defaultHeaderLimit     = 8 << 10 // bytes
	defaultReadTimeout     = 10 * time.Second
	defaultWriteTimeout    = 30 * time.Second
	defaultIdleTimeout     = 60 * time.Second
	defaultShutdownTimeout = 30 * time.Second
	defaultMaxConnections  = 256 << 10
)

// ErrClosed is returned by [App.Serve] after [App.Shutdown] was called.
var ErrClosed = serve.ErrClosed

// Options configures an [App]. The zero value is safe and documented field by
// field; a limit can be raised or lowered, not switched off.
type Options struct {
	// Logger gets everything that clients are not told; nil means
	// [slog.Default].
	Logger *slog.Logger

	// Runner configures the runner of background work. Its Logger is the
	// app's when it is nil, and its LogAttrs adds the request id when nil.
	Runner background.RunnerOptions

	// Queue keeps the tasks of the kinds that it holds, and works them while the app
	// serves: a durable.Queue, for instance. It takes the place of Runner.Store; nil
	// means that all tasks run in memory.
	Queue Queue

	// Validator judges validate tags: give one with your own rules here.
	// nil means params.NewValidator().
	Validator *validator.Validate

	// FaultText returns what a client is told of a fault in its request, in place of
	// fault.Detail: in other words, or in the language of the request. "" leaves it as it
	// is. ctx is the handler's, with the values that middleware set; routing.RequestCtx has the
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

	// BodyLimit is the largest request body, in bytes; 0 means 4 MiB. The
	// option routing.BodyLimit sets another one for a route.
	BodyLimit int

	// HeaderLimit is the largest request header, in bytes, and the size of
	// the buffer that each connection reads into; 0 means 8 KiB.
	HeaderLimit int

	// ReadTimeout is the time within which a request, header and body, must
	// have arrived; 0 means 10 s. It is what ends slow-sending clients. This and
	// the next two may be exceeded by an eighth of the shortest of them.
	ReadTimeout time.Duration

	// WriteTimeout is the time within which a response must have been taken
	// by the client; 0 means 30 s. Streams have one for each part instead.
	WriteTimeout time.Duration

	// IdleTimeout is how long a connection is kept open for its next
	// request; 0 means 60 s.
	IdleTimeout time.Duration

	// ShutdownTimeout is how long [App.Run] lets requests and background work
	// finish after a signal; 0 means 30 s.
	ShutdownTimeout time.Duration

	// MaxConnections is how many connections are served at once, on all
	// listeners; more are answered with 503. 0 means 262,144.
	MaxConnections int

	// OnRefused is called for each answer that the server gives by itself, which
	// no middleware sees: 400, 408, 413 and 431 for what could not be read as a
	// request, 500 and 507 for an upload that could not be stored, and the 503 of
	// MaxConnections. problem has the status, the detail that the client is told,
	// one of a fixed number, and the cause if there is one. raw has the address,
	// the id of the answer, what was read of the request, which may be nothing,
	// and the response: fields may be added to its header, as those of CORS.
	//
	// It is called before the answer is sent, on many goroutines at once, and
	// holds it up. It must not keep raw, nor change problem. A panic of it is
	// logged, and the answer sent. nil does nothing.
	OnRefused func(raw *fasthttp.RequestCtx, problem *responses.Problem)
}

// A Queue is a store whose tasks this process may work, too. An app starts it and shuts it
// down.
type Queue interface {
	background.Store

	// Start begins to work the tasks, each by [background.Runner.Attempt]. It is called
	// once, and no tasks are worked if it fails.
	Start(runner *background.Runner) error

	// Shutdown takes no more tasks and returns when those that run have ended, or were
	// told to and are put back, before ctx is done if that is possible. It may be called
	// before Start, which does nothing then, more than once and at the same time. Store
	// goes on.
	Shutdown(ctx context.Context) error
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Runner.Logger == nil {
		o.Runner.Logger = o.Logger
	}
	if o.Queue != nil {
		o.Runner.Store = o.Queue
	}
	if o.Runner.LogAttrs == nil {
		o.Runner.LogAttrs = logRequestID
	}
	o.BodyLimit = cmp.Or(o.BodyLimit, defaultBodyLimit)
	o.HeaderLimit = cmp.Or(o.HeaderLimit, defaultHeaderLimit)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, defaultReadTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, defaultWriteTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, defaultIdleTimeout)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, defaultShutdownTimeout)
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultMaxConnections)
	return o
}

// validate names the field that is out of its range. It sees defaults filled.
func (o Options) validate() error {
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"BodyLimit", int64(o.BodyLimit)},
		{"HeaderLimit", int64(o.HeaderLimit)},
		{"ReadTimeout", int64(o.ReadTimeout)},
		{"WriteTimeout", int64(o.WriteTimeout)},
		{"IdleTimeout", int64(o.IdleTimeout)},
		{"ShutdownTimeout", int64(o.ShutdownTimeout)},
		{"MaxConnections", int64(o.MaxConnections)},
	} {
		if field.value < 0 {
			return fmt.Errorf("velithon: Options.%s is negative: use 0 for the default", field.name)
		}
	}
	if v := reflect.ValueOf(o.Queue); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("velithon: Options.Queue is a nil %T: open the queue before, or leave the option out for tasks in memory", o.Queue)
	}
	return nil
}

func logRequestID(ctx context.Context) []slog.Attr {
	if id := routing.RequestID(ctx); id != "" {
		return []slog.Attr{slog.String("request_id", id)}
	}
	return nil
}

// An App is a service: routes, a server and a runner of background work. The
// methods of its [routing.Router] add routes, groups and middleware: Get, Post,
// Group, Use and the others. It is built by one goroutine, then serves on many.
type App struct {
	*routing.Router

	options Options
	runner  *background.Runner
	server  *serve.Server

	draining atomic.Bool

	work    func() error // starts the queue, once
	build   sync.Once
	handler atomic.Pointer[routing.Handler] // nil before the app serves
}

// New returns an app without routes. It panics when a field of options is out
// of its range.
func New(options Options) *App {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		panic(err)
	}
	runner := background.NewRunner(options.Runner)
	if describeTo != "" {
		runner.Pause() // what is only described has no work done
	}
	return &App{
		Router: routing.New(routing.Options{
			Runner: runner, Logger: options.Logger, Validator: options.Validator, FaultText: options.FaultText, Problem: options.Problem,
		}),
		options: options,
		runner:  runner,
		work: sync.OnceValue(func() error {
			if options.Queue == nil {
				return nil
			}
			return options.Queue.Start(runner)
		}),
		server: serve.New(serve.Options{
			Logger:         options.Logger,
			BodyLimit:      options.BodyLimit,
			HeaderLimit:    options.HeaderLimit,
			ReadTimeout:    options.ReadTimeout,
			WriteTimeout:   options.WriteTimeout,
			IdleTimeout:    options.IdleTimeout,
			MaxConnections: options.MaxConnections,
			OnRefused:      options.OnRefused,
		}),
	}
}

// built returns the handler of all routes, to which none can be added then.
func (a *App) built() *routing.Handler {
	a.build.Do(func() {
		a.handler.Store(routing.Build(a.Router))
		if describeTo != "" {
			describeAndExit(a.Routes())
		}
	})
	return a.handler.Load()
}

// Handler returns the handler of all routes for a server other than the app's, such
// as one in a test. All routes and middleware must have been added. Give it to the
// server as it is, and add what wraps it by Use: its end decides what becomes of
// background work.
func (a *App) Handler() fasthttp.RequestHandler { return a.server.Handler(a.built()) }

// Runner returns the app's runner, for its Stats and for work that belongs to
// no response. It may be used concurrently, from New on.
func (a *App) Runner() *background.Runner { return a.runner }

// Serve answers the connections that listener accepts until [App.Shutdown] is
// called, and then returns nil, when the shutdown may still be under way. It
// closes listener. Several listeners may be served at once. All routes and
// middleware must have been added. The first call starts Options.Queue, and serves
// nothing if that fails.
func (a *App) Serve(listener net.Listener) error {
	handler, err := a.start(listener)
	if err != nil {
		return err
	}
	return a.server.Serve(listener, handler)
}

// logSafely writes a record. If the log's handler panics the record is lost:
// nobody is left to tell, and without the recover the process would end.
func logSafely(logger *slog.Logger, level slog.Level, message string, args ...any) {
	defer func() { _ = recover() }()
	logger.Log(context.Background(), level, message, args...)
}
