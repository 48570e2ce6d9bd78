package jsonschema

import (
	"cmp"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Finish names the components and returns them, in the order of their names, of which those
// that are reserved are none. A type whose schema is the same in several modes is one
// component. It returns the first mistake that was found.
func (s *Schemas) Finish(reserved ...string) (*Object, error) {
	groups := s.groups()
	s.name(groups, reserved)
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(s.names[a[0]], s.names[b[0]]) })
	components := Obj()
	for _, g := range groups {
		components.Set(s.names[g[0]], s.components[g[0]])
	}
	return components, s.err
}

// A group are the uses of a type that have one schema.
type group []use

// groups finds the uses of each type whose schemas, and all that these refer to, are the
// same: all of them, but for those that differ, until no more are found.
func (s *Schemas) groups() (groups []group) {
	byType := make(map[reflect.Type]int)
	for _, at := range s.order {
		if i, known := byType[at.t]; known {
			groups[i] = append(groups[i], at)
		} else {
			byType[at.t] = len(groups)
			groups = append(groups, group{at})
		}
	}
	for changed := true; changed; {
		changed = false
		s.names = make(map[use]string)
		for i, g := range groups {
			for _, at := range g {
				s.names[at] = fmt.Sprint(i)
			}
		}
		for i, g := range groups {
			same, other := s.split(g)
			if len(other) > 0 {
				groups[i] = same
				groups, changed = append(groups, other), true
			}
		}
	}
	return groups
}

// split parts a group by the schema of its first use.
func (s *Schemas) split(g group) (same, other group) {
	if len(g) == 1 {
		return g, nil
	}
	first := s.text(g[0])
	for _, at := range g {
		if s.text(at) == first {
			same = append(same, at)
		} else {
			other = append(other, at)
		}
	}
	return same, other
}

func (s *Schemas) text(at use) string {
	text, err := Encode(s.components[at])
	if err != nil {
		s.fail(fmt.Errorf("openapi: the schema of %s: %w", at.t, err))
	}
	return string(text)
}

// name names the components: by the type's name alone, with that of its package if two types
// share a name, and with a number if these are the same, too. What is only read has a
// name of its own where what is written differs.
func (s *Schemas) name(groups []group, reserved []string) {
	types := make(map[string][]reflect.Type)
	byType := make(map[reflect.Type][]group)
	for _, g := range groups {
		t := g[0].t
		if name := nameOf(t, false); !slices.Contains(types[name], t) {
			types[name] = append(types[name], t)
		}
		byType[t] = append(byType[t], g)
	}
	s.names = make(map[use]string)
	taken := make(map[string]bool)
	for _, name := range reserved {
		taken[name] = true
	}
	for _, g := range groups {
		t := g[0].t
		name := nameOf(t, len(types[nameOf(t, false)]) > 1) + g.suffix(byType[t])
		for base, n := name, 2; taken[name]; n++ {
			name = fmt.Sprint(base, n)
		}
		taken[name] = true
		for _, at := range g {
			s.names[at] = name
		}
	}
}

// suffix returns what tells a group from the others of its type.
func (g group) suffix(all []group) string {
	isStricter := slices.ContainsFunc(all, func(other group) bool {
		return other[0] != g[0] && g.isStrict() && !other.isStrict() && g.mode(all) == other.mode(all)
	})
	if isStricter {
		return g.mode(all) + "Strict"
	}
	return g.mode(all)
}

// mode returns what tells a group from those of its type that are used in another mode.
func (g group) mode(all []group) string {
	hasAny := func(m Mode) bool { return slices.ContainsFunc(all, func(other group) bool { return other.has(m) }) }
	switch {
	case hasAny(Writes) && !g.has(Writes) && g.has(Reads):
		return "Input"
	case (hasAny(Writes) || hasAny(Reads)) && !g.has(Writes) && !g.has(Reads):
		return "Unchecked"
	default:
		return ""
	}
}

func (g group) has(m Mode) bool {
	return slices.ContainsFunc(g, func(at use) bool { return at.Mode == m })
}

// isStrict reports whether all uses of a group are strict.
func (g group) isStrict() bool {
	return !slices.ContainsFunc(g, func(at use) bool { return !at.strict })
}

var (
	folders   = regexp.MustCompile(`[\w.~%-]+/`)
	qualified = regexp.MustCompile(`(\w+)\.(\w)`)
	locals    = regexp.MustCompile(`·\d+`)
	odd       = regexp.MustCompile(`[^A-Za-z0-9_]+`)
)

// nameOf returns the name of a type as a component has it: Page_Item for Page[shop.Item],
// and with packages ShopPage_ShopItem.
func nameOf(t reflect.Type, packages bool) string {
	name := t.Name()
	if packages {
		name = path.Base(t.PkgPath()) + "." + name
	}
	name = locals.ReplaceAllString(folders.ReplaceAllString(name, ""), "")
	name = qualified.ReplaceAllStringFunc(name, func(m string) string {
		pkg, first, _ := strings.Cut(m, ".")
		if !packages {
			pkg = ""
		}
		return Capital(pkg) + Capital(first)
	})
	name = strings.ReplaceAll(name, "[]", "[ListOf_")
	return cmp.Or(Capital(strings.Trim(odd.ReplaceAllString(name, "_"), "_")), "Type")
}

// Capital returns a text with its first letter in upper case, if that is ASCII.
func Capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
