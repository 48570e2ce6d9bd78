package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

var info = openapi.Info{Title: "Test", Version: "1"}

func newRouter(t *testing.T, options ...routing.Options) *routing.Router {
	t.Helper()
	var o routing.Options
	if len(options) > 0 {
		o = options[0]
	}
	o.Runner = background.NewRunner(background.RunnerOptions{})
	return routing.New(o)
}

func answer[In, Out any]() routing.Endpoint {
	return routing.NewEndpoint(func(context.Context, In) (out Out, err error) { return out, nil })
}

// A document is one that is parsed.
type document struct {
	t    *testing.T
	root any
}

func parse(t *testing.T, text []byte) document {
	t.Helper()
	d := document{t: t}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // as it is written
	require.NoError(t, decoder.Decode(&d.root))
	return d
}

func describe(t *testing.T, r openapi.Router) document {
	t.Helper()
	text, err := openapi.Document(r.Routes(), info)
	require.NoError(t, err)
	return parse(t, text)
}

// at returns what is at a place: the keys that lead there, with blanks in between.
func (d document) at(place string) any {
	d.t.Helper()
	value := d.root
	for key := range strings.FieldsSeq(place) {
		object, ok := value.(map[string]any)
		require.True(d.t, ok, "%s: nothing has the key %s", place, key)
		if ref, ok := object["$ref"].(string); ok {
			object = d.at(strings.ReplaceAll(strings.TrimPrefix(ref, "#/"), "/", " ")).(map[string]any)
		}
		value = object[key]
	}
	return value
}

// is holds what is at a place to JSON.
func (d document) is(place, want string) {
	d.t.Helper()
	text, err := json.Marshal(d.at(place))
	require.NoError(d.t, err)
	assert.JSONEq(d.t, want, string(text), place)
}

// body holds the schema of the only body that a type is read from, and written as.
func schemaOf[T any](t *testing.T, v ...routing.Options) (read, written document) {
	t.Helper()
	r := newRouter(t, v...)
	r.Handle("POST", "/x", answer[struct {
		Body T `body:""`
	}, struct{}]())
	r.Handle("GET", "/x", answer[struct{}, T]())
	d := describe(t, r)
	return document{t, d.follow(d.at("paths /x post requestBody content application/json schema"))},
		document{t, d.follow(d.at("paths /x get responses 200 content application/json schema"))}
}

// follow returns what a reference leads to.
func (d document) follow(schema any) any {
	if o, ok := schema.(map[string]any); ok {
		if ref, ok := o["$ref"].(string); ok {
			return d.at(strings.ReplaceAll(strings.TrimPrefix(ref, "#/"), "/", " "))
		}
	}
	return schema
}

func TestDocumentsOfTheTortureApp(t *testing.T) {
	routes := torture.New().Routes()
	require.GreaterOrEqual(t, len(routes), 60)
	text, err := openapi.Document(routes, torture.Info)
	require.NoError(t, err)
	for range 10 {
		again, err := openapi.Document(torture.New().Routes(), torture.Info)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), "the bytes are the same each time")
	}
	d := parse(t, text)
	ids := make(map[string]bool)
	operations := 0
	for path, item := range d.at("paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if strings.HasPrefix(method, "x-") {
				operations += len(operation.([]any))
				continue
			}
			operations++
			op := operation.(map[string]any)
			id := op["operationId"].(string)
			assert.False(t, ids[id], id)
			ids[id] = true
			assert.NotEmpty(t, op["summary"], id)
			assert.NotEmpty(t, op["responses"], id)
			var named []string
			list, _ := op["parameters"].([]any)
			for _, p := range list {
				if p := p.(map[string]any); p["in"] == "path" {
					assert.Equal(t, true, p["required"], id)
					named = append(named, "{"+p["name"].(string)+"}")
				}
			}
			inPath := regexp.MustCompile(`\{[^}]*\}`).FindAllString(path, -1)
			slices.Sort(named)
			slices.Sort(inPath)
			assert.Equal(t, inPath, named, "%s %s", method, path)
		}
	}
	assert.Equal(t, len(routes)-1+2, operations, "all but the hidden one, and the one with two optional parameters three times")
	components := d.at("components schemas").(map[string]any)
	for name := range components {
		assert.Regexp(t, `^[A-Z][A-Za-z_]*$`, name, "no two types need a number")
	}
	used := make(map[string]bool)
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, components, ref[1])
		used[ref[1]] = true
	}
	for name := range components {
		assert.True(t, used[name], "nothing refers to %s", name)
	}
}

func TestInfo(t *testing.T) {
	text, err := openapi.Document(nil, openapi.Info{Title: "A", Version: "2"})
	require.NoError(t, err)
	d := parse(t, text)
	d.is("openapi", `"3.1.1"`)
	d.is("info", `{"title":"A","version":"2"}`)
	d.is("servers", `[{"url":"/"}]`)
	d.is("paths", `{}`)
	assert.NotContains(t, string(text), `"tags"`)

	text, err = openapi.Document(torture.New().Routes(), torture.Info)
	require.NoError(t, err)
	d = parse(t, text)
	d.is("info", `{"title":"Torture","version":"1.0.0","summary":"Every kind of route","description":"Every kind of *route*, type and tag.",
		"termsOfService":"https://example.org/terms","contact":{"name":"Ada","url":"https://example.org","email":"ada@example.org"},
		"license":{"name":"MIT","identifier":"MIT"}}`)
	d.is("servers", `[{"url":"https://api.example.org","description":"Production"},{"url":"/"}]`)
	d.is("externalDocs", `{"url":"https://example.org/docs","description":"More"}`)
	tags := d.at("tags").([]any)
	assert.Equal(t, map[string]any{"name": "echo", "description": "What comes back", "externalDocs": map[string]any{"url": "https://example.org/echo"}}, tags[0])
	assert.Equal(t, map[string]any{"name": "query"}, tags[1])
}

func TestMistakesInInfo(t *testing.T) {
	for want, info := range map[string]openapi.Info{
		"openapi: Info.Title is empty: name the service":                             {Version: "1"},
		"openapi: Info.Version is empty: give the version of the API, such as 1.0.0": {Title: "x"},
		"openapi: Info.License has an Identifier and a URL: keep one of them":        {Title: "x", Version: "1", License: openapi.License{Name: "MIT", Identifier: "MIT", URL: "/"}},
		"openapi: Info.Servers[0] has no URL":                                        {Title: "x", Version: "1", Servers: []openapi.Server{{}}},
	} {
		_, err := openapi.Document(nil, info)
		require.EqualError(t, err, want)
		assert.PanicsWithValue(t, want, func() { openapi.Mount(newRouter(t), openapi.Options{Info: info}) })
	}
}

func TestMistakesInRoutes(t *testing.T) {
	type badNumber struct {
		N int `query:"n" example:"three"`
	}
	type badList struct {
		N []int `json:"n" example:"1,x"`
	}
	for want, add := range map[string]func(r *routing.Router){
		"openapi: the field N has `example:\"three\"`, which is no int: ": func(r *routing.Router) { r.Handle("GET", "/", answer[badNumber, string]()) },
		"openapi: the field openapi_test.badList.N has `example:\"1,x\"`, which is no []int: ": func(r *routing.Router) {
			r.Handle("POST", "/", answer[badList, string]())
		},
		`openapi: the operation id "same" is that of GET /a and of GET /b: give each its own`: func(r *routing.Router) {
			same := openapi.Describe(openapi.Operation{ID: "same"})
			r.Handle("GET", "/a", answer[struct{}, string](), same)
			r.Handle("GET", "/b", answer[struct{}, string](), same)
		},
	} {
		r := newRouter(t)
		add(r)
		_, err := openapi.Document(r.Routes(), info)
		require.ErrorContains(t, err, want)
	}
	_, err := openapi.Document([]routing.Route{{Method: "GET", Pattern: "/"}}, info)
	require.EqualError(t, err, "openapi: the route GET / is none of a router: take what Routes returns")
}

func TestParameters(t *testing.T) {
	r := torture.New()
	d := describe(t, r)
	byName := func(place string) map[string]string {
		all := make(map[string]string)
		for _, p := range d.at(place).([]any) {
			text, err := json.Marshal(p)
			require.NoError(t, err)
			all[p.(map[string]any)["name"].(string)] = string(text)
		}
		return all
	}
	query := byName("paths /query get parameters")
	for name, want := range map[string]string{
		"text":      `{"name":"text","in":"query","description":"What to look for","schema":{"type":"string","examples":["pen"]}}`,
		"bool":      `{"name":"bool","in":"query","schema":{"type":"boolean","default":true}}`,
		"int":       `{"name":"int","in":"query","schema":{"type":"integer","format":"int64","minimum":1,"maximum":100,"default":20}}`,
		"float":     `{"name":"float","in":"query","schema":{"type":"number","format":"double","minimum":0,"exclusiveMaximum":1,"default":0.5}}`,
		"since":     `{"name":"since","in":"query","schema":{"type":"string","format":"date-time","examples":["2026-12-01T12:00:00Z"]}}`,
		"until":     `{"name":"until","in":"query","schema":{"type":"string","format":"date-time"}}`,
		"level":     `{"name":"level","in":"query","schema":{"type":"string"}}`,
		"id":        `{"name":"id","in":"query","schema":{"type":"string","format":"uuid"}}`,
		"many":      `{"name":"many","in":"query","schema":{"type":"array","items":{"type":"string","minLength":2},"maxItems":3}}`,
		"numbers":   `{"name":"numbers","in":"query","schema":{"type":"array","items":{"type":"integer","format":"int64","minimum":1},"default":[1,2]}}`,
		"required":  `{"name":"required","in":"query","required":true,"schema":{"type":"string"}}`,
		"in_fact":   `{"name":"in_fact","in":"query","required":true,"schema":{"type":"integer","format":"int64","minimum":1}}`,
		"choice":    `{"name":"choice","in":"query","schema":{"type":"string","enum":["new","old"],"default":"new"}}`,
		"spared":    `{"name":"spared","in":"query","schema":{"type":"string","anyOf":[{"const":""},{"minLength":2,"maxLength":2}]}}`,
		"odd[name]": `{"name":"odd[name]","in":"query","schema":{"type":"string"}}`,
		"day":       `{"name":"day","in":"query","schema":{"type":"string","format":"date","default":"2026-12-01"}}`,
		"maybe":     `{"name":"maybe","in":"query","schema":{"type":"string","minLength":2}}`,
		"must":      `{"name":"must","in":"query","required":true,"schema":{"type":"integer","format":"int64","minimum":2}}`,
		"signed":    `{"name":"signed","in":"query","schema":{"type":"integer","format":"int64","default":5}}`,
	} {
		assert.JSONEq(t, want, query[name], name)
	}
	assert.Contains(t, query["wait"], `"default":"1m30s"`)
	assert.Contains(t, query["wait"], `"x-validate":["gte=1s"]`)
	assert.Contains(t, query["text_wait"], `"default":"1h"`)
	assert.Contains(t, query["text_wait"], `"x-validate":["min=1m"]`)
	headers := byName("paths /headers get parameters")
	assert.Len(t, headers, 5, "Accept is no parameter")
	assert.JSONEq(t, `{"name":"X-Many","in":"header","x-repeatable":true,"schema":{"type":"string","pattern":"^[a-zA-Z]+$"}}`, headers["X-Many"])
	assert.JSONEq(t, `{"name":"session","in":"cookie","required":true,"schema":{"type":"string"}}`, headers["session"])
	paged := byName("paths /shops/{shop}/items/{id} get parameters")
	assert.JSONEq(t, `{"name":"shop","in":"path","description":"The shop","required":true,"schema":{"type":"string"}}`, paged["shop"])
	assert.Contains(t, paged["limit"], "How many at most")

	d.is("paths /guarded get security", `[{"authorization":[]}]`)
	d.is("paths /maybe-guarded get security", `[{},{"authorization":[]}]`)
	d.is("components securitySchemes authorization", `{"type":"apiKey","in":"header","name":"Authorization"}`)
	assert.Nil(t, d.at("paths /guarded get parameters"))
}

// The pattern for durations takes what package time reads, and no more.
func TestDurationsOfParameters(t *testing.T) {
	r := newRouter(t)
	r.Handle("GET", "/", answer[struct {
		D time.Duration `query:"d"`
	}, string]())
	schema := describe(t, r).at("paths / get parameters").([]any)[0].(map[string]any)["schema"].(map[string]any)
	pattern := regexp.MustCompile(schema["pattern"].(string))
	for _, text := range []string{"0", "+0", "1s", "-1.5h", ".5m", "1.s", "1h2m3s4ms5us6µs7μs8ns", "", "1", "s", "1 s", "1d", ".s", "-", "00", "1e3s", "1s ", "0s"} {
		_, err := time.ParseDuration(text)
		assert.Equal(t, err == nil, pattern.MatchString(text), "%q", text)
	}
}

func TestPaths(t *testing.T) {
	d := describe(t, torture.New())
	d.is("paths /files/{path} get parameters", `[{"name":"path","in":"path","description":"the rest of the path, which may have slashes","required":true,"schema":{"type":"string"}}]`)
	assert.Nil(t, d.at("paths /maybe get parameters"))
	assert.Len(t, d.at("paths /maybe/{lang} get parameters"), 1)
	assert.Len(t, d.at("paths /maybe/{lang}/{region} get parameters"), 2)
	d.is("paths /hex/{id} get parameters", `[{"name":"id","in":"path","required":true,"schema":{"type":"string","pattern":"^([0-9a-f]{4})$"}}]`)
	d.is("paths /words/{id} get parameters", `[{"name":"id","in":"path","required":true,"schema":{"type":"string","x-form":"(?i)[a-z]+"}}]`)
	other := d.at("paths /hex/{id} x-other-operations").([]any)[0].(map[string]any)
	assert.Equal(t, "/hex/{id:[0-9]+}", other["pattern"])
	assert.Equal(t, "number", other["operation"].(map[string]any)["operationId"])
	purge := d.at("paths /cache/{id} x-other-operations").([]any)[0].(map[string]any)
	assert.Equal(t, "PURGE", purge["method"])
	d.is("paths /things/{id} delete parameters", `[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}]`)
	d.is("paths /unread/{first}/{second} get parameters", `[{"name":"first","in":"path","required":true,"schema":{"type":"string"}},{"name":"second","in":"path","required":true,"schema":{"type":"string"}}]`)
	assert.Len(t, d.at("paths /documents/{name}.{type} get parameters"), 2)
	for _, method := range []string{"head /head", "options /options"} {
		method, path, _ := strings.Cut(method, " ")
		assert.NotNil(t, d.at("paths "+path+" "+method))
	}
}

func TestBodies(t *testing.T) {
	d := describe(t, torture.New())
	d.is("paths /things/{id} put requestBody", `{"description":"What to put there","required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/TortureItemInput"}}}}`)
	d.is("paths /things/{id} patch requestBody", `{"required":false,"content":{"application/json":{"schema":{"anyOf":[{"$ref":"#/components/schemas/TortureItemInput"},{"type":"null"}]}}}}`)
	d.is("paths /echo/pointer post requestBody", `{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/TortureItemInput"}}}}`)
	d.is("paths /free post requestBody", `{"required":false,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/TimesUnchecked"}}}}`)
	login := `{"schema":{"type":"object","properties":{
		"user":{"type":"string","minLength":3,"description":"The name"},
		"age":{"type":"integer","format":"int64","anyOf":[{"const":0},{"minimum":18}]},
		"role":{"type":"array","items":{"type":"string"},"maxItems":3},
		"stay":{"type":"boolean","default":false},
		"accept":{"type":"boolean"}},"required":["user"]}}`
	d.is("paths /login post requestBody", `{"required":true,"content":{"application/x-www-form-urlencoded":`+login+`,"multipart/form-data":`+login+`}}`)
	const file = `{"type":"string","format":"binary","contentMediaType":"application/octet-stream"`
	d.is("paths /upload post requestBody", `{"required":true,"content":{"multipart/form-data":{"schema":{"type":"object","properties":{
		"title":{"type":"string"},"file":`+file+`,"description":"The picture"},"maybe":`+file+`},
		"more":{"type":"array","maxItems":3,"items":`+file+`}}},"required":["title","file"]}}}}`)
	d.is("paths /described/order post requestBody content application/json example", `{"sku":"pen","quantity":2}`)
}

func TestAnswers(t *testing.T) {
	d := describe(t, torture.New())
	problem := func(status int) string {
		return fmt.Sprintf(`"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"},"example":{"status":%d,"title":%q}}}`, status, http.StatusText(status))
	}
	failed := `"500":{"description":"The service could not answer this request",` + problem(500) + `}`
	for path, want := range map[string]string{
		"/out/text":         `{"200":{"description":"OK","content":{"text/plain":{"schema":{"type":"string"}}}},` + failed + `}`,
		"/out/bytes":        `{"200":{"description":"OK","content":{"*/*":{}}},` + failed + `}`,
		"/out/redirect":     `{"307":{"description":"Temporary Redirect"},` + failed + `}`,
		"/out/events":       `{"200":{"description":"OK","content":{"text/event-stream":{"schema":{"type":"string"}}}},` + failed + `}`,
		"/out/any":          `{"200":{"description":"OK","content":{"*/*":{}}},` + failed + `}`,
		"/out/number":       `{"200":{"description":"OK","content":{"application/json":{"schema":{"type":"integer","format":"int64"}}}},` + failed + `}`,
		"/out/numbers":      `{"200":{"description":"OK","content":{"application/json":{"schema":{"type":["array","null"],"items":{"type":"integer","format":"int64"}}}}},` + failed + `}`,
		"/out/own":          `{"200":{"description":"Tea is served","content":{"text/tea":{"schema":{"type":"string"}}}},"418":{"description":"It is a teapot",` + problem(418) + `},` + failed + `}`,
		"/described/export": `{"200":{"description":"All orders","content":{"text/csv":{"schema":{"type":"string"}}}},` + failed + `}`,
	} {
		d.is("paths "+path+" get responses", want)
	}
	statuses := func(place string) (all []string) {
		for status := range d.at(place + " responses").(map[string]any) {
			all = append(all, status)
		}
		slices.Sort(all)
		return all
	}
	assert.Equal(t, []string{"200", "206", "304", "404", "412", "416", "422", "500"}, statuses("paths /files/{path} get"))
	assert.Equal(t, []string{"201", "202", "304", "400", "402", "409", "413", "415", "422", "500", "503"}, statuses("paths /described/order post"))
	assert.Equal(t, []string{"200", "500", "503"}, statuses("paths /out/tasks post"), "the work may find no room")
	assert.Equal(t, []string{"200", "500"}, statuses("paths /out/content get"))
	assert.Equal(t, []string{"204", "400", "413", "415", "422", "500"}, statuses("paths /upload post"))
	order := "paths /described/order post responses "
	d.is(order+"422 content application/problem+json schema", `{"$ref":"#/components/schemas/ValidationProblem"}`)
	d.is(order+"409", `{"description":"Sold out",`+problem(409)+`}`)
	d.is(order+"413 description", `"The body has more than 4096 bytes"`)
	d.is(order+"503 description", `"The service is busy, or the request took longer than 2s"`)
	d.is(order+"304", `{"description":"Not Modified"}`)
	d.is(order+"422 description", `"No such pen"`)
	d.is(order+"201", `{"description":"It is on its way","content":{"application/json":{"schema":{"$ref":"#/components/schemas/TortureItem"},"example":{"sku":"ink","quantity":1}}}}`)
	d.is(order+"202 content application/json example", `{"items":[{"sku":"pen","quantity":2}]}`)
}

func TestOperations(t *testing.T) {
	d := describe(t, torture.New())
	order := "paths /described/order post "
	d.is(order+"operationId", `"takeOrder"`)
	d.is(order+"summary", `"Take an order"`)
	d.is(order+"description", `"Takes an **order**."`)
	d.is(order+"tags", `["orders","echo"]`)
	d.is(order+"servers", `[{"url":"https://orders.example.org"}]`)
	d.is(order+"externalDocs", `{"url":"https://example.org/orders"}`)
	d.is(order+"x-timeout", `"2s"`)
	d.is(order+"x-read-timeout", `"1m0s"`)
	d.is(order+"x-body-limit", `4096`)
	d.is(order+"x-background-work", `{"starts":"after the response","carries":"tasks","kinds":[
		{"name":"send mail","timeout":"10s","attempts":5,"backoff":"200ms","maxElapsed":"1h0m0s"},{"name":"update stock"}]}`)
	d.is("paths /out/task post x-background-work", `{"starts":"after the response","carries":"a task"}`)
	d.is("paths /out/kinds post x-background-work", `{"starts":"after the response","carries":"tasks","kinds":[
		{"name":"send mail","timeout":"10s","attempts":5,"backoff":"200ms","maxElapsed":"1h0m0s"},{"name":"update stock"},
		{"name":"count","attempts":3,"maxBackoff":"1m0s"}]}`)
	d.is("paths /out/loose-kinds post x-background-work", `{"starts":"after the response","kinds":[{"name":"update stock"}]}`)
	assert.Contains(t, keys(d.at("paths /out/loose-kinds post responses")), "503", "the work may find no room")
	assert.Nil(t, d.at("paths /out/content get x-background-work"))
	d.is("paths /described/export get deprecated", `true`)
	assert.Nil(t, d.at("paths /described/hidden"))
	d.is("paths /echo/scalars post operationId", `"echo_scalars"`)
	d.is("paths /echo/scalars post summary", `"Echo scalars"`)
	d.is("paths /described/same get tags", `["described"]`)
	d.is("paths / get tags", `["default"]`)
}

func createOrder(context.Context, struct{}) (string, error) { return "", nil }

type shop struct{}

func (*shop) FindHTTPThing(context.Context, struct{}) (string, error) { return "", nil }

func TestOperationIDs(t *testing.T) {
	r := newRouter(t)
	r.Handle("GET", "/a", routing.NewEndpoint(createOrder))
	r.Handle("GET", "/b", routing.NewEndpoint(createOrder))
	r.Handle("GET", "/c", routing.NewEndpoint(new(shop).FindHTTPThing))
	r.Handle("GET", "/d/{id?}", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", nil }))
	d := describe(t, r)
	d.is("paths /a get operationId", `"createOrder"`)
	d.is("paths /a get summary", `"Create order"`)
	d.is("paths /b get operationId", `"createOrder2"`)
	d.is("paths /c get operationId", `"FindHTTPThing"`)
	d.is("paths /d get operationId", `"getD"`)
	d.is("paths /d/{id} get operationId", `"getDId"`)
}

// A problem is described as it is sent.
func TestProblemsAreDescribedAsTheyAreSent(t *testing.T) {
	d := describe(t, torture.New())
	var raw fasthttp.RequestCtx
	full := &responses.Problem{Type: "t", Title: "t", Status: 422, Detail: "d", Instance: "i", Errors: []params.Fault{{In: "body", Name: "n", Pointer: "#", Code: "c", Detail: "d"}}}
	require.NoError(t, full.Write(&raw))
	sent := parse(t, raw.Response.Body())
	assert.ElementsMatch(t, keys(sent.root), keys(d.at("components schemas ValidationProblem properties")))
	assert.ElementsMatch(t, keys(remove(sent.root, "errors")), keys(d.at("components schemas Problem properties")), "errors may be anything")
	assert.ElementsMatch(t, keys(sent.at("errors").([]any)[0]), keys(d.at("components schemas Fault properties")))
	raw.Response.Reset()
	require.NoError(t, responses.NewProblem(404, "").Write(&raw))
	assert.ElementsMatch(t, keys(parse(t, raw.Response.Body()).root), d.at("components schemas Problem required"))
}

func keys(object any) (all []string) {
	for key := range object.(map[string]any) {
		all = append(all, key)
	}
	return all
}

func TestAnOutputThatIsAProblem(t *testing.T) {
	r := newRouter(t)
	r.Handle("GET", "/x", answer[struct{}, *responses.Problem]())
	assert.Equal(t, []string{"500"}, keys(describe(t, r).at("paths /x get responses")))
}

// The order of a map is no order of the document: types that are told apart by a number
// only have the same one each time.
func TestResponsesAreDescribedInTheirOrder(t *testing.T) {
	type Same struct{ A int }
	one := Same{}
	var two, three any
	{
		type Same struct{ B int }
		two = Same{}
	}
	{
		type Same struct{ C int }
		three = Same{}
	}
	for range 20 {
		r := newRouter(t)
		r.Handle("GET", "/x", answer[struct{}, string](), openapi.Describe(openapi.Operation{
			Responses: map[int]openapi.Response{201: {Content: one}, 202: {Content: two}, 203: {Content: three}},
		}))
		d := describe(t, r)
		d.is("components schemas Openapi_testSame required", `["A"]`)
		d.is("components schemas Openapi_testSame3 required", `["C"]`)
	}
}

func TestDefaultsAndExamplesOfDurations(t *testing.T) {
	r := newRouter(t)
	type body struct {
		Wait time.Duration `json:"wait" example:"1000000000"`
	}
	r.Handle("POST", "/x", answer[struct {
		Wait time.Duration `query:"wait" default:"0" example:"1s"`
		Body body          `body:""`
	}, string]())
	d := describe(t, r)
	schema := d.at("paths /x post parameters").([]any)[0].(map[string]any)["schema"].(map[string]any)
	assert.Equal(t, "0", schema["default"])
	assert.Equal(t, []any{"1s"}, schema["examples"])
	d.is("components schemas Body properties wait examples", `[1000000000]`)
}

// What takes the place of an answer leaves no component of it behind, which nothing refers to.
func TestAnswersThatAreReplacedHaveNoComponents(t *testing.T) {
	type replaced struct{ A int }
	type said struct{ B string }
	r := newRouter(t)
	r.Handle("GET", "/x", answer[struct {
		Q string `query:"q"`
	}, replaced](), openapi.Describe(openapi.Operation{Responses: map[int]openapi.Response{
		200: {ContentType: "text/csv"}, 422: {Content: said{}}, 500: {Content: said{}},
	}}))
	text, err := openapi.Document(r.Routes(), info)
	require.NoError(t, err)
	var d struct {
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal(text, &d))
	require.Len(t, d.Components.Schemas, 1)
	require.Contains(t, d.Components.Schemas, "Said")
}
