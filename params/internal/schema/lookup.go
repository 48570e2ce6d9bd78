package schema

import (
	"strings"
	"unicode/utf8"
)

// Exact returns the member with the name key, or nil.
func (s *Schema) Exact(key string) *Member { return s.names[key] }

// Member returns the member that the codec fills from a key, or nil: the one with
// that name, or else the first whose name differs in case only.
func (s *Schema) Member(key string) *Member {
	if m := s.Exact(key); m != nil {
		return m
	}
	// The client chooses how many unknown keys there are, so each must be cheap.
	var buf [64]byte
	if s.folded != nil && len(key) <= len(buf) && lower(buf[:len(key)], key) {
		return s.folded[string(buf[:len(key)])]
	}
	for _, m := range s.Members {
		if m.Name != "" && strings.EqualFold(m.Name, key) {
			return m
		}
	}
	return nil
}

// fold makes s.folded. Of names that differ in case only, the first one counts.
func (s *Schema) fold() {
	s.folded = make(map[string]*Member, len(s.Members))
	for _, m := range s.Members {
		name := make([]byte, len(m.Name))
		if !lower(name, m.Name) {
			s.folded = nil
			return
		}
		if _, taken := s.folded[string(name)]; !taken && m.Name != "" {
			s.folded[string(name)] = m
		}
	}
}

// lower writes s to dst in lower case, and reports whether s is ASCII. A letter
// outside ASCII may have more than two cases, and one of them may be ASCII.
func lower(dst []byte, s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			return false
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		dst[i] = c
	}
	return true
}
