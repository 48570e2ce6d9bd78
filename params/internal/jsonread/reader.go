// Package jsonread reads JSON into values of types that were compiled before, in one
// pass that decodes, checks the syntax and UTF-8, and notices whether a rule may be
// broken. It refuses some texts, and leaves them to the codec.
package jsonread

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/bitset"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A Reader reads values of a type. It is safe for concurrent use.
type Reader struct {
	kind   readKind
	opaque bool // the type decodes itself, or is optional, so that null may be a value to it
	bits   int  // of a number
	schema *schema.Schema
	object *objectReader
	list   *listReader
	target *pointerReader
}

// A pointerReader sets a pointer to a new value and reads into that.
type pointerReader struct {
	typ      reflect.Type // of the new value
	elem     *Reader
	optional kind.Optional // in place of a pointer
}

type readKind int

const (
	byCodec readKind = iota // left to the codec
	asString
	asBool
	asInt
	asUint
	asFloat
	asPointer
	asObject
	asList
	asOptional
)

// New returns the Reader of a schema, after [schema.Compiler.Finish].
func New(of *schema.Schema) *Reader {
	c := readerCompiler{}
	return c.reader(of)
}

// Read reads text, without white space around it, into the zero value at p. If ok is
// false, it has refused the text, and something may be left at p. doubtful says that a
// rule may be broken.
func (v *Reader) Read(text []byte, p memory.Pointer) (doubtful, ok bool) {
	r := reading{text: memory.Text(text)}
	ok = r.read(v, 0, p) == len(text)
	return r.doubtful, ok
}

// A readerCompiler has the readers that were made. Types may be recursive, and a
// [memberReader] has a copy of its Reader, so all of a Reader is set before its parts
// are compiled.
type readerCompiler map[*schema.Schema]*Reader

func (c readerCompiler) reader(of *schema.Schema) *Reader {
	v := c[of]
	if v == nil {
		v = &Reader{opaque: of.Opaque, schema: of}
		c[of] = v
		c.compile(v)
	}
	return v
}

func (c readerCompiler) compile(v *Reader) {
	of := v.schema
	switch {
	case of.Opaque || of.Type == kind.Number:
	case of.Shape == schema.Struct && len(of.Members) <= bitset.Size:
		v.kind, v.object = asObject, new(objectReader)
		c.compileObject(v.object, of)
	case of.Shape == schema.List && of.Type.Kind() == reflect.Slice:
		v.kind, v.list = asList, newListReader(of.Type)
		v.list.elem = c.reader(of.Elem)
	case of.Shape == schema.Pointer:
		v.kind, v.target = asPointer, &pointerReader{typ: of.Elem.Type}
		v.target.elem = c.reader(of.Elem)
	case of.Shape == schema.Optional:
		v.kind, v.opaque, v.target = asOptional, true, &pointerReader{optional: of.Optional}
		v.target.elem = c.reader(of.Elem)
	case of.Shape == schema.Leaf:
		v.compileScalar(of.Type)
	}
}

func (v *Reader) compileScalar(t reflect.Type) {
	switch t.Kind() {
	case reflect.String:
		v.kind = asString
	case reflect.Bool:
		v.kind = asBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.kind, v.bits = asInt, t.Bits()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.kind, v.bits = asUint, t.Bits()
	case reflect.Float32, reflect.Float64:
		v.kind, v.bits = asFloat, t.Bits()
	}
}
