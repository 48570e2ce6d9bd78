package routing

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

// A tree finds the route of a path, segment by segment, from left to right. At
// each segment it asks what is most particular first:
//
//  1. the text of the segment,
//  2. {p:regexp} and parameters with text around them, in the order in which
//     they were added,
//  3. {p},
//  4. {p:*}.
//
// Where that leads nowhere, because nothing matches further on or not for the
// method, it goes back and asks the next. A GET route stands for HEAD, too,
// unless its pattern has a HEAD route. So with /users/me, /users/{id:[0-9]+},
// /users/{id} and /{p:*}, the path /users/me is the first's, /users/7 the
// second's, /users/x the third's, and /users/x/y the fourth's.
//
// A node is on one way from the root only, and so is visited once at most,
// however often it goes back.
type tree struct{ root node }

// A node is what the segments so far have in common.
type node struct {
	static map[string]*node // by the next segment's text
	formed []*formedNode
	param  *node // after {p}
	rest   leaf  // of {p:*}
	leaf   leaf  // of patterns that end here
}

type formedNode struct {
	form   *regexp.Regexp // as in a segment, like the next two
	groups []int
	whole  bool
	node
}

// A leaf is the end of all patterns that match the same paths.
type leaf []entry

// An entry is the route of a method. That of HEAD may be a GET route.
type entry struct {
	method string
	route  *route
}

// add adds a route. It returns one that matches the same requests, if there is
// one, and then adds nothing.
func (t *tree) add(rt *route, variants [][]segment) (taken *route) {
	for _, variant := range variants {
		if taken := t.root.grow(variant).find(rt.Method); taken != nil && taken.Method == rt.Method {
			return taken
		}
	}
	for _, variant := range variants {
		end := t.root.grow(variant)
		*end = end.add(rt)
	}
	return nil
}

// grow returns the leaf at the end of segments, which it makes where there is
// none.
func (n *node) grow(segments []segment) *leaf {
	if len(segments) == 0 {
		return &n.leaf
	}
	s := segments[0]
	switch s.kind {
	case kindText:
		if n.static == nil {
			n.static = make(map[string]*node)
		}
		if n.static[s.text] == nil {
			n.static[s.text] = new(node)
		}
		return n.static[s.text].grow(segments[1:])
	case kindForm:
		i := slices.IndexFunc(n.formed, func(f *formedNode) bool { return f.form.String() == s.form.String() })
		if i < 0 {
			i = len(n.formed)
			n.formed = append(n.formed, &formedNode{form: s.form, groups: s.groups, whole: s.whole})
		}
		return n.formed[i].grow(segments[1:])
	case kindParam:
		if n.param == nil {
			n.param = new(node)
		}
		return n.param.grow(segments[1:])
	default:
		return &n.rest
	}
}

func (l leaf) find(method string) *route {
	for i := range l {
		if l[i].method == method {
			return l[i].route
		}
	}
	return nil
}

// add adds a route, a GET route for HEAD as well. As append does, it returns the
// leaf that has it.
func (l leaf) add(rt *route) leaf {
	l = l.set(rt.Method, rt)
	if rt.Method == fasthttp.MethodGet && l.find(fasthttp.MethodHead) == nil {
		l = l.set(fasthttp.MethodHead, rt)
	}
	return l
}

func (l leaf) set(method string, rt *route) leaf {
	for i := range l {
		if l[i].method == method {
			l[i].route = rt
			return l
		}
	}
	return append(l, entry{method, rt})
}

// statics calls f for the paths of patterns without parameters, in their order.
func (n *node) statics(prefix string, f func(path string, l leaf)) {
	for _, text := range slices.Sorted(maps.Keys(n.static)) {
		child, path := n.static[text], prefix+"/"+text
		if len(child.leaf) > 0 {
			f(path, child.leaf)
		}
		child.statics(path, f)
	}
}

// A search is one look for a route. It lies on the stack of who makes it.
type search struct {
	method            string
	params.PathValues        // those so far
	others            []leaf // leaves of the path that have no route for the method
}

// find returns the route, nil when there is none. The others are complete then.
func (t *tree) find(s *search) *route {
	if !strings.HasPrefix(s.Path, "/") {
		return nil
	}
	return t.root.find(s, 1)
}

// find looks below a node for the path from the segment at start on.
func (n *node) find(s *search, start int) *route {
	end := strings.IndexByte(s.Path[start:], '/')
	if end += start; end < start { // the last segment
		end = len(s.Path)
	}
	if child := n.static[s.Path[start:end]]; child != nil {
		if rt := child.findAfter(s, end); rt != nil {
			return rt
		}
	}
	known := s.Len()
	if start < end { // no parameter is empty but {p:*}
		for _, child := range n.formed {
			if child.match(s, start, end) {
				if rt := child.findAfter(s, end); rt != nil {
					return rt
				}
			}
			s.Truncate(known)
		}
		if n.param != nil {
			s.Add(start, end)
			if rt := n.param.findAfter(s, end); rt != nil {
				return rt
			}
			s.Truncate(known)
		}
	}
	if n.rest != nil {
		s.Add(start, len(s.Path))
		if rt := s.take(n.rest); rt != nil {
			return rt
		}
		s.Truncate(known)
	}
	return nil
}

// findAfter looks at and below a node whose segments end at end.
func (n *node) findAfter(s *search, end int) *route {
	if end == len(s.Path) {
		return s.take(n.leaf)
	}
	return n.find(s, end+1)
}

// match matches a segment, and notes its parameters.
func (f *formedNode) match(s *search, start, end int) bool {
	text := s.Path[start:end]
	if f.whole {
		s.Add(start, end)
		return f.form.MatchString(text)
	}
	at := f.form.FindStringSubmatchIndex(text)
	if at == nil {
		return false
	}
	for _, group := range f.groups {
		from, to := at[2*group], at[2*group+1]
		if from == to {
			return false
		}
		s.Add(start+from, start+to)
	}
	return true
}

// take returns the route that a leaf has for the method.
func (s *search) take(l leaf) *route {
	if rt := l.find(s.method); rt != nil {
		return rt
	}
	if len(l) > 0 {
		s.others = append(s.others, l)
	}
	return nil
}

// allow returns the methods of the path's routes, for the field Allow: RFC 9110,
// section 10.2.1. It is empty when the path has none.
func (s *search) allow() string {
	var methods []string
	for _, l := range s.others {
		for i := range l {
			methods = append(methods, l[i].method)
		}
	}
	if len(methods) == 0 {
		return ""
	}
	methods = append(methods, fasthttp.MethodOptions)
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}
