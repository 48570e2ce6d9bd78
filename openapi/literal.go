package openapi

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
	docTag     = "doc"
	exampleTag = "example"
)

// annotated adds to a schema what the tags of a field say. where is the field's name, for
// an error.
func (s *schemas) annotated(o *object, tags reflect.StructTag, t reflect.Type, where string) *object {
	more := obj()
	more.setIf("description", tags.Get(docTag))
	if text, ok := tags.Lookup(exampleTag); ok {
		more.set("examples", []any{s.literal(exampleTag, text, t, where)})
	}
	switch {
	case more.isEmpty():
		return o
	case isReference(o):
		return &object{append([]member{{"allOf", []any{o}}}, more.members...)}
	default:
		return &object{append(o.clone().members, more.members...)}
	}
}

// literal returns the text of a tag as the JSON of a value of type t.
func (s *schemas) literal(tag, text string, t reflect.Type, where string) any {
	value, err := literal(text, deref(t))
	if err != nil {
		s.fail(fmt.Errorf("openapi: the field %s has `%s:%q`, which is no %s: %w", where, tag, text, t, err))
	}
	return value
}

func literal(text string, t reflect.Type) (any, error) {
	switch k := t.Kind(); {
	case t == numberType:
		return json.Number(text), checkJSON(text)
	case k == reflect.String, t == durationType && strings.ContainsAny(text, "nuµmsh"), params.DecodesItself(t) && waysOf(t, reads) == byText, known(t) != nil:
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
			value, err := literal(part, deref(t.Elem()))
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		return all, nil
	case waysOf(t, reads) == byMethod: // only the type knows
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
