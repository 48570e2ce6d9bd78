package openapi_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

func describeTorture(t *testing.T) document {
	t.Helper()
	text, err := openapi.Document(torture.New().Routes(), torture.Info)
	require.NoError(t, err)
	return parse(t, text)
}

func TestProblemsOfARoute(t *testing.T) {
	d := describe(t, torture.New()) // without those of the app
	answers := "paths /described/problems post responses "
	const (
		problem   = `{"$ref":"#/components/schemas/Problem"}`
		noCredit  = `{"allOf":[` + problem + `,{"$ref":"#/components/schemas/Credit"},{"properties":{"type":{"const":"https://example.org/problems/no-credit"}},"required":["type"]}]}`
		locked    = `{"allOf":[` + problem + `,{"type":"object","properties":{"until":{"type":"string"}}}]}`
		loosely   = `{"allOf":[` + problem + `,{"properties":{"type":{"const":"https://example.org/problems/loosely"}},"required":["type"]}]}`
		isBroken  = `{"allOf":[` + problem + `,{"properties":{"type":{"const":"https://example.org/problems/broken"}},"required":["type"]}]}`
		isInvalid = `{"$ref":"#/components/schemas/ValidationProblem"}`
	)
	d.is(answers+"403", `{"description":"Your credit does not suffice","content":{"application/problem+json":{
		"schema":{"anyOf":[`+noCredit+`,`+locked+`]},
		"example":{"type":"https://example.org/problems/no-credit","title":"Your credit does not suffice","status":403,"balance":30,"costs":50,"currency":["EUR"]}}}}`)
	d.is(answers+"409", `{"description":"Too late","content":{"application/problem+json":{"schema":`+problem+`,
		"example":{"title":"Conflict","status":409,"detail":"it is too late"}}}}`)
	d.is(answers+"422 content application/problem+json schema", `{"anyOf":[`+isInvalid+`,`+loosely+`]}`)
	d.is(answers+"500 content application/problem+json schema", `{"anyOf":[`+problem+`,`+isBroken+`]}`)
	d.is("components schemas Credit required", `["balance","costs","currency"]`)
}

func TestProblemsOfAnApp(t *testing.T) {
	d := describeTorture(t)
	d.is("components schemas Problem properties trace", `{"type":"string","description":"an id of the request"}`)
	d.is("components schemas ValidationProblem properties trace", `{"type":"string","description":"an id of the request"}`)
	d.is("components schemas Problem required", `["title","status"]`)
	d.is("paths /query get responses 422 content application/problem+json schema", `{"allOf":[{"$ref":"#/components/schemas/ValidationProblem"},
		{"properties":{"type":{"const":"https://example.org/problems/invalid"}}}]}`)
	d.is("paths /query get responses 500 content application/problem+json", `{"schema":{"$ref":"#/components/schemas/Problem"},
		"example":{"title":"Internal Server Error","status":500,"trace":"a-1"}}`)
	d.is("paths /files/{path} get responses 404 content application/problem+json", `{"schema":{"allOf":[{"$ref":"#/components/schemas/Problem"},
		{"properties":{"type":{"const":"https://example.org/problems/none"},"balance":{"type":"integer","format":"int64"},"costs":{"type":"integer","format":"int64"},
			"currency":{"type":["array","null"],"items":{"type":"string"}}}}]},
		"example":{"type":"https://example.org/problems/none","title":"Not Found","status":404,"balance":0,"costs":0,"currency":null,"trace":"a-1"}}`)
	d.is("paths /described/problems post responses 409 content application/problem+json example", `{"title":"Conflict","status":409,"detail":"it is too late","trace":"a-1"}`)
}

// What a route says of a problem holds for the problem as it is sent, whatever its values.
func TestProblemsKeepToTheirSchema(t *testing.T) {
	d := describe(t, torture.New())
	for _, p := range []*responses.Problem{torture.ErrNoCredit, torture.ErrLocked, torture.ErrTooLate, torture.ErrLoosely, torture.ErrNoCredit.WithExtensions(torture.Credit{})} {
		var raw fasthttp.RequestCtx
		require.NoError(t, p.Write(&raw))
		sent := parse(t, raw.Response.Body()).root.(map[string]any)
		content := "paths /described/problems post responses " + raw.Response.Header.String()[9:12] + " content application/problem+json schema"
		schema := d.at(content)
		all, ok := schema.(map[string]any)["anyOf"].([]any)
		if !ok {
			all = []any{schema}
		}
		assert.True(t, slices.ContainsFunc(all, func(one any) bool { return isKept(d, one, sent) }), "%s: %v", p, sent)
		assert.False(t, slices.ContainsFunc(all, func(one any) bool {
			return isKept(d, one, remove(sent, "status").(map[string]any))
		}), "the status is needed")
	}
}

// isKept reports whether an object has what is required, and the constants.
func isKept(d document, schema any, object map[string]any) bool {
	o := d.follow(schema).(map[string]any)
	if all, ok := o["allOf"].([]any); ok {
		return !slices.ContainsFunc(all, func(one any) bool { return !isKept(d, one, object) })
	}
	required, _ := o["required"].([]any)
	properties, _ := o["properties"].(map[string]any)
	for name, property := range properties {
		value, has := object[name]
		want, isConst := property.(map[string]any)["const"]
		if slices.Contains(required, any(name)) && !has || isConst && has && !reflect.DeepEqual(value, want) {
			return false
		}
	}
	return true
}

func TestMistakesInProblems(t *testing.T) {
	of := func(problems ...*responses.Problem) openapi.Info {
		return openapi.Info{Title: "x", Version: "1", Problems: problems}
	}
	for want, problem := range map[string]*responses.Problem{
		"is nil: leave it out":                           nil,
		"has the status 200: use one from 400 to 599":    {Status: 200},
		`the extensions of a problem have the member "`:  {Status: 400, Extensions: map[string]int{"title": 1}},
		"the extensions of a problem are int, which is ": {Status: 400, Extensions: 3},
	} {
		_, err := openapi.Document(nil, of(problem))
		require.ErrorContains(t, err, "openapi: Info.Problems[0] ")
		require.ErrorContains(t, err, want)
		r := newRouter(t)
		r.Handle("GET", "/x", answer[struct{}, string](), openapi.Describe(openapi.Operation{Problems: []*responses.Problem{problem}}))
		_, err = openapi.Document(r.Routes(), info)
		require.ErrorContains(t, err, "openapi: GET /x: Operation.Problems[0] ")
		require.ErrorContains(t, err, want)
	}
	_, err := openapi.Document(nil, of(responses.NewProblem(400, ""), responses.NewProblem(400, "")))
	require.EqualError(t, err, "openapi: Info.Problems[1] has a status that another one has: there is one for each")
	_, err = openapi.Document(nil, of(&responses.Problem{Type: "a:b"}))
	require.EqualError(t, err, "openapi: Info.Problems[0] has a Type and no Status: a type of problem has a status")
}

// An answer with a content of its own has the problem besides.
func TestProblemsBesideOtherContent(t *testing.T) {
	r := newRouter(t)
	r.Handle("GET", "/x", answer[struct{}, string](), openapi.Describe(openapi.Operation{
		Responses: map[int]openapi.Response{409: {Content: params.Fault{}}},
		Problems:  []*responses.Problem{torture.ErrTooLate, torture.ErrTooLate.WithDetail("much too late")},
	}))
	r.Handle("GET", "/y", answer[struct{}, gone](), openapi.Describe(openapi.Operation{Problems: []*responses.Problem{responses.NewProblem(410, "")}}))
	d := describe(t, r)
	d.is("paths /y get responses 410", `{"description":"It has gone","content":{"application/problem+json":{
		"schema":{"$ref":"#/components/schemas/Problem"},"example":{"title":"Gone","status":410}}}}`)
	content := d.at("paths /x get responses 409 content").(map[string]any)
	assert.Equal(t, []string{"application/json", "application/problem+json"}, slices.Sorted(maps.Keys(content)))
	text, err := json.Marshal(content["application/problem+json"])
	require.NoError(t, err)
	assert.JSONEq(t, `{"schema":{"$ref":"#/components/schemas/Problem"},"example":{"title":"Conflict","status":409,"detail":"it is too late"}}`, string(text))
}

// gone is a response that says of an answer that it has no content.
type gone struct{ responses.TextResponse }

func (gone) Describe() responses.Description {
	return responses.Description{Answers: []responses.Answer{{ContentType: "text/plain"}, {Status: 410, Text: "It has gone"}}}
}
