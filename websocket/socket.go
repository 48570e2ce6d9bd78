package websocket

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/fasthttp/websocket"
	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The defaults of Options.
const (
	defaultMessageLimit   = 64 << 10 // bytes
	defaultQueue          = 16
	defaultPingInterval   = 30 * time.Second
	defaultWriteTimeout   = 10 * time.Second
	defaultCloseTimeout   = 5 * time.Second
	defaultMaxConnections = 16 << 10
)

// Options configures a [Socket]. The zero value is safe; a limit can be raised or lowered, not
// switched off.
type Options struct {
	// Origins are those whose pages may connect, such as "https://shop.example", besides the
	// pages of the host that the request is for: see [middleware.NewOrigins]. Others are
	// refused with 403, since a browser sends its user's cookies along. What sends no Origin
	// is no browser, and may connect.
	Origins []string

	// Subprotocols are those that the app speaks, the preferred one first: see
	// [Conn.Subprotocol].
	Subprotocols []string

	// MessageLimit is the largest message that is received, in bytes; 0 means 64 KiB. A
	// larger one ends the connection with code 1009.
	MessageLimit int

	// Queue is how many messages may wait to be sent on a connection; 0 means 16.
	Queue int

	// PingInterval is how often a ping is sent; 0 means 30 s. A client of which nothing was
	// received from one ping to the next, not even the pong, is gone.
	PingInterval time.Duration

	// WriteTimeout is the time within which the client must have taken a message; 0 means
	// 10 s. After that the connection is lost.
	WriteTimeout time.Duration

	// CloseTimeout is how long a connection that we close waits for the client to close it,
	// too; 0 means 5 s.
	CloseTimeout time.Duration

	// MaxConnections is how many connections the Socket has at once; 0 means 16,384. More are
	// answered with 503. They do not count among those of the app.
	MaxConnections int

	// Validator judges the validate tags of messages: the app's, if that has rules of its own.
	// nil means params.NewValidator().
	Validator *validator.Validate
}

func (o Options) withDefaults() Options {
	o.MessageLimit = cmp.Or(o.MessageLimit, defaultMessageLimit)
	o.Queue = cmp.Or(o.Queue, defaultQueue)
	o.PingInterval = cmp.Or(o.PingInterval, defaultPingInterval)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, defaultWriteTimeout)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, defaultCloseTimeout)
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultMaxConnections)
	return o
}

// validate names the field that is out of its range. It sees defaults filled.
func (o Options) validate() error {
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"MessageLimit", int64(o.MessageLimit)},
		{"Queue", int64(o.Queue)},
		{"PingInterval", int64(o.PingInterval)},
		{"WriteTimeout", int64(o.WriteTimeout)},
		{"CloseTimeout", int64(o.CloseTimeout)},
		{"MaxConnections", int64(o.MaxConnections)},
	} {
		if field.value < 0 {
			return fmt.Errorf("the option %s is negative: use 0 for the default", field.name)
		}
	}
	return nil
}

// A Socket makes WebSockets of requests. It receives messages of type In and sends those of
// type Out. It is made once, by [New], and may be used by many goroutines at once.
//
// In is what a JSON body can be: a struct, a list or a map, with validate tags and a method
// Validate as there. Out is anything that JSON can have. Either may be [Message], for what
// is no JSON. With struct{} for In messages are taken and not looked at.
type Socket[In, Out any] struct {
	options  Options
	origins  middleware.Origins
	upgrader wire.FastHTTPUpgrader
	open     atomic.Int64 // connections

	plan    *params.Plan // how In is read; nil for a Message
	decoder sync.Pool    // of *fasthttp.RequestCtx, as which a message is decoded
}

// New returns a socket. It panics when a field of options is out of its range, and when In or
// Out can't be messages: these are mistakes in the program.
func New[In, Out any](options Options) *Socket[In, Out] {
	s := &Socket[In, Out]{options: options.withDefaults()}
	err := s.options.validate()
	if err == nil {
		err = s.compile()
	}
	if err != nil {
		panic(fmt.Sprintf("websocket: New[%s, %s]: %v", reflect.TypeFor[In](), reflect.TypeFor[Out](), err))
	}
	s.origins = middleware.NewOrigins("websocket.Options.Origins", options.Origins...)
	s.upgrader = wire.FastHTTPUpgrader{
		ReadBufferSize:  readBuffer,
		WriteBufferPool: &writeBuffers,
		Subprotocols:    append([]string{}, options.Subprotocols...),     // not nil, or the response's header would say it
		CheckOrigin:     func(*fasthttp.RequestCtx) bool { return true }, // it is checked before
	}
	return s
}

// readBuffer is small, since fasthttp reads the connection into a buffer of its own, which
// stays.
const readBuffer = 256

// writeBuffers are for all connections: most of these send nothing at a time.
var writeBuffers sync.Pool

// compile checks the types of the messages.
func (s *Socket[In, Out]) compile() error {
	out := reflect.TypeFor[Out]()
	if out != messageType {
		if out.Implements(reflect.TypeFor[responses.Response]()) {
			return fmt.Errorf("the messages to send are responses: use the type of their content")
		}
		if err := responses.Check(out); err != nil {
			return fmt.Errorf("the messages to send: %w", err)
		}
	}
	in := reflect.TypeFor[In]()
	if in == messageType {
		return nil
	}
	plan, err := params.Compile(in, params.Options{Validator: s.options.Validator})
	if err != nil {
		return fmt.Errorf("the messages to receive: %w", err)
	}
	if len(plan.Params()) > 0 {
		return fmt.Errorf("the messages to receive have fields of a request, such as a query: those belong to the input of the handler")
	}
	s.plan = plan
	s.decoder.New = func() any {
		raw := new(fasthttp.RequestCtx)
		raw.Request.Header.SetMethod(fasthttp.MethodPost)
		raw.Request.Header.SetContentType("application/json")
		return raw
	}
	return nil
}

// Upgrade makes a WebSocket of the request whose handler has ctx, or returns a
// [*responses.Problem] that says why it can't be one: 426, 400, 403 for the page of another
// origin, or 503. A handler returns what it returns.
//
// Once the response is on the wire converse is called, on a goroutine of its own. ctx is done
// when the connection has ended, whoever has ended it, and when the app shuts down, which
// closes with code 1001 and waits for converse to return. When it returns what waits is sent,
// and the connection closed: with code 1000 for nil, with those of a [*CloseError], with 1007
// or 1008 for a message that Receive has refused, and with 1011 for any other error, which
// goes to the log, as does a panic. What Receive or Send have returned once the connection
// had ended is not logged: converse may return it as it is.
//
// A task that converse submits with ctx has the request's id and is of its origin: see
// [background.Runner.Submit].
func (s *Socket[In, Out]) Upgrade(ctx context.Context, converse func(conn *Conn[In, Out]) error) (*Response, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.refusal(raw); err != nil {
		return nil, err
	}
	l := newLink(ctx, &s.options)
	conn := &Conn[In, Out]{socket: s, link: l}
	return &Response{upgrader: &s.upgrader, open: &s.open, link: l, converse: func() error { return converse(conn) }}, nil
}
