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

// unescape reads the string at i into the string at p, by the codec. Its plain part
// ends at end, as [jsonscan.Plain] returns it.
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

// maxChunk is the largest size in bytes of a piece of memory that short strings
// share. A string that is kept keeps its whole piece.
const maxChunk = 512

// minChunk is the smallest size of such a piece.
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
		// Short strings take about a quarter of a body that is made of them.
		r.chunk = make([]byte, 0, max(len(s), min(len(r.text)/4, maxChunk), minChunk))
	}
	start := len(r.chunk)
	r.chunk = append(r.chunk, s...)
	return memory.Text(r.chunk[start:]) // nothing writes there again
}
