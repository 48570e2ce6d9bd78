package openapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

// durationPattern is what time.ParseDuration reads.
const durationPattern = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// parameters returns the parameters of an operation at a path, whose names there are names,
// from left to right. Header fields that OpenAPI does not allow as parameters are left out;
// see [schemas.security] for one of them.
func (s *schemas) parameters(plan *params.Plan, at routing.PathTemplate, names []string) []any {
	var list []any
	seen := make(map[string]bool)
	for _, p := range plan.Params() {
		switch p.In {
		case params.Form:
		case params.Path:
			i := slices.IndexFunc(at.Params, func(q routing.PathParam) bool { return q.Name == p.Name })
			if i >= 0 {
				seen[p.Name] = true
				list = append(list, s.pathParameter(p, at.Params[i], names[i]))
			}
		case params.Header:
			if !isReserved(p.Name) {
				list = append(list, s.parameter(p))
			}
		default:
			list = append(list, s.parameter(p))
		}
	}
	for i, q := range at.Params { // those that the handler does not look at
		if !seen[q.Name] {
			list = append(list, s.pathParameter(params.Param{In: params.Path, Name: q.Name, Type: reflect.TypeFor[string]()}, q, names[i]))
		}
	}
	return list
}

// isReserved reports whether OpenAPI ignores a header field as a parameter (section
// 4.8.12.1), since it describes it elsewhere.
func isReserved(name string) bool {
	return slices.ContainsFunc([]string{"Accept", "Authorization", "Content-Type"}, func(r string) bool { return strings.EqualFold(r, name) })
}

// parameter describes a field that is filled from the query, a header field or a cookie.
func (s *schemas) parameter(p params.Param) *object {
	o := obj("name", p.Name, "in", string(p.In))
	o.setIf("description", p.Tag.Get(docTag))
	if p.Required {
		o.set("required", true)
	}
	schema := s.parameterSchema(p)
	if p.Many && p.In != params.Query {
		// Each line of a header field is an element, and each cookie of the name, which
		// OpenAPI has no style for: it is described as one of them.
		if items, ok := schema.get("items").(*object); ok {
			schema = items
			o.set("x-repeatable", true)
		}
	}
	return o.set("schema", schema)
}

func (s *schemas) pathParameter(p params.Param, at routing.PathParam, name string) *object {
	o := obj("name", name, "in", "path")
	o.setIf("description", p.Tag.Get(docTag))
	if at.Rest && !o.has("description") {
		o.set("description", "the rest of the path, which may have slashes")
	}
	schema := s.parameterSchema(p)
	if at.Form != "" && schema.get("type") == "string" {
		if isPortable(at.Form) {
			add(schema, "pattern", "^("+at.Form+")$")
		} else {
			schema.set("x-form", at.Form)
		}
	}
	return o.set("required", true).set("schema", schema)
}

// isPortable reports whether a regular expression of Go means the same in ECMA-262, as far
// as it shows.
func isPortable(form string) bool {
	rest := strings.ReplaceAll(form, "(?:", "(")
	for _, own := range []string{"(?", `\A`, `\z`, `\Q`, `\C`, "[[:", `\x{`, `\s`, `\S`} {
		if strings.Contains(rest, own) {
			return false
		}
	}
	return true
}

// parameterSchema returns the schema of a parameter, or of a field of a form: of what its
// text is read as.
func (s *schemas) parameterSchema(p params.Param) *object {
	t := deref(p.Type) // nil when it is absent, and never null
	var o *object
	if p.Many {
		var elements *params.Rules
		if p.Rules != nil {
			elements = p.Rules.Elements
		}
		o = s.ruled(obj("type", "array", "items", s.textSchema(t.Elem(), elements)), t, p.Rules)
	} else {
		o = s.textSchema(t, p.Rules)
	}
	if text, ok := p.Tag.Lookup("default"); ok {
		o = o.clone().set("default", s.literal("default", text, t, p.Field))
	}
	if text, ok := p.Tag.Lookup(exampleTag); ok {
		o = o.clone().set("examples", []any{s.literal(exampleTag, text, t, p.Field)})
	}
	return o
}

// textSchema returns the schema of a single value that is read from a text.
func (s *schemas) textSchema(t reflect.Type, r *params.Rules) *object {
	t = deref(t)
	switch o := known(t); {
	case t == durationType:
		o = obj("type", "string", "pattern", durationPattern)
		if r != nil {
			o = unsaid(o, r.Texts)
		}
		return o
	case o != nil:
		return s.ruled(o, t, r)
	case said(t) != nil:
		return s.ruled(said(t), t, r)
	case isUUID(t):
		return s.ruled(obj("type", "string", "format", "uuid"), t, r)
	case params.DecodesItself(t):
		return s.ruled(obj("type", "string"), t, r)
	default:
		return s.ruled(scalar(t), t, r)
	}
}
