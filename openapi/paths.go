package openapi

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// paths collects the operations of a document.
type paths struct {
	schemas *builder
	items   []*pathItem // in the order in which they were met
	byShape map[string]*pathItem
	ids     map[string]string // the routes that have them
	tags    []string
	schemes schemes
}

// A pathItem is a path with its operations.
type pathItem struct {
	path       string
	names      []string // of its parameters
	operations *jsonschema.Object
	others     []any // what OpenAPI has no place for
}

var parameterName = regexp.MustCompile(`\{[^}]*\}`)

// item returns the path item for a path. Paths that differ in the names of their parameters
// are one in OpenAPI: the first one's names count.
func (p *paths) item(at routing.PathTemplate) *pathItem {
	shape := parameterName.ReplaceAllString(at.Path, "{}")
	if item := p.byShape[shape]; item != nil {
		return item
	}
	item := &pathItem{path: at.Path, operations: jsonschema.Obj()}
	for _, param := range at.Params {
		item.names = append(item.names, param.Name)
	}
	p.byShape[shape], p.items = item, append(p.items, item)
	return item
}

// methods are those that a path item has a member for.
var methods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// add adds the operations of a route: one for each path of its pattern.
func (p *paths) add(rt routing.Route) error {
	if rt.Plan() == nil {
		return fmt.Errorf("openapi: the route %s %s is none of a router: take what Routes returns", rt.Method, rt.Pattern)
	}
	o := operationOf(rt)
	if o.Hidden || rt.IsHidden() {
		return nil
	}
	for _, at := range rt.Templates() {
		item := p.item(at)
		operation, err := p.operation(rt, o, at, item.names)
		if err != nil {
			return err
		}
		method := strings.ToLower(rt.Method)
		if item.operations.Has(method) || !slices.Contains(methods, rt.Method) {
			// Of two routes whose patterns differ in the form of a parameter only, and of
			// other methods, a document can't say more.
			item.others = append(item.others, jsonschema.Obj("method", rt.Method, "pattern", rt.Pattern, "operation", operation))
			continue
		}
		item.operations.Set(method, operation)
	}
	return nil
}

// operation describes a route at one of its paths.
func (p *paths) operation(rt routing.Route, o Operation, at routing.PathTemplate, names []string) (*jsonschema.Object, error) {
	s := p.schemas
	plan := rt.Plan()
	s.Read(plan)
	id, err := p.id(rt, o, at)
	if err != nil {
		return nil, err
	}
	tags := o.Tags
	if len(tags) == 0 {
		tags = []string{firstPart(rt.Pattern)}
	}
	for _, tag := range tags {
		if !slices.Contains(p.tags, tag) {
			p.tags = append(p.tags, tag)
		}
	}
	summary := cmp.Or(o.Summary, words(id))
	op := jsonschema.Obj("operationId", id, "summary", summary, "description", cmp.Or(o.Description, summary+"."), "tags", tags)
	o.ExternalDocs.addTo(op)
	if o.Deprecated {
		op.Set("deprecated", true)
	}
	if list := s.parameters(rt, at, names); len(list) > 0 {
		op.Set("parameters", list)
	}
	if body := s.requestBody(plan, o.Example); body != nil {
		op.Set("requestBody", body)
	}
	description := responses.Describe(rt.Out)
	for n, problem := range o.Problems {
		if err := checkProblem(problem); err != nil {
			return nil, fmt.Errorf("openapi: %s %s: Operation.Problems[%d] %w", rt.Method, rt.Pattern, n, err)
		}
	}
	op.Set("responses", s.answers(rt, o, description))
	security, err := p.schemes.security(rt.Security(), plansOf(rt))
	if err != nil {
		return nil, err
	}
	if security != nil {
		op.Set("security", security)
	}
	if list := servers(o.Servers); list != nil {
		op.Set("servers", list)
	}
	if work := backgroundWork(description.Work, kindsOf(o, description)); work != nil {
		op.Set("x-background-work", work)
	}
	setDuration(op, "x-timeout", rt.Timeout())
	setDuration(op, "x-read-timeout", rt.ReadTimeout())
	if limit := rt.BodyLimit(); limit > 0 {
		op.Set("x-body-limit", limit)
	}
	return op, nil
}

// id returns the operation id: the one that was given, or one made of names, with a number
// if it is taken.
func (p *paths) id(rt routing.Route, o Operation, at routing.PathTemplate) (string, error) {
	id := cmp.Or(o.ID, rt.Name, functionName(rt.Handler), pathName(rt.Method, at.Path))
	name := rt.Method + " " + rt.Pattern
	if other, taken := p.ids[id]; taken && o.ID != "" && other != name {
		return "", fmt.Errorf("openapi: the operation id %q is that of %s and of %s: give each its own", id, other, name)
	}
	for base, n := id, 2; p.ids[id] != ""; n++ {
		id = base + strconv.Itoa(n)
	}
	p.ids[id] = name
	return id, nil
}

// functionName returns the name of a handler's function without its package; "" for a
// function without a name.
func functionName(handler string) string {
	name := strings.TrimSuffix(handler, "-fm")
	name, _, _ = strings.Cut(name, "[") // of a generic function
	name = name[strings.LastIndexByte(name, '.')+1:]
	if strings.TrimLeft(strings.TrimPrefix(name, "func"), "0123456789") == "" {
		return ""
	}
	return name
}

var separators = regexp.MustCompile(`[^A-Za-z0-9]+`)

// pathName makes a name of a method and a path: getOrderId of GET /order/{id}.
func pathName(method, path string) string {
	parts := separators.Split(path, -1)
	for i := range parts {
		parts[i] = jsonschema.Capital(parts[i])
	}
	return strings.ToLower(method) + strings.Join(parts, "")
}

// words turns createOrder into "Create order".
func words(id string) string {
	var b strings.Builder
	var before rune
	for i, c := range id {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(c))
		case c == '_' || c == '-':
			b.WriteByte(' ')
		case unicode.IsUpper(c) && unicode.IsLower(before):
			b.WriteByte(' ')
			b.WriteRune(unicode.ToLower(c))
		default:
			b.WriteRune(c)
		}
		before = c
	}
	return b.String()
}

// firstPart returns the first part of a pattern that is no parameter, for a tag.
func firstPart(pattern string) string {
	for part := range strings.SplitSeq(pattern, "/") {
		if part != "" && !strings.ContainsAny(part, "{}") {
			return part
		}
	}
	return "default"
}

// object returns the path items.
func (p *paths) object() *jsonschema.Object {
	o := jsonschema.Obj()
	for _, item := range p.items {
		if len(item.others) > 0 {
			item.operations.Set("x-other-operations", item.others)
		}
		o.Set(item.path, item.operations)
	}
	return o
}
