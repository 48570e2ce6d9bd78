package params

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// This file tells what a plan knows, for those who describe an API. Nothing of it is
// called while requests are served.

// A Param describes a field of an input that is filled from anything but the JSON body.
type Param struct {
	In       Source
	Name     string
	Field    string            // the path of the Go field in the input
	Type     reflect.Type      // of the field, and of the value of an [Optional]
	Tag      reflect.StructTag // of the field, with default and the tags of others
	Many     bool              // a slice; each repetition is an element
	File     bool              // a [File], *File or []File
	Required bool              // a request without it is refused, whatever else it has
	Rules    *Rules            // nil without any
}

// A JSONBody describes the JSON body of an input.
type JSONBody struct {
	Type     reflect.Type
	Tag      reflect.StructTag // of its field; empty when the whole input is the body
	Required bool              // a request without a body is refused
	Rules    *Rules            // of the field; nil without any
}

// A Member is what a key of a JSON object stands for: a field of a struct, or of one
// that the struct embeds, as the codec finds them.
type Member struct {
	Name   string // the key; empty for an embedded struct that has rules itself
	Field  reflect.StructField
	Quoted bool // has the json option string: its value stands in a string

	// Required says of an object that is read that it is refused without the member,
	// whatever else it has, and of one that is written that it always has it.
	Required bool

	Rules *Rules // nil without any, and for an object that is written
}

// Rules are what a validate tag asks of a value, with its aliases expanded.
type Rules struct {
	Required bool // the value must be present: an absent key and a null are refused

	// Texts are the rules on the value itself, as a tag has them: "min=3", "email|url".
	// Of required, dive, and omitempty in front of the others, the fields here tell.
	Texts []string

	// Judged is the type of what the rules judge, without pointers: that of the value
	// itself, or the one that a function registered with the validator's
	// RegisterCustomTypeFunc makes of it. nil means that only the value tells.
	Judged reflect.Type

	// RefusesNull says that these rules refuse a null, whatever other fields are.
	RefusesNull bool

	// SparesZero says that a zero that was sent, such as 0, "" or [], is taken though
	// the rules refuse it, by omitempty or omitzero.
	SparesZero bool

	// Muted says that the rules inside the value don't count, by structonly,
	// nostructlevel or "-".
	Muted bool

	Keys     *Rules // of the keys of a map; nil without any
	Elements *Rules // of the elements of a list or map; nil without any
}

// Params describes the fields that are filled from anything but the JSON body, in their
// order.
//
// Whether an absent value is refused is found by asking the rules: n with `validate:"min=1"`
// is required in fact, since rules see the zero of an absent value. A rule that looks at
// other fields never makes a value required here.
func (p *Plan) Params() []Param {
	all := make([]Param, len(p.params))
	for i, q := range p.params {
		all[i] = Param{
			In: q.in, Name: q.name, Field: q.field, Type: q.typ, Tag: q.tag, Many: q.many, File: q.file,
			Required: q.required || q.initial == nil && q.refusesAbsence(),
			Rules:    p.describe(q.rules, q.typ, q.around),
		}
	}
	return all
}

// refusesAbsence reports whether the rules refuse an absent value.
func (p *param) refusesAbsence() bool {
	if p.optional != nil {
		return p.rules.RefusesNone(p.around)
	}
	return p.rules.RefusesZero(p.typ, p.around)
}

// JSONBody describes the JSON body; ok is false for an input without one.
func (p *Plan) JSONBody() (body JSONBody, ok bool) {
	b := p.body
	if b == nil {
		return body, false
	}
	t := b.root.Type
	return JSONBody{Type: t, Tag: b.tag, Required: b.root.RefusesNull(b.rules), Rules: p.describe(b.rules, t, nil)}, true
}

// Members describes the members of a struct in the plan's JSON body, in the order of the
// fields, as they are read. It fails with an error for a type that can't be read.
func (p *Plan) Members(t reflect.Type) ([]Member, error) {
	c := compiler{rules: rules.NewCompiler(p.validator)}
	compiler := schema.NewCompiler(c.rules)
	compiler.Default = c.memberDefault
	s, err := compiler.Of(t)
	if err != nil {
		return nil, &TypeError{Type: t.String(), Detail: err.Error()}
	}
	compiler.Finish()
	var all []Member
	for _, m := range s.Members {
		member := Member{Name: m.Name, Field: m.Field(), Quoted: m.Quoted, Rules: p.describe(m.Rules, m.Field().Type, m.Around())}
		if m.Name != "" {
			member.Required = m.RefusesAbsence()
		}
		if m.Name != "" || len(member.Rules.Texts) > 0 {
			all = append(all, member)
		}
	}
	return all, nil
}

// WrittenMembers describes the members of the object that a struct is written as, in the
// order of the fields. Rules don't count there: nothing judges what is written.
func WrittenMembers(t reflect.Type) []Member {
	var all []Member
	for _, m := range schema.Written(t) {
		if m.Name != "" {
			all = append(all, Member{Name: m.Name, Field: m.Field(), Quoted: m.Quoted, Required: !m.IsLeftOut()})
		}
	}
	return all
}

// RejectsUnknown reports whether names that the input does not have are refused; see
// [Options].
func (p *Plan) RejectsUnknown() bool { return p.rejectsUnknown }

// DecodesItself reports whether JSON, or the text of a parameter, is left to a method of
// the type: UnmarshalJSON, UnmarshalText and the like.
func DecodesItself(t reflect.Type) bool { return kind.DecodesItself(t) }

// describe describes the rules on a value of type t in a struct of the type around.
func (p *Plan) describe(r *rules.Rules, t, around reflect.Type) *Rules {
	if r == nil {
		return nil
	}
	refusesNull := r.RefusesZero
	if o, ok := kind.OptionalOf(t); ok { // the rules are those of its value
		t = o.Value
		refusesNull = func(_, around reflect.Type) bool { return r.RefusesNone(around) }
	}
	d := &Rules{
		Required: r.Required, Texts: r.Texts(), Muted: r.Closed,
		Judged:     rules.NewCompiler(p.validator).JudgedType(t),
		SparesZero: r.SparesZero(t, around), RefusesNull: refusesNull(t, around),
	}
	if list := kind.Deref(t); kind.IsList(list) {
		if list.Kind() == reflect.Map {
			d.Keys = p.describe(r.Keys, list.Key(), around)
		}
		d.Elements = p.describe(r.Dive, list.Elem(), around)
	}
	return d
}
