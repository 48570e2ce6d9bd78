package rules

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// fieldNames has the names that a client knows for the fields of a struct: those of
// the source tags in an input, and else the JSON names.
type fieldNames struct {
	parent  reflect.Type // nil when there is none
	isInput bool
}

// anotherField stands for a field that a client can't send.
const anotherField = "another field"

// of returns the client's name of the field at a path of Go names, as a rule
// has it: "Password", "Address.City", "Items[0].Price".
func (n fieldNames) of(path string) string {
	var steps []string
	t := n.parent
	for path != "" {
		var step string
		step, path = cutStep(path)
		name, index, isIndexed := strings.Cut(step, "[")
		if t = structBehind(t); t == nil {
			return anotherField
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return anotherField
		}
		called, flat := n.ofField(f)
		switch {
		case flat:
		case called == "":
			return anotherField
		case isIndexed:
			steps = append(steps, called+"["+index)
		default:
			steps = append(steps, called)
		}
		t = f.Type
	}
	if len(steps) == 0 {
		return anotherField
	}
	return strings.Join(steps, ".")
}

// cutStep splits a path at its first dot; one in brackets is part of a key.
func cutStep(path string) (step, rest string) {
	inside := false
	for i, c := range path {
		switch {
		case c == '[' || c == ']':
			inside = c == '['
		case c == '.' && !inside:
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// ofField returns the client's name of a field, "" when it has none; flat
// reports an embedded struct, whose fields are those of the struct around.
func (n fieldNames) ofField(f reflect.StructField) (name string, flat bool) {
	if n.isInput {
		source, name, _ := SourceOf(f)
		if source == BodySource {
			name = "the body"
		}
		return name, source == "" && f.Anonymous
	}
	tag := f.Tag.Get("json")
	name, _, _ = strings.Cut(tag, ",")
	switch isNamed := IsJSONName(name); {
	case tag == "-":
		return "", false
	case f.Anonymous && !isNamed && kind.Deref(f.Type).Kind() == reflect.Struct:
		return "", true
	case !f.IsExported():
		return "", false
	case isNamed:
		return name, false
	default:
		return f.Name, false
	}
}

// structBehind returns the struct that pointers, lists and maps lead to, nil
// when they lead to something else, or to themselves as type T []T does.
func structBehind(t reflect.Type) reflect.Type {
	var seen []reflect.Type
	for t != nil && !slices.Contains(seen, t) {
		seen = append(seen, t)
		switch t.Kind() {
		case reflect.Struct:
			if o, ok := kind.OptionalOf(t); ok {
				t = o.Value
				continue
			}
			return t
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return nil
		}
	}
	return nil
}

// IsJSONName reports whether encoding/json and go-json take this name from a tag.
// They ignore a name with a quote, a comma or a backslash.
func IsJSONName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}
