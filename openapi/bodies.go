package openapi

import (
	"cmp"
	"reflect"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
)

const (
	mediaJSON      = "application/json"
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
	mediaProblem   = "application/problem+json"
)

// requestBody describes the body of an operation; nil without one.
func (s *builder) requestBody(plan *params.Plan, example any) *jsonschema.Object {
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
	return s.form(fields, plan.RejectsUnknown(), example)
}

func (s *builder) jsonBody(body params.JSONBody, example any) *jsonschema.Object {
	rules := body.Rules
	t := body.Type
	if body.Required { // or else it may be null, too
		t = jsonschema.Deref(t)
	}
	schema := s.Annotated(s.Value(t, jsonschema.Reads, rules), withoutDoc(body.Tag), body.Type, cmp.Or(body.Type.Name(), "the body"))
	media := jsonschema.Obj("schema", schema)
	if example != nil {
		media.Set("example", example)
	}
	o := jsonschema.Obj()
	o.SetIf("description", body.Tag.Get(jsonschema.DocTag))
	return o.Set("required", body.Required).Set("content", jsonschema.Obj(mediaJSON, media))
}

// withoutDoc returns the tag without its description, which stands elsewhere.
func withoutDoc(tag reflect.StructTag) reflect.StructTag {
	if text, ok := tag.Lookup(jsonschema.ExampleTag); ok {
		return reflect.StructTag(jsonschema.ExampleTag + ":" + quote(text))
	}
	return ""
}

// form describes the fields of a form. isStrict says that others are refused.
func (s *builder) form(fields []params.Param, isStrict bool, example any) *jsonschema.Object {
	properties := jsonschema.Obj()
	var required []string
	hasFiles := false
	for _, p := range fields {
		hasFiles = hasFiles || p.File
		property := s.formField(p)
		if text := p.Tag.Get(jsonschema.DocTag); text != "" {
			property = property.Clone().Set("description", text)
		}
		properties.Set(p.Name, property)
		if p.Required {
			required = append(required, p.Name)
		}
	}
	schema := jsonschema.Obj("type", "object", "properties", properties)
	if len(required) > 0 {
		schema.Set("required", required)
	}
	if isStrict {
		schema.Set("additionalProperties", false)
	}
	media := jsonschema.Obj("schema", schema)
	if example != nil {
		media.Set("example", example)
	}
	content := jsonschema.Obj()
	if !hasFiles {
		content.Set(mediaForm, media)
	}
	return jsonschema.Obj("required", len(required) > 0, "content", content.Set(mediaMultipart, media))
}

func (s *builder) formField(p params.Param) *jsonschema.Object {
	if !p.File {
		return s.Parameter(p)
	}
	file := jsonschema.Obj("type", "string", "format", "binary", "contentMediaType", "application/octet-stream")
	if p.Type.Kind() != reflect.Slice {
		return jsonschema.Unsaid(file, textsOf(p.Rules))
	}
	return s.Ruled(jsonschema.Obj("type", "array", "items", file), p.Type, p.Rules)
}

func textsOf(r *params.Rules) []string {
	if r == nil {
		return nil
	}
	return r.Texts
}
