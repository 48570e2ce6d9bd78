package params

import (
	"encoding"
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-json"
)

// Types that are asked for.
var (
	timeType            = reflect.TypeFor[time.Time]()
	durationType        = reflect.TypeFor[time.Duration]()
	numberType          = reflect.TypeFor[json.Number]() // a string that is written as a number
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

	jsonUnmarshalerType    = reflect.TypeFor[json.Unmarshaler]()
	contextUnmarshalerType = reflect.TypeFor[json.UnmarshalerContext]()
)

// deref strips the pointers off t.
func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// holdsInterface reports whether a value of type t, or a part of one, may be of
// a type that only the value knows. seen are the types around.
func holdsInterface(t reflect.Type, seen ...reflect.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsInterface(t.Elem(), seen...)
	case reflect.Struct:
		for f := range t.Fields() {
			if holdsInterface(f.Type, seen...) {
				return true
			}
		}
	}
	return false
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map
}

// isStruct reports whether the validator takes t for a struct to look into.
func isStruct(t reflect.Type) bool {
	t = deref(t)
	return t.Kind() == reflect.Struct && !t.ConvertibleTo(timeType)
}

func isNilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	default:
		return false
	}
}

func isFloat(t reflect.Type) bool { return t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64 }

// decodesItself reports whether the codec leaves values of type t to a method
// of theirs.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	_, streams := p.MethodByName("UnmarshalJSONFrom") // of encoding/json/v2, which go-json calls too
	return streams || p.Implements(jsonUnmarshalerType) || p.Implements(contextUnmarshalerType) || p.Implements(textUnmarshalerType)
}
