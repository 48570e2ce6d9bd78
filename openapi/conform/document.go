package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An object is one of JSON. Numbers in it are json.Number.
type object = map[string]any

// place is the key under which each object of a document has its own JSON pointer.
const place = "\x00place"

const base = "https://conform.invalid/openapi.json"

// A document is read for drawing, and for a judge.
type document struct {
	root     object
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
	flats    map[string]object
}

func newDocument(text []byte) (*document, error) {
	judged, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("conform: the document is no JSON: %w", err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	d := &document{compiler: jsonschema.NewCompiler(), schemas: make(map[string]*jsonschema.Schema), flats: make(map[string]object)}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	d.compiler.AssertContent()
	if err := d.compiler.AddResource(base, judged); err != nil {
		return nil, err
	}
	d.root, _ = read.(object)
	if version, _ := d.root["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		return nil, fmt.Errorf("conform: the document is none of OpenAPI 3.1: its version is %q", version)
	}
	mark(d.root, "")
	return d, nil
}

// mark writes into each object where it is.
func mark(value any, at string) {
	switch value := value.(type) {
	case object:
		for key, v := range value {
			mark(v, at+"/"+escape(key))
		}
		value[place] = at
	case []any:
		for i, v := range value {
			mark(v, fmt.Sprint(at, "/", i))
		}
	}
}

// escape writes a key for a JSON pointer in a URL.
func escape(key string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
}

// readable returns a pointer as people read it.
func readable(at string) string {
	if plain, err := url.PathUnescape(at); err == nil {
		at = plain
	}
	return "#" + at
}

// deref follows the reference that a part of the document may be.
func (d *document) deref(value any) object {
	o, _ := value.(object)
	for range 10 {
		ref, ok := o["$ref"].(string)
		if !ok {
			break
		}
		o = d.lookUp(ref)
	}
	return o
}

// lookUp returns the object that a reference inside the document names.
func (d *document) lookUp(ref string) object {
	value := any(d.root)
	for token := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		if plain, err := url.PathUnescape(token); err == nil {
			token = plain
		}
		o, _ := value.(object)
		value = o[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	o, _ := value.(object)
	return o
}

// judge judges JSON by the schema of the document that stands at a pointer.
func (d *document) judge(at string, value any) error {
	schema := d.schemas[at]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(base + "#" + at); err != nil {
			return fmt.Errorf("the schema can't be read: %w", err)
		}
		d.schemas[at] = schema
	}
	return schema.Validate(value)
}

// An operation is one of the document.
type operation struct {
	method, path string
	at           string // its pointer
	params       []*param
	body         object // the schema of a JSON body, nil without one
	bodyType     string // its media type
	mustBody     bool   // it must not be left out
	formTypes    []string
	responses    object
	unsaid       []string // the rules of x-validate in its input
	lenient      bool     // its handler has such rules, too
}

func (o *operation) name() string { return o.method + " " + o.path }

// A param is a value that is sent as a text: a parameter, or a field of a form.
type param struct {
	in, name string
	required bool
	file     bool
	schema   object
	at       string // its pointer
}

// form is where fields of forms are, besides what OpenAPI has: path, query, header, cookie.
const form = "form"

// operations returns all operations but those that are left out, in the order of their
// paths.
func (d *document) operations(options Options) (all []*operation, err error) {
	paths, _ := d.root["paths"].(object)
	named := 0
	for _, path := range keys(paths) {
		item := d.deref(paths[path])
		for _, method := range []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"} {
			node, ok := item[method].(object)
			if !ok {
				continue
			}
			op := &operation{method: strings.ToUpper(method), path: path, at: node[place].(string)}
			if slices.Contains(options.Skip, op.name()) {
				named++
				continue
			}
			if op.lenient = slices.Contains(options.Lenient, op.name()); op.lenient {
				named++
			}
			op.responses, _ = node["responses"].(object)
			d.readParams(op, append(list(item["parameters"]), list(node["parameters"])...))
			if err := d.readBody(op, d.deref(node["requestBody"])); err != nil {
				return nil, err
			}
			all = append(all, op)
		}
	}
	if named != len(options.Skip)+len(options.Lenient) {
		return nil, fmt.Errorf("conform: Options.Skip %q or Options.Lenient %q has an operation that the document has not, or one twice", options.Skip, options.Lenient)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("conform: the document has no operations")
	}
	return all, nil
}

func (d *document) readParams(op *operation, params []any) {
	for _, value := range params {
		p := d.deref(value)
		one := &param{at: p[place].(string), required: is(p["required"], true)}
		one.in, _ = p["in"].(string)
		one.name, _ = p["name"].(string)
		one.schema, _ = p["schema"].(object)
		op.params = append(op.params, one)
		d.collectUnsaid(op, one.schema)
	}
}

const (
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

func (d *document) readBody(op *operation, body object) error {
	content, _ := body["content"].(object)
	for _, kind := range keys(content) {
		media := d.deref(content[kind])
		switch {
		case isJSON(kind) && op.body == nil:
			op.body, _ = media["schema"].(object)
			op.bodyType = kind
			op.mustBody = is(body["required"], true)
			d.collectUnsaid(op, op.body)
		case kind == mediaForm, kind == mediaMultipart:
			if op.formTypes = append(op.formTypes, kind); len(op.formTypes) == 1 {
				d.readForm(op, media)
			}
		}
	}
	if len(content) > 0 && op.body == nil && op.formTypes == nil {
		return fmt.Errorf("conform: %s takes a body that is neither JSON nor a form: leave it out by Options.Skip", op.name())
	}
	return nil
}

// readForm takes the fields of a form for parameters.
func (d *document) readForm(op *operation, media object) {
	schema := d.flat(d.deref(media["schema"]))
	properties, _ := schema["properties"].(object)
	for _, name := range keys(properties) {
		field, _ := properties[name].(object)
		p := &param{in: form, name: name, schema: field, at: field[place].(string)}
		p.required = slices.Contains(list(schema["required"]), any(name))
		flat := d.flat(field)
		items, _ := flat["items"].(object)
		p.file = flat["format"] == "binary" || d.flat(items)["format"] == "binary"
		op.params = append(op.params, p)
		d.collectUnsaid(op, field)
	}
}

// collectUnsaid collects the rules that schemas can't say.
func (d *document) collectUnsaid(op *operation, schema object) {
	seen := make(map[string]bool)
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case object:
			at, _ := value[place].(string)
			if seen[at] {
				return
			}
			seen[at] = true
			for _, rule := range list(value["x-validate"]) {
				op.unsaid = append(op.unsaid, fmt.Sprint(rule))
			}
			if ref, ok := value["$ref"].(string); ok {
				walk(d.lookUp(ref))
			}
			for _, v := range value {
				walk(v)
			}
		case []any:
			for _, v := range value {
				walk(v)
			}
		}
	}
	walk(schema)
}

// answer returns what the document says of a status, nil for nothing.
func (d *document) answer(op *operation, status int) object {
	for _, key := range []string{fmt.Sprint(status), fmt.Sprintf("%dXX", status/100), "default"} {
		if answer := d.deref(op.responses[key]); answer != nil {
			return answer
		}
	}
	return nil
}

// says reports whether the document names a status itself.
func says(op *operation, status int) bool { return op.responses[fmt.Sprint(status)] != nil }

// is reports whether a keyword is the bool that is wanted.
func is(keyword any, want bool) bool {
	b, ok := keyword.(bool)
	return ok && b == want
}

// keys returns the keys of an object of the document.
func keys(o object) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(o)), func(key string) bool { return key == place })
}

func list(value any) []any { all, _ := value.([]any); return all }

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// number returns a keyword that is a number.
func number(o object, key string) (float64, bool) {
	n, ok := o[key].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
