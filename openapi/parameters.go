package openapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

// parameters returns the parameters of an operation at a path, whose names there are names,
// from left to right. Header fields that OpenAPI does not allow as parameters are left out;
// see [paths.security] for one of them.
func (s *builder) parameters(plan *params.Plan, at routing.PathTemplate, names []string) []any {
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
func (s *builder) parameter(p params.Param) *jsonschema.Object {
	o := jsonschema.Obj("name", p.Name, "in", string(p.In))
	o.SetIf("description", p.Tag.Get(jsonschema.DocTag))
	if p.Required {
		o.Set("required", true)
	}
	schema := s.Parameter(p)
	if p.Many && p.In != params.Query {
		// Each line of a header field is an element, and each cookie of the name, which
		// OpenAPI has no style for: it is described as one of them.
		if items, ok := schema.Get("items").(*jsonschema.Object); ok {
			schema = items
			o.Set("x-repeatable", true)
		}
	}
	return o.Set("schema", schema)
}

func (s *builder) pathParameter(p params.Param, at routing.PathParam, name string) *jsonschema.Object {
	o := jsonschema.Obj("name", name, "in", "path")
	o.SetIf("description", p.Tag.Get(jsonschema.DocTag))
	if at.Rest && !o.Has("description") {
		o.Set("description", "the rest of the path, which may have slashes")
	}
	schema := s.Parameter(p)
	if at.Form != "" && schema.Get("type") == "string" {
		if isPortable(at.Form) {
			jsonschema.Add(schema, "pattern", "^("+at.Form+")$")
		} else {
			schema.Set("x-form", at.Form)
		}
	}
	return o.Set("required", true).Set("schema", schema)
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
