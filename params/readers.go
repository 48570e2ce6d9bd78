package params

import (
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/goccy/go-json"
)

// A valueReader reads the value at position i of the reader's text into p, which
// points to a zero value of the type that it was made for, and returns the
// position after it, or [refused].
type valueReader interface {
	read(r *reader, i int, p unsafe.Pointer) (next int)
}

// A part is how a part of a value is read, which may be null.
type part struct {
	valueReader
	opaque bool // decodes itself, so that null may be a value to it
}

// isNull reports whether the value at i is null, or begins like it. The zero
// value that is there stays then.
func (v *part) isNull(text string, i int) bool {
	return byteAt(text, i) == 'n' && !v.opaque
}

// part returns how values of the type are read. Types may be recursive, so a
// reader is there before its parts are.
func (n *node) part() part {
	if n.reader == nil {
		n.compileReader()
	}
	return part{n.reader, n.opaque}
}

func (n *node) compileReader() {
	n.reader = codecReader{n}
	switch {
	case n.opaque || n.typ == numberType:
	case n.shape == structShape && len(n.members) <= maxParams:
		s := newStructReader(n)
		n.reader = s
		s.compile()
	case n.shape == listShape && n.typ.Kind() == reflect.Slice:
		l := newListReader(n.typ)
		n.reader = l
		l.elem = n.elem.part()
	case n.shape == pointerShape:
		target := &pointerReader{typ: n.elem.typ}
		n.reader = target
		target.elem = n.elem.part()
	case n.shape == leaf:
		if scalar := scalarReader(n.typ); scalar != nil {
			n.reader = scalar
		}
	}
}

var numberType = reflect.TypeFor[json.Number]() // a string that is written as a number

// scalarReader returns the reader of a type by its kind, nil when it has none.
func scalarReader(t reflect.Type) valueReader {
	switch t.Kind() {
	case reflect.String:
		return stringReader{}
	case reflect.Bool:
		return boolReader{}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intReader{t.Bits()}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintReader{t.Bits()}
	case reflect.Float32, reflect.Float64:
		return floatReader{t.Bits()}
	default:
		return nil
	}
}

// A codecReader leaves a value to the codec.
type codecReader struct{ node *node }

func (c codecReader) read(r *reader, i int, p unsafe.Pointer) int {
	next := r.skip(i)
	if next == refused || byteAt(r.text, i) == 'n' {
		return refused
	}
	text := r.text[i:next]
	if json.Unmarshal(bytesOf(text), reflect.NewAt(c.node.typ, p).Interface()) != nil {
		return refused
	}
	r.doubtful = r.doubtful || c.node.active // the codec does not tell what was there
	return next
}

// A pointerReader reads a value into new memory.
type pointerReader struct {
	typ  reflect.Type // that it points to
	elem part
}

func (t *pointerReader) read(r *reader, i int, p unsafe.Pointer) int {
	target := reflect.New(t.typ).UnsafePointer()
	*(*unsafe.Pointer)(p) = target
	return t.elem.read(r, i, target)
}

type stringReader struct{}

func (stringReader) read(r *reader, i int, p unsafe.Pointer) int {
	text := r.text
	if byteAt(text, i) != '"' {
		return refused
	}
	end, ascii := plain(text, i+1)
	if byteAt(text, end) != '"' {
		return r.unescape(i, end, p)
	}
	s := text[i+1 : end]
	if !ascii && !utf8.ValidString(s) {
		return refused
	}
	*(*string)(p) = r.keep(s)
	return end + 1
}

type boolReader struct{}

func (boolReader) read(r *reader, i int, p unsafe.Pointer) int {
	if byteAt(r.text, i) == 't' {
		*(*bool)(p) = true
		return word(r.text, i, "true")
	}
	return word(r.text, i, "false")
}

type intReader struct{ bits int }

func (k intReader) read(r *reader, i int, p unsafe.Pointer) int {
	negative := byteAt(r.text, i) == '-'
	if negative {
		i++
	}
	magnitude, next := readDigits(r.text, i)
	n := int64(magnitude)
	if negative {
		n = -n
	}
	if magnitude > math.MaxInt64 || n<<(64-k.bits)>>(64-k.bits) != n {
		return refused
	}
	storeInteger(p, k.bits, uint64(n))
	return next
}

type uintReader struct{ bits int }

func (k uintReader) read(r *reader, i int, p unsafe.Pointer) int {
	n, next := readDigits(r.text, i)
	if n<<(64-k.bits)>>(64-k.bits) != n {
		return refused
	}
	storeInteger(p, k.bits, n)
	return next
}

// storeInteger stores the lower bits of n as an integer of so many.
func storeInteger(p unsafe.Pointer, bits int, n uint64) {
	switch bits {
	case 8:
		*(*uint8)(p) = uint8(n)
	case 16:
		*(*uint16)(p) = uint16(n)
	case 32:
		*(*uint32)(p) = uint32(n)
	default:
		*(*uint64)(p) = n
	}
}

// readDigits reads an integer that fits into an uint64. It refuses a fraction
// and an exponent, with which a number is none to Go.
func readDigits(text string, i int) (n uint64, next int) {
	first := i
	for ; i < len(text) && isDigit(text[i]); i++ {
		n = 10*n + uint64(text[i]-'0')
	}
	const safe = 19 // as many nines are less than 2⁶⁴
	if i == first || i > first+safe || text[first] == '0' && i > first+1 {
		return 0, refused
	}
	if c := byteAt(text, i); c == '.' || c|0x20 == 'e' {
		return 0, refused
	}
	return n, i
}

type floatReader struct{ bits int }

func (k floatReader) read(r *reader, i int, p unsafe.Pointer) int {
	next := skipNumber(r.text, i)
	if next == refused {
		return refused
	}
	f, err := strconv.ParseFloat(r.text[i:next], k.bits)
	if err != nil {
		return refused
	}
	if k.bits == 32 {
		*(*float32)(p) = float32(f)
	} else {
		*(*float64)(p) = f
	}
	return next
}
