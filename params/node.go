package params

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/memory"
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
	told    string                      // what is told of a value that is none of the type; "" for what [typeInWords] says
	opaque  bool                        // decodes itself, so that nobody knows how its text relates to its members
	members []*member                   // of a struct, in the order of their fields
	names   map[string]*member          // of a struct, by JSON name
	folded  map[string]*member          // the same, by the name in lower case; nil when not all names are ASCII
	elem    *node                       // of a list, map or pointer
	active  bool                        // something below has rules
	unread  bool                        // something below has rules that a reader does not see to
	sound   func(p memory.Pointer) bool // the [verdict] on what is below
}

// A member is what a key of a JSON object fills: a field of a struct, or of
// one that the struct embeds. A member without a name stands for the embedded
// struct itself and has its rules; no key fills it.
type member struct {
	name   string
	pos    int  // its place among the members
	tagged bool // the name is from a json tag
	quoted bool // has the json option string: its value stands in a string
	field  reflect.StructField
	rules  *rules // nil without any
	node   *node  // nil without a name
	place
}

// A place is where the fields of a struct, or of one that it embeds, lie.
type place struct {
	typ   reflect.Type
	index []int     // of the embedded fields on the way
	hops  []uintptr // the embedded pointers to follow, each an offset from the last
	at    uintptr   // the offset from there
	muted bool      // an embedded field on the way says that its rules do not count
}

// from returns the struct at the place, starting at p; nil when an embedded
// pointer on the way is nil.
func (l *place) from(p memory.Pointer) memory.Pointer {
	for _, hop := range l.hops {
		if p = p.At(hop).Target(); p.IsNil() {
			return memory.Pointer{}
		}
	}
	return p.At(l.at)
}

// A schemaCompiler compiles types and the rules in them.
type schemaCompiler struct {
	rules *ruleCompiler
	nodes map[reflect.Type]*node
}

func newSchemaCompiler(rules *ruleCompiler) *schemaCompiler {
	return &schemaCompiler{rules, make(map[reflect.Type]*node)}
}

// node returns the node of a type, the same one for the same type.
func (c *schemaCompiler) node(t reflect.Type) (*node, error) {
	if n := c.nodes[t]; n != nil {
		return n, nil
	}
	n := &node{typ: t, shape: shapeOf(t), told: c.rules.typeText(t), opaque: t.Kind() != reflect.Interface && decodesItself(t)}
	c.nodes[t] = n
	var err error
	switch n.shape {
	case structShape:
		err = c.members(n)
	case mapShape:
		if !n.opaque && !isJSONKey(t.Key()) {
			return nil, fmt.Errorf("has the type %s, whose keys JSON does not have: use a map with string keys", t)
		}
		n.elem, err = c.node(t.Elem())
	case listShape, pointerShape:
		n.elem, err = c.node(t.Elem())
	case leaf:
		switch t.Kind() {
		case reflect.Interface:
			if t.NumMethod() > 0 {
				err = fmt.Errorf("has the interface type %s, which JSON can't fill: use any or a struct", t)
			}
		case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
			if !n.opaque {
				err = fmt.Errorf("has the type %s, which JSON does not have: leave it out with `json:\"-\"`", t)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// finish settles what needs the whole graph. It is called once, after the last
// type was compiled.
func (c *schemaCompiler) finish() {
	for _, n := range c.nodes {
		n.active = reaches(n, (*member).isRuled, make(map[*node]bool))
		n.unread = reaches(n, (*member).isUnread, make(map[*node]bool))
	}
	for _, n := range c.nodes {
		n.compileVerdict()
	}
}

func shapeOf(t reflect.Type) shape {
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

func isJSONKey(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.String, reflect.Int <= k && k <= reflect.Uintptr:
		return true
	default:
		return reflect.PointerTo(t).Implements(textUnmarshalerType)
	}
}

// isThere reports whether a value is there also if it is absent from the text, with
// rules that it breaks then: a struct or an array.
func (n *node) isThere() bool {
	return (n.shape == structShape || n.typ.Kind() == reflect.Array) && n.active && !n.opaque
}

// isRuled reports whether a member has rules, or is a float in a string: the
// codec takes all that strconv takes for one, and [walker.leaf] only a number.
func (m *member) isRuled() bool { return m.rules != nil || m.isQuotedFloat() }

func (m *member) isQuotedFloat() bool { return m.quoted && isFloat(deref(m.field.Type)) }

// reaches reports whether a struct member of a kind can be reached from n. The
// rules behind dive belong to the member that holds the list.
func reaches(n *node, is func(*member) bool, seen map[*node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	for _, m := range n.members {
		if is(m) || reaches(m.node, is, seen) {
			return true
		}
	}
	return reaches(n.elem, is, seen)
}

// members finds the members of a struct as encoding/json and go-json do: the
// fields of embedded structs belong to it, and of fields with the same name
// the least nested one counts. The others can't be filled, so their rules
// don't count either: an outer field replaces the rules of the one it hides.
func (c *schemaCompiler) members(n *node) error {
	n.names = make(map[string]*member)
	visited := make(map[reflect.Type]bool)
	level := []place{{typ: n.typ}}
	for len(level) > 0 {
		times := make(map[reflect.Type]int)
		for _, l := range level {
			times[l.typ]++
		}
		var next []place
		found := make(map[string][]*member)
		for _, l := range level {
			if visited[l.typ] {
				continue
			}
			visited[l.typ] = true
			for i := range l.typ.NumField() {
				m, err := c.member(n, l, i)
				switch {
				case err != nil:
					return fmt.Errorf("has the field %s.%s, which %w", l.typ, l.typ.Field(i).Name, err)
				case m == nil:
				case m.name == "":
					next = append(next, m.embedded())
				default:
					for range times[l.typ] {
						found[m.name] = append(found[m.name], m)
					}
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			members := found[name]
			if _, hidden := n.names[name]; hidden {
				continue
			}
			if len(members) > 1 && !n.opaque {
				a, b := members[0], members[1]
				return fmt.Errorf("has the JSON name %q twice, for %s.%s and %s.%s: rename one of them, or leave it out with `json:\"-\"`",
					name, a.typ, a.field.Name, b.typ, b.field.Name)
			}
			n.names[name] = dominant(members)
		}
		level = next
	}
	for name, m := range n.names {
		if m == nil {
			delete(n.names, name)
			continue
		}
		n.members = append(n.members, m)
	}
	slices.SortFunc(n.members, func(a, b *member) int { return slices.Compare(a.index, b.index) })
	n.fold()
	for pos, m := range n.members {
		m.pos = pos
		if m.name == "" {
			continue
		}
		if err := c.compileMember(m); err != nil {
			return fmt.Errorf("has the field %s.%s, which %w", m.typ, m.field.Name, err)
		}
	}
	return nil
}

// member makes the member of field i at a place; nil when JSON ignores it. One
// for an embedded struct has no name.
func (c *schemaCompiler) member(n *node, l place, i int) (*member, error) {
	f := l.typ.Field(i)
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	embeds := f.Anonymous && deref(f.Type).Kind() == reflect.Struct
	if err := n.checkTags(f, embeds && !isValidName(name)); err != nil {
		return nil, err
	}
	if tag == "-" || !f.IsExported() && !embeds {
		return nil, nil
	}
	l.index = append(slices.Clip(l.index), i)
	m := &member{name: name, tagged: true, field: f, place: l}
	if !isValidName(name) {
		m.name, m.tagged = f.Name, false
	}
	if embeds && !m.tagged {
		m.name = ""
		if !f.IsExported() && f.Type.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("is an embedded pointer to a struct that is not exported, which JSON can't fill: embed it by value")
		}
		var err error
		if m.rules, err = c.rules.compile(f.Tag.Get("validate"), f.Type, l.typ); err != nil {
			return nil, err
		}
		if m.rules != nil && !l.muted {
			n.members = append(n.members, m)
		}
		return m, nil
	}
	if !f.IsExported() {
		return nil, nil
	}
	m.quoted = slices.Contains(strings.Split(options, ","), "string") && canBeQuoted(f.Type)
	return m, nil
}

// checkTags reports by an error that a field has tags that would do nothing. The
// fields of an embedded struct count although it is not exported.
func (n *node) checkTags(f reflect.StructField, embedded bool) error {
	rules, ruled := f.Tag.Lookup("validate")
	ruled = ruled && rules != "" && rules != "-"
	name, named := f.Tag.Lookup("json")
	switch {
	case !f.IsExported() && !embedded && (ruled || named && name != "-" && !n.opaque):
		return fmt.Errorf("is not exported, so JSON can't fill it: rename it to start with a capital letter, or remove its tags")
	case ruled && name == "-":
		return fmt.Errorf("has rules, but `json:\"-\"` keeps it out of the body: remove one of the tags")
	}
	return checkTag(f)
}

// compileMember compiles what a member is made of.
func (c *schemaCompiler) compileMember(m *member) (err error) {
	if m.node, err = c.node(m.field.Type); err != nil {
		return err
	}
	if m.muted {
		m.rules = &rules{closed: true}
		return nil
	}
	m.rules, err = c.rules.compile(m.field.Tag.Get("validate"), m.field.Type, m.typ)
	return err
}

// embedded returns the place of the fields of an embedded struct.
func (m *member) embedded() place {
	l := m.place
	l.typ = deref(m.field.Type)
	l.muted = l.muted || m.rules != nil && m.rules.closed
	l.at += m.field.Offset
	if m.field.Type.Kind() == reflect.Pointer {
		l.hops, l.at = append(slices.Clip(l.hops), l.at), 0
	}
	return l
}

// dominant returns which of several members of one name and level counts to
// encoding/json: the only one, or the only one whose name is from a tag. It returns
// nil when none does.
func dominant(members []*member) *member {
	if len(members) == 1 {
		return members[0]
	}
	var tagged []*member
	for _, m := range members {
		if m.tagged {
			tagged = append(tagged, m)
		}
	}
	if len(tagged) == 1 {
		return tagged[0]
	}
	return nil
}

// canBeQuoted reports whether the json option string has an effect on a type.
func canBeQuoted(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch k := t.Kind(); {
	case decodesItself(t):
		return false
	default:
		return k == reflect.String || k == reflect.Bool || reflect.Int <= k && k <= reflect.Float64
	}
}

// exact returns the member of a name, nil without one.
func (n *node) exact(key string) *member { return n.names[key] }

// member returns the member that the codec fills from a key: the one of that
// name, or else the first whose name differs in case only.
func (n *node) member(key string) *member {
	if m := n.exact(key); m != nil {
		return m
	}
	// Unknown keys are the client's to choose, also their number.
	var buf [64]byte
	if n.folded != nil && len(key) <= len(buf) && lower(buf[:len(key)], key) {
		return n.folded[string(buf[:len(key)])]
	}
	for _, m := range n.members {
		if m.name != "" && strings.EqualFold(m.name, key) {
			return m
		}
	}
	return nil
}

// fold makes n.folded. Of names that differ in case only, the first one counts.
func (n *node) fold() {
	n.folded = make(map[string]*member, len(n.members))
	for _, m := range n.members {
		name := make([]byte, len(m.name))
		if !lower(name, m.name) {
			n.folded = nil
			return
		}
		if _, taken := n.folded[string(name)]; !taken && m.name != "" {
			n.folded[string(name)] = m
		}
	}
}

// lower writes s to dst in lower case, and reports whether it is ASCII: other
// letters have more than two cases, and some have one that is ASCII.
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

// isBehindPointer reports whether the member belongs to a struct that is embedded as
// a pointer.
func (m *member) isBehindPointer() bool { return len(m.hops) > 0 }

// offset returns the field's offset in the value around, without embedded pointers
// on the way.
func (m *member) offset() uintptr { return m.place.at + m.field.Offset }

// quickRules returns what can be told of the rules on a member while it is read:
// accept recognizes values that surely keep them, and is nil where there are none or
// not all can be told so. needed says that its absence may break a rule.
func (m *member) quickRules() (accept acceptor, needed bool) {
	accept, _ = m.rules.acceptor(m.field.Type)
	switch {
	case m.rules != nil && m.rules.required, m.node.isThere():
		return accept, true
	case m.node.typ.Kind() == reflect.Array && m.rules.elements() != nil:
		return accept, true
	default:
		return accept, accept != nil && !accept(memory.New(m.field.Type))
	}
}

// at returns the field's address, starting at the struct p, and the struct
// around it; nil when it lies behind an embedded pointer that is nil.
func (m *member) at(p memory.Pointer) (field, around memory.Pointer) {
	if around = m.from(p); around.IsNil() {
		return memory.Pointer{}, around
	}
	return around.At(m.field.Offset), around
}
