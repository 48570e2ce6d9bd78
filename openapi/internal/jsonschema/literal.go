package jsonschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// The tags of a field that are for descriptions.
const (
	DocTag     = "doc"
	ExampleTag = "example"
)

// Annotated adds to a schema what the tags of a field say. where is the field's name, for
// an error.
func (s *Schemas) Annotated(o *Object, tags reflect.StructTag, t reflect.Type, where string) *Object {
	more := Obj()
	more.SetIf("description", tags.Get(DocTag))
	if text, ok := tags.Lookup(ExampleTag); ok {
		more.Set("examples", []any{s.literal(ExampleTag, text, t, where)})
	}
	switch {
	case more.IsEmpty():
		return o
	case isReference(o):
		return &Object{append([]member{{"allOf", []any{o}}}, more.members...)}
	default:
		return &Object{append(o.Clone().members, more.members...)}
	}
}

// literal returns the text of a tag as the JSON of a value of type t.
func (s *Schemas) literal(tag, text string, t reflect.Type, where string) any {
	value, err := literal(text, Deref(t))
	if err != nil {
		s.fail(fmt.Errorf("openapi: the field %s has `%s:%q`, which is no %s: %w", where, tag, text, t, err))
	}
	return value
}

func literal(text string, t reflect.Type) (any, error) {
	switch k := t.Kind(); {
	case t == numberType:
		return json.Number(text), checkJSON(text)
	case k == reflect.String, params.DecodesItself(t) && waysOf(t, Reads) == byText, known(t) != nil:
		return text, nil
	case k == reflect.Bool:
		return strconv.ParseBool(text)
	case isNumber(t):
		err := json.Unmarshal([]byte(text), reflect.New(t).Interface())
		return json.Number(text), err
	case k == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return text, nil
	case k == reflect.Slice && !strings.HasPrefix(text, "["):
		all := []any{}
		for part := range strings.SplitSeq(text, ",") {
			value, err := literal(part, Deref(t.Elem()))
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		return all, nil
	case waysOf(t, Reads) == byMethod: // only the type knows
		if json.Valid([]byte(text)) {
			return json.RawMessage(text), nil
		}
		return text, nil
	default:
		return json.RawMessage(text), json.Unmarshal([]byte(text), reflect.New(t).Interface())
	}
}

func checkJSON(text string) error {
	var n float64
	return json.Unmarshal([]byte(text), &n)
}
