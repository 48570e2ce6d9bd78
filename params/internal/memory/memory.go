// Package memory reads and writes values whose type only a [reflect.Type] tells. It
// is the one package below params that imports unsafe: this file is enough to judge
// whether it is sound, and says what callers must keep to.
//
// A plan is compiled for a type, once, and fills values of that type. It knows
// where their fields lie, from [reflect.StructField.Offset], and which types they
// have, so it needs no reflection for that in a request.
package memory

import (
	"reflect"
	"unsafe"
)

// A Pointer points to a value, but does not know its type. It keeps the value alive,
// as any pointer does. The zero Pointer points to nothing.
//
// Callers know the type from the plan, which was compiled for it.
type Pointer struct{ to unsafe.Pointer }

// Of returns v, a pointer, as a Pointer. If v is a slice, it points to the elements.
func Of(v reflect.Value) Pointer { return Pointer{v.UnsafePointer()} }

// New returns a Pointer to a new zero value of a type.
func New(t reflect.Type) Pointer { return Of(reflect.New(t)) }

// CopyOf returns a Pointer to a new copy of v. v must be addressable, and of a type
// that an interface holds by a pointer, such as an array of two elements. For a zero
// value it does what [New] does, but need not look up the type of the pointer.
func CopyOf(v reflect.Value) Pointer {
	boxed := v.Interface()
	return (*struct{ typ, value Pointer })(unsafe.Pointer(&boxed)).value //nolint:gosec // as interfaces are in memory
}

// As returns p as a pointer to a T. It is sound if the value is a T or has the same
// layout: if its type is of T's kind; for a [Slice] if it is any slice; and for a
// [Pointer] if it is any pointer, map or channel.
func As[T any](p Pointer) *T { return (*T)(p.to) }

// Value returns the value, which is of type t. It can be set.
func (p Pointer) Value(t reflect.Type) reflect.Value { return reflect.NewAt(t, p.to).Elem() }

// Only returns the value, which is of type t, as the one element of a slice.
func (p Pointer) Only(t reflect.Type) reflect.Value { return reflect.SliceAt(t, p.to, 1) }

// At returns a Pointer to what lies offset bytes into the value: to a field of a
// struct at the field's offset, or to an element of an array at its index times its
// size. It is sound within the value.
func (p Pointer) At(offset uintptr) Pointer { return Pointer{unsafe.Add(p.to, offset)} }

// Target returns where the value, which is a pointer, a map or a slice, points to.
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
