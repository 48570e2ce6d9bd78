package params

import (
	"encoding/binary"
	"strings"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
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
	value  valueReader
	accept acceptor // what the rules on the value ask; nil without
}

func (c readerCompiler) compileStruct(s *structReader, n *node) {
	s.node, s.fields = n, make([]fieldReader, len(n.members))
	for pos, m := range n.members {
		if m.name == "" || m.isBehindPointer() {
			continue // members behind embedded pointers are rare
		}
		f := fieldReader{offset: m.offset()}
		if !m.quoted { // as are values that stand in a string
			f.key, f.value = newWrittenKey(m.name), *c.reader(m.node)
		}
		var needed bool
		if f.accept, needed = m.quickRules(); needed {
			s.needed.add(pos)
		}
		s.fields[pos] = f
	}
}

func (r *reader) readObject(s *structReader, i int, p memory.Pointer) int {
	text := r.text
	if jsonscan.Byte(text, i) != '{' {
		return refused
	}
	if r.depth++; r.depth > maxReadDepth {
		return refused
	}
	var seen bitset
	i = jsonscan.Space(text, i+1)
	more := jsonscan.Byte(text, i) != '}'
	for pos := 0; more; pos++ {
		var f *fieldReader
		// Most texts have the members in the order of the fields, and no space
		// before the colon.
		if pos < len(s.fields) && s.fields[pos].key.isAt(text, i) {
			f = &s.fields[pos]
			i += len(f.key.text)
		} else if f, pos, i = s.key(text, i, pos); i == refused {
			return refused
		}
		switch i = jsonscan.Space(text, i); {
		case f == nil:
			i = jsonscan.Value(r.text, i, maxReadDepth-r.depth)
		case seen.has(pos):
			return refused // the codec merges it with the first
		case f.value.isNull(text, i):
			i = jsonscan.Literal(text, i, "null")
		default:
			seen.add(pos)
			at := p.At(f.offset)
			switch f.value.kind { // as read does, which would be one more call
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
			i = jsonscan.Space(text, i+1) // to a key, or else it is refused
		case '}':
			more = false
		default:
			return refused
		}
	}
	if s.needed.exceeds(&seen) {
		r.doubtful = true
	}
	r.depth--
	return i + 1
}

// key reads a key and the colon after it, and returns its field: nil for one that
// the struct does not have, after which the same field is expected.
func (s *structReader) key(text string, i, expected int) (f *fieldReader, pos, next int) {
	name, next := jsonscan.Key(text, i)
	if next == refused {
		return nil, 0, refused
	}
	if m := s.node.exact(name); m != nil {
		if f = &s.fields[m.pos]; f.key.text == "" {
			return nil, 0, refused
		}
		return f, m.pos, next
	}
	if s.node.member(name) != nil {
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

// isAt reports whether the key is in the text at i, where eight bytes at least
// have to be left. No text has the zero key.
func (k *writtenKey) isAt(text string, i int) bool {
	if len(text)-i < 8 {
		return false
	}
	eight := binary.LittleEndian.Uint64(memory.Bytes(text[i:]))
	return eight&k.mask == k.first && (len(k.text) <= 8 || strings.HasPrefix(text[i+8:], k.text[8:])) && k.first != 0
}
