package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A Shape is how a type is walked.
type Shape int

// The shapes.
const (
	Leaf   Shape = iota // nothing below that has rules or a place of its own
	Struct              // members
	List                // slice or array
	Map
	Pointer
)

// A Schema is a type of the body, with the rules that hold anywhere below it.
// Types may be recursive, so schemas form a graph.
type Schema struct {
	Type     reflect.Type
	Shape    Shape
	told     string                      // what is told of a value that is none of the type; "" for what [typeInWords] says
	Opaque   bool                        // decodes itself, so that nobody knows how its text relates to its members
	Members  []*Member                   // of a struct, in the order of their fields
	names    map[string]*Member          // of a struct, by JSON name
	folded   map[string]*Member          // the same, by the name in lower case; nil when not all names are ASCII
	Elem     *Schema                     // of a list, map or pointer
	Active   bool                        // something below has rules
	unread   bool                        // something below has rules that a reader does not see to
	precheck func(p memory.Pointer) bool // the [Precheck] of what is below
}

// A Member is what a key of a JSON object fills: a field of a struct, or of
// one that the struct embeds. A member without a name stands for the embedded
// struct itself and has its rules; no key fills it.
type Member struct {
	Name   string
	Pos    int  // its place among the members
	tagged bool // the name is from a json tag
	Quoted bool // has the json option string: its value stands in a string
	field  reflect.StructField
	Rules  *rules.Rules // nil without any
	Schema *Schema      // nil without a name
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

// A Compiler compiles types and the rules in them.
type Compiler struct {
	rules *rules.Compiler
	nodes map[reflect.Type]*Schema
}

// NewCompiler returns a compiler of schemas whose rules are compiled by rules.
func NewCompiler(rules *rules.Compiler) *Compiler {
	return &Compiler{rules, make(map[reflect.Type]*Schema)}
}

// Of returns the schema of a type, the same one for the same type. [Compiler.Finish]
// has to be called before it is used.
func (c *Compiler) Of(t reflect.Type) (*Schema, error) {
	if s := c.nodes[t]; s != nil {
		return s, nil
	}
	s := &Schema{Type: t, Shape: shapeOf(t), told: c.rules.TypeText(t), Opaque: t.Kind() != reflect.Interface && kind.DecodesItself(t)}
	c.nodes[t] = s
	var err error
	switch s.Shape {
	case Struct:
		err = c.members(s)
	case Map:
		if !s.Opaque && !isJSONKey(t.Key()) {
			return nil, fmt.Errorf("has the type %s, whose keys JSON does not have: use a map with string keys", t)
		}
		s.Elem, err = c.Of(t.Elem())
	case List, Pointer:
		s.Elem, err = c.Of(t.Elem())
	case Leaf:
		switch t.Kind() {
		case reflect.Interface:
			if t.NumMethod() > 0 {
				err = fmt.Errorf("has the interface type %s, which JSON can't fill: use any or a struct", t)
			}
		case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
			if !s.Opaque {
				err = fmt.Errorf("has the type %s, which JSON does not have: leave it out with `json:\"-\"`", t)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Finish settles what needs the whole graph. It is called once, after the last
// type was compiled.
func (c *Compiler) Finish() {
	for _, s := range c.nodes {
		s.Active = reaches(s, (*Member).isRuled, make(map[*Schema]bool))
		s.unread = reaches(s, (*Member).isUnread, make(map[*Schema]bool))
	}
	for _, s := range c.nodes {
		s.compilePrecheck()
	}
}

func shapeOf(t reflect.Type) Shape {
	switch t.Kind() {
	case reflect.Struct:
		return Struct
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Leaf // base64
		}
		return List
	case reflect.Array:
		return List
	case reflect.Map:
		return Map
	case reflect.Pointer:
		return Pointer
	default:
		return Leaf
	}
}

func isJSONKey(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.String, reflect.Int <= k && k <= reflect.Uintptr:
		return true
	default:
		return reflect.PointerTo(t).Implements(kind.TextUnmarshaler)
	}
}

// isThere reports whether a value is there also if it is absent from the text, with
// rules that it breaks then: a struct or an array.
func (s *Schema) isThere() bool {
	return (s.Shape == Struct || s.Type.Kind() == reflect.Array) && s.Active && !s.Opaque
}

// isRuled reports whether a member has rules, or is a float in a string: the
// codec takes all that strconv takes for one, and [presenceWalk.leaf] only a number.
func (m *Member) isRuled() bool { return m.Rules != nil || m.isQuotedFloat() }

func (m *Member) isQuotedFloat() bool { return m.Quoted && kind.IsFloat(kind.Deref(m.field.Type)) }

// reaches reports whether a struct member of a kind can be reached from n. The
// rules behind dive belong to the member that holds the list.
func reaches(s *Schema, is func(*Member) bool, seen map[*Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	for _, m := range s.Members {
		if is(m) || reaches(m.Schema, is, seen) {
			return true
		}
	}
	return reaches(s.Elem, is, seen)
}

// members finds the members of a struct as encoding/json and go-json do: the
// fields of embedded structs belong to it, and of fields with the same name
// the least nested one counts. The others can't be filled, so their rules
// don't count either: an outer field replaces the rules of the one it hides.
func (c *Compiler) members(s *Schema) error {
	s.names = make(map[string]*Member)
	visited := make(map[reflect.Type]bool)
	level := []place{{typ: s.Type}}
	for len(level) > 0 {
		times := make(map[reflect.Type]int)
		for _, l := range level {
			times[l.typ]++
		}
		var next []place
		found := make(map[string][]*Member)
		for _, l := range level {
			if visited[l.typ] {
				continue
			}
			visited[l.typ] = true
			for i := range l.typ.NumField() {
				m, err := c.member(s, l, i)
				switch {
				case err != nil:
					return fmt.Errorf("has the field %s.%s, which %w", l.typ, l.typ.Field(i).Name, err)
				case m == nil:
				case m.Name == "":
					next = append(next, m.embedded())
				default:
					for range times[l.typ] {
						found[m.Name] = append(found[m.Name], m)
					}
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			members := found[name]
			if _, hidden := s.names[name]; hidden {
				continue
			}
			if len(members) > 1 && !s.Opaque {
				a, b := members[0], members[1]
				return fmt.Errorf("has the JSON name %q twice, for %s.%s and %s.%s: rename one of them, or leave it out with `json:\"-\"`",
					name, a.typ, a.field.Name, b.typ, b.field.Name)
			}
			s.names[name] = dominant(members)
		}
		level = next
	}
	for name, m := range s.names {
		if m == nil {
			delete(s.names, name)
			continue
		}
		s.Members = append(s.Members, m)
	}
	slices.SortFunc(s.Members, func(a, b *Member) int { return slices.Compare(a.index, b.index) })
	s.fold()
	for pos, m := range s.Members {
		m.Pos = pos
		if m.Name == "" {
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
func (c *Compiler) member(s *Schema, l place, i int) (*Member, error) {
	f := l.typ.Field(i)
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	embeds := f.Anonymous && kind.Deref(f.Type).Kind() == reflect.Struct
	if err := s.checkTags(f, embeds && !rules.IsJSONName(name)); err != nil {
		return nil, err
	}
	if tag == "-" || !f.IsExported() && !embeds {
		return nil, nil
	}
	l.index = append(slices.Clip(l.index), i)
	m := &Member{Name: name, tagged: true, field: f, place: l}
	if !rules.IsJSONName(name) {
		m.Name, m.tagged = f.Name, false
	}
	if embeds && !m.tagged {
		m.Name = ""
		if !f.IsExported() && f.Type.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("is an embedded pointer to a struct that is not exported, which JSON can't fill: embed it by value")
		}
		var err error
		if m.Rules, err = c.rules.Compile(f.Tag.Get("validate"), f.Type, l.typ); err != nil {
			return nil, err
		}
		if m.Rules != nil && !l.muted {
			s.Members = append(s.Members, m)
		}
		return m, nil
	}
	if !f.IsExported() {
		return nil, nil
	}
	m.Quoted = slices.Contains(strings.Split(options, ","), "string") && canBeQuoted(f.Type)
	return m, nil
}

// checkTags reports by an error that a field has tags that would do nothing. The
// fields of an embedded struct count although it is not exported.
func (s *Schema) checkTags(f reflect.StructField, embedded bool) error {
	tag, ruled := f.Tag.Lookup("validate")
	ruled = ruled && tag != "" && tag != "-"
	name, named := f.Tag.Lookup("json")
	switch {
	case !f.IsExported() && !embedded && (ruled || named && name != "-" && !s.Opaque):
		return fmt.Errorf("is not exported, so JSON can't fill it: rename it to start with a capital letter, or remove its tags")
	case ruled && name == "-":
		return fmt.Errorf("has rules, but `json:\"-\"` keeps it out of the body: remove one of the tags")
	}
	return rules.CheckTag(f)
}

// compileMember compiles what a member is made of.
func (c *Compiler) compileMember(m *Member) (err error) {
	if m.Schema, err = c.Of(m.field.Type); err != nil {
		return err
	}
	if m.muted {
		m.Rules = &rules.Rules{Closed: true}
		return nil
	}
	m.Rules, err = c.rules.Compile(m.field.Tag.Get("validate"), m.field.Type, m.typ)
	return err
}

// embedded returns the place of the fields of an embedded struct.
func (m *Member) embedded() place {
	l := m.place
	l.typ = kind.Deref(m.field.Type)
	l.muted = l.muted || m.Rules != nil && m.Rules.Closed
	l.at += m.field.Offset
	if m.field.Type.Kind() == reflect.Pointer {
		l.hops, l.at = append(slices.Clip(l.hops), l.at), 0
	}
	return l
}

// dominant returns which of several members of one name and level counts to
// encoding/json: the only one, or the only one whose name is from a tag. It returns
// nil when none does.
func dominant(members []*Member) *Member {
	if len(members) == 1 {
		return members[0]
	}
	var tagged []*Member
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
	case kind.DecodesItself(t):
		return false
	default:
		return k == reflect.String || k == reflect.Bool || reflect.Int <= k && k <= reflect.Float64
	}
}

// Exact returns the member of a name, nil without one.
func (s *Schema) Exact(key string) *Member { return s.names[key] }

// Member returns the member that the codec fills from a key: the one of that
// name, or else the first whose name differs in case only.
func (s *Schema) Member(key string) *Member {
	if m := s.Exact(key); m != nil {
		return m
	}
	// Unknown keys are the client's to choose, also their number.
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

// fold makes n.folded. Of names that differ in case only, the first one counts.
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

// IsBehindPointer reports whether the member belongs to a struct that is embedded as
// a pointer.
func (m *Member) IsBehindPointer() bool { return len(m.hops) > 0 }

// Offset returns the field's offset in the value around, without embedded pointers
// on the way.
func (m *Member) Offset() uintptr { return m.place.at + m.field.Offset }

// FastRules returns what can be told of the rules on a member while it is read:
// accept recognizes values that surely keep them, and is nil where there are none or
// not all can be told so. needed says that its absence may break a rule.
func (m *Member) FastRules() (accept rules.Acceptor, needed bool) {
	accept, _ = m.Rules.Fast(m.field.Type)
	switch {
	case m.Rules != nil && m.Rules.Required, m.Schema.isThere():
		return accept, true
	case m.Schema.Type.Kind() == reflect.Array && m.Rules.Elements() != nil:
		return accept, true
	default:
		return accept, accept != nil && !accept(memory.New(m.field.Type))
	}
}

// at returns the field's address, starting at the struct p, and the struct
// around it; nil when it lies behind an embedded pointer that is nil.
func (m *Member) at(p memory.Pointer) (field, around memory.Pointer) {
	if around = m.from(p); around.IsNil() {
		return memory.Pointer{}, around
	}
	return around.At(m.field.Offset), around
}
