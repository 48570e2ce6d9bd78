package rules

import (
	"reflect"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// isNilPointer returns a function that reports whether a value of type t, a pointer
// or an interface, is nil, or points to a pointer that is.
func isNilPointer(t reflect.Type) func(memory.Pointer) bool {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer {
		return func(p memory.Pointer) bool { return p.Target().IsNil() }
	}
	return func(p memory.Pointer) bool {
		v := p.Value(t)
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
	}
}

// isZero returns a function that reports whether a value of type t is zero. An
// empty slice or map that is not nil is not zero.
func isZero(t reflect.Type) func(memory.Pointer) bool {
	switch t.Kind() {
	case reflect.String:
		return func(p memory.Pointer) bool { return *memory.As[string](p) == "" }
	case reflect.Int:
		return func(p memory.Pointer) bool { return *memory.As[int](p) == 0 }
	case reflect.Bool:
		return func(p memory.Pointer) bool { return !*memory.As[bool](p) }
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return func(p memory.Pointer) bool { return p.Target().IsNil() }
	}
	return func(p memory.Pointer) bool { return p.Value(t).IsZero() }
}

// isAbsent returns a function that reports whether a value of type t may have
// been absent.
func isAbsent(t reflect.Type) func(memory.Pointer) bool {
	if t == rawMessageType {
		return func(p memory.Pointer) bool {
			raw := *memory.As[json.RawMessage](p)
			return raw == nil || string(raw) == "null" // the one type that keeps a null
		}
	}
	return isZero(t)
}

// isEmptyOrZero is [isZero] for omitzero, for which an empty slice or map and a
// pointer to a zero are zero, too.
func isEmptyOrZero(t reflect.Type) func(memory.Pointer) bool {
	return func(p memory.Pointer) bool {
		v := p.Value(t)
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
	}
}

var rawMessageType = reflect.TypeFor[json.RawMessage]()
