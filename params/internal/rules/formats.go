package rules

import "strings"

// formats recognize common texts of a format that a rule asks for. They know plain
// ASCII and the usual shapes only; see [Acceptor].
var formats = map[string]func(string) bool{
	"alpha":    func(s string) bool { return s != "" && only(s, isLetter) },
	"alphanum": func(s string) bool { return s != "" && only(s, isAlphanumeric) },
	"ascii":    func(s string) bool { return only(s, func(c byte) bool { return c < 0x80 }) },
	"email":    isPlainEmail,
	"http_url": isPlainURL,
	"url":      isPlainURL,
	"uuid":     isLowerUUID,
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }

func only(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// isPlainEmail recognizes addresses such as ada.lovelace+news@mail.example.com.
func isPlainEmail(s string) bool {
	at := strings.IndexByte(s, '@')
	return at > 0 && len(s) <= 254 && isDotted(s[:at], isLocalByte) && isPlainDomain(s[at+1:])
}

func isLocalByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '+' || c == '-' }

// isDotted reports whether s is made of parts with dots in between.
func isDotted(s string, is func(byte) bool) bool {
	dot := true // the last byte was a dot, or s begins
	for i := range len(s) {
		switch c := s[i]; {
		case is(c):
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
}

// isPlainDomain recognizes names of at least two labels, of which the last one
// is of letters.
func isPlainDomain(s string) bool {
	last := strings.LastIndexByte(s, '.')
	if last < 0 || last == len(s)-1 || !only(s[last+1:], isLetter) {
		return false
	}
	before := byte('.')
	for i := range last {
		c := s[i]
		switch {
		case isAlphanumeric(c), c == '-' && before != '.', c == '.' && isAlphanumeric(before):
			before = c
		default:
			return false
		}
	}
	return isAlphanumeric(before)
}

// isPlainURL recognizes http and https addresses with a plain host and path.
func isPlainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	return isPlainDomain(rest[:end]) && only(rest[end:], isPathByte)
}

func isPathByte(c byte) bool {
	return isAlphanumeric(c) || c == '/' || c == '-' || c == '_' || c == '.' || c == '~'
}

// isLowerUUID recognizes the usual form of a UUID.
func isLowerUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
