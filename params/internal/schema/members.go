package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// members finds the members of a struct as encoding/json and go-json do: the
// fields of embedded structs belong to it, and of fields with the same name
// the least nested one counts. The others can't be filled, so their rules
// don't count either: an outer field replaces the rules of the one it hides.
func (c *Compiler) members(s *Schema) error {
	s.names = make(map[string]*Member)
	visited := make(map[reflect.Type]bool)
	for level := []place{{typ: s.Type}}; len(level) > 0; {
		found, next, err := c.level(s, level, visited)
		if err != nil {
			return err
		}
		if err := s.choose(found); err != nil {
			return err
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
		if m.Name == "" || c.rules == nil {
			continue
		}
		if err := c.compileMember(s, m); err != nil {
			return fmt.Errorf("has the field %s.%s, which %w", m.typ, m.field.Name, err)
		}
	}
	return nil
}

// level finds the members of the structs on one level of embedding, by name, and
// the structs that these embed, which are the next level. A type that is on the level
// several times has its members as often; one that was on an outer level is hidden.
func (c *Compiler) level(s *Schema, level []place, visited map[reflect.Type]bool) (found map[string][]*Member, next []place, err error) {
	times := make(map[reflect.Type]int)
	for _, l := range level {
		times[l.typ]++
	}
	found = make(map[string][]*Member)
	for _, l := range level {
		if visited[l.typ] {
			continue
		}
		visited[l.typ] = true
		for i := range l.typ.NumField() {
			m, err := c.member(s, l, i)
			switch {
			case err != nil:
				return nil, nil, fmt.Errorf("has the field %s.%s, which %w", l.typ, l.typ.Field(i).Name, err)
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
	return found, next, nil
}

// choose adds the members that were found on a level to s.names, except those that a
// member of an outer level hides. A name that several members share, so that none
// has it, is added with nil, and hides as well.
func (s *Schema) choose(found map[string][]*Member) error {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		members := found[name]
		if _, hidden := s.names[name]; hidden {
			continue
		}
		if len(members) > 1 && !s.unfilled {
			a, b := members[0], members[1]
			return fmt.Errorf("has the JSON name %q twice, for %s.%s and %s.%s: rename one of them, or leave it out with `json:\"-\"`",
				name, a.typ, a.field.Name, b.typ, b.field.Name)
		}
		s.names[name] = dominant(members)
	}
	return nil
}

// member makes the member of field i at a place; nil when JSON ignores it. One for an
// embedded struct has no name, and is added to s.Members here if it has rules.
func (c *Compiler) member(s *Schema, l place, i int) (*Member, error) {
	f := l.typ.Field(i)
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	embeds := f.Anonymous && kind.Deref(f.Type).Kind() == reflect.Struct
	if c.rules != nil {
		if err := s.checkTags(f, embeds && !rules.IsJSONName(name)); err != nil {
			return nil, err
		}
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
		if !f.IsExported() && f.Type.Kind() == reflect.Pointer && !s.unfilled {
			return nil, fmt.Errorf("is an embedded pointer to a struct that is not exported, which JSON can't fill: embed it by value")
		}
		if c.rules == nil {
			return m, nil
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

// checkTags returns an error if a field has tags that would do nothing. An embedded
// struct may be unexported: JSON fills its fields all the same.
func (s *Schema) checkTags(f reflect.StructField, embedded bool) error {
	tag, ruled := f.Tag.Lookup("validate")
	ruled = ruled && tag != "" && tag != "-"
	name, named := f.Tag.Lookup("json")
	switch {
	case !f.IsExported() && !embedded && (ruled || named && name != "-" && !s.unfilled):
		return fmt.Errorf("is not exported, so JSON can't fill it: rename it to start with a capital letter, or remove its tags")
	case ruled && name == "-":
		return fmt.Errorf("has rules, but `json:\"-\"` keeps it out of the body: remove one of the tags")
	}
	return rules.CheckTag(f)
}

// compileMember compiles the type and the rules of a member of s.
func (c *Compiler) compileMember(s *Schema, m *Member) (err error) {
	if m.Schema, err = c.of(m.field.Type, s.unfilled); err != nil {
		return err
	}
	if m.muted {
		m.Rules = &rules.Rules{Closed: true}
	} else if m.Rules, err = c.rules.Compile(m.field.Tag.Get("validate"), m.field.Type, m.typ); err != nil {
		return err
	}
	if c.Default != nil && !s.unfilled {
		m.Default, err = c.Default(m.field, m.Rules)
	}
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

// dominant returns the member that encoding/json takes of those with one name on
// one level: the only one, or the only one whose name is from a tag. It returns nil
// when there is none.
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
