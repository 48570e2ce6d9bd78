package params

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/bitset"
	"github.com/velithon-go/velithon/params/internal/jsonread"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A Source is the part of a request that a value comes from. Its text is also
// the key of the struct tag.
type Source string

// The sources.
const (
	Path   Source = "path"   // a segment of the route's pattern, percent-decoded once
	Query  Source = "query"  // the query string
	Header Source = "header" // a header field; its name is case-insensitive
	Cookie Source = "cookie" // a cookie
	Form   Source = "form"   // an urlencoded or multipart body
	Body   Source = "body"   // a JSON body
)

// Options is what a [Plan] needs to know besides the input type. The zero
// value is a route without path parameters.
type Options struct {
	// Method is the method of the route's requests. A field that reads the body
	// is a mistake where requests have none: with GET, HEAD and TRACE, whose
	// body has no meaning (RFC 9110, 9.3), and which browsers send without one.
	// Empty means a method with a body.
	Method string

	// PathParams are the parameters in the route's pattern. A path field that
	// is not among them is a mistake.
	PathParams []string

	// Validator judges the validate tags. Register custom rules with it before
	// the first Compile, under names of their own: values that a built-in rule
	// surely accepts are not asked about. nil means a new one without custom
	// rules.
	Validator *validator.Validate
}

// A Plan is an input type, compiled. It is immutable and safe for concurrent
// use.
type Plan struct {
	input       reflect.Type
	pointerType reflect.Type
	params      []*param // every field but the body, in order
	bySource
	body  *body // nil when the input has none
	files []*param
}

// bySource holds the params again, grouped.
type bySource struct {
	path, query, header, cookie, form group
}

// A group is the params of one source, in their order.
type group struct {
	params []*param
	byName map[string]*param
}

func (g *group) add(p *param) {
	if g.byName == nil {
		g.byName = make(map[string]*param)
	}
	p.nth = len(g.params)
	g.params = append(g.params, p)
	g.byName[p.name] = p
}

// find returns the param of a name, nil when there is none, and which one to
// expect next: most clients send values in one order, often that of the fields.
func (g *group) find(name []byte, expected int) (p *param, next int) {
	if expected < len(g.params) && g.params[expected].name == string(name) {
		return g.params[expected], expected + 1
	}
	p, known := g.byName[string(name)]
	if !known {
		return nil, expected
	}
	return p, p.nth + 1
}

// A param is a field of the input that is filled from anything but the body.
type param struct {
	in     Source
	name   string
	field  string // the Go name, for messages
	typ    reflect.Type
	offset uintptr
	parent uintptr // the offset of the struct around it
	order  int     // the position among the params, and the bit in a [bitset.Set]
	nth    int     // the position among those of its source

	set      setter
	many     bool // a slice: each value appends to it
	file     bool // a File, []File or *File
	required bool
	initial  func(p memory.Pointer) // stores the default; nil without one
	judge    bool                   // the default must be judged, since its rules refer to other fields
	rules    *rules.Rules           // nil without any
	precheck schema.Precheck        // on rules; nil without any
}

// Compile makes the plan of an input type. Its error is a [*TypeError], a
// mistake in the program.
func Compile(input reflect.Type, o Options) (*Plan, error) {
	if o.Validator == nil {
		o.Validator = NewValidator()
	}
	c := compiler{
		Options: o,
		plan:    &Plan{input: input, pointerType: reflect.PointerTo(input)},
		rules:   rules.NewCompiler(o.Validator),
	}
	c.schemas = schema.NewCompiler(c.rules)
	if err := c.compile(); err != nil {
		return nil, &TypeError{Type: input.String(), Field: c.at, Detail: err.Error()}
	}
	c.schemas.Finish()
	c.verdicts()
	return c.plan, nil
}

// NewValidator returns a validator as [Compile] makes it when it is given
// none, for those who want to add rules to it.
func NewValidator() *validator.Validate {
	return validator.New(validator.WithRequiredStructEnabled())
}

// Input returns the type that the plan was compiled from.
func (p *Plan) Input() reflect.Type { return p.input }

// HasFiles reports whether the input has uploads, so that [Plan.Release] has
// something to do.
func (p *Plan) HasFiles() bool { return len(p.files) > 0 }

// Decode fills *input, a pointer to a zero value of the plan's input type,
// from the request, whose path parameters are those of [SetPath]. It fails with
// an [*Error]. raw is not kept, and only read, but for a Content-Encoding of
// identity, which a multipart form loses.
//
// After a Decode without error of a plan that [Plan.HasFiles], the caller owns
// the open uploads and calls [Plan.Release] once they are no longer needed.
func (p *Plan) Decode(raw *fasthttp.RequestCtx, input any) error {
	return p.DecodeWith(raw, PathOf(raw), input)
}

// DecodeWith is [Plan.Decode] with path parameters that nobody else looks at.
// They are only read, and nothing of them is kept, so they may lie on the stack
// and in the request's memory. nil is none.
func (p *Plan) DecodeWith(raw *fasthttp.RequestCtx, path *PathValues, input any) error {
	d := decoding{plan: p, raw: raw, base: p.pointer(input)}
	err := d.decode(path)
	if err != nil {
		p.release(d.base)
	}
	return err
}

// Release closes the uploads in *input, a value that [Plan.Decode] filled.
// Readers that are still open stay usable until they are closed. A second
// Release does nothing.
func (p *Plan) Release(input any) {
	p.release(p.pointer(input))
}

func (p *Plan) release(base memory.Pointer) {
	for _, f := range p.files {
		for _, file := range f.filesAt(base) {
			if file.upload != nil {
				file.upload.end()
			}
		}
	}
}

func (p *Plan) pointer(input any) memory.Pointer {
	if reflect.TypeOf(input) != p.pointerType {
		panic(fmt.Sprintf("params: the plan of %s was given a %T", p.input, input))
	}
	return memory.Of(reflect.ValueOf(input))
}

// A compiler makes one plan.
type compiler struct {
	Options
	plan    *Plan
	rules   *rules.Compiler
	schemas *schema.Compiler
	at      string // the field at hand, for messages
}

// verdicts compiles the first passes over the body and the params.
func (c *compiler) verdicts() {
	if b := c.plan.body; b != nil {
		b.reader = jsonread.New(b.root)
		b.precheck = schema.BodyPrecheck(b.root, b.rules)
	}
	for _, p := range c.plan.params {
		if p.rules != nil {
			p.precheck = schema.ParamPrecheck(p.typ, p.rules)
		}
	}
}

func (c *compiler) compile() error {
	t := c.plan.input
	if t.Kind() == reflect.Struct && hasSourceTag(t) {
		return c.fields(t, 0, "")
	}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && hasSourceTag(t.Elem()) {
		return fmt.Errorf("must not be a pointer: use %s", t.Elem())
	}
	return c.wholeBody(t)
}

// wholeBody compiles a type that has no source tags: it is the JSON body.
func (c *compiler) wholeBody(t reflect.Type) error {
	switch elem := kind.Deref(t); elem.Kind() {
	case reflect.Struct:
		if elem.NumField() == 0 {
			return nil // struct{}: no input, the body is not looked at
		}
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Interface:
	default:
		return fmt.Errorf("can't be a JSON body: use a struct whose fields have tags such as `query:\"name\"`, " +
			"or a struct, slice or map for the body")
	}
	if c.isBodiless() {
		return fmt.Errorf("has no source tags, so it is the JSON body, which a %s request does not have: "+
			"add tags such as `query:\"name\"`, or use struct{}", c.Method)
	}
	root, err := c.schemas.Of(t)
	if err != nil {
		return err
	}
	c.plan.body = &body{typ: t, root: root, rules: rules.Required(t)}
	return nil
}

// hasSourceTag reports whether a struct or one that it embeds has a source tag.
// Structs behind embedded pointers count, so that the mistake is found; seen
// are those around.
func hasSourceTag(t reflect.Type, seen ...reflect.Type) bool {
	seen = append(seen, t)
	for f := range t.Fields() {
		if source, _, _ := rules.SourceOf(f); source != "" {
			return true
		}
		inner := kind.Deref(f.Type)
		if f.Anonymous && inner.Kind() == reflect.Struct && !slices.Contains(seen, inner) && hasSourceTag(inner, seen...) {
			return true
		}
	}
	return false
}

// fields compiles the fields of a struct that lies at offset in the input.
func (c *compiler) fields(t reflect.Type, offset uintptr, prefix string) error {
	for f := range t.Fields() {
		c.at = prefix + f.Name
		tag, name, more := rules.SourceOf(f)
		source := Source(tag)
		if err := rules.CheckTag(f); err != nil {
			return err
		}
		switch {
		case more:
			return fmt.Errorf("has two source tags, %s and another: sources never mix, keep one", source)
		case source == "" && f.Tag.Get("validate") != "":
			if f.Anonymous {
				return fmt.Errorf("has rules, but an embedded struct is no value: give the rules to its fields")
			}
			return fmt.Errorf("has rules, but no source tag: add `path`, `query`, `header`, `cookie`, `form` or `body`")
		case source == "" && f.Anonymous:
			if f.Type.Kind() != reflect.Struct {
				return fmt.Errorf("embeds %s: only structs can be embedded, by value", f.Type)
			}
			if err := c.fields(f.Type, offset+f.Offset, c.at+"."); err != nil {
				return err
			}
		case source == "" && !f.IsExported():
		case source == "":
			return fmt.Errorf("has no source tag: add `path`, `query`, `header`, `cookie`, `form` or `body`")
		case !f.IsExported():
			return fmt.Errorf("is not exported, so it can't be filled: rename it to start with a capital letter")
		case (source == Body || source == Form) && c.isBodiless():
			return fmt.Errorf("reads the body, which a %s request does not have: use `query`, or another method", c.Method)
		case source == Body:
			if err := c.bodyField(f, offset, name); err != nil {
				return err
			}
		default:
			if err := c.param(t, f, offset, source, name); err != nil {
				return err
			}
		}
	}
	c.at = strings.TrimSuffix(prefix, ".")
	return nil
}

// isBodiless reports whether the route's requests have no body.
func (c *compiler) isBodiless() bool {
	return c.Method == fasthttp.MethodGet || c.Method == fasthttp.MethodHead || c.Method == fasthttp.MethodTrace
}

func (c *compiler) bodyField(f reflect.StructField, offset uintptr, name string) error {
	switch {
	case c.plan.body != nil:
		return fmt.Errorf("is a second body: a request has one")
	case name != "":
		return fmt.Errorf("has `body:%q`, but the whole body goes into it: write `body:\"\"` and name the parts with json tags", name)
	case len(c.plan.form.params) > 0:
		return fmt.Errorf("reads the body as JSON, but %s reads it as a form: keep one of them", c.plan.form.params[0].field)
	case f.Tag.Get("default") != "":
		return fmt.Errorf("has a default: a body has none, use a pointer and test it for nil")
	}
	root, err := c.schemas.Of(f.Type)
	if err != nil {
		return err
	}
	r, err := c.rules.Compile(f.Tag.Get("validate"), f.Type, nil)
	if err != nil {
		return err
	}
	c.plan.body = &body{typ: f.Type, offset: offset + f.Offset, order: len(c.plan.params), root: root, rules: r}
	return nil
}

func (c *compiler) param(parent reflect.Type, f reflect.StructField, offset uintptr, source Source, name string) error {
	if err := c.checkName(source, name); err != nil {
		return err
	}
	if len(c.plan.params) == bitset.Size {
		return fmt.Errorf("is parameter number %d: an input has at most %d", bitset.Size+1, bitset.Size)
	}
	p := &param{
		in: source, name: name, field: c.at, typ: f.Type,
		offset: offset + f.Offset, parent: offset, order: len(c.plan.params), file: isFile(f.Type),
	}
	var err error
	if !p.file {
		if p.set, p.many, err = setterOf(f.Type, c.rules.TypeText); err != nil {
			return fmt.Errorf("has type %s, which %w", f.Type, err)
		}
	} else if source != Form {
		return fmt.Errorf("is a file from the %s: files come from a form, use `form:%q`", source, name)
	}
	p.rules, err = c.rules.CompileInput(f.Tag.Get("validate"), f.Type, parent)
	if err != nil {
		return err
	}
	p.required = p.rules != nil && p.rules.Required
	if choices := p.rules.Choices(); choices != nil && f.Type.Kind() == reflect.String && !kind.DecodesItself(f.Type) {
		p.set = setChoice(choices, p.set)
	}
	if err := c.addDefault(p, f); err != nil {
		return err
	}
	if p.file {
		c.plan.files = append(c.plan.files, p)
	}
	c.plan.params = append(c.plan.params, p)
	c.plan.of(source).add(p)
	return nil
}

func (c *compiler) checkName(source Source, name string) error {
	if name == "" {
		return fmt.Errorf("has an empty %s tag: write `%s:\"name\"`", source, source)
	}
	if strings.Contains(name, ",") {
		return fmt.Errorf("has `%s:%q`, but the tag is a name without options", source, name)
	}
	if source == Header && !isToken(name) {
		return fmt.Errorf("has `header:%q`, which can't be the name of a header field", name)
	}
	for _, other := range c.plan.of(source).params {
		if other.name == name || source == Header && strings.EqualFold(other.name, name) {
			return fmt.Errorf("reads the %s parameter %q, as %s does: keep one of them", source, name, other.field)
		}
	}
	switch {
	case source == Path && !slices.Contains(c.PathParams, name):
		return fmt.Errorf("reads the path parameter %q, which the route does not have: add {%s} to its pattern", name, name)
	case source == Form && c.plan.body != nil:
		return fmt.Errorf("reads the body as a form, but another field reads it as JSON: keep one of them")
	}
	return nil
}

// isToken reports whether a name is a token of RFC 9110, section 5.6.2.
func isToken(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@,;:\\\"/[]?={}", c) >= 0 {
			return false
		}
	}
	return true
}

func (b *bySource) of(s Source) *group {
	switch s {
	case Path:
		return &b.path
	case Query:
		return &b.query
	case Header:
		return &b.header
	case Cookie:
		return &b.cookie
	default:
		return &b.form
	}
}

// setterOf returns how values are stored into a field of type t, and whether
// there may be many.
func setterOf(t reflect.Type, typeText func(reflect.Type) string) (set setter, many bool, err error) {
	if set, err = setterFor(t, typeText); err == nil {
		return set, false, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if set, err = setterFor(t.Elem(), typeText); err == nil {
			return setPointer(t.Elem(), set), false, nil
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, false, fmt.Errorf("would be a list of small numbers: use string for text")
		}
		if set, err = setterFor(t.Elem(), typeText); err == nil {
			return appendTo(t, set), true, nil
		}
	}
	return nil, false, err
}

// addDefault compiles the default tag. A slice's default is split at commas.
func (c *compiler) addDefault(p *param, f reflect.StructField) error {
	text, ok := f.Tag.Lookup("default")
	if !ok {
		return nil
	}
	switch {
	case p.file:
		return fmt.Errorf("has a default: a file has none")
	case p.required:
		return fmt.Errorf("is required and has a default %q, which would never be used: keep one of them", text)
	}
	values := []string{text}
	if p.many {
		values = strings.Split(text, ",")
	}
	proto := reflect.New(p.typ)
	for _, value := range values {
		if err := p.set(memory.Of(proto), value); err != nil {
			return fmt.Errorf("has the default %q, which %w", text, err)
		}
	}
	if p.rules != nil {
		if p.judge = p.rules.Refer(); !p.judge {
			found := schema.CheckParam(nil, schema.Fault{In: string(p.in)}, p.rules, p.typ, memory.Of(proto), memory.Pointer{})
			if len(found) > 0 {
				return fmt.Errorf("has the default %q, which breaks the field's own rules: %s", text, found[0].Detail)
			}
		}
	}
	if isImmutable(p.typ) {
		p.initial = func(at memory.Pointer) { at.Value(p.typ).Set(proto.Elem()) }
		return nil
	}
	// What a handler could change in place is made anew for each request.
	p.initial = func(at memory.Pointer) {
		for _, value := range values {
			_ = p.set(at, value) // the values were tried above
		}
	}
	return nil
}

// isImmutable reports whether copies of a value of type t share nothing that
// could be written to.
func isImmutable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Array, reflect.Struct:
		return t == kind.Time
	default:
		return true
	}
}
