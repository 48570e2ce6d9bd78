package openapi

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The components that no type of a service has.
const (
	problemName = "Problem"
	invalidName = "ValidationProblem"
)

// problem is a [responses.Problem] as it is sent. A test compares the two. It may have
// errors besides, which may be anything.
type problem struct {
	Type     string `json:"type,omitempty" doc:"a URI for the kind of problem"`
	Title    string `json:"title" doc:"the status in words"`
	Status   int    `json:"status" doc:"the HTTP status"`
	Detail   string `json:"detail,omitempty" doc:"what went wrong this time"`
	Instance string `json:"instance,omitempty" doc:"a URI for this occurrence"`
}

// invalidProblem is a problem whose errors are the faults of a request. One that a handler
// makes may have none.
type invalidProblem struct {
	problem
	Errors []params.Fault `json:"errors,omitempty" doc:"the faults of the request, one by one"`
}

// answers collects what an operation may be answered with, by status.
type answers struct {
	schemas  *builder
	byStatus map[int]*jsonschema.Object
}

// answer adds an answer, unless there is one with that status. Only then its content is made,
// since its types become components of the document.
func (a *answers) answer(status int, text string, content func() *jsonschema.Object) {
	if a.byStatus[status] != nil {
		return
	}
	if text == "" {
		text = cmp.Or(http.StatusText(status), "Status "+strconv.Itoa(status))
	}
	o := jsonschema.Obj("description", text)
	if content := content(); content != nil {
		o.Set("content", content)
	}
	a.byStatus[status] = o
}

func (a *answers) problem(status int, text string) {
	a.answer(status, text, func() *jsonschema.Object { return a.schemas.problemContent(status) })
}

// component refers to one of the components that no type of a service has.
func (s *builder) component(name string) *jsonschema.Object {
	s.used[name] = true
	return jsonschema.Obj("$ref", "#/components/schemas/"+name)
}

// answers describes what an operation may be answered with.
func (s *builder) answers(rt routing.Route, o Operation, d responses.Description) *jsonschema.Object {
	a := &answers{s, make(map[int]*jsonschema.Object)}
	for _, status := range sortedKeys(o.Responses) {
		if r := o.Responses[status]; r.Content != nil || r.ContentType != "" {
			a.said(status, r) // in place of what is known
		}
	}
	for _, answer := range d.Answers {
		status := cmp.Or(answer.Status, rt.Status())
		answer.Status = status
		a.answer(status, answer.Text, func() *jsonschema.Object { return s.content(answer) })
	}
	a.secured(rt)
	a.refusals(rt)
	if rt.Timeout() > 0 {
		a.problem(http.StatusServiceUnavailable, fmt.Sprintf("The service is busy, or the request took longer than %v", rt.Timeout()))
	}
	if len(kindsOf(o, d)) > 0 || isTyped(d.Work) {
		a.problem(http.StatusServiceUnavailable, "The service is busy: try again later")
	}
	a.problem(http.StatusInternalServerError, "The service could not answer this request")
	for _, problem := range o.Problems {
		a.own(problem)
	}
	for _, status := range sortedKeys(o.Responses) {
		a.said(status, o.Responses[status])
	}
	a.challenged(rt)
	sorted := jsonschema.Obj()
	for _, status := range sortedKeys(a.byStatus) {
		sorted.Set(strconv.Itoa(status), a.byStatus[status])
	}
	return sorted
}

// refusals adds what is answered when the input can't be decoded.
func (a *answers) refusals(rt routing.Route) {
	plan := rt.Plan()
	_, isJSON := plan.JSONBody()
	isForm := slices.ContainsFunc(plan.Params(), func(p params.Param) bool { return p.In == params.Form })
	if isJSON || isForm {
		a.problem(http.StatusBadRequest, "The body can't be read")
		text := "The body is too large"
		if limit := rt.BodyLimit(); limit > 0 {
			text = fmt.Sprintf("The body has more than %d bytes", limit)
		}
		a.problem(http.StatusRequestEntityTooLarge, text)
		a.problem(http.StatusUnsupportedMediaType, "The body has another content type, or is compressed")
	}
	if !plan.IsEmpty() || slices.ContainsFunc(rt.Providers(), func(p routing.Provider) bool { return asksForMore(rt, p.Plan) }) {
		a.invalid()
	}
}

// asksForMore reports whether the input of a provider may be refused for anything but the
// credentials in it, which is a 401.
func asksForMore(rt routing.Route, plan *params.Plan) bool {
	ways := rt.Security()
	return plan.Validates() || slices.ContainsFunc(plan.Params(), func(p params.Param) bool { return !asks(ways, reads(p.In, p.Name)) })
}

func (a *answers) invalid() {
	a.answer(http.StatusUnprocessableEntity, "Values are missing or wrong", func() *jsonschema.Object {
		return jsonschema.Obj(mediaProblem, jsonschema.Obj("schema", a.schemas.problemSchema(invalidName, http.StatusUnprocessableEntity)))
	})
}

// content describes what an answer has; nil for nothing.
func (s *builder) content(answer responses.Answer) *jsonschema.Object {
	switch {
	case answer.ContentType == "":
		return nil
	case answer.Content != nil:
		return jsonschema.Obj(answer.ContentType, jsonschema.Obj("schema", s.Value(answer.Content, jsonschema.Writes, nil)))
	case answer.ContentType == mediaProblem:
		return s.problemContent(answer.Status)
	case strings.HasPrefix(answer.ContentType, "text/"):
		return jsonschema.Obj(answer.ContentType, jsonschema.Obj("schema", jsonschema.Obj("type", "string")))
	default:
		return jsonschema.Obj(answer.ContentType, jsonschema.Obj())
	}
}

// said adds an answer of [Operation.Responses], or what it says of one that is there.
func (a *answers) said(status int, r Response) {
	if a.byStatus[status] == nil {
		answer := responses.Answer{Status: status, ContentType: r.ContentType}
		switch {
		case r.Content != nil:
			answer.Content = reflect.TypeOf(r.Content)
			answer.ContentType = cmp.Or(r.ContentType, mediaJSON)
		case status >= 400:
			answer.ContentType = cmp.Or(r.ContentType, mediaProblem)
		}
		a.answer(status, r.Description, func() *jsonschema.Object { return a.schemas.content(answer) })
	}
	a.byStatus[status].SetIf("description", r.Description)
	if content, ok := a.byStatus[status].Get("content").(*jsonschema.Object); ok && r.Example != nil {
		content.Each(func(media any) { media.(*jsonschema.Object).Set("example", r.Example) })
	}
}

var (
	anyWork   = reflect.TypeFor[background.Work]()
	workTypes = map[reflect.Type]string{
		reflect.TypeFor[*background.Task]():   "a task",
		reflect.TypeFor[*background.Tasks]():  "tasks",
		reflect.TypeFor[*background.Handle](): "a task that can be followed",
	}
)

// isTyped reports whether a response's type says that it carries work.
func isTyped(work reflect.Type) bool { return work != nil && work != anyWork }

// kindsOf returns the kinds of work that a response is known to schedule, by its type or by
// what is said of the route, each once.
func kindsOf(o Operation, d responses.Description) []background.KindDescription {
	all := slices.Clone(d.Kinds)
	for _, kind := range o.Work {
		described := kind.Describe()
		if !slices.ContainsFunc(all, func(other background.KindDescription) bool { return other.Name == described.Name }) {
			all = append(all, described)
		}
	}
	return all
}

// backgroundWork describes the work that a response schedules; nil for none that is known.
func backgroundWork(work reflect.Type, kinds []background.KindDescription) *jsonschema.Object {
	if len(kinds) == 0 && !isTyped(work) {
		return nil
	}
	o := jsonschema.Obj("starts", "after the response")
	if isTyped(work) {
		o.Set("carries", cmp.Or(workTypes[work], work.String()))
	}
	var list []any
	for _, kind := range kinds {
		list = append(list, kindObject(kind))
	}
	if len(list) > 0 {
		o.Set("kinds", list)
	}
	return o
}

func kindObject(k background.KindDescription) *jsonschema.Object {
	o := jsonschema.Obj("name", k.Name)
	setDuration(o, "timeout", k.Timeout)
	if k.Retry.Attempts > 1 {
		o.Set("attempts", k.Retry.Attempts)
		setDuration(o, "backoff", k.Retry.Backoff)
		setDuration(o, "maxBackoff", k.Retry.MaxBackoff)
	}
	setDuration(o, "maxElapsed", k.Retry.MaxElapsed)
	return o
}

func setDuration(o *jsonschema.Object, key string, d time.Duration) {
	if d > 0 {
		o.Set(key, d.String())
	}
}
