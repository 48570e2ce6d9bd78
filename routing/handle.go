package routing

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"

	"github.com/velithon-go/velithon/responses"
)

// An Endpoint is a typed handler made ready for [Router.Add]. Below it nothing
// knows the types.
type Endpoint struct {
	handler string // the function's name
	in, out reflect.Type
	call    func() exchange // makes the exchange of one request
}

// An exchange is one call of a handler: its context, its input and its output.
type exchange interface {
	context() *request
	input() any // a pointer to the input, to be filled
	handle() error
	response() responses.Response // what the handler returned, if it is one
	content() any                 // a pointer to what the handler returned
}

// Handle makes an endpoint of a handler; the compiler checks its shape. It
// panics on a nil handler.
//
// The verbs call it, on Go 1.27. On Go 1.26 they take any value and check it
// by reflection, and calling the handler costs a reflection call per request;
// there, app.Add("POST", "/order", routing.Handle(createOrder)) has neither.
func Handle[In, Out any](handler func(ctx context.Context, in In) (Out, error)) Endpoint {
	if handler == nil {
		panic("routing: Handle was given a nil handler")
	}
	out := reflect.TypeFor[Out]()
	asResponse := responseIn[Out](out)
	return Endpoint{
		handler: functionName(reflect.ValueOf(handler)),
		in:      reflect.TypeFor[In](),
		out:     out,
		call: func() exchange {
			return &call[In, Out]{handler: handler, asResponse: asResponse}
		},
	}
}

// A call is the exchange of a handler whose types are known: one allocation
// for the context, the input and the output.
type call[In, Out any] struct {
	request
	in         In
	out        Out
	handler    func(context.Context, In) (Out, error)
	asResponse func(*Out) responses.Response
}

func (c *call[In, Out]) context() *request { return &c.request }
func (c *call[In, Out]) input() any        { return &c.in }
func (c *call[In, Out]) content() any      { return &c.out }

func (c *call[In, Out]) handle() (err error) {
	c.out, err = c.handler(&c.request, c.in)
	return err
}

func (c *call[In, Out]) response() responses.Response {
	if c.asResponse == nil {
		return nil
	}
	return c.asResponse(&c.out)
}

var responseType = reflect.TypeFor[responses.Response]()

// responseIn returns how to see an output as a response, nil when its type is
// plain content.
func responseIn[Out any](t reflect.Type) func(*Out) responses.Response {
	switch {
	case t.Kind() == reflect.Interface, t.Implements(responseType) && t.Kind() == reflect.Pointer:
		return func(out *Out) responses.Response {
			return dynamicResponse(any(*out))
		}
	case reflect.PointerTo(t).Implements(responseType):
		return func(out *Out) responses.Response { return any(out).(responses.Response) }
	default:
		return nil
	}
}

// dynamicResponse returns out as a response, nil when it is plain content. A
// nil pointer to a response is answered as a fault of the handler.
func dynamicResponse(out any) responses.Response {
	response, ok := out.(responses.Response)
	if !ok {
		return nil
	}
	if v := reflect.ValueOf(out); v.Kind() == reflect.Pointer && v.IsNil() {
		return responses.ProblemFor(fmt.Errorf("the handler returned a nil %T without an error", out))
	}
	return response
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// errShape is the remedy for a function of another shape.
var errShape = errors.New("want func(context.Context, In) (Out, error), with In struct{} for no input")

// reflected makes an endpoint of a handler whose types are known at run time
// only.
func reflected(handler any) (Endpoint, error) {
	f := reflect.ValueOf(handler)
	if f.Kind() != reflect.Func {
		return Endpoint{}, fmt.Errorf("the handler is a %T: %w", handler, errShape)
	}
	if f.IsNil() {
		return Endpoint{}, errors.New("the handler is nil")
	}
	e := Endpoint{handler: functionName(f)}
	t := f.Type()
	if t.NumIn() != 2 || t.NumOut() != 2 || t.IsVariadic() || t.In(0) != contextType || t.Out(1) != errorType {
		return e, fmt.Errorf("the handler is a %s: %w", t, errShape)
	}
	e.in, e.out = t.In(1), t.Out(0)
	e.call = func() exchange { return &reflectedCall{handler: f, in: reflect.New(e.in)} }
	return e, nil
}

// A reflectedCall is the exchange of a handler that is called by reflection.
type reflectedCall struct {
	request
	handler reflect.Value
	in      reflect.Value // a pointer to the input
	out     any
}

func (c *reflectedCall) context() *request            { return &c.request }
func (c *reflectedCall) input() any                   { return c.in.Interface() }
func (c *reflectedCall) content() any                 { return c.out }
func (c *reflectedCall) response() responses.Response { return dynamicResponse(c.out) }

func (c *reflectedCall) handle() error {
	results := c.handler.Call([]reflect.Value{reflect.ValueOf(&c.request), c.in.Elem()})
	c.out = results[0].Interface()
	err, _ := reflect.TypeAssert[error](results[1])
	return err
}

// functionName returns the name of a function as a stack trace shows it.
func functionName(f reflect.Value) string {
	if fn := runtime.FuncForPC(f.Pointer()); fn != nil {
		return fn.Name()
	}
	return f.Type().String()
}
