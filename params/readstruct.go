package params

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// A structReader reads an object into a struct.
type structReader struct {
	node   *node
	fields []fieldReader // as the node's members
	needed bitset        // the fields that can't be absent without breaking a rule
}

// A fieldReader reads a member. It has no key when the codec is to read it.
type fieldReader struct {
	key    writtenKey
	offset uintptr
	part
	accept acceptor // what the rules on the value ask; nil without
}

func newStructReader(n *node) *structReader {
	return &structReader{node: n, fields: make([]fieldReader, len(n.members))}
}

func (s *structReader) compile() {
	for pos, m := range s.node.members {
		if m.name == "" || len(m.hops) > 0 {
			continue // members behind embedded pointers are rare
		}
		f := fieldReader{offset: m.place.at + m.field.Offset}
		f.accept, _ = m.rules.acceptor(m.field.Type)
		if !m.quoted { // as are values that stand in a string
			f.key, f.part = newWrittenKey(m.name), m.node.part()
		}
		s.fields[pos] = f
		if m.rules != nil && m.rules.required ||
			m.node.shape == structShape && m.node.active && !m.node.opaque ||
			f.accept != nil && !f.accept(reflect.New(m.field.Type).UnsafePointer()) {
			s.needed.add(pos)
		}
	}
}

func (s *structReader) read(r *reader, i int, p unsafe.Pointer) int {
	text := r.text
	if byteAt(text, i) != '{' {
		return refused
	}
	if r.depth++; r.depth > maxReadDepth {
		return refused
	}
	var seen bitset
	i = skipSpace(text, i+1)
	for pos := 0; byteAt(text, i) != '}'; pos++ {
		if i, pos = s.key(text, i, pos); i == refused {
			return refused
		}
		if i = skipSpace(text, i); pos == unknown {
			i = r.skip(i)
		} else {
			i = s.fields[pos].readMember(r, i, p, pos, &seen)
		}
		if i == refused {
			return refused
		}
		if i = skipSpace(text, i); byteAt(text, i) != ',' {
			if byteAt(text, i) != '}' {
				return refused
			}
			break
		}
		if i = skipSpace(text, i+1); byteAt(text, i) == '}' {
			return refused
		}
	}
	if s.needed.exceeds(&seen) {
		r.doubtful = true
	}
	r.depth--
	return i + 1
}

// readMember reads a value into its field of the struct at p. A second one is
// left to the codec, which merges it with the first.
func (f *fieldReader) readMember(r *reader, i int, p unsafe.Pointer, pos int, seen *bitset) (next int) {
	if seen.has(pos) {
		return refused
	}
	if f.isNull(r.text, i) {
		return word(r.text, i, "null")
	}
	seen.add(pos)
	at := unsafe.Add(p, f.offset)
	next = f.read(r, i, at)
	if f.accept != nil && next != refused && !f.accept(at) {
		r.doubtful = true
	}
	return next
}

// unknown stands for the position of a field that the struct does not have.
const unknown = -1

// key reads a key and the colon after it, and returns the position of its field.
func (s *structReader) key(text string, i, expected int) (next, pos int) {
	// Most texts have the members in the order of the fields, and no space
	// before the colon.
	if expected < len(s.fields) {
		if key := &s.fields[expected].key; key.isAt(text, i) {
			return i + len(key.text), expected
		}
	}
	name, next := readKey(text, i)
	if next == refused {
		return refused, 0
	}
	if m := s.node.names[name]; m != nil {
		if s.fields[m.pos].valueReader == nil {
			return refused, 0
		}
		return next, m.pos
	}
	if s.node.member(name) != nil {
		return refused, 0 // it differs in case only, which the codec allows
	}
	return next, unknown
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

// isAt reports whether the key is in the text at i, where eight bytes at least
// have to be left.
func (k *writtenKey) isAt(text string, i int) bool {
	if len(text)-i < max(8, len(k.text)) || k.text == "" {
		return false
	}
	eight := binary.LittleEndian.Uint64(bytesOf(text[i:]))
	return eight&k.mask == k.first && (len(k.text) <= 8 || text[i+8:i+len(k.text)] == k.text[8:])
}
