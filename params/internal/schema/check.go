package schema

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A checker applies rules to a decoded value and collects the faults. It is the
// second pass, over values that a [Precheck] did not pass. In a body, a zero may
// have been sent or may stand for an absent value, so a [presenceWalk] goes before
// it and tells what is absent.
type checker struct {
	like   Fault  // has what all faults share
	faults Faults // found so far

	// blind says that the checker is inside a value that decoded itself, so that
	// nobody knows which members its text had; there required means not zero.
	blind bool

	path []segment // where the checker is, below the field

	// told has the hashes of places that a [presenceWalk] was at: true if it has
	// told a fault, and false if nothing was sent and nothing need be.
	told map[uint64]bool
}

// CheckParam adds to found what is wrong with the parameter at p, which has type t
// and rules r, in the struct at parent. Each fault is like with a code and a detail.
func CheckParam(found Faults, like Fault, r *rules.Rules, t reflect.Type, p, parent memory.Pointer) Faults {
	c := checker{like: like, faults: found}
	c.value(nil, r, t, p, parent)
	return c.faults
}

// CheckBody finds what is wrong with a body. The value at p was decoded from text,
// with decodeErr, which may be nil. order is that of the body's field, and r are the
// rules of that field, which refer to no other fields.
func CheckBody(order int, s *Schema, r *rules.Rules, p memory.Pointer, text string, decodeErr error) Faults {
	c := checker{like: Fault{Order: order, In: rules.BodySource}, path: make([]segment, 0, 8)}
	w := presenceWalk{text: text, checker: &c, types: decodeErr != nil}
	w.value(s, r)
	if decodeErr != nil && len(c.faults) == 0 {
		// The walk should have found it; a body that did not decode must not
		// pass in any case.
		c.tell(rules.Mistyped(s.Type, "has a value of the wrong type"))
	}
	// After a type error the codec goes on, as encoding/json does, so the
	// rules of all other values can be judged.
	c.value(s, r, s.Type, p, memory.Pointer{})
	return c.faults
}

// value checks the value at p: its own rules r, which may be nil, and those of
// its schema s, nil for a parameter. parent points to the struct around it.
func (c *checker) value(s *Schema, r *rules.Rules, t reflect.Type, p, parent memory.Pointer) {
	if c.faults.full() || c.isSettled(r, t, p) {
		return
	}
	if s != nil && s.Shape == Optional {
		c.optional(s, r, p, parent)
		return
	}
	if r != nil && !c.own(s, r, t, p, parent) {
		return
	}
	if s != nil && s.Active && (r == nil || !r.Closed) {
		c.inside(s, p)
	}
}

// own checks a value's own rules and reports whether to look inside it.
func (c *checker) own(s *Schema, r *rules.Rules, t reflect.Type, p, parent memory.Pointer) bool {
	if r.Required && c.isBody() && r.IsAbsent(p) && (c.blind || kind.IsNilable(t) && (s == nil || !s.Opaque)) {
		c.add(rules.Lacking(t))
		return false
	}
	if r.Skips(p) && (c.blind || s == nil || !s.isThere()) {
		return false // but a struct or array is looked into: the walk knows whether it was absent
	}
	if broken := r.Judge(t, p, parent); broken != nil {
		c.add(broken) // at most one for a value; what is inside has faults of its own
	}
	if r.Dive != nil {
		c.dive(s, r, t, p, parent)
		return false
	}
	return true
}

// inside checks what lies below a value by the rules of its type.
func (c *checker) inside(s *Schema, p memory.Pointer) {
	switch s.Shape {
	case Struct:
		blind := c.blind
		c.blind = blind || s.Opaque
		for _, m := range s.Members {
			c.member(m, p)
		}
		c.blind = blind
	case Pointer:
		if target := p.Target(); !target.IsNil() {
			c.inside(s.Elem, target)
		}
	case Optional:
		c.optional(s, nil, p, memory.Pointer{})
	case List, Map:
		c.dive(s, rules.None, s.Type, p, memory.Pointer{})
	case Leaf:
	}
}

func (c *checker) member(m *Member, p memory.Pointer) {
	field, around := m.at(p)
	switch {
	case around.IsNil():
	case m.Name == "":
		c.value(nil, m.Rules, m.field.Type, field, around)
	default:
		c.down(m.Name, noIndex)
		c.value(m.Schema, m.Rules, m.field.Type, field, around)
		c.up()
	}
}

// dive checks the elements of a list or map by the rules that r has for them, if any,
// and by the rules of their type.
func (c *checker) dive(s *Schema, r *rules.Rules, t reflect.Type, p, parent memory.Pointer) {
	for t.Kind() == reflect.Pointer {
		if p = p.Target(); p.IsNil() {
			return
		}
		t = t.Elem()
		if s != nil {
			s = s.Elem
		}
	}
	var elem *Schema
	if s != nil {
		elem = s.Elem
	}
	if r.Keys == nil && (r.Dive == nil || r.Dive.IsEmpty()) && (elem == nil || !elem.Active) {
		return
	}
	blind := c.blind
	c.blind = blind || s != nil && s.Opaque
	defer func() { c.blind = blind }()
	list := p.Value(t)
	if t.Kind() == reflect.Map {
		c.entries(elem, r, list, parent)
		return
	}
	for i := range list.Len() {
		if c.faults.full() {
			return
		}
		c.down("", i)
		c.value(elem, r.Dive, t.Elem(), memory.Of(list.Index(i).Addr()), parent)
		c.up()
	}
}

// entries checks the keys and values of a map. They have no address, so copies
// of them are checked.
func (c *checker) entries(elem *Schema, r *rules.Rules, entries reflect.Value, parent memory.Pointer) {
	t := entries.Type()
	for at := entries.MapRange(); at.Next(); {
		c.down(keyText(at.Key()), noIndex)
		before := len(c.faults)
		if r.Keys != nil {
			key := reflect.New(t.Key())
			key.Elem().Set(at.Key())
			c.value(nil, r.Keys, t.Key(), memory.Of(key), parent)
			for i := before; i < len(c.faults); i++ {
				c.faults[i].Detail, c.faults[i].Key = "has a key that "+c.faults[i].Detail, true
			}
		}
		if len(c.faults) == before {
			value := reflect.New(t.Elem())
			value.Elem().Set(at.Value())
			c.value(elem, r.Dive, t.Elem(), memory.Of(value), parent)
		}
		c.up()
	}
}

// keyText returns a map's key as JSON writes it.
func keyText(key reflect.Value) string {
	if key.Kind() == reflect.String {
		return key.String()
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](key); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(key)
}

// add records what is wrong with the value that the checker is at.
func (c *checker) add(broken *rules.Broken) {
	if c.faults.full() {
		return
	}
	f := c.like
	f.Code, f.Detail, f.Broken = broken.Code, broken.Detail, broken
	if c.isBody() {
		f.Pointer = pointer(c.path)
	} else if len(c.path) > 0 {
		f.Index = c.path[0].index + 1
		f.Detail = "value " + strconv.Itoa(f.Index) + " " + f.Detail
	}
	c.faults.Add(f)
}

// isBody reports whether the value is in a JSON body; otherwise it is a parameter.
func (c *checker) isBody() bool { return c.like.In == rules.BodySource }

// tell records a fault and keeps the checker from looking at its place again.
func (c *checker) tell(broken *rules.Broken) {
	if hash := c.hash(); !c.told[hash] { // it is told already if a key comes twice
		c.add(broken)
		c.note(hash, true)
	}
}

// leave says that nothing was sent for the place that the checker is at, which is
// right.
func (c *checker) leave() {
	if hash := c.hash(); !c.told[hash] {
		c.note(hash, false)
	}
}

func (c *checker) note(hash uint64, told bool) {
	if c.told == nil {
		c.told = make(map[uint64]bool)
	}
	c.told[hash] = told
}

// isSettled reports whether the walk has said all about the value at p. A value that
// need not be sent must also be zero, since it may have been sent all the same: in
// an object that came twice, or in another place with the same hash.
func (c *checker) isSettled(r *rules.Rules, t reflect.Type, p memory.Pointer) bool {
	if len(c.told) == 0 {
		return false
	}
	told, known := c.told[c.hash()]
	return told || known && r.MaySkip() && p.Value(t).IsZero()
}
