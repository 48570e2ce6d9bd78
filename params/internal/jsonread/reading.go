package jsonread

import (
	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A reading decodes a body before the codec is tried. It goes through the text once,
// and notices on the way which members were there. It reads what almost all bodies
// are made of and refuses the rest, by returning [refused]; then the codec decodes
// the body from its beginning. So the codec says what JSON means: a reading may accept
// less than the codec, but nothing that the codec refuses, and it must find the same
// value.
type reading struct {
	text     string // lies in the request's memory: whatever is kept is copied
	depth    int
	promised int    // elements that lists have room for beyond twice what they had; see grow
	doubtful bool   // a rule may be broken, so that the text must be walked
	chunk    []byte // where short strings are copied to
}

// refused is returned in place of the position after what was read.
const refused = jsonscan.Refused

// maxReaderDepth is how deep in arrays and objects a reader goes. It does not limit a
// request: what is deeper is left to the codec, which takes 10,000.
const maxReaderDepth = 100

// isNull reports whether the value at i is null, or begins like it. A null leaves the
// zero value as it is.
func (v *Reader) isNull(text string, i int) bool {
	return jsonscan.Byte(text, i) == 'n' && !v.opaque
}

// read reads the value at i into p, which points to a zero value of the type
// that v was made for, and returns the position after it, or [refused]. It
// switches on the kind rather than calling a method of an interface, so that r can
// lie on the stack.
func (r *reading) read(v *Reader, i int, p memory.Pointer) (next int) {
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
	case asOptional:
		return r.readOptional(v.target, i, p)
	case asObject:
		return r.readObject(v.object, i, p)
	case asList:
		return r.readList(v.list, i, p)
	default:
		return r.readByCodec(v.schema, i, p)
	}
}

// readOptional reads into a params.Optional. What asks for a value is told by a walk that
// there is none.
func (r *reading) readOptional(v *pointerReader, i int, p memory.Pointer) (next int) {
	switch {
	case jsonscan.Byte(r.text, i) != 'n':
		next = r.read(v.elem, i, p.At(v.optional.At))
	case v.optional.Nullable:
		r.doubtful = true
		next = jsonscan.Literal(r.text, i, "null")
	default:
		return refused
	}
	*memory.As[bool](p.At(v.optional.GivenAt)) = next != refused
	return next
}

// readByCodec leaves a value to the codec.
func (r *reading) readByCodec(of *schema.Schema, i int, p memory.Pointer) int {
	next := jsonscan.Value(r.text, i, maxReaderDepth-r.depth)
	if next == refused || jsonscan.Byte(r.text, i) == 'n' || of.Defaults {
		return refused
	}
	text := r.text[i:next]
	if json.Unmarshal(memory.Bytes(text), p.Value(of.Type).Addr().Interface()) != nil {
		return refused
	}
	r.doubtful = r.doubtful || of.Walked // the codec does not tell which members were there
	return next
}

// enter goes down into the object or array at i. It reports whether one begins there,
// with open, and is not too deep.
func (r *reading) enter(i int, open byte) bool {
	r.depth++
	return jsonscan.Byte(r.text, i) == open && r.depth <= maxReaderDepth
}
