package routing

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

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
	e.reusable = isReusable(e.in, e.out)
	e.exchange = func() *exchange {
		c := &reflectedCall{handler: f, in: reflect.New(e.in), out: reflect.New(e.out)}
		c.args = [2]reflect.Value{reflect.ValueOf(&c.ctx).Elem(), c.in.Elem()}
		c.output = outputAt(c.out.Interface())
		c.exchange.call = c
		return &c.exchange
	}
	return e, nil
}

// A reflectedCall is the call of a handler by reflection.
type reflectedCall struct {
	exchange exchange
	handler  reflect.Value
	ctx      context.Context
	in, out  reflect.Value    // pointers to input and output
	args     [2]reflect.Value // ctx and input where they lie, so that a call does not box them
	output
}

func (c *reflectedCall) input() any { return c.in.Interface() }

func (c *reflectedCall) handle(r *request) error {
	c.ctx = r
	results := c.handler.Call(c.args[:])
	c.out.Elem().Set(results[0])
	err, _ := reflect.TypeAssert[error](results[1])
	return err
}

func (c *reflectedCall) clear() {
	c.ctx = nil
	c.in.Elem().SetZero()
	c.out.Elem().SetZero()
}
