package jsonread

import (
	"bytes"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
	gojson "github.com/goccy/go-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// Defaults are what encoding/json would have decoded if the client had sent them: for
// bodies that a reader reads, and for those that the codec decodes. Over generated types
// and bodies.
func TestDefaultsAreAsIfSent(t *testing.T) {
	const types, bodies = 300, 60
	read, filled := 0, 0
	for seed := range uint64(types) {
		g := newGenerator(seed)
		g.defaults = true
		plan := defaultsOf(t, g.structType(3))
		for range bodies {
			text := g.body(plan.input)
			want := reflect.New(plan.input)
			if !utf8.Valid(text) || stdjson.Unmarshal(text, want.Interface()) != nil {
				continue
			}
			without := want.Elem().Interface()
			want = reflect.New(plan.input)
			require.NoError(t, stdjson.Unmarshal(withDefaults(t, plan.input, text), want.Interface()))

			trimmed := strings.Trim(string(text), " \t\r\n")
			got := reflect.New(plan.input)
			if _, ok := plan.reader.Read([]byte(trimmed), memory.Of(got)); ok {
				read++
				require.Equal(t, want.Interface(), got.Interface(), "read: %s\n%v", text, plan.input)
			}
			got = reflect.New(plan.input)
			require.NoError(t, gojson.Unmarshal(text, got.Interface()))
			schema.FillDefaults(plan.schema, memory.Of(got), trimmed)
			require.Equal(t, want.Interface(), got.Interface(), "filled: %s\n%v", text, plan.input)
			if !reflect.DeepEqual(without, got.Elem().Interface()) {
				filled++
			}
		}
	}
	assert.Greater(t, read, types*bodies/4, "so many bodies were read")
	assert.Greater(t, filled, types*bodies/6, "so many got a default")
}

// defaultsOf is planOf for a type whose default tags are JSON.
func defaultsOf(t *testing.T, input reflect.Type) plan {
	t.Helper()
	schemas := schema.NewCompiler(rules.NewCompiler(validator.New(validator.WithRequiredStructEnabled())))
	schemas.Default = func(f reflect.StructField, _ *rules.Rules) (func(memory.Pointer), error) {
		text := f.Tag.Get("default")
		if text == "" {
			return nil, nil
		}
		return func(p memory.Pointer) {
			if err := stdjson.Unmarshal([]byte(text), p.Value(f.Type).Addr().Interface()); err != nil {
				panic(err)
			}
		}, nil
	}
	root, err := schemas.Of(input)
	require.NoError(t, err, "%v", input)
	schemas.Finish()
	return plan{input, root, nil, New(root)}
}

// defaultTag returns a tag with a default for some types. The rules are in tag.
func (g generator) defaultTag(t reflect.Type, tag string) string {
	if !g.defaults || strings.Contains(tag, "required") || kind.DecodesItself(kind.Deref(t)) || g.one(3) {
		return ""
	}
	var value string
	switch kind.Deref(t).Kind() {
	case reflect.String:
		value = `"from the tag"`
		if kind.Deref(t) == kind.Number {
			value = "12"
		}
	case reflect.Bool:
		value = "true"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value = "77"
	case reflect.Float32, reflect.Float64:
		value = "7.5"
	default:
		return ""
	}
	return " default:" + strconv.Quote(value)
}

// withDefaults returns a body with the defaults that it lacks.
func withDefaults(t *testing.T, input reflect.Type, text []byte) []byte {
	t.Helper()
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	require.NoError(t, d.Decode(&tree))
	text, err := stdjson.Marshal(complete(input, tree))
	require.NoError(t, err)
	return text
}

// complete returns a value of JSON, nil for null or none, with the defaults of a type.
func complete(t reflect.Type, value any) any {
	if t.Kind() == reflect.Pointer && value != nil {
		return complete(t.Elem(), value)
	}
	if kind.DecodesItself(t) {
		return value
	}
	switch t.Kind() {
	case reflect.Struct:
		if value == nil {
			value = map[string]any{}
		}
		if object, ok := value.(map[string]any); ok {
			completeMembers(t, object)
		}
	case reflect.Array:
		list, isList := value.([]any)
		if value == nil || isList {
			for len(list) < t.Len() {
				list = append(list, complete(t.Elem(), nil))
			}
			value = completeAll(t, list)
		}
	case reflect.Slice:
		if list, ok := value.([]any); ok {
			value = completeAll(t, list)
		}
	case reflect.Map:
		if object, ok := value.(map[string]any); ok {
			for key, one := range object {
				object[key] = complete(t.Elem(), one)
			}
		}
	}
	return value
}

func completeAll(t reflect.Type, list []any) []any {
	for i := range list {
		list[i] = complete(t.Elem(), list[i])
	}
	return list
}

func completeMembers(t reflect.Type, object map[string]any) {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if names[i] == "" {
			names[i] = t.Field(i).Name
		}
	}
	sent := make(map[int]bool)
	for key, value := range object {
		i := slices.Index(names, key)
		if i < 0 {
			i = slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, key) })
		}
		if i >= 0 && value != nil && value != "null" {
			sent[i] = true
			object[key] = complete(t.Field(i).Type, value)
		}
	}
	for i, name := range names {
		f := t.Field(i)
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		text, hasDefault := f.Tag.Lookup("default")
		switch {
		case sent[i]:
		case hasDefault && options == "string" && (f.Type.Kind() != reflect.Pointer || f.Type.Elem().Kind() != reflect.Pointer):
			object[name] = text
		case hasDefault:
			object[name] = stdjson.RawMessage(text)
		case !strings.Contains(f.Tag.Get("validate"), "omitempty"):
			if value := complete(f.Type, nil); value != nil {
				object[name] = value
			}
		}
	}
}
