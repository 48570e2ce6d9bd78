package openapi

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/velithon-go/velithon/params"
)

// A Schemer is a type that says its schema itself, a JSON Schema of the draft 2020-12,
// since it has its own way into JSON. The method is called on a zero value, or on a pointer
// to one.
type Schemer interface {
	// OpenAPISchema returns the schema, as keywords with what encoding/json can write.
	OpenAPISchema() map[string]any
}

// A mode is how a type is used.
type mode int

const (
	reads       mode = iota // its rules count
	readsFreely             // they don't, since a tag around it says so
	writes
)

// A use is a type in a mode.
type use struct {
	t reflect.Type
	mode
}

// schemas makes the schemas of a document, and keeps those of types with a name as
// components.
type schemas struct {
	plan       *params.Plan // of the operation at hand: it knows the members of what is read
	components map[use]*object
	order      []use
	names      map[use]string // of the components, once all are there
	err        error          // the first that was found
}

func newSchemas() *schemas { return &schemas{components: make(map[use]*object)} }

// fail keeps the first error.
func (s *schemas) fail(err error) { s.err = cmp.Or(s.err, err) }

// A reference is the URI of a component, whose name is known once all types are.
type reference struct {
	use
	in *schemas
}

// MarshalText returns the URI.
func (r reference) MarshalText() ([]byte, error) {
	return []byte("#/components/schemas/" + r.in.names[r.use]), nil
}

func isReference(o *object) bool { return o.has("$ref") }

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// value returns the schema of values of type t with the rules r, which may be nil.
func (s *schemas) value(t reflect.Type, m mode, r *params.Rules) *object {
	mayBeNull := false
	for t.Kind() == reflect.Pointer {
		t, mayBeNull = t.Elem(), true
	}
	if m == writes {
		mayBeNull = mayBeNull || isWrittenNull(t)
	}
	if r != nil && m == reads {
		if t.Kind() == reflect.Interface && r.RefusesNull {
			return s.ruled(obj("not", obj("type", "null")), t, r) // an any
		}
		mayBeNull = mayBeNull && !r.RefusesNull
		if r.Muted {
			m = readsFreely
		}
		o := s.ruled(s.of(t, m, r), t, r)
		if mayBeNull {
			return nullable(o)
		}
		return o
	}
	o := s.of(t, m, nil)
	if mayBeNull {
		return nullable(o)
	}
	return o
}

// isWrittenNull reports whether values of type t, which is no pointer, are written as null
// when they are nil.
func isWrittenNull(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && waysOf(t, writes) == byKind && t != rawType
}

// nullable returns a schema that allows null besides.
func nullable(o *object) *object {
	name, ok := o.get("type").(string)
	switch {
	case o.isEmpty():
		return o // anything
	case ok && !o.has("enum") && !o.has("const") && !o.has("anyOf") && !o.has("allOf") && !o.has("not"):
		return o.clone().set("type", []string{name, "null"})
	default:
		return obj("anyOf", []any{o, obj("type", "null")})
	}
}

// of returns the schema of a type that is no pointer, without what its rules ask of the
// value itself. elements of a list get those that r has for them.
func (s *schemas) of(t reflect.Type, m mode, r *params.Rules) *object {
	if o := known(t); o != nil {
		return o
	}
	if o := said(t); o != nil {
		return o
	}
	switch waysOf(t, m) {
	case byText:
		if isUUID(t) {
			return obj("type", "string", "format", "uuid")
		}
		return obj("type", "string")
	case byMethod:
		return obj() // anything
	}
	switch t.Kind() {
	case reflect.Struct:
		if t.Name() == "" {
			return s.structure(t, m)
		}
		return s.component(t, m, func() *object { return s.structure(t, m) })
	case reflect.Slice, reflect.Array, reflect.Map:
		if t.Name() != "" && reaches(t.Elem(), t) {
			return s.component(t, m, func() *object { return s.list(t, m, nil) })
		}
		return s.list(t, m, r)
	default:
		return scalar(t)
	}
}

// component returns a reference to the schema that describe makes of a type. It is there
// before the schema is, since types may be recursive.
func (s *schemas) component(t reflect.Type, m mode, describe func() *object) *object {
	at := use{t, m}
	if s.components[at] == nil {
		s.components[at] = obj()
		s.order = append(s.order, at)
		*s.components[at] = *describe()
	}
	return obj("$ref", reference{at, s})
}

// list returns the schema of a slice, an array or a map.
func (s *schemas) list(t reflect.Type, m mode, r *params.Rules) *object {
	var keys, elements *params.Rules
	if r != nil {
		keys, elements = r.Keys, r.Elements
	}
	switch {
	case t.Kind() == reflect.Map:
		o := obj("type", "object", "additionalProperties", s.value(t.Elem(), m, elements))
		if names := s.ruled(keySchema(t.Key()), t.Key(), keys); len(names.members) > 1 {
			o.set("propertyNames", names)
		}
		return o
	case t.Kind() == reflect.Array:
		return obj("type", "array", "items", s.value(t.Elem(), m, elements), "minItems", t.Len(), "maxItems", t.Len())
	case t.Elem().Kind() == reflect.Uint8 && waysOf(t.Elem(), m) == byKind:
		return obj("type", "string", "contentEncoding", "base64")
	default:
		return obj("type", "array", "items", s.value(t.Elem(), m, elements))
	}
}

// keySchema returns the schema of the keys of a map, which are texts in JSON.
func keySchema(t reflect.Type) *object {
	switch k := t.Kind(); {
	case reflect.PointerTo(t).Implements(textUnmarshaler) || t.Implements(textMarshaler) || k == reflect.String:
		return obj("type", "string")
	case reflect.Uint <= k && k <= reflect.Uintptr:
		return obj("type", "string", "pattern", "^[0-9]+$")
	default:
		return obj("type", "string", "pattern", "^-?[0-9]+$")
	}
}

// scalar returns the schema of a value that is neither a list nor a struct.
func scalar(t reflect.Type) *object {
	switch k := t.Kind(); k {
	case reflect.Bool:
		return obj("type", "boolean")
	case reflect.String:
		return obj("type", "string")
	case reflect.Float32:
		return obj("type", "number", "format", "float")
	case reflect.Float64:
		return obj("type", "number", "format", "double")
	case reflect.Int, reflect.Int64:
		return obj("type", "integer", "format", "int64")
	case reflect.Int8, reflect.Int16, reflect.Int32:
		o := obj("type", "integer")
		if k == reflect.Int32 {
			o.set("format", "int32")
		}
		n := int64(1) << (t.Bits() - 1)
		return o.set("minimum", -n).set("maximum", n-1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return obj("type", "integer", "minimum", int64(0), "maximum", int64(1)<<t.Bits()-1)
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return obj("type", "integer", "minimum", int64(0))
	default:
		return obj() // an interface: anything
	}
}

// known returns the schema of a type whose way into JSON is known; nil of all others.
func known(t reflect.Type) *object {
	switch t {
	case timeType:
		return obj("type", "string", "format", "date-time")
	case numberType:
		return obj("type", "number")
	case rawType:
		return obj()
	default:
		return nil
	}
}

// said returns the schema that a type says itself; nil when it does not.
func said(t reflect.Type) *object {
	if t.Kind() == reflect.Interface {
		return nil
	}
	schemer, ok := reflect.TypeAssert[Schemer](reflect.New(t))
	if !ok {
		return nil
	}
	o := obj()
	schema := schemer.OpenAPISchema()
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		o.set(key, schema[key])
	}
	return o
}

// A way is how a value gets into JSON, or out of it.
type way int

const (
	byKind   way = iota // as its kind does
	byText              // by a method, as a text
	byMethod            // by a method, as anything
)

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// waysOf returns the way of values of type t. A method that only a pointer has writes
// those that can be addressed, which nobody knows here: so they may be anything.
func waysOf(t reflect.Type, m mode) way {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Interface {
		return byKind
	}
	if m != writes {
		switch {
		case hasMethod(p, "UnmarshalJSON", "UnmarshalJSONFrom"):
			return byMethod
		case p.Implements(textUnmarshaler):
			return byText
		}
		return byKind
	}
	switch {
	case hasMethod(p, "MarshalJSON", "MarshalJSONTo"):
		return byMethod
	case t.Implements(textMarshaler):
		return byText
	case p.Implements(textMarshaler):
		return byMethod
	}
	return byKind
}

func hasMethod(t reflect.Type, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, has := t.MethodByName(name)
		return has
	})
}

// isUUID reports whether a type is one of the usual ones for UUIDs: 16 bytes that are
// written as a text.
func isUUID(t reflect.Type) bool {
	return t.Name() == "UUID" && t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// reaches reports whether t leads to the list target without a struct in between, which is
// a component.
func reaches(t, target reflect.Type, seen ...reflect.Type) bool {
	if t == target || slices.Contains(seen, t) {
		return t == target
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return reaches(t.Elem(), target, append(seen, t)...)
	case reflect.Struct:
		if t.Name() != "" {
			return false
		}
		for f := range t.Fields() {
			if reaches(f.Type, target, append(seen, t)...) {
				return true
			}
		}
	}
	return false
}

// structure returns the schema of a struct.
func (s *schemas) structure(t reflect.Type, m mode) *object {
	o := obj("type", "object")
	properties := obj()
	var required, embedded []string
	for _, member := range s.members(t, m) {
		if member.Name == "" {
			if m == reads {
				embedded = append(embedded, member.Rules.Texts...)
			}
			continue
		}
		properties.set(member.Name, s.member(member, t, m))
		if member.Required && m != readsFreely {
			required = append(required, member.Name)
		}
	}
	if !properties.isEmpty() {
		o.set("properties", properties)
	}
	if len(required) > 0 {
		o.set("required", required)
	}
	if len(embedded) > 0 {
		o.set(xValidate, embedded)
	}
	return o
}

func (s *schemas) members(t reflect.Type, m mode) []params.Member {
	if m == writes {
		return params.WrittenMembers(t)
	}
	members, err := s.plan.Members(t)
	if err != nil {
		s.fail(fmt.Errorf("openapi: %w", err))
	}
	return members
}

// member returns the schema of a member of the struct type around.
func (s *schemas) member(member params.Member, around reflect.Type, m mode) *object {
	t := member.Field.Type
	where := around.String() + "." + member.Field.Name
	if member.Quoted && waysOf(deref(t), m) == byKind {
		o := obj("type", "string")
		if member.Rules != nil && m == reads {
			o = unsaid(o, member.Rules.Texts)
		}
		if t.Kind() == reflect.Pointer && !(m == reads && member.Rules != nil && member.Rules.RefusesNull) {
			o = nullable(o)
		}
		return s.annotated(o, member.Field.Tag, reflect.TypeFor[string](), where)
	}
	return s.annotated(s.value(t, m, member.Rules), member.Field.Tag, t, where)
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
