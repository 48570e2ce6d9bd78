package params

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unsafe"
)

// A shape is how a type is walked.
type shape int

const (
	leaf        shape = iota // nothing below that has rules or a place of its own
	structShape              // members
	listShape                // slice or array
	mapShape
	pointerShape
)

// A node is a type of the body, with the rules that hold anywhere below it.
// Types may be recursive, so nodes form a graph.
type node struct {
	typ     reflect.Type
	shape   shape
	members []*member          // of a struct, in order
	names   map[string]*member // of a struct, by JSON name, embedded ones included
	elem    *node              // of a list, map or pointer
	active  bool               // something below has rules
}

// A member is a field of a struct.
type member struct {
	name   string // the JSON name; empty when embedded
	offset uintptr
	quoted bool // has the json option string: its value stands in a string
	node   *node
	rules  *rules // nil without any
}

var jsonUnmarshalerType = reflect.TypeFor[json.Unmarshaler]()

// node returns the node of a type, the same one for the same type.
func (c *ruleCompiler) node(t reflect.Type) (*node, error) {
	if n := c.nodes[t]; n != nil {
		return n, nil
	}
	n := &node{typ: t, shape: shapeOf(t)}
	c.nodes[t] = n
	var err error
	switch n.shape {
	case structShape:
		err = c.members(n)
	case listShape, mapShape, pointerShape:
		n.elem, err = c.node(t.Elem())
	case leaf:
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// finish settles what needs the whole graph. It is called once, after the last
// type was compiled.
func (c *ruleCompiler) finish() {
	for _, n := range c.nodes {
		n.active = reaches(n, make(map[*node]bool))
		if n.shape == structShape {
			n.names = make(map[string]*member)
			n.addNames(n.members, map[*node]bool{n: true})
		}
	}
}

func shapeOf(t reflect.Type) shape {
	if p := reflect.PointerTo(t); p.Implements(jsonUnmarshalerType) || p.Implements(textUnmarshalerType) {
		return leaf // decodes itself
	}
	switch t.Kind() {
	case reflect.Struct:
		return structShape
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return leaf // base64
		}
		return listShape
	case reflect.Array:
		return listShape
	case reflect.Map:
		return mapShape
	case reflect.Pointer:
		return pointerShape
	default:
		return leaf
	}
}

// reaches reports whether a struct member with rules can be reached from n.
// The rules on the elements of a list belong to the member that holds it.
func reaches(n *node, seen map[*node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	for _, m := range n.members {
		if m.rules != nil || reaches(m.node, seen) {
			return true
		}
	}
	return reaches(n.elem, seen)
}

func (c *ruleCompiler) members(n *node) error {
	for i := range n.typ.NumField() {
		f := n.typ.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		embedded := f.Anonymous && name == "" && deref(f.Type).Kind() == reflect.Struct
		if tag == "-" || !f.IsExported() && !embedded {
			continue
		}
		child, err := c.node(f.Type)
		if err != nil {
			return err
		}
		m := &member{offset: f.Offset, node: child}
		if !embedded {
			m.name = name
			if m.name == "" {
				m.name = f.Name
			}
			m.quoted = strings.Contains(","+options+",", ",string,")
		}
		if m.rules, err = c.compile(f.Tag.Get("validate"), f.Type, n.typ); err != nil {
			return fmt.Errorf("has the field %s.%s, which %w", n.typ, f.Name, err)
		}
		n.members = append(n.members, m)
	}
	return nil
}

// addNames makes members known by their JSON names: the struct's own first,
// then those of the structs it embeds, as encoding/json resolves them.
func (n *node) addNames(members []*member, seen map[*node]bool) {
	for _, m := range members {
		if m.name != "" && n.names[m.name] == nil {
			n.names[m.name] = m
		}
	}
	for _, m := range members {
		if inner := m.embedded(); inner != nil && !seen[inner] {
			seen[inner] = true
			n.addNames(inner.members, seen)
		}
	}
}

// embedded returns the struct that a member embeds, or nil.
func (m *member) embedded() *node {
	if m.name != "" {
		return nil
	}
	inner := m.node
	for inner.shape == pointerShape {
		inner = inner.elem
	}
	return inner
}

// member returns the member that the codec fills from a key: the one of that
// name, or else one whose name differs in case only.
func (n *node) member(key string) *member {
	if m := n.names[key]; m != nil {
		return m
	}
	for name, m := range n.names {
		if strings.EqualFold(name, key) {
			return m
		}
	}
	return nil
}

// A sliceHeader is what a slice is in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// elements returns the first element of the list of type t at p, and their
// number.
func elements(t reflect.Type, p unsafe.Pointer) (unsafe.Pointer, int) {
	if t.Kind() == reflect.Array {
		return p, t.Len()
	}
	header := (*sliceHeader)(p)
	return header.data, header.len
}
