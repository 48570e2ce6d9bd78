package params

import (
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// A valueReader is how values of a type are read.
type valueReader struct {
	kind   readKind
	opaque bool // the type decodes itself, so that null may be a value to it
	bits   int  // of a number
	node   *node
	object *structReader
	list   *listReader
	target *pointerReader
}

// A pointerReader reads a value into a new one that a pointer is set to.
type pointerReader struct {
	typ  reflect.Type // of the new one
	elem *valueReader
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
)

// compileReader returns how values of a type are read.
func compileReader(n *node) *valueReader {
	c := readerCompiler{}
	return c.reader(n)
}

// readText reads text into the zero value at p, and reports whether it did. If it did
// not, something may be left there. doubtful says that a rule may be broken.
func (v *valueReader) readText(text []byte, p memory.Pointer) (doubtful, ok bool) {
	r := reader{text: memory.Text(text)}
	ok = r.read(v, 0, p) == len(text)
	return r.doubtful, ok
}

// A readerCompiler has the readers that were made. Types may be recursive, and
// fields have copies, so all of a reader is set before its parts are compiled.
type readerCompiler map[*node]*valueReader

func (c readerCompiler) reader(n *node) *valueReader {
	v := c[n]
	if v == nil {
		v = &valueReader{opaque: n.opaque, node: n}
		c[n] = v
		c.compile(v)
	}
	return v
}

func (c readerCompiler) compile(v *valueReader) {
	n := v.node
	switch {
	case n.opaque || n.typ == numberType:
	case n.shape == structShape && len(n.members) <= maxParams:
		v.kind, v.object = asObject, new(structReader)
		c.compileStruct(v.object, n)
	case n.shape == listShape && n.typ.Kind() == reflect.Slice:
		v.kind, v.list = asList, newListReader(n.typ)
		v.list.elem = c.reader(n.elem)
	case n.shape == pointerShape:
		v.kind, v.target = asPointer, &pointerReader{typ: n.elem.typ}
		v.target.elem = c.reader(n.elem)
	case n.shape == leaf:
		v.compileScalar(n.typ)
	}
}

func (v *valueReader) compileScalar(t reflect.Type) {
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

// isNull reports whether the value at i is null, or begins like it. The zero
// value that is there stays then.
func (v *valueReader) isNull(text string, i int) bool {
	return jsonscan.Byte(text, i) == 'n' && !v.opaque
}

// read reads the value at i into p, which points to a zero value of the type
// that v was made for, and returns the position after it, or [refused]. It
// switches on the kind rather than calling a method of an interface, so that the
// reader can lie on the stack.
func (r *reader) read(v *valueReader, i int, p memory.Pointer) (next int) {
	switch v.kind {
	case asString:
		return r.readString(i, p)
	case asBool:
		return r.readBool(i, p)
	case asInt:
		return r.readInt(v.bits, i, p)
	case asUint:
		return r.readUint(v.bits, i, p)
	case asFloat:
		return r.readFloat(v.bits, i, p)
	case asPointer:
		target := memory.New(v.target.typ)
		*memory.As[memory.Pointer](p) = target
		return r.read(v.target.elem, i, target)
	case asObject:
		return r.readObject(v.object, i, p)
	case asList:
		return r.readList(v.list, i, p)
	default:
		return r.readByCodec(v.node, i, p)
	}
}

// readByCodec leaves a value to the codec.
func (r *reader) readByCodec(n *node, i int, p memory.Pointer) int {
	next := jsonscan.Value(r.text, i, maxReadDepth-r.depth)
	if next == refused || jsonscan.Byte(r.text, i) == 'n' {
		return refused
	}
	text := r.text[i:next]
	if json.Unmarshal(memory.Bytes(text), p.Value(n.typ).Addr().Interface()) != nil {
		return refused
	}
	r.doubtful = r.doubtful || n.active // the codec does not tell what was there
	return next
}

func (r *reader) readString(i int, p memory.Pointer) int {
	text := r.text
	if jsonscan.Byte(text, i) != '"' {
		return refused
	}
	end, ascii := jsonscan.Plain(text, i+1)
	if jsonscan.Byte(text, end) != '"' {
		return r.unescape(i, end, p)
	}
	s := text[i+1 : end]
	if !ascii && !utf8.ValidString(s) {
		return refused
	}
	*memory.As[string](p) = r.keep(s)
	return end + 1
}

func (r *reader) readBool(i int, p memory.Pointer) int {
	if jsonscan.Byte(r.text, i) == 't' {
		*memory.As[bool](p) = true
		return jsonscan.Literal(r.text, i, "true")
	}
	return jsonscan.Literal(r.text, i, "false")
}

func (r *reader) readInt(bits, i int, p memory.Pointer) int {
	negative := jsonscan.Byte(r.text, i) == '-'
	if negative {
		i++
	}
	magnitude, next := readDigits(r.text, i)
	n := int64(magnitude)
	if negative {
		n = -n
	}
	if magnitude > math.MaxInt64 || n<<(64-bits)>>(64-bits) != n {
		return refused
	}
	storeInteger(p, bits, uint64(n))
	return next
}

func (r *reader) readUint(bits, i int, p memory.Pointer) int {
	n, next := readDigits(r.text, i)
	if n<<(64-bits)>>(64-bits) != n {
		return refused
	}
	storeInteger(p, bits, n)
	return next
}

// storeInteger stores the lower bits of n as an integer of so many.
func storeInteger(p memory.Pointer, bits int, n uint64) {
	switch bits {
	case 8:
		*memory.As[uint8](p) = uint8(n)
	case 16:
		*memory.As[uint16](p) = uint16(n)
	case 32:
		*memory.As[uint32](p) = uint32(n)
	default:
		*memory.As[uint64](p) = n
	}
}

// readDigits reads an integer that fits into an uint64. It refuses a fraction
// and an exponent, with which a number is none to Go.
func readDigits(text string, i int) (n uint64, next int) {
	first := i
	for ; i < len(text) && jsonscan.IsDigit(text[i]); i++ {
		n = 10*n + uint64(text[i]-'0')
	}
	const safe = 19 // as many nines are less than 2⁶⁴
	if i == first || i > first+safe || text[first] == '0' && i > first+1 {
		return 0, refused
	}
	if c := jsonscan.Byte(text, i); c == '.' || c|0x20 == 'e' {
		return 0, refused
	}
	return n, i
}

func (r *reader) readFloat(bits, i int, p memory.Pointer) int {
	next := jsonscan.Number(r.text, i)
	if next == refused {
		return refused
	}
	f, err := strconv.ParseFloat(r.text[i:next], bits)
	if err != nil {
		return refused
	}
	if bits == 32 {
		*memory.As[float32](p) = float32(f)
	} else {
		*memory.As[float64](p) = f
	}
	return next
}
