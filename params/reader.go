package params

import (
	"strings"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
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
const refused = jsonscan.Refused

// maxReadDepth is how many arrays and objects a reader goes down into.
const maxReadDepth = 100

// unescape has the codec read the string at i, whose first backslash is at end,
// into the string at p.
func (r *reader) unescape(i, end int, p memory.Pointer) (next int) {
	if next = jsonscan.StringFrom(r.text, i, end); next == refused {
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
