package jsonschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/params"
)

// The tags of a field that are for descriptions.
const (
	DocTag     = "doc"
	ExampleTag = "example"

	defaultTag = "default"
)

// Annotated adds to a schema what the tags of a field say. where is the field's name, for
// an error.
func (s *Schemas) Annotated(o *Object, tags reflect.StructTag, t reflect.Type, where string) *Object {
	return s.annotated(o, Obj(), tags, t, where)
}

// annotated is Annotated, with more keywords in front.
func (s *Schemas) annotated(o, more *Object, tags reflect.StructTag, t reflect.Type, where string) *Object {
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
	t, _ = bare(t, Reads)
	value, err := literal(text, t)
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
	case t == checkboxType && text == "on":
		return true, nil
	case k == reflect.Bool:
		return strconv.ParseBool(text)
	case isNumber(t):
		text = asNumber(text)
		err := json.Unmarshal([]byte(text), reflect.New(t).Interface())
		return json.Number(text), err
	case k == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return text, nil
	case k == reflect.Slice && !strings.HasPrefix(text, "["):
		all := []any{}
		for part := range strings.SplitSeq(text, ",") {
			elem, _ := bare(t.Elem(), Reads)
			value, err := literal(part, elem)
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

// asNumber returns the text of a number as JSON has it: without a sign or zeros in front,
// which a tag may have. Another text is returned as it is.
func asNumber(text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !json.Valid([]byte(text)) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return text
}

// memberDefault returns the default of a member of a JSON body, which the tag has as a
// parameter has it, in JSON. quoted says that it stands in a string.
func (s *Schemas) memberDefault(text string, t reflect.Type, quoted bool, where string) any {
	t, _ = bare(t, Reads)
	switch {
	case t == durationType:
		return nanoseconds(text)
	case t.Kind() == reflect.Slice && t.Elem() == durationType:
		all := []any{}
		for part := range strings.SplitSeq(text, ",") {
			all = append(all, nanoseconds(part))
		}
		return all
	}
	value := s.literal(defaultTag, text, t, where)
	if quoted && t.Kind() == reflect.String && t != numberType { // with quotes of its own
		inner, err := Encode(value)
		s.fail(err)
		return string(inner)
	}
	if quoted {
		return fmt.Sprint(value)
	}
	return value
}

// nanoseconds returns a duration as JSON has it. Registration has read it.
func nanoseconds(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}

func checkJSON(text string) error {
	var n float64
	return json.Unmarshal([]byte(text), &n)
}
