package jsonread

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
)

func (r *reading) readString(i int, p memory.Pointer) int {
	text := r.text
	if jsonscan.Byte(text, i) != '"' {
		return refused
	}
	end, ascii := jsonscan.Plain(text, i+1)
	if jsonscan.Byte(text, end) != '"' {
		return r.unescape(i, end, p)
	}
	s := text[i+1 : end]
	if !ascii && !utf8.ValidString(s) {
		return refused
	}
	*memory.As[string](p) = r.keep(s)
	return end + 1
}

// unescape has the codec read the string at i, whose first backslash is at end,
// into the string at p.
func (r *reading) unescape(i, end int, p memory.Pointer) (next int) {
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
func (r *reading) keep(s string) string {
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
