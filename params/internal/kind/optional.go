package kind

import "reflect"

// An OptionalMark is the first field of params.Optional, by which its types are known: a
// type argument can be had from a [reflect.Type] in no other way.
type OptionalMark struct{}

// An Optional is where the parts of a params.Optional lie.
type Optional struct {
	Value    reflect.Type // the type of the value
	At       uintptr      // the offset of the value
	GivenAt  uintptr      // the offset of the bool that says whether it was given
	Nullable bool         // null is a value
}

// OptionalOf returns the parts of t, if it is a params.Optional.
func OptionalOf(t reflect.Type) (o Optional, ok bool) {
	if t.Kind() != reflect.Struct || t.NumField() != 3 || t.Field(0).Type != reflect.TypeFor[OptionalMark]() || !DecodesItself(t) {
		return o, false
	}
	value, given := t.Field(1), t.Field(2)
	k := value.Type.Kind()
	return Optional{value.Type, value.Offset, given.Offset, k == reflect.Pointer || k == reflect.Interface}, true
}
