package kind

import (
	"context"
	"reflect"
)

// A Validatable is params.Validatable.
type Validatable interface {
	// Validate returns what is wrong with the value.
	Validate(ctx context.Context) error
}

// IsValidatable reports whether a pointer to a t is a [Validatable].
func IsValidatable(t reflect.Type) bool {
	return t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[Validatable]())
}

// HiddenValidatable returns a struct that t embeds whose Validate nobody calls, since t has
// none: another one hides it, or Go can't choose between two. It returns nil if there is
// none.
func HiddenValidatable(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Struct || IsValidatable(t) {
		return nil
	}
	for f := range t.Fields() {
		if inner := Deref(f.Type); f.Anonymous && IsValidatable(inner) {
			return inner
		}
	}
	return nil
}
