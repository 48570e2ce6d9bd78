package schema

import (
	"strconv"
	"strings"
)

// A segment is one step down into a body: an index, or a key when index is
// noIndex.
type segment struct {
	key   string
	index int
	hash  uint64 // of the whole path to here
}

const noIndex = -1

func (c *checker) down(key string, index int) {
	hash := c.hash()
	for i := range len(key) {
		hash = mix(hash, uint64(key[i]))
	}
	c.path = append(c.path, segment{key, index, mix(hash, uint64(index)<<8)})
}

func (c *checker) up() { c.path = c.path[:len(c.path)-1] }

// hash returns the hash of the path. Comparing hashes instead of paths keeps the
// cost of a place independent of its depth. A client may find two places with the same
// hash. If a fault is told of one, that of the other is not, but the request is refused
// all the same; see [checker.isSettled] for the others.
func (c *checker) hash() uint64 {
	if len(c.path) == 0 {
		return 14695981039346656037
	}
	return c.path[len(c.path)-1].hash
}

// mix is a step of FNV-1a, but takes more than a byte at a time.
func mix(hash, x uint64) uint64 { return (hash ^ x) * 1099511628211 }

// maxPointer bounds a pointer in bytes. The client chooses the keys, and one may be
// as long as the body, so a hundred faults below it would make an answer a hundred
// times as long as the body.
const maxPointer = 512

// pointer writes a path as a JSON pointer (RFC 6901) in its form as a URI fragment,
// as RFC 9457 shows it: "#/items/0/qty", "#" for the whole body. If the pointer
// would be too long, it points to the nearest place around that fits.
func pointer(path []segment) string {
	b := make([]byte, 0, 32)
	b = append(b, '#')
	for _, s := range path {
		before := len(b)
		b = append(b, '/')
		if s.index != noIndex {
			b = strconv.AppendInt(b, int64(s.index), 10)
		}
		for i := 0; i < len(s.key) && len(b) <= maxPointer; i++ {
			b = appendPointerByte(b, s.key[i])
		}
		if len(b) > maxPointer {
			return string(b[:before])
		}
	}
	return string(b)
}

// appendPointerByte appends c, escaped if it has a meaning in a pointer or a fragment.
func appendPointerByte(b []byte, c byte) []byte {
	switch {
	case c == '~':
		return append(b, "~0"...)
	case c == '/':
		return append(b, "~1"...)
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._!$&'()*+,;=:@?", c) >= 0:
		return append(b, c)
	default:
		const hex = "0123456789ABCDEF"
		return append(b, '%', hex[c>>4], hex[c&15])
	}
}
