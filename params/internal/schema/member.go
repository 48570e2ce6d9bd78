package schema

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

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

	// Default stores the default in the zero value of a member that is absent; nil
	// without one.
	Default func(memory.Pointer)

	place
}

// A place is where the fields of a struct, or of one that it embeds, lie.
type place struct {
	typ   reflect.Type
	index []int     // of the fields on the way
	hops  []uintptr // the embedded pointers to follow, each an offset from the last
	at    uintptr   // the offset from the last of them
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

// isRuled reports whether a member has rules, or is a float in a string. There the
// codec accepts all that strconv accepts, and [presenceWalk.leaf] only a number.
func (m *Member) isRuled() bool { return m.Rules != nil || m.isQuotedFloat() }

func (m *Member) isQuotedFloat() bool { return m.Quoted && kind.IsFloat(kind.Deref(m.field.Type)) }

// IsBehindPointer reports whether the member belongs to a struct that is embedded as
// a pointer.
func (m *Member) IsBehindPointer() bool { return len(m.hops) > 0 }

// Offset returns the field's offset in the struct with the schema that has the member.
// It is of no use if [Member.IsBehindPointer].
func (m *Member) Offset() uintptr { return m.place.at + m.field.Offset }

// FastRules returns what a reader can tell of the rules on a member. accept
// recognizes values that surely keep them; it is nil when there are none, or when the
// validator must judge some of them. needed reports whether the absence of the member
// may break a rule.
func (m *Member) FastRules() (accept rules.Acceptor, needed bool) {
	accept, _ = m.Rules.Fast(m.judgedType())
	switch {
	case m.Schema.Shape == Optional:
		return m.Schema.acceptor(accept), m.Rules.JudgeAbsence()
	case m.Default != nil:
		return accept, false // it was judged when it was compiled, or else no reader knows the rules
	case m.Rules != nil && m.Rules.Required, m.Schema.isJudgedAbsent():
		return accept, true
	case m.Schema.Type.Kind() == reflect.Array && m.Rules.Elements() != nil:
		return accept, true
	default:
		return accept, accept != nil && !accept(memory.New(m.field.Type))
	}
}

// at returns the field's address, starting at the struct p, and the struct around
// it; both are nil when the field lies behind an embedded pointer that is nil.
func (m *Member) at(p memory.Pointer) (field, around memory.Pointer) {
	if around = m.from(p); around.IsNil() {
		return memory.Pointer{}, around
	}
	return around.At(m.field.Offset), around
}
