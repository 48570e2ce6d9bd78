package routing

import (
	"reflect"
	"time"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// isReusable reports whether an exchange of these types can serve one request
// after the other. It can't when a method of the service's own is called on a
// value where it lies, since that method may keep the address: a decoder such as
// UnmarshalJSON, a Validate on a pointer receiver, an encoder such as MarshalJSON on a pointer receiver, or the
// Write of a response, which may give fasthttp a slice of an array in it.
func isReusable(in, out reflect.Type) bool {
	return !isInputSeen(in) && !isSeen(out, encoders) && (isOwn(out) || !reflect.PointerTo(out).Implements(responseType))
}

// isSeen reports whether one of the methods that are counted learns the address
// of a value of type t or of a part of it. What is behind a pointer, in a slice,
// a map or an interface is not a part: it is made anew for each request.
func isSeen(t reflect.Type, count func(reflect.Type) int) bool {
	switch t.Kind() {
	case reflect.Array:
		if isSeen(t.Elem(), count) {
			return true
		}
	case reflect.Struct:
		if t == timeType {
			return false // keeps nothing, and is too common to pay for those that may
		}
		for f := range t.Fields() {
			if isSeen(f.Type, count) {
				return true
			}
		}
	}
	if t.PkgPath() == paramsPath {
		return false // those that decode or encode themselves keep nothing
	}
	return count(reflect.PointerTo(t)) > count(t) // the others have copies
}

// decoders counts the methods of t that an input is decoded and validated with. Names are
// constants here, so that the linker need not keep all methods of all types.
func decoders(t reflect.Type) (n int) {
	if _, ok := t.MethodByName("UnmarshalJSON"); ok {
		n++
	}
	if _, ok := t.MethodByName("UnmarshalJSONFrom"); ok {
		n++
	}
	if _, ok := t.MethodByName("UnmarshalText"); ok {
		n++
	}
	if m, ok := t.MethodByName("Validate"); ok && m.Type.NumIn() == 2 && m.Type.In(1) == contextType && m.Type.NumOut() == 1 && m.Type.Out(0) == errorType {
		n++
	}
	return n
}

// encoders counts the methods of t that a codec encodes with.
func encoders(t reflect.Type) (n int) {
	if _, ok := t.MethodByName("MarshalJSON"); ok {
		n++
	}
	if _, ok := t.MethodByName("MarshalJSONTo"); ok {
		n++
	}
	if _, ok := t.MethodByName("MarshalText"); ok {
		n++
	}
	if _, ok := t.MethodByName("IsZero"); ok {
		n++
	}
	return n
}

var paramsPath = reflect.TypeFor[params.File]().PkgPath()

var timeType = reflect.TypeFor[time.Time]()

// isOwn reports whether t is a type of package responses, whose responses by
// value keep no address, but for streams, whose exchanges are not used again.
func isOwn(t reflect.Type) bool {
	return t.PkgPath() == reflect.TypeFor[responses.TextResponse]().PkgPath()
}
