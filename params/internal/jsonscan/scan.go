// Package jsonscan finds where the values of a JSON text end. It is strict: it
// accepts only what RFC 8259 allows.
//
// Each function takes a position in the text and returns the position after what it
// has scanned, or [Refused]. The position may be the end of the text; see [Byte].
package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// Refused is returned in place of a position if the text is not what the function
// scans.
const Refused = -1

// Byte returns the byte at i, or 0 at the end of the text. JSON has no byte 0.
func Byte(text string, i int) byte {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// IsSpace reports whether JSON takes a byte for white space.
func IsSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// IsDigit reports whether a byte is a decimal digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// Space returns the position of the first byte from i on that is not white space.
func Space(text string, i int) int {
	if Byte(text, i) > ' ' {
		return i
	}
	for i < len(text) && IsSpace(text[i]) {
		i++
	}
	return i
}

// Literal scans w, which is true, false or null.
func Literal(text string, i int, w string) int {
	if len(text)-i < len(w) || text[i:i+len(w)] != w {
		return Refused
	}
	return i + len(w)
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// Plain returns where the plain part of a string, which begins at i, ends: at a quote,
// a backslash, a control character or the end of the text. ascii is false if that
// part may have bytes that are not ASCII.
func Plain(s string, i int) (end int, ascii bool) {
	text := memory.Bytes(s)
	var seen uint64
	for ; i+8 <= len(text); i += 8 {
		// Eight bytes at a time: the subtraction sets the high bit of each byte
		// that is too small. A borrow only changes bytes behind one that stops.
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

// Key scans a key without escapes, and the colon after it. The key it returns is a
// part of the text.
func Key(text string, i int) (key string, next int) {
	if Byte(text, i) != '"' {
		return "", Refused
	}
	end, ascii := Plain(text, i+1)
	key = text[i+1 : end]
	if Byte(text, end) != '"' || !ascii && !utf8.ValidString(key) {
		return "", Refused
	}
	next = Space(text, end+1)
	if Byte(text, next) != ':' {
		return "", Refused
	}
	return key, next + 1
}

// String scans the string at i.
func String(text string, i int) int {
	if Byte(text, i) != '"' {
		return Refused
	}
	end, ascii := Plain(text, i+1)
	if Byte(text, end) == '"' && ascii {
		return end + 1
	}
	return StringFrom(text, i, end)
}

// StringFrom is [String] for a string that begins at i and whose plain part ends at
// end, as [Plain] returns it.
func StringFrom(text string, i, end int) int {
	for Byte(text, end) == '\\' {
		if end = escape(text, end); end == Refused {
			return Refused
		}
		end, _ = Plain(text, end)
	}
	if Byte(text, end) != '"' || !utf8.ValidString(text[i:end]) {
		return Refused
	}
	return end + 1
}

func escape(text string, i int) int {
	switch Byte(text, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for _, digit := range []int{i + 2, i + 3, i + 4, i + 5} {
			if c := Byte(text, digit); !IsDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return Refused
			}
		}
		return i + 6
	default:
		return Refused
	}
}

// Number scans the number at i, as RFC 8259 section 6 writes one.
func Number(text string, i int) int {
	if Byte(text, i) == '-' {
		i++
	}
	first := i
	if i = digits(text, i); i == first || text[first] == '0' && i > first+1 {
		return Refused
	}
	if Byte(text, i) == '.' {
		first = i + 1
		if i = digits(text, first); i == first {
			return Refused
		}
	}
	if Byte(text, i)|0x20 == 'e' {
		if i++; Byte(text, i) == '+' || Byte(text, i) == '-' {
			i++
		}
		first = i
		if i = digits(text, i); i == first {
			return Refused
		}
	}
	return i
}

func digits(text string, i int) int {
	for IsDigit(Byte(text, i)) {
		i++
	}
	return i
}

// Value scans the value at i, of any type. It refuses arrays and objects that are
// nested deeper than levels.
func Value(text string, i, levels int) int {
	switch Byte(text, i) {
	case '"':
		return String(text, i)
	case '{':
		return nested(text, i, levels, '}')
	case '[':
		return nested(text, i, levels, ']')
	case 't':
		return Literal(text, i, "true")
	case 'f':
		return Literal(text, i, "false")
	case 'n':
		return Literal(text, i, "null")
	default:
		return Number(text, i)
	}
}

// nested scans the object or array at i, whose last byte is end.
func nested(text string, i, levels int, end byte) int {
	if levels == 0 {
		return Refused
	}
	i = Space(text, i+1)
	for Byte(text, i) != end {
		if end == '}' {
			if i = anyKey(text, i); i == Refused {
				return Refused
			}
		}
		if i = Value(text, i, levels-1); i == Refused {
			return Refused
		}
		if i = Space(text, i); Byte(text, i) != ',' {
			if Byte(text, i) != end {
				return Refused
			}
			break
		}
		if i = Space(text, i+1); Byte(text, i) == end {
			return Refused
		}
	}
	return i + 1
}

// anyKey scans a key, the colon, and the space after it.
func anyKey(text string, i int) int {
	if i = String(text, i); i == Refused {
		return Refused
	}
	if i = Space(text, i); Byte(text, i) != ':' {
		return Refused
	}
	return Space(text, i+1)
}
