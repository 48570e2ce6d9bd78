// Package wording puts names and numbers of things into messages that people read,
// however many there are.
package wording

import (
	"fmt"
	"strings"
)

// Count returns "1 thing" or "2 things" for a noun.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Quoted quotes the first ten names and counts the others.
func Quoted(names []string) string {
	const most = 10
	var s strings.Builder
	for i, name := range names[:min(len(names), most)] {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "%q", name)
	}
	if rest := len(names) - most; rest > 0 {
		fmt.Fprintf(&s, " and %d more", rest)
	}
	return s.String()
}

// Clause returns a further part of a sentence, such as `; 2 lost: "a", "b"`, with names
// as Quoted has them, and nothing if there are none.
func Clause(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d %s: %s", len(names), what, Quoted(names))
}

// Names returns the name of each of all.
func Names[N interface{ Name() string }](all []N) []string {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.Name()
	}
	return names
}

// Summary returns the first 50 different names of all, each with how often it is there
// if that is more than once, and how many have other names. There may be half a
// million: no slice of as many names is made.
func Summary[N interface{ Name() string }](all []N) (names []string, more int) {
	const most = 50
	times := make(map[string]int)
	for _, n := range all {
		name := n.Name()
		if times[name] == 0 && len(names) == most {
			more++
			continue
		}
		if times[name]++; times[name] == 1 {
			names = append(names, name)
		}
	}
	for i, name := range names {
		if n := times[name]; n > 1 {
			names[i] = fmt.Sprintf("%s (%d times)", name, n)
		}
	}
	return names, more
}
