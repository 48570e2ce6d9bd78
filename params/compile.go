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
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// Options is what a [Plan] needs to know besides the input type. The zero
// value is a route without path parameters.
type Options struct {
	// Method is the method of the route's requests. With GET, HEAD and TRACE, a
	// field that reads the body is a mistake: there a body has no meaning (RFC
	// 9110, 9.3), and browsers send none. Empty means a method with a body.
	Method string

	// IsProvider says that the input is that of a provider, which can't read the body: that
	// is the handler's.
	IsProvider bool

	// PathParams are the parameters in the route's pattern. A path field that
	// is not among them is a mistake.
	PathParams []string

	// RejectUnknown makes names that the input does not have a fault: members of a
	// JSON body, at any depth, fields of a form, and parameters in the query. Headers
	// and cookies are never refused, since browsers and proxies add some. Without it,
	// what has no name in the input is ignored.
	RejectUnknown bool

	// Validator judges the validate tags. Register custom rules with it before
	// the first Compile, under new names: a custom rule with the name of a built-in
	// one is not asked about values that the built-in one surely accepts. nil means
	// a new one without custom rules.
	Validator *validator.Validate
}

// Compile makes the plan of an input type. Its error is a [*TypeError], a
// mistake in the program.
func Compile(input reflect.Type, o Options) (*Plan, error) {
	if o.Validator == nil {
		o.Validator = NewValidator()
	}
	c := compiler{
		Options: o,
		plan:    &Plan{input: input, pointerType: reflect.PointerTo(input), rejectsUnknown: o.RejectUnknown, validator: o.Validator},
		rules:   rules.NewCompiler(o.Validator),
	}
	c.rules.TellTypes(ownTypes)
	c.schemas = schema.NewCompiler(c.rules)
	c.schemas.RejectUnknown, c.schemas.Default = o.RejectUnknown, c.memberDefault
	if err := c.compile(); err != nil {
		return nil, &TypeError{Type: input.String(), Field: c.at, Detail: err.Error()}
	}
	c.schemas.Finish()
	c.prechecks()
	c.validates()
	c.plan.isEmpty = c.plan.body == nil && len(c.plan.params) == 0 && !o.RejectUnknown
	c.plan.readsQuery = len(c.plan.query.params) > 0 || o.RejectUnknown
	return c.plan, nil
}

// NewValidator returns the validator that [Compile] makes when it is given none, for
// those who want to add rules to it.
func NewValidator() *validator.Validate {
	return validator.New(validator.WithRequiredStructEnabled())
}

// A compiler makes one plan.
type compiler struct {
	Options
	plan    *Plan
	rules   *rules.Compiler
	schemas *schema.Compiler
	at      string // the field at hand, for messages
}

// prechecks compiles the first passes over the body and the params.
func (c *compiler) prechecks() {
	if b := c.plan.body; b != nil {
		b.reader = jsonread.New(b.root)
		b.precheck = schema.BodyPrecheck(b.root, b.rules)
	}
	for _, p := range c.plan.params {
		if p.rules != nil {
			p.precheck = p.optionalPrecheck(schema.ParamPrecheck(p.typ, p.rules))
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
		return fmt.Errorf("has no source tags, so it is the JSON body, which %s: "+
			"add tags such as `query:\"name\"`, or use struct{}", c.whyBodiless())
	}
	if _, ok := kind.OptionalOf(t); ok {
		return errOptionalBody
	}
	root, err := c.schemas.Of(t)
	if err != nil {
		return err
	}
	c.plan.body = &body{root: root, rules: rules.Required(t)}
	return nil
}

// hasSourceTag reports whether a struct, or one that it embeds, has a source tag.
// Structs behind embedded pointers count too, so that this mistake is found. seen
// are the structs around t.
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
		case source == "" && f.Anonymous && f.Type.Kind() == reflect.Struct && kind.HiddenValidatable(t) != nil:
			return hiddenValidate(t)
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
			return fmt.Errorf("reads the body, which %s: use `query`, or another %s", c.whyBodiless(), c.whatHasBody())
		case source == rules.ProvidedSource:
			if err := c.providedField(f, offset, name); err != nil {
				return err
			}
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

// isBodiless reports whether the input can't read a body.
func (c *compiler) isBodiless() bool {
	return c.IsProvider || c.Method == fasthttp.MethodGet || c.Method == fasthttp.MethodHead || c.Method == fasthttp.MethodTrace
}

func (c *compiler) bodyField(f reflect.StructField, offset uintptr, name string) error {
	_, hasDefault := f.Tag.Lookup("default")
	switch {
	case c.plan.body != nil:
		return fmt.Errorf("is a second body: a request has one")
	case name != "":
		return fmt.Errorf("has `body:%q`, but the whole body goes into it: write `body:\"\"` and name the parts with json tags", name)
	case len(c.plan.form.params) > 0:
		return fmt.Errorf("reads the body as JSON, but %s reads it as a form: keep one of them", c.plan.form.params[0].field)
	case hasDefault:
		return fmt.Errorf("has a default: a body has none, use a pointer and test it for nil")
	}
	if _, ok := kind.OptionalOf(f.Type); ok {
		return errOptionalBody
	}
	root, err := c.schemas.Of(f.Type)
	if err != nil {
		return err
	}
	r, err := c.rules.Compile(f.Tag.Get("validate"), f.Type, nil)
	if err != nil {
		return err
	}
	c.plan.body = &body{tag: f.Tag, offset: offset + f.Offset, order: len(c.plan.params), root: root, rules: r}
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
		in: source, name: name, field: c.at, typ: f.Type, tag: f.Tag, around: parent,
		offset: offset + f.Offset, parent: offset, order: len(c.plan.params), file: isFile(f.Type),
	}
	err := p.unwrap(f)
	if err != nil {
		return err
	}
	if !p.file {
		if p.set, p.many, err = setterOf(p.typ, c.rules.TypeText); err != nil {
			return fmt.Errorf("has type %s, which %w", p.typ, err)
		}
	} else if source != Form {
		return fmt.Errorf("is a file from the %s: files come from a form, use `form:%q`", source, name)
	}
	p.rules, err = c.rules.CompileInput(f.Tag.Get("validate"), f.Type, parent)
	if err != nil {
		return err
	}
	p.required = p.rules != nil && p.rules.Required
	if choices := p.rules.Choices(); choices != nil && p.typ.Kind() == reflect.String && !kind.DecodesItself(p.typ) {
		p.set = setChoice(choices, p.set)
	}
	if p.optional != nil {
		p.set = setOptional(p.optional, p.set)
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
	if source == Cookie && strings.ContainsAny(name, "=; \t") {
		return fmt.Errorf("has `cookie:%q`, which can't be the name of a cookie", name)
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
