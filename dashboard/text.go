package dashboard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts that come from others, in bytes.
const (
	maxName = 200
	maxText = 4 << 10
	maxLong = 16 << 10 // a stack, an argument
)

// clean returns at most so many bytes of a text, as a page can show it: what is not UTF-8, and
// what changes the direction of the text or is invisible, is replaced.
func clean(text string, most int) string {
	text = cut(text, most)
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) { // a blank of any width
			return r
		}
		return utf8.RuneError
	}, text)
}

// sentence makes one of the text of an error.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

// cut returns at most so many bytes of a text, and never a part of a character at its end.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > max(0, most-utf8.UTFMax) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
