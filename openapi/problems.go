package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/responses"
)

// checkProblem returns what is wrong with a problem that is described.
func checkProblem(p *responses.Problem) error {
	if p == nil {
		return errors.New("is nil: leave it out")
	}
	if p.Status != 0 && p.Status != p.StatusCode() {
		return fmt.Errorf("has the status %d: use one from 400 to 599", p.Status)
	}
	return p.Write(new(fasthttp.RequestCtx))
}

// checkProblems returns what is wrong with Problems.
func (i *Info) checkProblems() error {
	seen := make(map[int]bool)
	for n, p := range i.Problems {
		err := checkProblem(p)
		switch {
		case err != nil:
		case p.Status == 0 && p.Type != "":
			err = errors.New("has a Type and no Status: a type of problem has a status")
		case seen[p.Status]:
			err = errors.New("has a status that another one has: there is one for each")
		}
		if err != nil {
			return fmt.Errorf("openapi: Info.Problems[%d] %w", n, err)
		}
		seen[p.Status] = true
	}
	return nil
}

// ofApp returns what the app makes of problems of a status, nil for nothing.
func (s *builder) ofApp(status int) *responses.Problem {
	for _, p := range s.appProblems {
		if p.Status == status {
			return p
		}
	}
	return nil
}

// problemSchema describes the problems of a status that a service does not describe
// itself. What the app makes of them is no more than allowed: panics and what the server
// refuses by itself are answered without.
func (s *builder) problemSchema(component string, status int) *jsonschema.Object {
	o := s.component(component)
	p := s.ofApp(status)
	if p == nil {
		return o
	}
	more := jsonschema.Obj()
	if p.Type != "" {
		more.Set("type", jsonschema.Obj("const", p.Type))
	}
	more.Merge(s.extensionMembers(p))
	if more.IsEmpty() {
		return o
	}
	return jsonschema.Obj("allOf", []any{o, jsonschema.Obj("properties", more)})
}

// extensionMembers returns the members that the Extensions of a problem have.
func (s *builder) extensionMembers(p *responses.Problem) *jsonschema.Object {
	if t := extensionType(p); t != nil && t.Kind() == reflect.Struct {
		if members, ok := s.Structure(t, jsonschema.Writes).Get("properties").(*jsonschema.Object); ok {
			return members
		}
	}
	return jsonschema.Obj()
}

// extensionType returns the type of a problem's Extensions, nil without any.
func extensionType(p *responses.Problem) reflect.Type {
	if p.Extensions == nil {
		return nil
	}
	return jsonschema.Deref(reflect.TypeOf(p.Extensions))
}

// ownProblem describes a problem of the service's own. The members of a map are those
// of one problem, so nothing is said of them.
func (s *builder) ownProblem(p *responses.Problem) *jsonschema.Object {
	all := []any{s.component(problemName)}
	if t := extensionType(p); t != nil && t.Kind() == reflect.Struct {
		all = append(all, s.Value(t, jsonschema.Writes, nil))
	}
	if p.Type != "" {
		all = append(all, jsonschema.Obj("properties", jsonschema.Obj("type", jsonschema.Obj("const", p.Type)), "required", []string{"type"}))
	}
	if len(all) == 1 {
		return all[0].(*jsonschema.Object)
	}
	return jsonschema.Obj("allOf", all)
}

// problemExample returns a problem as it is sent, with what the app adds to all.
func (s *builder) problemExample(p *responses.Problem) any {
	text := written(p)
	every := s.ofApp(0)
	if every == nil {
		return text
	}
	members := make(map[string]json.RawMessage)
	_ = json.Unmarshal(written(every), &members)
	own := make(map[string]json.RawMessage)
	_ = json.Unmarshal(text, &own)
	maps.Copy(members, own)
	return members
}

// written returns a problem as it is sent. That it can be was checked.
func written(p *responses.Problem) json.RawMessage {
	var raw fasthttp.RequestCtx
	_ = p.Write(&raw)
	return raw.Response.Body()
}

// problemContent describes a problem, with an example that has the status.
func (s *builder) problemContent(status int) *jsonschema.Object {
	return s.problemMedia(s.problemSchema(problemName, status), s.exampleOf(status))
}

func (s *builder) problemMedia(schema *jsonschema.Object, example any) *jsonschema.Object {
	return jsonschema.Obj(mediaProblem, jsonschema.Obj("schema", schema, "example", example))
}

// exampleOf returns a problem of a status as the app sends it.
func (s *builder) exampleOf(status int) any {
	p := responses.NewProblem(status, "")
	if app := s.ofApp(status); app != nil {
		p = app
	}
	return s.problemExample(p)
}

// own adds a problem of the service's own to the answers with its status.
func (a *answers) own(p *responses.Problem) {
	schema := a.schemas.ownProblem(p)
	content := a.schemas.problemMedia(schema, a.schemas.problemExample(p))
	before := a.byStatus[p.StatusCode()]
	if before == nil {
		a.answer(p.StatusCode(), p.Title, func() *jsonschema.Object { return content })
		return
	}
	others, ok := before.Get("content").(*jsonschema.Object)
	if !ok {
		before.Set("content", content)
		return
	}
	media, ok := others.Get(mediaProblem).(*jsonschema.Object)
	if !ok {
		others.Merge(content)
		return
	}
	known, ok := media.Get("schema").(*jsonschema.Object)
	if !ok || reflect.DeepEqual(known, schema) {
		return
	}
	all, ok := known.Get("anyOf").([]any)
	if !ok {
		all = []any{known}
	}
	media.Set("schema", jsonschema.Obj("anyOf", append(all, schema)))
}

// problems returns the components that no type of a service has, if an answer has them.
func (s *builder) problems() *jsonschema.Object {
	o := jsonschema.Obj()
	add := func(name string, t reflect.Type) {
		if !s.used[name] {
			return
		}
		schema := s.Structure(t, jsonschema.Writes)
		if every := s.ofApp(0); every != nil {
			schema.Get("properties").(*jsonschema.Object).Merge(s.extensionMembers(every))
		}
		o.Set(name, schema)
	}
	add(problemName, reflect.TypeFor[problem]())
	add(invalidName, reflect.TypeFor[invalidProblem]())
	if invalid, ok := o.Get(invalidName).(*jsonschema.Object); ok {
		// A list without elements is written as [], see responses.Problem.
		invalid.Get("properties").(*jsonschema.Object).Get("errors").(*jsonschema.Object).Set("type", "array")
	}
	return o
}
