package jsonread

import (
	"encoding/binary"
	"strings"

	"github.com/velithon-go/velithon/params/internal/bitset"
	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// An objectReader reads an object into a struct.
type objectReader struct {
	schema  *schema.Schema
	members []memberReader // in the order of the schema's members
	awaited bitset.Set     // the fields that are needed, or have an initial value
	needed  bitset.Set     // the fields that can't be absent without breaking a rule
}

// A memberReader reads a member. Its key is noKey if an object that has the member
// must be left to the codec.
type memberReader struct {
	key    writtenKey
	offset uintptr
	value  Reader
	absent func(memory.Pointer)      // stores what a member has that is absent; nil for nothing
	accept func(memory.Pointer) bool // recognizes values that keep the rules; nil without any, or if only the validator can tell
}

func (c readerCompiler) compileObject(s *objectReader, of *schema.Schema) {
	s.schema, s.members = of, make([]memberReader, len(of.Members))
	for pos, m := range of.Members {
		s.members[pos].key = noKey
		if m.Name == "" || m.IsBehindPointer() {
			continue // members behind embedded pointers are left to the codec: they are rare
		}
		f := memberReader{key: noKey, offset: m.Offset()}
		if !m.Quoted { // values that stand in a string are rare, too
			f.key, f.value = newWrittenKey(m.Name), *c.reader(m.Schema)
		}
		var needed bool
		if f.accept, needed = m.FastRules(); needed {
			s.needed.Add(pos)
			s.awaited.Add(pos)
		}
		if f.absent = m.Absent(); f.absent != nil {
			s.awaited.Add(pos)
		}
		s.members[pos] = f
	}
}

func (r *reading) readObject(s *objectReader, i int, p memory.Pointer) int {
	if !r.enter(i, '{') {
		return refused
	}
	text := r.text
	i = jsonscan.Space(text, i+1)
	var seen bitset.Set
	more := jsonscan.Byte(text, i) != '}'
	for pos := 0; more; pos++ {
		var f *memberReader
		// Most texts have the members in the order of the fields, and no space
		// before the colon.
		if pos < len(s.members) && s.members[pos].key.isAt(text, i) {
			f = &s.members[pos]
			i += len(f.key.text)
		} else if f, pos, i = s.key(text, i, pos); i == refused {
			return refused
		}
		switch i = jsonscan.Space(text, i); {
		case f == nil:
			r.doubtful = r.doubtful || s.schema.Strict
			i = jsonscan.Value(text, i, maxReaderDepth-r.depth)
		case seen.Has(pos):
			return refused // the codec merges it with the first
		case f.value.isNull(text, i):
			i = jsonscan.Literal(text, i, "null")
		default:
			seen.Add(pos)
			at := p.At(f.offset)
			switch f.value.kind { // as read does, without one more call
			case asString:
				i = r.readString(i, at)
			case asInt:
				i = r.readInt(f.value.bits, i, at)
			default:
				i = r.read(&f.value, i, at)
			}
			if f.accept != nil && i != refused && !f.accept(at) {
				r.doubtful = true
			}
		}
		if i == refused {
			return refused
		}
		i = jsonscan.Space(text, i)
		switch jsonscan.Byte(text, i) {
		case ',':
			i = jsonscan.Space(text, i+1) // what follows has to be a key
		case '}':
			more = false
		default:
			return refused
		}
	}
	if s.awaited.Exceeds(&seen) {
		r.absent(s, &seen, p)
	}
	r.depth--
	return i + 1
}

// absent sees to what an object lacks.
func (r *reading) absent(s *objectReader, seen *bitset.Set, p memory.Pointer) {
	if s.needed.Exceeds(seen) {
		r.doubtful = true
	}
	for pos := range s.members {
		if f := &s.members[pos]; f.absent != nil && !seen.Has(pos) {
			f.absent(p.At(f.offset))
		}
	}
}

// key reads a key and the colon after it, and returns its field. For a key that the
// struct does not have, f is nil, and pos makes the caller expect the same field next.
func (s *objectReader) key(text string, i, expected int) (f *memberReader, pos, next int) {
	name, next := jsonscan.Key(text, i)
	if next == refused {
		return nil, 0, refused
	}
	if m := s.schema.Exact(name); m != nil {
		if f = &s.members[m.Pos]; f.key.text == "" {
			return nil, 0, refused
		}
		return f, m.Pos, next
	}
	if s.schema.Member(name) != nil {
		return nil, 0, refused // it differs in case only, which the codec allows
	}
	return nil, expected - 1, next
}

// A writtenKey is a key as it is written, with quotes and colon. The first eight
// bytes are compared as a number.
type writtenKey struct {
	text        string
	first, mask uint64
}

func newWrittenKey(name string) writtenKey {
	k := writtenKey{text: `"` + name + `":`}
	var first, mask [8]byte
	for i := range copy(first[:], k.text) {
		mask[i] = 0xff
	}
	k.first, k.mask = binary.LittleEndian.Uint64(first[:]), binary.LittleEndian.Uint64(mask[:])
	return k
}

// noKey is found in no text.
var noKey = writtenKey{first: 1}

// isAt reports whether the key is in the text at i. If fewer than eight bytes are left
// there, it reports false.
func (k *writtenKey) isAt(text string, i int) bool {
	if len(text)-i < 8 {
		return false
	}
	eight := binary.LittleEndian.Uint64(memory.Bytes(text[i:]))
	return eight&k.mask == k.first && (len(k.text) <= 8 || strings.HasPrefix(text[i+8:], k.text[8:]))
}
