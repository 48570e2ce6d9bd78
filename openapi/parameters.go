package openapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

// plansOf returns how all inputs of a route are read: that of the handler, and those of the
// providers that it needs.
func plansOf(rt routing.Route) []*params.Plan {
	plans := []*params.Plan{rt.Plan()}
	for _, p := range rt.Providers() {
		plans = append(plans, p.Plan)
	}
	return plans
}

// parameters returns the parameters of an operation at a path, whose names there are names,
// from left to right in each input. What the operation's security says is left out, and
// header fields that OpenAPI does not allow as parameters; see [schemes.security] for one
// of them.
func (s *builder) parameters(rt routing.Route, at routing.PathTemplate, names []string) []any {
	var all parameterList
	ways := rt.Security()
	for _, plan := range plansOf(rt) {
		for _, p := range plan.Params() {
			switch {
			case p.In == params.Form, isCredential(ways, p), p.In == params.Header && isReserved(p.Name):
			case p.In != params.Path:
				all.add(p, s.parameter(p))
			default:
				i := slices.IndexFunc(at.Params, func(q routing.PathParam) bool { return q.Name == p.Name })
				if i >= 0 {
					all.add(p, s.pathParameter(p, at.Params[i], names[i]))
				}
			}
		}
	}
	for i, q := range at.Params { // those that nobody looks at
		p := params.Param{In: params.Path, Name: q.Name, Type: reflect.TypeFor[string]()}
		if all.find(p) < 0 {
			all.add(p, s.pathParameter(p, q, names[i]))
		}
	}
	return all.objects
}

// A parameterList has the parameters of several inputs.
type parameterList struct {
	params  []params.Param
	objects []any
}

// find returns where a parameter is in the list, -1 when it is not.
func (l *parameterList) find(p params.Param) int {
	return slices.IndexFunc(l.params, func(q params.Param) bool {
		return p.In == q.In && (p.Name == q.Name || p.In == params.Header && strings.EqualFold(p.Name, q.Name))
	})
}

// add adds a parameter, or what it asks of one that is there: that has to please all who
// read it.
func (l *parameterList) add(p params.Param, o *jsonschema.Object) {
	i := l.find(p)
	if i < 0 {
		l.params, l.objects = append(l.params, p), append(l.objects, o)
		return
	}
	before := l.objects[i].(*jsonschema.Object)
	for _, key := range []string{"description", "required"} {
		if !before.Has(key) && o.Has(key) {
			before.Set(key, o.Get(key))
		}
	}
	before.Set("schema", both(before.Get("schema").(*jsonschema.Object), o.Get("schema").(*jsonschema.Object)))
}

// both returns a schema of what keeps to two. A single value is a list of one, too.
func both(a, b *jsonschema.Object) *jsonschema.Object {
	isList := func(o *jsonschema.Object) bool { return o.Get("type") == "array" }
	switch {
	case isList(a) && !isList(b):
		return both(a.Get("items").(*jsonschema.Object), b)
	case isList(b) && !isList(a):
		return both(a, b.Get("items").(*jsonschema.Object))
	case reflect.DeepEqual(a, b):
		return a
	default:
		return jsonschema.Obj("allOf", []any{a, b})
	}
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
