package params

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// A checker applies rules to a decoded value and collects the faults.
type checker struct {
	rules  *rules
	in     Source
	name   string // of the parameter; empty in a body
	order  int
	faults *[]orderedFault

	// In a body, decoding leaves zero behind both for an absent value and for
	// a zero that was sent. resolved says that what is absent was found out
	// and told already; without it the checker gives up at the first required
	// zero and sets unsure.
	resolved bool
	unsure   bool

	path []segment           // where the checker is, below the field
	told map[string]struct{} // pointers that have a fault already; see [walker]
}

// A segment is one step down into a body: an index, or a key when index is
// noIndex.
type segment struct {
	key   string
	index int
}

const noIndex = -1

// value checks the value at p: its own rules r, which may be nil, and those of
// its type n, nil for a parameter. parent points to the struct around it.
func (c *checker) value(n *node, r *rules, t reflect.Type, p, parent unsafe.Pointer) {
	if c.unsure || len(*c.faults) > MaxFaults || c.isTold() {
		return
	}
	if r != nil && !c.own(n, r, t, p, parent) {
		return
	}
	if n != nil && n.active && (r == nil || !r.closed) {
		c.inside(n, p)
	}
}

// own checks a value's own rules and reports whether to look inside it.
func (c *checker) own(n *node, r *rules, t reflect.Type, p, parent unsafe.Pointer) bool {
	if r.required && !c.resolved && r.zero(p) {
		if !isNilable(t) {
			c.unsure = true
			return false
		}
		c.fault(CodeRequired, "is required")
		return false
	}
	if r.skip != nil && r.skip(p) {
		return false
	}
	if r.judged != nil {
		if broken := r.judged.judge(t, p, parent); broken != nil {
			c.fault(broken.Tag(), describe(broken.Tag(), broken.Param(), broken.Kind()))
			return false
		}
	}
	if r.dive != nil {
		c.dive(n, r.dive, t, p, parent)
		return false
	}
	return true
}

// inside checks what lies below a value by the rules of its type.
func (c *checker) inside(n *node, p unsafe.Pointer) {
	switch n.shape {
	case structShape:
		for _, m := range n.members {
			if m.name != "" {
				c.path = append(c.path, segment{m.name, noIndex})
			}
			c.value(m.node, m.rules, m.node.typ, unsafe.Add(p, m.offset), p)
			if m.name != "" {
				c.path = c.path[:len(c.path)-1]
			}
		}
	case pointerShape:
		if target := *(*unsafe.Pointer)(p); target != nil {
			c.inside(n.elem, target)
		}
	case listShape, mapShape, leaf:
		// Elements are looked into when the field says dive.
	}
}

// dive checks the elements of a list or map by the rules r.
func (c *checker) dive(n *node, r *rules, t reflect.Type, p, parent unsafe.Pointer) {
	for t.Kind() == reflect.Pointer {
		if p = *(*unsafe.Pointer)(p); p == nil {
			return
		}
		t = t.Elem()
		if n != nil {
			n = n.elem
		}
	}
	elem := t.Elem()
	var elemNode *node
	if n != nil {
		elemNode = n.elem
	}
	if r.isEmpty() && (elemNode == nil || !elemNode.active) {
		return
	}
	if t.Kind() == reflect.Map {
		// The values of a map have no address, so a copy of each is checked.
		value := reflect.New(elem)
		for entries := reflect.NewAt(t, p).Elem().MapRange(); entries.Next(); {
			value.Elem().Set(entries.Value())
			c.path = append(c.path, segment{fmt.Sprint(entries.Key()), noIndex})
			c.value(elemNode, r, elem, value.UnsafePointer(), parent)
			c.path = c.path[:len(c.path)-1]
		}
		return
	}
	first, length := elements(t, p)
	for i := range length {
		c.path = append(c.path, segment{index: i})
		c.value(elemNode, r, elem, unsafe.Add(first, uintptr(i)*elem.Size()), parent)
		c.path = c.path[:len(c.path)-1]
	}
}

func (r *rules) isEmpty() bool {
	return !r.required && r.judged == nil && r.dive == nil
}

// fault records what is wrong with the value that the checker is at.
func (c *checker) fault(code, detail string) {
	if len(*c.faults) > MaxFaults {
		return
	}
	f := Fault{In: c.in, Name: c.name, Code: code, Detail: detail}
	if c.in == Body {
		f.Pointer = pointer(c.path)
	} else if len(c.path) > 0 {
		f.Detail = "value " + strconv.Itoa(c.path[0].index+1) + " " + detail
	}
	*c.faults = append(*c.faults, orderedFault{c.order, f})
}

// tell records a fault and keeps the checker from looking at its place again.
func (c *checker) tell(code, detail string) {
	if c.isTold() {
		return // the key was there twice
	}
	c.fault(code, detail)
	if c.told == nil {
		c.told = make(map[string]struct{})
	}
	c.told[pointer(c.path)] = struct{}{}
}

func (c *checker) isTold() bool {
	if len(c.told) == 0 {
		return false
	}
	_, told := c.told[pointer(c.path)]
	return told
}

// pointer writes a path as a JSON pointer (RFC 6901) in its form as an URI
// fragment, as RFC 9457 shows it: "#/items/0/qty", "#" for the whole body.
func pointer(path []segment) string {
	b := make([]byte, 0, 32)
	b = append(b, '#')
	for _, s := range path {
		b = append(b, '/')
		if s.index != noIndex {
			b = strconv.AppendInt(b, int64(s.index), 10)
			continue
		}
		for i := range len(s.key) {
			b = appendPointerByte(b, s.key[i])
		}
	}
	return string(b)
}

// appendPointerByte escapes what a pointer or a fragment gives a meaning to.
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
