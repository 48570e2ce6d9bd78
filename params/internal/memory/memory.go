// Package memory reaches values of which only a [reflect.Type] says what they
// are. It is the one package below params that imports unsafe: what is sound
// about it can be judged in this file, and what its callers owe is said there.
//
// A plan is compiled for a type, once, and fills values of that type. It knows
// where their fields lie from [reflect.StructField.Offset], and of which types
// they are, so that it can do without reflection for each request.
package memory

import (
	"reflect"
	"unsafe"
)

// A Pointer points to a value, and does not say of which type. It keeps the value
// alive, as any pointer does. The zero Pointer points to nothing.
//
// Whoever has one knows the type: from the plan, which was compiled for it.
type Pointer struct{ to unsafe.Pointer }

// Of returns what v points to, which is a pointer.
func Of(v reflect.Value) Pointer { return Pointer{v.UnsafePointer()} }

// New returns a new zero value of a type.
func New(t reflect.Type) Pointer { return Of(reflect.New(t)) }

// CopyOf returns a new copy of a value that can be addressed, and that an interface
// has a pointer to: an array of two elements, for instance. For a zero value it does
// what [New] does, but need not look for the type of the pointer.
func CopyOf(v reflect.Value) Pointer {
	boxed := v.Interface()
	return (*struct{ typ, value Pointer })(unsafe.Pointer(&boxed)).value //nolint:gosec // as interfaces are in memory
}

// As returns p as a pointer to a T. It is sound if the value is a T, or a type
// that has T's memory: a type of T's kind, or for a [Slice] and a [Pointer] any
// slice, and any pointer, map or channel.
func As[T any](p Pointer) *T { return (*T)(p.to) }

// Value returns the value, which is of type t. It can be set.
func (p Pointer) Value(t reflect.Type) reflect.Value { return reflect.NewAt(t, p.to).Elem() }

// Only returns the value, which is of type t, as the one element of a slice.
func (p Pointer) Only(t reflect.Type) reflect.Value { return reflect.SliceAt(t, p.to, 1) }

// At returns what lies so many bytes behind the beginning of the value: a field
// of a struct at the field's offset, or the element of an array at its index
// times its size. It is sound within the value.
func (p Pointer) At(offset uintptr) Pointer { return Pointer{unsafe.Add(p.to, offset)} }

// Target returns where the value points to, which is a pointer or a map.
func (p Pointer) Target() Pointer { return *As[Pointer](p) }

// IsNil reports whether p points to nothing.
func (p Pointer) IsNil() bool { return p.to == nil }

// A Slice is what every slice is in memory. It has the fields and the layout of
// the runtime's, and the collector sees its pointer.
type Slice struct {
	Data     Pointer
	Len, Cap int
}

// Text returns b as a string without a copy. It is sound as long as nobody
// writes to b: whoever keeps the text, or a part of it, copies it.
func Text(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // see the comment
}

// Bytes returns s as bytes without a copy. They are only to be read.
func Bytes(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // see the comment
}
