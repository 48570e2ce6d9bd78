// Package kind tells what matters about a Go type: how the validator and the codec
// treat its values.
package kind

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"
)

// Types that callers compare others with.
var (
	Time            = reflect.TypeFor[time.Time]()
	Duration        = reflect.TypeFor[time.Duration]()
	Number          = reflect.TypeFor[json.Number]() // a string that is written as a number
	TextUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

	jsonUnmarshalerType    = reflect.TypeFor[json.Unmarshaler]()
	contextUnmarshalerType = reflect.TypeFor[json.UnmarshalerContext]()
)

// Deref strips the pointers off t.
func Deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// HoldsInterface reports whether a value of type t is or holds an interface, whose
// type only the value knows. seen are the types around.
func HoldsInterface(t reflect.Type, seen ...reflect.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return HoldsInterface(t.Elem(), seen...)
	case reflect.Struct:
		for f := range t.Fields() {
			if HoldsInterface(f.Type, seen...) {
				return true
			}
		}
	}
	return false
}

// IsList reports whether t has elements: a slice, an array or a map.
func IsList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map
}

// IsStruct reports whether the validator takes t for a struct to look into.
func IsStruct(t reflect.Type) bool {
	t = Deref(t)
	return t.Kind() == reflect.Struct && !t.ConvertibleTo(Time)
}

// IsNilable reports whether values of type t may be nil.
func IsNilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	default:
		return false
	}
}

// IsFloat reports whether t is a floating-point type.
func IsFloat(t reflect.Type) bool { return t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64 }

// DecodesItself reports whether the codec decodes values of type t by a method of
// theirs. A [json.Number] has one with Go 1.27, which go-json passes over.
func DecodesItself(t reflect.Type) bool {
	if t == Number {
		return false
	}
	p := reflect.PointerTo(t)
	_, streams := p.MethodByName("UnmarshalJSONFrom") // of encoding/json/v2, which go-json calls too
	return streams || p.Implements(jsonUnmarshalerType) || p.Implements(contextUnmarshalerType) || p.Implements(TextUnmarshaler)
}

// A names a type with its article, for a sentence: "an int", "a uint", "an any".
func A(t reflect.Type) string {
	name := t.String()
	switch {
	case t == reflect.TypeFor[any]():
		return "an any"
	case strings.IndexByte("aeioAEIO", name[0]) >= 0:
		return "an " + name
	default:
		return "a " + name
	}
}
