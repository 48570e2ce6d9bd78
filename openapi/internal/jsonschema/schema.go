package jsonschema

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/velithon-go/velithon/params"
)

// A schemer is an openapi.Schemer.
type schemer interface{ OpenAPISchema() map[string]any }

// A Mode is how a type is used.
type Mode int

// The modes.
const (
	Reads       Mode = iota // its rules count
	ReadsFreely             // they don't, since a tag around it says so
	Writes
)

// A use is a type in a mode.
type use struct {
	t reflect.Type
	Mode
	strict bool // what is read has no members but those that are known
}

// Schemas makes the schemas of a document, and keeps those of types with a name as
// components.
type Schemas struct {
	plan       *params.Plan // see Read
	components map[use]*Object
	order      []use
	names      map[use]string // of the components, once all are there
	err        error          // the first that was found
}

// New returns schemas without any types.
func New() *Schemas { return &Schemas{components: make(map[use]*Object)} }

// Read sets the plan of the inputs whose types are described next: it knows the members of
// what is read.
func (s *Schemas) Read(plan *params.Plan) { s.plan = plan }

// isStrict reports whether members that nothing knows are refused in what is read.
func (s *Schemas) isStrict() bool { return s.plan != nil && s.plan.RejectsUnknown() }

// fail keeps the first error.
func (s *Schemas) fail(err error) { s.err = cmp.Or(s.err, err) }

// A reference is the URI of a component, whose name is known once all types are.
type reference struct {
	use
	in *Schemas
}

// MarshalText returns the URI.
func (r reference) MarshalText() ([]byte, error) {
	return []byte("#/components/schemas/" + r.in.names[r.use]), nil
}

func isReference(o *Object) bool { return o.Has("$ref") }

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	rawType      = reflect.TypeFor[json.RawMessage]()

	dateType     = reflect.TypeFor[params.Date]()
	textWaitType = reflect.TypeFor[params.Duration]()
	checkboxType = reflect.TypeFor[params.Checkbox]()
)

// Value returns the schema of values of type t with the rules r, which may be nil.
func (s *Schemas) Value(t reflect.Type, m Mode, r *params.Rules) *Object {
	t, mayBeNull := bare(t, m)
	if m == Writes {
		mayBeNull = mayBeNull || isWrittenNull(t)
	}
	if r != nil && m == Reads {
		mayBeNull = mayBeNull && !r.RefusesNull
		if r.Muted {
			m = ReadsFreely
		}
		o := s.of(t, m, r)
		if o.IsEmpty() && (r.Required || r.RefusesNull && t.Kind() == reflect.Interface) {
			o = Obj("not", Obj("type", "null")) // anything else
		}
		o = s.Ruled(o, t, r)
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

// bare returns the type that values of type t have when they are not null, and whether
// they may be: behind pointers, and in a [params.Optional], which is written as null when
// it is absent.
func bare(t reflect.Type, m Mode) (value reflect.Type, mayBeNull bool) {
	for {
		inner, _, isOptional := params.OptionalOf(t)
		switch {
		case isOptional:
			t, mayBeNull = inner, mayBeNull || m == Writes
		case t.Kind() == reflect.Pointer:
			t, mayBeNull = t.Elem(), true
		default:
			return t, mayBeNull
		}
	}
}

// isWrittenNull reports whether values of type t, which is no pointer, are written as null
// when they are nil.
func isWrittenNull(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && waysOf(t, Writes) == byKind && t != rawType
}

// nullable returns a schema that allows null besides.
func nullable(o *Object) *Object {
	name, ok := o.Get("type").(string)
	switch {
	case o.IsEmpty():
		return o // anything
	case ok && !o.Has("enum") && !o.Has("const") && !o.Has("anyOf") && !o.Has("allOf") && !o.Has("not"):
		return o.Clone().Set("type", []string{name, "null"})
	default:
		return Obj("anyOf", []any{o, Obj("type", "null")})
	}
}

// of returns the schema of a type that is no pointer, without what its rules ask of the
// Value itself. elements of a list get those that r has for them.
func (s *Schemas) of(t reflect.Type, m Mode, r *params.Rules) *Object {
	if o := known(t); o != nil {
		return o
	}
	if o := said(t); o != nil {
		return o
	}
	switch waysOf(t, m) {
	case byText:
		if isUUID(t) {
			return Obj("type", "string", "format", "uuid")
		}
		return Obj("type", "string")
	case byMethod:
		return Obj() // anything
	}
	switch t.Kind() {
	case reflect.Struct:
		if t.Name() == "" {
			return s.Structure(t, m)
		}
		return s.component(t, m, func() *Object { return s.Structure(t, m) })
	case reflect.Slice, reflect.Array, reflect.Map:
		if t.Name() != "" && reaches(t.Elem(), t) {
			return s.component(t, m, func() *Object { return s.list(t, m, nil) })
		}
		return s.list(t, m, r)
	default:
		return scalar(t)
	}
}

// component returns a reference to the schema that describe makes of a type. It is there
// before the schema is, since types may be recursive.
func (s *Schemas) component(t reflect.Type, m Mode, describe func() *Object) *Object {
	at := use{t, m, m != Writes && s.isStrict()}
	if s.components[at] == nil {
		s.components[at] = Obj()
		s.order = append(s.order, at)
		*s.components[at] = *describe()
	}
	return Obj("$ref", reference{at, s})
}

// list returns the schema of a slice, an array or a map.
func (s *Schemas) list(t reflect.Type, m Mode, r *params.Rules) *Object {
	var keys, elements *params.Rules
	if r != nil {
		keys, elements = r.Keys, r.Elements
	}
	switch {
	case t.Kind() == reflect.Map:
		o := Obj("type", "object", "additionalProperties", s.Value(t.Elem(), m, elements))
		if names := s.keys(t.Key(), keys); len(names.members) > 1 {
			o.Set("propertyNames", names)
		}
		return o
	case t.Kind() == reflect.Array:
		return Obj("type", "array", "items", s.Value(t.Elem(), m, elements), "minItems", t.Len(), "maxItems", t.Len())
	case t.Elem().Kind() == reflect.Uint8 && waysOf(t.Elem(), m) == byKind:
		return Obj("type", "string", "contentEncoding", "base64")
	default:
		return Obj("type", "array", "items", s.Value(t.Elem(), m, elements))
	}
}

// keys returns the schema of the keys of a map, which are texts in JSON.
func (s *Schemas) keys(t reflect.Type, r *params.Rules) *Object {
	o := Obj("type", "string")
	switch k := t.Kind(); {
	case k == reflect.String:
		return s.Ruled(o, t, r)
	case t == dateType || t == textWaitType:
		o = known(t)
	case reflect.PointerTo(t).Implements(textUnmarshaler) || t.Implements(textMarshaler):
	case reflect.Uint <= k && k <= reflect.Uintptr:
		o.Set("pattern", "^[0-9]+$")
	default:
		o.Set("pattern", "^-?[0-9]+$")
	}
	if r != nil { // they are asked of the number, and not of its text
		Unsaid(o, r.Texts)
	}
	return o
}

// scalar returns the schema of a value that is neither a list nor a struct.
func scalar(t reflect.Type) *Object {
	switch k := t.Kind(); k {
	case reflect.Bool:
		return Obj("type", "boolean")
	case reflect.String:
		return Obj("type", "string")
	case reflect.Float32:
		return Obj("type", "number", "format", "float")
	case reflect.Float64:
		return Obj("type", "number", "format", "double")
	case reflect.Int, reflect.Int64:
		return Obj("type", "integer", "format", "int64")
	case reflect.Int8, reflect.Int16, reflect.Int32:
		o := Obj("type", "integer")
		if k == reflect.Int32 {
			o.Set("format", "int32")
		}
		n := int64(1) << (t.Bits() - 1)
		return o.Set("minimum", -n).Set("maximum", n-1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return Obj("type", "integer", "minimum", int64(0), "maximum", int64(1)<<t.Bits()-1)
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return Obj("type", "integer", "minimum", int64(0))
	default:
		return Obj() // an interface: anything
	}
}

// known returns the schema of a type whose way into JSON is known; nil of all others.
func known(t reflect.Type) *Object {
	switch t {
	case timeType:
		return Obj("type", "string", "format", "date-time")
	case dateType:
		return Obj("type", "string", "format", "date")
	case textWaitType:
		return Obj("type", "string", "pattern", durationPattern)
	case numberType:
		return Obj("type", "number")
	case rawType:
		return Obj()
	default:
		return nil
	}
}

// said returns the schema that a type says itself; nil when it does not.
func said(t reflect.Type) *Object {
	if t.Kind() == reflect.Interface {
		return nil
	}
	says, ok := reflect.TypeAssert[schemer](reflect.New(t))
	if !ok {
		return nil
	}
	o := Obj()
	schema := says.OpenAPISchema()
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		o.Set(key, schema[key])
	}
	return o
}

// reaches reports whether t leads to the list target without a struct in between, which is
// a component.
func reaches(t, target reflect.Type, seen ...reflect.Type) bool {
	if t == target || slices.Contains(seen, t) {
		return t == target
	}
	if value, _, isOptional := params.OptionalOf(t); isOptional {
		return reaches(value, target, append(seen, t)...)
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
