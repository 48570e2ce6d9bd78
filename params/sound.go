package params

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// A verdict reports whether the value at p, in the struct at parent, surely
// keeps all rules on it and below it. It is the first pass over a parameter, and
// over a body for those rules that its readers have not seen to, see
// [member.unread]. Compiled from the rules, it knows neither paths nor faults:
// what it does not pass goes to a [checker], which finds out what is wrong, if
// anything is. So it may be wrong in one direction only.
type verdict func(p, parent memory.Pointer) bool

// bodyPrecheck returns the precheck of a body that is there, by the rules r of its
// field and those inside, nil without any.
func bodyPrecheck(n *node, r *rules) verdict { return verdictOf(r.present(), n, n.typ) }

// paramPrecheck returns the precheck of a parameter of type t that is there.
func paramPrecheck(t reflect.Type, r *rules) verdict { return verdictOf(r.present(), nil, t) }

// verdictOf compiles the rules r, which may be nil, on a value of type t, and
// those of its node n, nil for a parameter. It returns nil when there are none.
func verdictOf(r *rules, n *node, t reflect.Type) verdict {
	inside := n.verdict(r)
	if r != nil && r.dive != nil {
		inside = elementsVerdict(r, n, t)
	}
	if !r.onValue() {
		return inside
	}
	if own, all := r.acceptor(t); all && own != nil && !r.required {
		return func(p, parent memory.Pointer) bool { return own(p) && (inside == nil || inside(p, parent)) }
	}
	// A struct that was absent is skipped, but not a {}: only the text tells.
	skips := n == nil || !n.isThere()
	return func(p, parent memory.Pointer) bool {
		if r.required && r.isAbsent(p) {
			return false
		}
		if r.skips(p) {
			return skips
		}
		return r.accepts(t, p, parent) && (inside == nil || inside(p, parent))
	}
}

// unread returns the rules on a member that a reader has not seen to.
func (m *member) unread() *rules {
	if m.name == "" || m.rules == nil {
		return m.rules
	}
	if _, all := m.rules.acceptor(m.field.Type); !all {
		return m.rules.present()
	}
	return &rules{keys: m.rules.keys, dive: m.rules.dive, closed: m.rules.closed}
}

// isUnread reports whether there are rules on a member which a reader does not
// see to.
func (m *member) isUnread() bool {
	r := m.unread()
	return r.onValue() || r != nil && (r.keys != nil || r.dive != nil && !r.dive.isEmpty())
}

// verdict is on what lies below a value with the rules r. Types may be
// recursive, so it is looked up when it is needed.
func (n *node) verdict(r *rules) verdict {
	if n == nil || !n.unread || r != nil && r.closed || n.shape == leaf {
		return nil
	}
	return func(p, _ memory.Pointer) bool { return n.sound(p) }
}

// compileVerdict sets n.sound, for [ruleCompiler.finish].
func (n *node) compileVerdict() {
	switch n.shape {
	case structShape:
		n.sound = membersVerdict(n.members)
	case pointerShape:
		elem := n.elem
		n.sound = func(p memory.Pointer) bool {
			target := p.Target()
			return target.IsNil() || elem.sound(target)
		}
	case listShape, mapShape:
		elements := elementsVerdict(noRules, n, n.typ)
		n.sound = func(p memory.Pointer) bool { return elements == nil || elements(p, memory.Pointer{}) }
	case leaf:
	}
}

func membersVerdict(members []*member) func(memory.Pointer) bool {
	var all []func(memory.Pointer) bool
	for _, m := range members {
		of := verdictOf(m.unread(), m.node, m.field.Type)
		switch {
		case of == nil:
		case !m.isBehindPointer():
			around, at := m.place.at, m.offset()
			all = append(all, func(p memory.Pointer) bool { return of(p.At(at), p.At(around)) })
		default:
			all = append(all, func(p memory.Pointer) bool {
				field, around := m.at(p)
				return around.IsNil() || of(field, around)
			})
		}
	}
	return func(p memory.Pointer) bool {
		for _, sound := range all {
			if !sound(p) {
				return false
			}
		}
		return true
	}
}

// elementsVerdict is on the elements of a list or map, and on a map's keys.
func elementsVerdict(r *rules, n *node, t reflect.Type) verdict {
	if t.Kind() == reflect.Pointer {
		if n != nil {
			n = n.elem
		}
		target := elementsVerdict(r, n, t.Elem())
		if target == nil {
			return nil
		}
		return func(p, parent memory.Pointer) bool {
			p = p.Target()
			return p.IsNil() || target(p, parent)
		}
	}
	var elem *node
	if n != nil {
		elem = n.elem
	}
	of := verdictOf(r.dive, elem, t.Elem())
	switch {
	case t.Kind() == reflect.Map:
		return entriesVerdict(verdictOf(r.keys, nil, t.Key()), of, t)
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

// entriesVerdict is on the keys and values of a map, of which copies are made,
// since they have no address.
func entriesVerdict(key, value verdict, t reflect.Type) verdict {
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
