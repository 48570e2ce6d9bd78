package routing

import (
	"context"
	"reflect"
	"runtime"
)

// An Endpoint is a typed handler made ready for [Router.Handle]. Below it nothing
// knows the types.
type Endpoint struct {
	handler  string // the function's name
	in, out  reflect.Type
	exchange func() *exchange // makes a new one, without a route
	reusable bool             // an exchange can serve one request after the other
}

// NewEndpoint makes an endpoint of a handler; the compiler checks its shape. It
// panics on a nil handler.
//
// The verbs call it, on Go 1.27. On Go 1.26 they take any value and check it
// by reflection, and calling the handler costs a reflection call per request;
// there, app.Handle("POST", "/order", routing.NewEndpoint(createOrder)) has neither.
func NewEndpoint[In, Out any](handler func(ctx context.Context, in In) (Out, error)) Endpoint {
	if handler == nil {
		panic("velithon: routing.NewEndpoint was given a nil handler")
	}
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return Endpoint{
		handler:  functionName(reflect.ValueOf(handler)),
		in:       in,
		out:      out,
		reusable: isReusable(in, out),
		exchange: func() *exchange {
			c := &typedCall[In, Out]{handler: handler}
			c.output = outputAt(&c.out)
			c.exchange.call = c
			return &c.exchange
		},
	}
}

// A typedCall is the call of a handler whose types are known.
type typedCall[In, Out any] struct {
	exchange exchange
	handler  func(context.Context, In) (Out, error)
	in       In
	out      Out
	output
}

func (c *typedCall[In, Out]) input() any { return &c.in }

func (c *typedCall[In, Out]) handle(r *request) (err error) {
	c.out, err = c.handler(r, c.in)
	return err
}

func (c *typedCall[In, Out]) clear() {
	var noIn In
	var noOut Out
	c.in, c.out = noIn, noOut
}

// functionName returns the name of a function as a stack trace shows it.
func functionName(f reflect.Value) string {
	if fn := runtime.FuncForPC(f.Pointer()); fn != nil {
		return fn.Name()
	}
	return f.Type().String()
}
