package jsonschema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// Structure returns the schema of a struct.
func (s *Schemas) Structure(t reflect.Type, m Mode) *Object {
	o := Obj("type", "object")
	properties := Obj()
	var required, embedded []string
	for _, member := range s.members(t, m) {
		if member.Name == "" {
			if m == Reads {
				embedded = append(embedded, member.Rules.Texts...)
			}
			continue
		}
		properties.Set(member.Name, s.member(member, t, m))
		if member.Required && m != ReadsFreely {
			required = append(required, member.Name)
		}
	}
	if !properties.IsEmpty() {
		o.Set("properties", properties)
	}
	if len(required) > 0 {
		o.Set("required", required)
	}
	if m != Writes && s.isStrict() {
		o.Set("additionalProperties", false)
	}
	if len(embedded) > 0 {
		o.Set(xValidate, embedded)
	}
	return o
}

func (s *Schemas) members(t reflect.Type, m Mode) []params.Member {
	if m == Writes {
		return params.WrittenMembers(t)
	}
	members, err := s.plan.Members(t)
	if err != nil {
		s.fail(fmt.Errorf("openapi: %w", err))
	}
	return members
}

// member returns the schema of a member of the struct type around.
func (s *Schemas) member(member params.Member, around reflect.Type, m Mode) *Object {
	t := member.Field.Type
	where := around.String() + "." + member.Field.Name
	tags := member.Field.Tag
	more := Obj()
	if text, ok := tags.Lookup(defaultTag); ok && m != Writes {
		more.Set(defaultTag, s.memberDefault(text, t, member.Quoted, where))
	}
	if member.Quoted && waysOf(Deref(t), m) == byKind {
		o := quotedSchema(Deref(t))
		if member.Rules != nil && m == Reads {
			o = Unsaid(o, member.Rules.Texts)
		}
		refusesNull := m == Reads && member.Rules != nil && member.Rules.RefusesNull
		if t.Kind() == reflect.Pointer && !refusesNull {
			o = nullable(o)
		}
		return s.annotated(o, more, tags, reflect.TypeFor[string](), where)
	}
	if value, _, isOptional := params.OptionalOf(t); isOptional && m == Writes && isOmitZero(tags) {
		t = value // it is left out when it is absent, and not null
	}
	return s.annotated(s.Value(t, m, member.Rules), more, tags, t, where)
}

// isOmitZero reports whether a member is left out of what is written when it is zero.
func isOmitZero(tags reflect.StructTag) bool {
	_, options, _ := strings.Cut(tags.Get("json"), ",")
	return slices.Contains(strings.Split(options, ","), "omitzero")
}

// Deref strips the pointers off t.
func Deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// quotedSchema returns the schema of a value that stands in a string.
func quotedSchema(t reflect.Type) *Object {
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return Obj("type", "string", "enum", []string{"true", "false"})
	case t == numberType || k == reflect.Float32 || k == reflect.Float64:
		return Obj("type", "string", "pattern", `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	case k == reflect.String: // with quotes of its own
		return Obj("type", "string", "pattern", `^"`)
	default:
		return Obj("type", "string", "pattern", `^-?(0|[1-9][0-9]*)$`)
	}
}
