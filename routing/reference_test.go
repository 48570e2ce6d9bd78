package routing_test

import (
	"regexp"
	"slices"
	"strings"
)

// The reference is a matcher that is slow and obvious: it tries every route, and
// takes the best by the order in the comment of tree.

// A refSegment is a segment of a pattern. Its kinds are in the order in which
// they are asked: 0 a text, 1 a form, 2 {p}, 3 {p:*}.
type refSegment struct {
	kind    int
	pattern string // with NAME for the name of each parameter
	text    string // of a text, as it is after decoding
	before  string // of a form, the text before its parameter
	form    string // of a form, the regular expression of its parameter
	after   string // of a form, the text behind its parameter
}

type refRoute struct {
	method   string
	pattern  string
	segments []refSegment
	optional int // how many segments at the end are
}

// variants returns the segments with each number of optional ones.
func (r refRoute) variants() (variants [][]refSegment) {
	for n := len(r.segments) - r.optional; n <= len(r.segments); n++ {
		variant := r.segments[:n]
		if n == 0 {
			variant = []refSegment{{}}
		}
		variants = append(variants, variant)
	}
	return variants
}

// refMatch matches a path, which is decoded, with the segments of a pattern.
func refMatch(segments []refSegment, path string) (values []string, ok bool) {
	parts := strings.Split(path[1:], "/")
	for i, s := range segments {
		if s.kind == 3 {
			if i >= len(parts) {
				return nil, false
			}
			return append(values, strings.Join(parts[i:], "/")), true
		}
		if i >= len(parts) {
			return nil, false
		}
		part := parts[i]
		switch s.kind {
		case 0:
			if part != s.text {
				return nil, false
			}
		case 1:
			value, isBefore := strings.CutPrefix(part, s.before)
			value, isAfter := strings.CutSuffix(value, s.after)
			if !isBefore || !isAfter || value == "" || !refForm(s.form).MatchString(value) {
				return nil, false
			}
			values = append(values, value)
		case 2:
			if part == "" {
				return nil, false
			}
			values = append(values, part)
		}
	}
	return values, len(parts) == len(segments)
}

var refCompiled = make(map[string]*regexp.Regexp)

// refForm compiles a form once.
func refForm(form string) *regexp.Regexp {
	if refCompiled[form] == nil {
		refCompiled[form] = regexp.MustCompile("^(?:" + form + ")$")
	}
	return refCompiled[form]
}

// sameSegment reports whether two segments match the same.
func sameSegment(a, b refSegment) bool {
	return a.kind == b.kind && a.text == b.text && a.before == b.before && a.form == b.form && a.after == b.after
}

func samePattern(a, b []refSegment) bool { return slices.EqualFunc(a, b, sameSegment) }

// refConflicts reports whether a route matches the same requests as another.
func refConflicts(routes []refRoute, r refRoute) bool {
	return slices.ContainsFunc(routes, func(other refRoute) bool {
		return other.method == r.method && slices.ContainsFunc(other.variants(), func(a []refSegment) bool {
			return slices.ContainsFunc(r.variants(), func(b []refSegment) bool { return samePattern(a, b) })
		})
	})
}

// refFind returns the route of a request by its index, or -1 and the field Allow.
func refFind(routes []refRoute, method, path string) (best int, values []string, allow string) {
	best = -1
	var bestSegments []refSegment
	var methods []string
	for i, r := range routes {
		for _, segments := range r.variants() {
			found, ok := refMatch(segments, path)
			if !ok {
				continue
			}
			methods = append(methods, r.method, "OPTIONS")
			if r.method == "GET" {
				methods = append(methods, "HEAD")
			}
			isHead := method == "HEAD" && r.method == "GET"
			if r.method != method && !isHead {
				continue
			}
			switch order := refCompare(routes, segments, bestSegments); {
			case best < 0, order < 0,
				order == 0 && !isHead: // a HEAD route goes before the GET route of the same pattern
				best, values, bestSegments = i, found, segments
			}
		}
	}
	if best >= 0 {
		return best, values, ""
	}
	slices.Sort(methods)
	return -1, nil, strings.Join(slices.Compact(methods), ", ")
}

// refCompare compares the patterns of two routes for one path by their order.
func refCompare(routes []refRoute, a, b []refSegment) int {
	for i := range min(len(a), len(b)) {
		switch {
		case sameSegment(a[i], b[i]):
		case a[i].kind != b[i].kind:
			return a[i].kind - b[i].kind
		default: // two forms, of which the one that was added first goes first
			return firstWith(routes, a[:i+1]) - firstWith(routes, b[:i+1])
		}
	}
	return 0
}

// firstWith returns which route is the first whose pattern begins with segments.
func firstWith(routes []refRoute, segments []refSegment) int {
	return slices.IndexFunc(routes, func(r refRoute) bool {
		return len(r.segments) >= len(segments) && samePattern(r.segments[:len(segments)], segments)
	})
}
