package routing

import (
	"fmt"
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// An output is where a handler's output is put, and how it is answered. It is
// made with the exchange: whether the output is a response follows from its
// type, but for an interface, whose value has to be asked.
type output struct {
	at      any                // a pointer to it
	fixed   responses.Response // what writes it, if that is a response
	dynamic reflect.Value      // the place, if the value says whether it is a response
}

// outputAt takes a pointer to where the output will be.
func outputAt(at any) output {
	o := output{at: at}
	place := reflect.ValueOf(at).Elem()
	t := place.Type()
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer && t.Implements(responseType) {
		o.dynamic = place
	} else if response, ok := at.(responses.Response); ok {
		o.fixed = responses.InPlace(response)
	}
	return o
}

func (o *output) result() *output { return o }

// response returns the output as a response, nil when it is plain content.
func (o *output) response() responses.Response {
	if o.dynamic.IsValid() {
		return dynamicResponse(o.dynamic)
	}
	return o.fixed
}

// content returns a pointer to the output.
func (o *output) content() any { return o.at }

var responseType = reflect.TypeFor[responses.Response]()

// dynamicResponse returns an output as a response, nil when it is plain content.
func dynamicResponse(out reflect.Value) responses.Response {
	response, ok := reflect.TypeAssert[responses.Response](out)
	if out.Kind() == reflect.Interface {
		if out.IsNil() && out.Type().Implements(responseType) {
			return nilResponse{out.Type()}
		}
		out = out.Elem()
	}
	if ok && out.Kind() == reflect.Pointer && out.IsNil() {
		return nilResponse{out.Type()}
	}
	return response
}

// A nilResponse stands for a response that a handler did not make. It fails when
// it is written, so that the client is answered with a 500 and the log has why.
type nilResponse struct{ typ reflect.Type }

// Write implements [responses.Response].
func (n nilResponse) Write(*fasthttp.RequestCtx) error {
	return fmt.Errorf("the handler returned a nil %s and no error", n.typ)
}

// Work implements [responses.Response].
func (nilResponse) Work() background.Work { return nil }
