// Package torture is an app with every kind of route, type and tag, which the tests of
// package openapi and of what checks documents share.
package torture

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture/other"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Info is about the app.
var Info = openapi.Info{
	Title:       "Torture",
	Version:     "1.0.0",
	Summary:     "Every kind of route",
	Description: "Every kind of *route*, type and tag.",
	Terms:       "https://example.org/terms",
	Contact:     openapi.Contact{Name: "Ada", URL: "https://example.org", Email: "ada@example.org"},
	License:     openapi.License{Name: "MIT", Identifier: "MIT"},
	Servers:     []openapi.Server{{URL: "https://api.example.org", Description: "Production"}, {URL: "/"}},
	Tags:        []openapi.Tag{{Name: "echo", Description: "What comes back", ExternalDocs: openapi.ExternalDocs{URL: "https://example.org/echo"}}},

	ExternalDocs: openapi.ExternalDocs{URL: "https://example.org/docs", Description: "More"},

	Problems: []*responses.Problem{
		{Extensions: Traced{Trace: "a-1"}},
		{Status: 422, Type: "https://example.org/problems/invalid"},
		{Status: 404, Type: "https://example.org/problems/none", Extensions: Credit{}},
	},
}

// The problems of the service's own.
var (
	// ErrNoCredit is a type of problem.
	ErrNoCredit = &responses.Problem{Type: "https://example.org/problems/no-credit", Title: "Your credit does not suffice", Status: 403, Extensions: Credit{30, 50, []string{"EUR"}}}
	// ErrLocked has the same status, and no type.
	ErrLocked = &responses.Problem{Status: 403, Detail: "the account is locked", Extensions: &struct {
		Until string `json:"until,omitempty"`
	}{"2026-12-01"}}
	// ErrTooLate has neither a type nor members.
	ErrTooLate = responses.NewProblem(409, "it is too late")
	// ErrLoosely has a map of members, of which nobody knows the names.
	ErrLoosely = &responses.Problem{Status: 422, Type: "https://example.org/problems/loosely", Extensions: map[string]int{"n": 1}}
)

// New returns a router with all routes.
func New() *routing.Router {
	r := routing.New(routing.Options{Runner: background.NewRunner(background.RunnerOptions{})})
	addEchoes(r)
	addInputs(r)
	addPaths(r)
	addOutputs(r)
	addOptions(r)
	addStrict(r)
	addProvided(r)
	return r
}

// echo returns its input.
func echo[T any](_ context.Context, in T) (T, error) { return in, nil }

// answer returns a handler that takes In and answers with a zero Out.
func answer[In, Out any]() routing.Endpoint {
	return routing.NewEndpoint(func(context.Context, In) (out Out, err error) { return out, nil })
}

type nothing = struct{}

func addEcho[T any](r *routing.Router, name string) {
	r.Handle("POST", "/echo/"+name, routing.NewEndpoint(echo[T]), routing.Name("echo_"+name))
}

func addEchoes(r *routing.Router) {
	addEcho[Scalars](r, "scalars")
	addEcho[Named](r, "named")
	addEcho[Pointers](r, "pointers")
	addEcho[Lists](r, "lists")
	addEcho[Times](r, "times")
	addEcho[Bytes](r, "bytes")
	addEcho[Loose](r, "loose")
	addEcho[Own](r, "own")
	addEcho[Embedded](r, "embedded")
	addEcho[Quoted](r, "quoted")
	addEcho[Page[Item]](r, "page")
	addEcho[Page[other.Item]](r, "other-page")
	addEcho[Page[[]Item]](r, "page-of-lists")
	addEcho[Page[Page[Item]]](r, "page-of-pages")
	addEcho[Pair[string, map[string]*other.Item]](r, "pair")
	addEcho[Pair[Item, other.Item]](r, "items")
	addEcho[Node](r, "node")
	addEcho[Tree](r, "tree")
	addEcho[Woods](r, "woods")
	addEcho[Left](r, "left")
	addEcho[Right](r, "right")
	addEcho[Nameless](r, "nameless")
	addEcho[Muted](r, "muted")
	addEcho[Numbers](r, "numbers")
	addEcho[Bools](r, "bools")
	addEcho[Texts](r, "texts")
	addEcho[Patterns](r, "patterns")
	addEcho[Others](r, "others")
	addEcho[Deep](r, "deep")
	addEcho[Optional](r, "optional")
	addEcho[Patch](r, "patch")
	addEcho[Days](r, "days")
	addEcho[Defaults](r, "defaults")
	addEcho[Unusual](r, "unusual")
	addEcho[[]Item](r, "list")
	addEcho[map[string]Item](r, "map")
	addEcho[*Item](r, "pointer")
	addEcho[[2]Item](r, "array")
	addEcho[any](r, "any")
	addEcho[struct {
		X int `json:"x"`
	}](r, "struct")
}

// addStrict adds routes that refuse names which they don't know.
func addStrict(r *routing.Router) {
	g := r.Group("/strict")
	g.Defaults(routing.RejectUnknown())
	g.Handle("POST", "/embedded", answer[Embedded, nothing]())
	g.Handle("POST", "/lists", answer[Lists, nothing]())
	g.Handle("POST", "/patch", answer[Patch, Patch]())
	g.Handle("POST", "/node", answer[Node, nothing]())
	g.Handle("POST", "/loose", answer[Loose, nothing]())
	g.Handle("POST", "/own", answer[Own, nothing]())
	g.Handle("POST", "/muted", answer[Muted, nothing]())
	g.Handle("POST", "/nameless", answer[Nameless, nothing]())
	g.Handle("POST", "/days", answer[Days, nothing]())
	g.Handle("POST", "/only", answer[Only, nothing]())
	g.Handle("POST", "/described", answer[DescribedRef, nothing]())
	g.Handle("POST", "/free", answer[FreeBody, nothing]())
	g.Handle("POST", "/login", answer[Login, nothing]())
	g.Handle("POST", "/upload", answer[Upload, nothing]())
	g.Handle("GET", "/nothing", answer[nothing, string]())
	g.Handle("POST", "/lenient", answer[Embedded, nothing](), routing.IgnoreUnknown())
}

func addInputs(r *routing.Router) {
	r.Handle("GET", "/query", answer[Query, nothing]())
	r.Handle("GET", "/headers", answer[Headers, nothing]())
	r.Handle("GET", "/guarded", answer[Guarded, string]())
	r.Handle("GET", "/maybe-guarded", answer[MaybeGuarded, string]())
	r.Handle("GET", "/shops/{shop}/items/{id}", answer[Paged, Page[Item]]())
	r.Handle("PUT", "/things/{id}", answer[Update, Item]())
	r.Handle("PATCH", "/things/{id}", answer[MaybeBody, Item]())
	r.Handle("DELETE", "/things/{thing}", answer[nothing, responses.NoContentResponse]())
	r.Handle("POST", "/free", answer[FreeBody, nothing]())
	r.Handle("POST", "/login", answer[Login, responses.TextResponse]())
	r.Handle("POST", "/upload", answer[Upload, responses.NoContentResponse]())
}

func addPaths(r *routing.Router) {
	r.Handle("GET", "/", answer[nothing, string]())
	r.Handle("GET", "/files/{path:*}", answer[Rest, responses.FileResponse]())
	r.Handle("GET", "/maybe/{lang?}/{region?}", answer[MaybeLang, responses.HTMLResponse]())
	r.Handle("GET", "/hex/{id:[0-9a-f]{4}}", answer[IDOnly, string]())
	r.Handle("GET", "/hex/{id:[0-9]+}", answer[NumberOnly, string](), routing.Name("number"))
	r.Handle("GET", "/words/{id:(?i)[a-z]+}", answer[IDOnly, string]())
	r.Handle("GET", "/documents/{name}.{type}", answer[NameType, string]())
	r.Handle("GET", "/unread/{first}/{second}", answer[nothing, string]())
	r.Handle("GET", "/café/{size}", answer[nothing, string]())
	r.Handle("HEAD", "/head", answer[nothing, string]())
	r.Handle("OPTIONS", "/options", answer[nothing, string]())
	r.Handle("PURGE", "/cache/{id}", answer[IDOnly, string]())
}

func addOutputs(r *routing.Router) {
	r.Handle("GET", "/out/text", answer[nothing, responses.TextResponse]())
	r.Handle("GET", "/out/bytes", answer[nothing, responses.BytesResponse]())
	r.Handle("GET", "/out/redirect", answer[nothing, responses.RedirectResponse]())
	r.Handle("GET", "/out/stream", answer[nothing, *responses.StreamResponse]())
	r.Handle("GET", "/out/events", answer[nothing, *responses.EventStreamResponse]())
	r.Handle("GET", "/out/response", answer[nothing, responses.Response]())
	r.Handle("GET", "/out/any", answer[nothing, any]())
	r.Handle("GET", "/out/content", answer[nothing, responses.ContentResponse[Item]]())
	r.Handle("GET", "/out/own", answer[nothing, teapot]())
	r.Handle("GET", "/out/silent", answer[nothing, silent]())
	r.Handle("GET", "/out/number", answer[nothing, int]())
	r.Handle("GET", "/out/numbers", answer[nothing, []int]())
	r.Handle("POST", "/out/task", answer[nothing, responses.JSONResponse[Item, *background.Task]]())
	r.Handle("POST", "/out/kinds", answer[nothing, taken](), openapi.Describe(openapi.Operation{Work: []openapi.Kind{mail, count}}))
	r.Handle("POST", "/out/loose-kinds", answer[nothing, told]())
	r.Handle("POST", "/out/tasks", answer[nothing, responses.JSONResponse[Item, *background.Tasks]]())
}

// The kinds of background work.
var (
	mail = background.Define("send mail", func(context.Context, string) error { return nil },
		background.Timeout(10*time.Second), background.Retry{Attempts: 5, Backoff: 200 * time.Millisecond, MaxElapsed: time.Hour})
	stock = background.Define("update stock", func(context.Context, []Item) error { return nil })
	count = background.Define("count", func(context.Context, int) error { return nil },
		background.Retry{Attempts: 3, MaxBackoff: time.Minute})
)

// taken is a response whose type knows what it schedules.
type taken struct {
	responses.JSONResponse[Item, *background.Tasks]
}

func (t taken) Describe() responses.Description {
	d := t.JSONResponse.Describe()
	d.Kinds = []background.KindDescription{mail.Describe(), stock.Describe()}
	return d
}

// told is one that may carry any work, and knows one kind of it.
type told struct{ responses.TextResponse }

func (t told) Describe() responses.Description {
	d := t.TextResponse.Describe()
	d.Kinds = []background.KindDescription{stock.Describe()}
	return d
}

// A teapot is a response that describes itself.
type teapot struct{ responses.TextResponse }

func (teapot) Describe() responses.Description {
	return responses.Description{Answers: []responses.Answer{
		{ContentType: "text/tea", Text: "Tea is served"},
		{Status: 418, ContentType: "application/problem+json", Text: "It is a teapot"},
	}}
}

// silent is one that does not.
type silent struct{ text responses.TextResponse }

func (s silent) Write(raw *fasthttp.RequestCtx) error { return s.text.Write(raw) }
func (silent) Work() background.Work                  { return nil }

func addOptions(r *routing.Router) {
	g := r.Group("/described")
	g.Handle("POST", "/order", answer[Item, responses.JSONResponse[Item, *background.Tasks]](),
		routing.Name("order"), routing.Status(201), routing.Timeout(2*time.Second), routing.BodyLimit(4096), routing.ReadTimeout(time.Minute),
		openapi.Describe(openapi.Operation{
			ID: "takeOrder", Summary: "Take an order", Description: "Takes an **order**.", Tags: []string{"orders", "echo"},
			Example: Item{"pen", 2},
			Responses: map[int]openapi.Response{
				409: {Description: "Sold out"},
				402: {Content: Fraction{}, Description: "Pay first"},
				202: {Content: Page[Item]{}, Example: Page[Item]{Items: []Item{{"pen", 2}}}},
				304: {},
				201: {Description: "It is on its way", Example: Item{"ink", 1}},
				422: {Description: "No such pen"},
			},
			Work:         []openapi.Kind{mail, stock},
			Servers:      []openapi.Server{{URL: "https://orders.example.org"}},
			ExternalDocs: openapi.ExternalDocs{URL: "https://example.org/orders"},
		}))
	g.Handle("GET", "/export", answer[nothing, responses.BytesResponse](), openapi.Describe(openapi.Operation{
		Deprecated: true, Responses: map[int]openapi.Response{200: {ContentType: "text/csv", Description: "All orders"}},
	}))
	g.Handle("POST", "/problems", answer[Item, nothing](), openapi.Describe(openapi.Operation{
		Problems:  []*responses.Problem{ErrNoCredit, ErrLocked, ErrTooLate, ErrLoosely, {Status: 500, Type: "https://example.org/problems/broken"}},
		Responses: map[int]openapi.Response{409: {Description: "Too late"}},
	}))
	g.Handle("GET", "/hidden", answer[nothing, string](), openapi.Describe(openapi.Operation{Hidden: true}))
	g.Handle("GET", "/same", answer[nothing, string](), openapi.Describe(openapi.Operation{Tags: []string{}}))
}
