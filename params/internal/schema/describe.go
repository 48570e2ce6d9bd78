package schema

import (
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// Written returns the members of the object that a struct is written as: those that
// encoding/json and go-json find. Their rules and schemas are not compiled.
func Written(t reflect.Type) []*Member {
	c := &Compiler{schemas: make(map[typeAt]*Schema)}
	s := &Schema{Type: t, Shape: Struct, unfilled: true}
	_ = c.members(s) // fails by tags and rules only, which nobody looks at here
	return s.Members
}

// Field returns the field that a member fills.
func (m *Member) Field() reflect.StructField { return m.field }

// Around returns the struct that has the field.
func (m *Member) Around() reflect.Type { return m.typ }

// IsLeftOut reports whether a written object may lack the member.
func (m *Member) IsLeftOut() bool {
	_, options, _ := strings.Cut(m.field.Tag.Get("json"), ",")
	for option := range strings.SplitSeq(options, ",") {
		if option == "omitempty" || option == "omitzero" {
			return true
		}
	}
	return m.IsBehindPointer()
}

// RefusesAbsence reports whether an object that lacks the member is refused, whatever
// else it has. What is asked of an absent value is asked: its own rules of a zero, and
// those inside it as if it had been sent empty. A default is a value that is there.
func (m *Member) RefusesAbsence() bool {
	t := m.field.Type
	switch {
	case m.IsBehindPointer():
		return false // the embedded pointer is nil, and a nil has no members
	case m.Default != nil:
		return false
	case m.Schema.Shape == Optional:
		return m.Rules.RefusesNone(m.typ)
	case m.Rules.RefusesZero(t, m.typ):
		return true
	case m.Rules.Elements().Refer():
		return false
	}
	c := checker{like: Fault{In: rules.BodySource}}
	w := presenceWalk{checker: &c}
	inside := m.Rules.Inside()
	w.missing(m.Schema, inside)
	value := memory.New(t)
	if fill := m.Absent(); fill != nil {
		fill(value)
	}
	c.value(m.Schema, inside, t, value, memory.New(m.typ))
	return len(c.faults) > 0
}

// RefusesNull reports whether a body that is absent or null is refused, with the rules r
// of its field. Such a body has its defaults.
func (s *Schema) RefusesNull(r *rules.Rules) bool {
	value := memory.New(s.Type)
	if !r.MaySkip() {
		s.fillAbsent(value)
	}
	return len(CheckBody(0, s, r, value, "null", nil)) > 0
}
