package jsonschema

import (
	"encoding"
	"reflect"
	"slices"
)

// A way is how a value gets into JSON, or out of it.
type way int

const (
	byKind   way = iota // as its kind does
	byText              // by a method, as a text
	byMethod            // by a method, as anything
)

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// waysOf returns the way of values of type t. A method that only a pointer has writes
// those that can be addressed, which nobody knows here: so they may be anything.
func waysOf(t reflect.Type, m Mode) way {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Interface || t == numberType { // which has methods of its own with Go 1.27
		return byKind
	}
	if m != Writes {
		switch {
		case hasMethod(p, "UnmarshalJSON", "UnmarshalJSONFrom"):
			return byMethod
		case p.Implements(textUnmarshaler):
			return byText
		}
		return byKind
	}
	switch {
	case hasMethod(p, "MarshalJSON", "MarshalJSONTo"):
		return byMethod
	case t.Implements(textMarshaler):
		return byText
	case p.Implements(textMarshaler):
		return byMethod
	}
	return byKind
}

func hasMethod(t reflect.Type, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, has := t.MethodByName(name)
		return has
	})
}

// isUUID reports whether a type is one of the usual ones for UUIDs: 16 bytes that are
// written as a text.
func isUUID(t reflect.Type) bool {
	return t.Name() == "UUID" && t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}
