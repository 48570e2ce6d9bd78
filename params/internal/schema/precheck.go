package schema

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A Precheck reports whether the value at p, in the struct at parent, surely
// keeps all rules on it and below it. It is the first pass over a parameter, and
// over a body for the rules that its reader does not check, see [Member.unread].
// It knows neither paths nor faults: a value that it does not pass goes to a
// [checker], which finds out what is wrong, if anything is. So it need not pass all
// good values, but it must never pass a bad one.
type Precheck func(p, parent memory.Pointer) bool

// BodyPrecheck returns the precheck of a body that is present, for the rules r of its
// field and those inside it; nil without any.
func BodyPrecheck(s *Schema, r *rules.Rules) Precheck { return precheckOf(r.Present(), s, s.Type) }

// ParamPrecheck returns the precheck of a parameter of type t that is present.
func ParamPrecheck(t reflect.Type, r *rules.Rules) Precheck { return precheckOf(r.Present(), nil, t) }

// precheckOf compiles the rules r, which may be nil, on a value of type t, and
// those of its schema s, nil for a parameter. It returns nil when there are none.
func precheckOf(r *rules.Rules, s *Schema, t reflect.Type) Precheck {
	if s != nil && s.Shape == Optional {
		return optionalPrecheck(r, s)
	}
	inside := s.precheckBelow(r)
	if r != nil && r.Dive != nil {
		inside = elementsPrecheck(r, s, t)
	}
	if !r.OnValue() {
		return inside
	}
	if own, all := r.Fast(t); all && own != nil && !r.Required {
		return func(p, parent memory.Pointer) bool { return own(p) && (inside == nil || inside(p, parent)) }
	}
	// An absent struct is skipped, but a {} is not: only the text tells which it is.
	skips := s == nil || !s.isThere()
	return func(p, parent memory.Pointer) bool {
		if r.Required && r.IsAbsent(p) {
			return false
		}
		if r.Skips(p) {
			return skips
		}
		return r.Accepts(t, p, parent) && (inside == nil || inside(p, parent))
	}
}

// unread returns the rules on a member that a reader does not check.
func (m *Member) unread() *rules.Rules {
	if m.Name == "" || m.Rules == nil {
		return m.Rules
	}
	if _, all := m.Rules.Fast(m.judgedType()); !all {
		return m.Rules.Present()
	}
	return &rules.Rules{Keys: m.Rules.Keys, Dive: m.Rules.Dive, Closed: m.Rules.Closed}
}

// isUnread reports whether a member has rules that a reader does not check.
func (m *Member) isUnread() bool {
	r := m.unread()
	return r.OnValue() || r != nil && (r.Keys != nil || r.Dive != nil && !r.Dive.IsEmpty())
}

// precheckBelow returns the precheck of what lies below a value with the rules r.
// Types may be recursive, so s.precheck is not read before the result is called.
func (s *Schema) precheckBelow(r *rules.Rules) Precheck {
	if s == nil || !s.unread || r != nil && r.Closed || s.Shape == Leaf {
		return nil
	}
	return func(p, _ memory.Pointer) bool { return s.precheck(p) }
}

// compilePrecheck sets s.precheck, for [Compiler.Finish].
func (s *Schema) compilePrecheck() {
	switch s.Shape {
	case Struct:
		s.precheck = membersPrecheck(s.Members)
	case Pointer:
		elem := s.Elem
		s.precheck = func(p memory.Pointer) bool {
			target := p.Target()
			return target.IsNil() || elem.precheck(target)
		}
	case Optional:
		s.precheck = func(p memory.Pointer) bool {
			value, ok := s.value(p)
			return !ok || s.Elem.precheck(value)
		}
	case List, Map:
		elements := elementsPrecheck(rules.None, s, s.Type)
		s.precheck = func(p memory.Pointer) bool { return elements == nil || elements(p, memory.Pointer{}) }
	case Leaf:
	}
}

func membersPrecheck(members []*Member) func(memory.Pointer) bool {
	var all []func(memory.Pointer) bool
	for _, m := range members {
		of := precheckOf(m.unread(), m.Schema, m.field.Type)
		switch {
		case of == nil:
		case !m.IsBehindPointer():
			around, at := m.place.at, m.Offset()
			all = append(all, func(p memory.Pointer) bool { return of(p.At(at), p.At(around)) })
		default:
			all = append(all, func(p memory.Pointer) bool {
				field, around := m.at(p)
				return around.IsNil() || of(field, around)
			})
		}
	}
	return func(p memory.Pointer) bool {
		for _, keeps := range all {
			if !keeps(p) {
				return false
			}
		}
		return true
	}
}

// elementsPrecheck returns the precheck of the elements of a list, or of a map's entries.
func elementsPrecheck(r *rules.Rules, s *Schema, t reflect.Type) Precheck {
	if t.Kind() == reflect.Pointer {
		if s != nil {
			s = s.Elem
		}
		target := elementsPrecheck(r, s, t.Elem())
		if target == nil {
			return nil
		}
		return func(p, parent memory.Pointer) bool {
			p = p.Target()
			return p.IsNil() || target(p, parent)
		}
	}
	var elem *Schema
	if s != nil {
		elem = s.Elem
	}
	of := precheckOf(r.Dive, elem, t.Elem())
	switch {
	case t.Kind() == reflect.Map:
		return entriesPrecheck(precheckOf(r.Keys, nil, t.Key()), of, t)
	case of == nil:
		return nil
	}
	size := t.Elem().Size()
	each := func(first memory.Pointer, n int, parent memory.Pointer) bool {
		for i := range n {
			if !of(first.At(uintptr(i)*size), parent) {
				return false
			}
		}
		return true
	}
	if t.Kind() == reflect.Array {
		return func(p, parent memory.Pointer) bool { return each(p, t.Len(), parent) }
	}
	return func(p, parent memory.Pointer) bool {
		list := memory.As[memory.Slice](p)
		return each(list.Data, list.Len, parent)
	}
}

// entriesPrecheck returns the precheck of the keys and values of a map. They have no
// address, so copies of them are checked.
func entriesPrecheck(key, value Precheck, t reflect.Type) Precheck {
	if key == nil && value == nil {
		return nil
	}
	return func(p, parent memory.Pointer) bool {
		if p.Target().IsNil() {
			return true // no map
		}
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for at := p.Value(t).MapRange(); at.Next(); {
			k.Elem().Set(at.Key())
			v.Elem().Set(at.Value())
			if key != nil && !key(memory.Of(k), parent) || value != nil && !value(memory.Of(v), parent) {
				return false
			}
		}
		return true
	}
}
