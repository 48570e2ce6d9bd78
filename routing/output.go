package routing

import (
	"fmt"
	"reflect"

	"github.com/velithon-go/velithon/responses"
)

// An output is where a handler's output is put, and how it is answered. It is
// made with the exchange: whether the output is a response follows from its
// type, but for an interface, whose value has to be asked.
type output struct {
	at      any                // a pointer to it
	fixed   responses.Response // the same, if that is a response
	dynamic reflect.Value      // the place, if the value says whether it is a response
}

// outputAt takes a pointer to where the output will be.
func outputAt(at any) output {
	o := output{at: at}
	place := reflect.ValueOf(at).Elem()
	t := place.Type()
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer && t.Implements(responseType) {
		o.dynamic = place
	} else {
		o.fixed, _ = at.(responses.Response)
	}
	return o
}

// response returns the output as a response, nil when it is plain content.
func (o *output) response() responses.Response {
	if o.dynamic.IsValid() {
		return dynamicResponse(o.dynamic.Interface())
	}
	return o.fixed
}

// content returns a pointer to the output.
func (o *output) content() any { return o.at }

var responseType = reflect.TypeFor[responses.Response]()

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
