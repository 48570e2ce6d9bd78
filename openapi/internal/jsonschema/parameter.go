package jsonschema

import (
	"reflect"

	"github.com/velithon-go/velithon/params"
)

// durationPattern is what time.ParseDuration reads.
const durationPattern = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// Parameter returns the schema of a parameter, or of a field of a form: of what its
// text is read as.
func (s *Schemas) Parameter(p params.Param) *Object {
	t, _ := bare(p.Type, Reads) // nil when it is absent, and never null
	var o *Object
	if p.Many {
		var elements *params.Rules
		if p.Rules != nil {
			elements = p.Rules.Elements
		}
		o = s.Ruled(Obj("type", "array", "items", s.textSchema(t.Elem(), elements)), t, p.Rules)
	} else {
		o = s.textSchema(t, p.Rules)
	}
	if text, ok := p.Tag.Lookup(defaultTag); ok {
		o = o.Clone().Set(defaultTag, s.textLiteral(defaultTag, text, t, p.Field))
	}
	if text, ok := p.Tag.Lookup(ExampleTag); ok {
		o = o.Clone().Set("examples", []any{s.textLiteral(ExampleTag, text, t, p.Field)})
	}
	return o
}

// textLiteral is literal for a parameter, where a duration is a text.
func (s *Schemas) textLiteral(tag, text string, t reflect.Type, where string) any {
	if t == durationType {
		return text
	}
	return s.literal(tag, text, t, where)
}

// textSchema returns the schema of a single value that is read from a text.
func (s *Schemas) textSchema(t reflect.Type, r *params.Rules) *Object {
	t = Deref(t)
	switch o := known(t); {
	case t == durationType:
		o = Obj("type", "string", "pattern", durationPattern)
		if r != nil {
			o = Unsaid(o, r.Texts)
		}
		return o
	case o != nil:
		return s.Ruled(o, t, r)
	case said(t) != nil:
		return s.Ruled(said(t), t, r)
	case isUUID(t):
		return s.Ruled(Obj("type", "string", "format", "uuid"), t, r)
	case params.DecodesItself(t):
		return s.Ruled(Obj("type", "string"), t, r)
	default:
		return s.Ruled(scalar(t), t, r)
	}
}
