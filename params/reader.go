package params

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// A reader is the first to decode a body: it goes through the text once, knows
// the type that it fills, and notices on the way which members were there. It
// reads what almost all bodies are made of and refuses the rest, by returning
// [refused]; then the codec decodes the body from its beginning. So the codec
// says what JSON means, and a reader may read less than the codec does, but
// nothing that the codec would not, nor as another value.
type reader struct {
	text     string // lies in the request's memory: whatever is kept is copied
	depth    int
	doubtful bool   // a rule may be broken, so that the text must be walked
	chunk    []byte // where short strings are copied to
}

// refused is returned in place of the position after what was read.
const refused = -1

// maxReadDepth is how many arrays and objects a reader goes down into.
const maxReadDepth = 100

// readBody reads text into the zero value at p, and reports whether it did.
// doubtful is then to be heeded.
func readBody(v *valueReader, text []byte, p memory.Pointer) (doubtful, ok bool) {
	r := reader{text: memory.Text(text)}
	ok = r.read(v, 0, p) == len(text)
	return r.doubtful, ok
}

// byteAt returns the byte of a text at i, and 0, which JSON does not have, at its
// end.
func byteAt(text string, i int) byte {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// skipSpace returns the position of the first byte from i on that is no white
// space.
func skipSpace(text string, i int) int {
	if byteAt(text, i) > ' ' {
		return i
	}
	for i < len(text) && isJSONSpace(text[i]) {
		i++
	}
	return i
}

// word leaves the literal w at i behind.
func word(text string, i int, w string) int {
	if len(text)-i < len(w) || text[i:i+len(w)] != w {
		return refused
	}
	return i + len(w)
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// plain returns the end of the part of a string, beginning at i, that stands for
// itself: where a quote, a backslash, a control character or the end of the text
// is. ascii is false if there may be something else than ASCII in it.
func plain(s string, i int) (end int, ascii bool) {
	text := memory.Bytes(s)
	var seen uint64
	for ; i+8 <= len(text); i += 8 {
		// Eight bytes at a time: subtracting takes the high bit of those that
		// are too small. A borrow can only reach bytes above one that stops.
		w := binary.LittleEndian.Uint64(text[i:])
		seen |= w
		quote, backslash := w^'"'*eachByte, w^'\\'*eachByte
		stop := ((quote-eachByte)&^quote | (backslash-eachByte)&^backslash | (w-' '*eachByte)&^w) & highBits
		if stop != 0 {
			return i + bits.TrailingZeros64(stop)/8, seen&highBits == 0
		}
	}
	for ; i < len(text); i++ {
		c := text[i]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		seen |= uint64(c)
	}
	return i, seen&highBits == 0
}

// readKey reads the string at i, which must have no escapes, and the colon after
// it. The key lies in the text.
func readKey(text string, i int) (key string, next int) {
	if byteAt(text, i) != '"' {
		return "", refused
	}
	end, ascii := plain(text, i+1)
	key = text[i+1 : end]
	if byteAt(text, end) != '"' || !ascii && !utf8.ValidString(key) {
		return "", refused
	}
	next = skipSpace(text, end+1)
	if byteAt(text, next) != ':' {
		return "", refused
	}
	return key, next + 1
}

// unescape has the codec read the string at i, whose first backslash is at end,
// into the string at p.
func (r *reader) unescape(i, end int, p memory.Pointer) (next int) {
	if next = r.skipString(i, end); next == refused {
		return refused
	}
	quoted := r.text[i:next]
	if json.Unmarshal(memory.Bytes(quoted), memory.As[string](p)) != nil {
		return refused
	}
	return next
}

// maxChunk is the size in bytes of the pieces of memory that short strings share
// at most. A string that is kept keeps its piece.
const maxChunk = 512

// minChunk is the size of the smallest.
const minChunk = 32

// keep returns a copy of s.
func (r *reader) keep(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > cap(r.chunk)-len(r.chunk) {
		if len(s) >= maxChunk/4 {
			return strings.Clone(s)
		}
		// Of a body of short strings a quarter is what they take.
		r.chunk = make([]byte, 0, max(len(s), min(len(r.text)/4, maxChunk), minChunk))
	}
	start := len(r.chunk)
	r.chunk = append(r.chunk, s...)
	return memory.Text(r.chunk[start:]) // nothing writes there again
}

// skip leaves the value at i behind, which must be valid.
func (r *reader) skip(i int) int {
	switch c := byteAt(r.text, i); c {
	case '"':
		end, ascii := plain(r.text, i+1)
		if byteAt(r.text, end) == '"' && ascii {
			return end + 1
		}
		return r.skipString(i, end)
	case '{', '[':
		return r.skipNested(i, c)
	case 't':
		return word(r.text, i, "true")
	case 'f':
		return word(r.text, i, "false")
	case 'n':
		return word(r.text, i, "null")
	default:
		return skipNumber(r.text, i)
	}
}

// skipString leaves the string at i behind, of which nothing before end is a
// backslash or quote.
func (r *reader) skipString(i, end int) int {
	for byteAt(r.text, end) == '\\' {
		if end = r.skipEscape(end); end == refused {
			return refused
		}
		end, _ = plain(r.text, end)
	}
	if byteAt(r.text, end) != '"' || !utf8.ValidString(r.text[i:end]) {
		return refused
	}
	return end + 1
}

func (r *reader) skipEscape(i int) int {
	switch byteAt(r.text, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for _, digit := range []int{i + 2, i + 3, i + 4, i + 5} {
			if c := byteAt(r.text, digit); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return refused
			}
		}
		return i + 6
	default:
		return refused
	}
}

// skipNested leaves the object or array at i behind, which begins with open.
func (r *reader) skipNested(i int, open byte) int {
	if r.depth++; r.depth > maxReadDepth {
		return refused
	}
	end := open + 2 // in ASCII, for both
	i = skipSpace(r.text, i+1)
	for byteAt(r.text, i) != end {
		if open == '{' {
			if _, i = readKey(r.text, i); i == refused {
				return refused
			}
			i = skipSpace(r.text, i)
		}
		if i = r.skip(i); i == refused {
			return refused
		}
		if i = skipSpace(r.text, i); byteAt(r.text, i) != ',' {
			if byteAt(r.text, i) != end {
				return refused
			}
			break
		}
		if i = skipSpace(r.text, i+1); byteAt(r.text, i) == end {
			return refused
		}
	}
	r.depth--
	return i + 1
}

// skipNumber leaves the number at i behind, as RFC 8259 section 6 writes one.
func skipNumber(text string, i int) int {
	if byteAt(text, i) == '-' {
		i++
	}
	first := i
	if i = digits(text, i); i == first || text[first] == '0' && i > first+1 {
		return refused
	}
	if byteAt(text, i) == '.' {
		first = i + 1
		if i = digits(text, first); i == first {
			return refused
		}
	}
	if byteAt(text, i)|0x20 == 'e' {
		if i++; byteAt(text, i) == '+' || byteAt(text, i) == '-' {
			i++
		}
		first = i
		if i = digits(text, i); i == first {
			return refused
		}
	}
	return i
}

func digits(text string, i int) int {
	for isDigit(byteAt(text, i)) {
		i++
	}
	return i
}
