package conform

import (
	"context"
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The service that faults are planted into.
type (
	plantedItem struct {
		SKU      string `json:"sku" validate:"required,min=1,max=12"`
		Quantity int    `json:"quantity" validate:"required,min=1,max=100"`
	}
	plantedOrder struct {
		Email string        `json:"email" validate:"required,email"`
		Items []plantedItem `json:"items" validate:"required,min=1,max=3"`
		Kind  string        `json:"kind" validate:"omitempty,oneof=new old"`
		Note  *string       `json:"note"`
	}
	plantedList struct {
		Shop  string   `path:"shop" validate:"max=20"`
		Limit int      `query:"limit" default:"10" validate:"min=1,max=50"`
		Tags  []string `query:"tag" validate:"max=3,dive,min=2"`
		Trace string   `header:"X-Trace" validate:"required,len=8,hexadecimal"`
		Theme string   `cookie:"theme" validate:"omitempty,oneof=dark light"`
	}
	plantedLogin struct {
		User string `form:"user" validate:"required,min=3"`
		Age  int    `form:"age" validate:"omitempty,min=18"`
	}
	plantedUpload struct {
		Title string      `form:"title" validate:"required,min=1"`
		File  params.File `form:"file" validate:"required"`
	}
	plantedAnswer struct {
		ID    int      `json:"id"`
		Notes []string `json:"notes"`
	}
)

func newPlanted(spoil func(raw *fasthttp.RequestCtx)) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			if spoil != nil && !strings.HasPrefix(string(raw.Path()), "/docs") {
				spoil(raw)
			}
		}
	})
	app.Post("/orders", func(context.Context, plantedOrder) (plantedAnswer, error) { return plantedAnswer{ID: 1}, nil },
		routing.Status(201), openapi.Describe(openapi.Operation{Responses: map[int]openapi.Response{409: {Description: "Sold out"}}}))
	app.Get("/shops/{shop}/orders", func(context.Context, plantedList) ([]plantedAnswer, error) {
		return []plantedAnswer{{ID: 1, Notes: []string{"a"}}}, nil
	})
	app.Post("/login", func(context.Context, plantedLogin) (responses.TextResponse, error) { return responses.Text("in"), nil })
	app.Post("/upload", func(context.Context, plantedUpload) (responses.NoContentResponse, error) {
		return responses.NoContent(), nil
	})
	return app
}

// set sets or, with nil, deletes what stands at a path of a document.
func set(value any, path ...string) func(document object) {
	return func(document object) {
		o := document
		for _, key := range path[:len(path)-1] {
			o = o[key].(object)
		}
		last := path[len(path)-1]
		if value == nil {
			delete(o, last)
		} else {
			o[last] = value
		}
	}
}

// schema is set for a schema of the components.
func schema(value any, path ...string) func(document object) {
	return set(value, append([]string{"components", "schemas"}, path...)...)
}

// parameter changes a parameter of GET /shops/{shop}/orders.
func parameter(name string, change func(p object)) func(document object) {
	return func(document object) {
		all := document["paths"].(object)["/shops/{shop}/orders"].(object)["get"].(object)["parameters"].([]any)
		for _, p := range all {
			if p := p.(object); p["name"] == name {
				change(p)
			}
		}
	}
}

// of changes the schema of a parameter.
func of(key string, value any) func(p object) {
	return func(p object) { p["schema"].(object)[key] = value }
}

// spoiling changes the answers of a path that have a status.
func spoiling(path string, status int, spoil func(r *fasthttp.Response)) func(raw *fasthttp.RequestCtx) {
	return func(raw *fasthttp.RequestCtx) {
		if strings.HasSuffix(string(raw.Path()), path) && raw.Response.StatusCode() == status {
			spoil(&raw.Response)
		}
	}
}

func body(text string) func(r *fasthttp.Response) {
	return func(r *fasthttp.Response) { r.SetBodyString(text) }
}

func status(code int) func(r *fasthttp.Response) {
	return func(r *fasthttp.Response) { r.SetStatusCode(code) }
}

// planted are faults of a document and of a service, and what is said of them.
var planted = map[string]struct {
	document func(document object)
	service  func(raw *fasthttp.RequestCtx)
	mode     mode
	what     string
}{
	"a member is required and not documented so": {document: schema([]any{"items"}, "PlantedOrder", "required"), mode: valid, what: "is refused: status 422"},
	"a member is documented as required":         {document: schema([]any{"email", "items", "note"}, "PlantedOrder", "required"), mode: missing, what: "is taken: status 201"},
	"a text may be longer than documented":       {document: schema(5, "PlantedItem", "properties", "sku", "maxLength"), mode: bounds, what: "is taken"},
	"a text must be shorter than documented":     {document: schema(40, "PlantedItem", "properties", "sku", "maxLength"), mode: valid, what: "is refused"},
	"a number may be larger than documented":     {document: schema(50, "PlantedItem", "properties", "quantity", "maximum"), mode: bounds, what: "is taken"},
	"a number must be smaller than documented":   {document: schema(1000, "PlantedItem", "properties", "quantity", "maximum"), mode: valid, what: "is refused"},
	"a list may be longer than documented":       {document: schema(2, "PlantedOrder", "properties", "items", "maxItems"), mode: bounds, what: "is taken"},
	"a member is of another type":                {document: schema("integer", "PlantedOrder", "properties", "note", "type"), mode: valid, what: "is refused"},
	"a text need not be an address":              {document: schema(nil, "PlantedOrder", "properties", "email", "format"), mode: valid, what: "is refused"},
	"an unknown member is not forbidden":         {document: schema(false, "PlantedOrder", "additionalProperties"), mode: bounds, what: "is taken"},

	"a parameter is a number only in the document": {document: parameter("tag", func(p object) {
		p["schema"].(object)["items"] = object{"type": "integer", "minimum": 10}
	}), mode: mistyped, what: "is taken: status 200"},
	"a parameter is documented as required":         {document: parameter("limit", func(p object) { p["required"] = true }), mode: missing, what: "is taken"},
	"a parameter is required and not documented so": {document: parameter("X-Trace", func(p object) { delete(p, "required") }), mode: valid, what: "is refused"},
	"a parameter has another name":                  {document: parameter("X-Trace", func(p object) { p["name"] = "X-Track" }), mode: valid, what: "is refused"},
	"a parameter may be larger than documented":     {document: parameter("limit", of("maximum", 40)), mode: bounds, what: "is taken"},
	"a parameter has fewer choices":                 {document: parameter("theme", func(p object) { p["schema"] = object{"type": "string"} }), mode: valid, what: "is refused"},
	"a parameter in the path may be longer":         {document: parameter("shop", of("maxLength", 10)), mode: bounds, what: "is taken"},
	"a parameter in the path must be shorter":       {document: parameter("shop", of("maxLength", 40)), mode: valid, what: "is refused"},
	"a field of a form is not documented as required": {
		document: set([]any{}, "paths", "/login", "post", "requestBody", "content", mediaForm, "schema", "required"), mode: valid, what: "is refused",
	},
	"a field of a form may be smaller than documented": {
		document: set(object{"type": "integer", "minimum": 21}, "paths", "/login", "post", "requestBody", "content", mediaForm, "schema", "properties", "age"), mode: bounds, what: "is taken",
	},
	"a file is documented as optional": {
		document: set([]any{"title"}, "paths", "/upload", "post", "requestBody", "content", mediaMultipart, "schema", "required"), mode: valid, what: "is refused",
	},

	"a status is not documented":                           {document: set(nil, "paths", "/orders", "post", "responses", "201"), mode: valid, what: "the status 201 is not documented"},
	"the problem of wrong values is not":                   {document: set(nil, "paths", "/login", "post", "responses", "422"), mode: missing, what: "the status 422 is not documented"},
	"another content type is documented":                   {document: set(object{"text/plain": object{}}, "paths", "/shops/{shop}/orders", "get", "responses", "200", "content"), mode: valid, what: `the content type "application/json" is not documented`},
	"a member of the answer is documented that it has not": {document: schema([]any{"id", "notes", "price"}, "PlantedAnswer", "required"), mode: valid, what: "the answer is not what its schema says"},
	"a member of the answer is of another type":            {document: schema("string", "PlantedAnswer", "properties", "id", "type"), mode: valid, what: "the answer is not what its schema says"},
	"a null is not documented":                             {document: schema("array", "PlantedAnswer", "properties", "notes", "type"), mode: valid, what: "the answer is not what its schema says"},

	"the service fails":                      {service: spoiling("/orders", 201, status(500)), mode: valid, what: "the service failed: status 500"},
	"the service is down without a word":     {service: spoiling("/login", 200, status(503)), mode: valid, what: "the service failed: status 503, which is not documented"},
	"the service fails on bad input":         {service: spoiling("/login", 422, status(500)), mode: mistyped, what: "the service failed: status 500"},
	"the service answers as nobody said":     {service: spoiling("/login", 200, status(418)), mode: valid, what: "the status 418 is not documented"},
	"an answer is no JSON":                   {service: spoiling("/orders", 201, body(`{"id":1,`)), mode: valid, what: "the answer is no JSON"},
	"an answer lacks a member":               {service: spoiling("/orders", 201, body(`{"id":1}`)), mode: valid, what: "the answer is not what its schema says"},
	"an answer has content where none is":    {document: set(nil, "paths", "/login", "post", "responses", "200", "content"), mode: valid, what: "there is content where none is documented"},
	"an answer is of another type":           {service: spoiling("/orders", 201, func(r *fasthttp.Response) { r.Header.SetContentType("text/html") }), mode: valid, what: `the content type "text/html" is not documented`},
	"a problem has no title":                 {service: spoiling("/orders", 422, body(`{"status":422}`)), mode: missing, what: "the answer is not what its schema says"},
	"the service forgives what is missing":   {service: spoiling("/upload", 422, status(204)), mode: missing, what: "is taken: status 204"},
	"the service refuses what is documented": {service: spoiling("/login", 200, status(400)), mode: valid, what: "is refused: status 400"},
}

// Each planted fault is found, in its mode and by its words, and the service without a fault has none.
func TestPlantedFaultsAreFound(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true") // these failures are none
	setFlag(t, "rapid.shrinktime", "100ms")
	require.Empty(t, faultsOf(serve(t, newPlanted(nil), nil, Options{}), modes...), "nothing is planted")
	for name, fault := range planted {
		t.Run(name, func(t *testing.T) {
			found := faultsOf(serve(t, newPlanted(fault.service), fault.document, Options{}), fault.mode)
			require.Contains(t, strings.Join(found, "\n"), fault.what)
		})
	}
}

// setFlag sets a flag until the test ends.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}

// faultsOf returns what is reported in some modes.
func faultsOf(s *suite, in ...mode) (all []string) {
	for _, op := range s.operations {
		for _, m := range in {
			if r := s.run(op, m); r.found != nil {
				all = append(all, r.found.report(r.seed))
			}
		}
	}
	return all
}
