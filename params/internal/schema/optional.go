package schema

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// value returns the value of the params.Optional at p; ok is false if it is absent or
// null.
func (s *Schema) value(p memory.Pointer) (value memory.Pointer, ok bool) {
	o := &s.Optional
	if !*memory.As[bool](p.At(o.GivenAt)) {
		return value, false
	}
	value = p.At(o.At)
	return value, !o.Nullable || !value.Value(o.Value).IsNil()
}

// acceptor returns an acceptor of optional values whose values accept recognizes; nil
// without accept.
func (s *Schema) acceptor(accept rules.Acceptor) rules.Acceptor {
	if accept == nil {
		return nil
	}
	return func(p memory.Pointer) bool {
		value, ok := s.value(p)
		return !ok || accept(value)
	}
}

// optionalPrecheck is [precheckOf] for an optional value: the rules are those of the
// value.
func optionalPrecheck(r *rules.Rules, s *Schema) Precheck {
	inner, needed := precheckOf(r.Present(), s.Elem, s.Elem.Type), r.JudgeAbsence()
	if inner == nil && !needed {
		return nil
	}
	return func(p, parent memory.Pointer) bool {
		value, ok := s.value(p)
		if !ok {
			return !needed
		}
		return inner == nil || inner(value, parent)
	}
}

// optional checks the optional value at p. Whether a required one was there, the walk has
// told, except where there was none.
func (c *checker) optional(s *Schema, r *rules.Rules, p, parent memory.Pointer) {
	value, ok := s.value(p)
	switch {
	case ok:
		c.value(s.Elem, r.Present(), s.Elem.Type, value, parent)
	case r == nil:
	case r.Required && c.blind:
		c.add(rules.Lacking(s.Optional.Value))
	default:
		if broken := r.JudgeAbsent(s.Optional.Value, parent); broken != nil {
			c.add(broken)
		}
	}
}

// refuseNull tells of a null that is no value of an optional. One that is required is
// absent.
func (w *presenceWalk) refuseNull(s *Schema, r *rules.Rules) {
	if s != nil && s.Shape == Optional && !s.Optional.Nullable && (r == nil || !r.Required) {
		w.checker.tell(rules.Mistyped(s.Optional.Value, "must not be null"))
	}
}

// judgedType returns the type that the rules of a member judge.
func (m *Member) judgedType() reflect.Type {
	if o, ok := kind.OptionalOf(m.field.Type); ok {
		return o.Value
	}
	return m.field.Type
}
