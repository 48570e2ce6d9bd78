package openapi

import (
	"cmp"
	"reflect"

	"github.com/velithon-go/velithon/params"
)

const (
	mediaJSON      = "application/json"
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
	mediaProblem   = "application/problem+json"
)

// requestBody describes the body of an operation; nil without one.
func (s *schemas) requestBody(plan *params.Plan, example any) *object {
	if body, ok := plan.JSONBody(); ok {
		return s.jsonBody(body, example)
	}
	var fields []params.Param
	for _, p := range plan.Params() {
		if p.In == params.Form {
			fields = append(fields, p)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return s.form(fields, example)
}

func (s *schemas) jsonBody(body params.JSONBody, example any) *object {
	rules := body.Rules
	t := body.Type
	if body.Required { // or else it may be null, too
		t = deref(t)
	}
	schema := s.annotated(s.value(t, reads, rules), withoutDoc(body.Tag), body.Type, cmp.Or(body.Type.Name(), "the body"))
	media := obj("schema", schema)
	if example != nil {
		media.set("example", example)
	}
	o := obj()
	o.setIf("description", body.Tag.Get(docTag))
	return o.set("required", body.Required).set("content", obj(mediaJSON, media))
}

// withoutDoc returns the tag without its description, which stands elsewhere.
func withoutDoc(tag reflect.StructTag) reflect.StructTag {
	if text, ok := tag.Lookup(exampleTag); ok {
		return reflect.StructTag(exampleTag + ":" + quote(text))
	}
	return ""
}

// form describes the fields of a form.
func (s *schemas) form(fields []params.Param, example any) *object {
	properties := obj()
	var required []string
	hasFiles := false
	for _, p := range fields {
		hasFiles = hasFiles || p.File
		property := s.formField(p)
		if text := p.Tag.Get(docTag); text != "" {
			property = property.clone().set("description", text)
		}
		properties.set(p.Name, property)
		if p.Required {
			required = append(required, p.Name)
		}
	}
	schema := obj("type", "object", "properties", properties)
	if len(required) > 0 {
		schema.set("required", required)
	}
	media := obj("schema", schema)
	if example != nil {
		media.set("example", example)
	}
	content := obj()
	if !hasFiles {
		content.set(mediaForm, media)
	}
	return obj("required", len(required) > 0, "content", content.set(mediaMultipart, media))
}

func (s *schemas) formField(p params.Param) *object {
	if !p.File {
		return s.parameterSchema(p)
	}
	file := obj("type", "string", "format", "binary", "contentMediaType", "application/octet-stream")
	if p.Type.Kind() != reflect.Slice {
		return unsaid(file, textsOf(p.Rules))
	}
	return s.ruled(obj("type", "array", "items", file), p.Type, p.Rules)
}

func textsOf(r *params.Rules) []string {
	if r == nil {
		return nil
	}
	return r.Texts
}
