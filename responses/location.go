package responses

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// isURIField reports whether the value of a field is a URI reference as a whole.
func isURIField(name string) bool {
	return strings.EqualFold(name, fasthttp.HeaderLocation) || strings.EqualFold(name, fasthttp.HeaderContentLocation)
}

// asciiURI percent-encodes what a URI must not hold (RFC 3986, section 2), as
// UTF-8: everything beyond ASCII, blanks, the delimiters of no use in it, and a
// "%" that begins no escape. A backslash is among them, which browsers take for
// a slash: "/\host" would lead to another host. Control characters stay, and are
// refused with the field.
func asciiURI(reference string) string {
	first := 0
	for first < len(reference) && !mustEncode(reference, first) {
		first++
	}
	if first == len(reference) {
		return reference
	}
	const hex = "0123456789ABCDEF"
	encoded := []byte(reference[:first])
	for i := first; i < len(reference); i++ {
		c := reference[i]
		if mustEncode(reference, i) {
			encoded = append(encoded, '%', hex[c>>4], hex[c&15])
		} else {
			encoded = append(encoded, c)
		}
	}
	return string(encoded)
}

func mustEncode(reference string, i int) bool {
	switch c := reference[i]; c {
	case ' ', '\t', '"', '<', '>', '\\', '^', '`', '{', '|', '}':
		return true
	case '%':
		return i+2 >= len(reference) || !isHex(reference[i+1]) || !isHex(reference[i+2])
	default:
		return c >= 0x80
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
