package rules

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// A referred is a field that a rule names.
type referred struct {
	field  reflect.Type // its type
	judged reflect.Type // what the validator makes of it, without pointers
	known  bool         // or else only the value tells
}

// field finds the field of a struct type that a rule names, by a path as the
// validator reads it: "Zip", "Ship.Zip", "Items[0].SKU", "Prices[EUR]". It fails for
// a path on which the validator would panic or find nothing.
func (c *Compiler) field(t reflect.Type, path string) (f referred, err error) {
	f.field = t
	for rest := path; ; {
		as := c.judgedAs(f.field)
		f.judged, f.known = as.Type, as.known
		at := f.judged
		switch {
		case rest == "":
			return f, nil
		case at.Kind() == reflect.Interface || !f.known:
			return f, fmt.Errorf("but in %s nothing is known of what %s has: name a field before it", path, kind.A(f.field))
		case kind.IsStruct(at):
			name := rest
			if i := strings.IndexAny(rest, ".["); i >= 0 {
				name, rest = rest[:i], rest[i:]
			} else {
				rest = ""
			}
			rest = strings.TrimPrefix(rest, ".")
			if f.field, err = exportedField(at, name); err != nil {
				return f, err
			}
		case kind.IsList(at):
			index, after, ok := strings.Cut(rest, "]")
			if !ok || !strings.HasPrefix(index, "[") {
				return f, fmt.Errorf("but in %s %s has no fields: name an element of it, as in Items[0]", path, kind.A(at))
			}
			if err := isIndex(at, index[1:]); err != nil {
				return f, fmt.Errorf("but in %s %w", path, err)
			}
			rest, f.field = strings.TrimPrefix(after, "."), at.Elem()
		default:
			return f, fmt.Errorf("but in %s %s has no fields: name one that is there", path, kind.A(at))
		}
	}
}

// exportedField returns the type of a field that a rule names. The validator panics
// on one behind an embedded pointer that is nil.
func exportedField(t reflect.Type, name string) (reflect.Type, error) {
	f, ok := t.FieldByName(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("but %s has no field %s: name it as in Go", t, name)
	case !f.IsExported():
		return nil, fmt.Errorf("but %s is not exported, so it is never filled: rename it to start with a capital letter", name)
	case isLeftOut(t, f):
		return nil, fmt.Errorf("but %s is left out of JSON, so it is never filled: name another field", name)
	}
	for at, i := t, 0; i < len(f.Index)-1; i++ {
		around := at.Field(f.Index[i])
		if around.Type.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("but %s lies behind the embedded pointer %s, which may be nil: name it as %s.%s", name, around.Name, around.Name, name)
		}
		at = around.Type
	}
	return f.Type, nil
}

// isLeftOut reports whether a field is never filled, by JSON or from a source.
func isLeftOut(t reflect.Type, f reflect.StructField) bool {
	source, _, _ := SourceOf(f)
	return f.Tag.Get("json") == "-" && source == "" && !kind.DecodesItself(t)
}

// isIndex returns an error if the validator can't find an element of a list by an
// index, or of a map by a key.
func isIndex(t reflect.Type, index string) error {
	switch t.Kind() {
	case reflect.Map:
		if key := t.Key(); key.PkgPath() != "" || key.Kind() == reflect.Interface || key.Kind() == reflect.Struct {
			return fmt.Errorf("%s is no key that a rule can name: use string or int keys", kind.A(key))
		}
		var err error
		switch k := kindsOf(t.Key()); {
		case k&integers != 0:
			_, err = strconv.ParseInt(index, 10, t.Key().Bits())
		case k&naturals != 0:
			_, err = strconv.ParseUint(index, 10, t.Key().Bits())
		}
		if err != nil {
			return fmt.Errorf("%q is no key of %s: name one that it can have", index, kind.A(t))
		}
	default:
		i, err := strconv.ParseUint(index, 10, 31)
		switch {
		case err != nil:
			return fmt.Errorf("%q is no index: write a number, as in Items[0]", index)
		case t.Kind() == reflect.Array && int(i) >= t.Len():
			return fmt.Errorf("%s has no element %d: name one that is there", kind.A(t), i)
		}
	}
	return nil
}

func noFields(rule string) error {
	return fmt.Errorf("has the rule %q, which refers to other fields, and there are none: put it into a struct, or use another rule", rule)
}

// vetFields vets a rule that names fields of the struct around.
func (c *Compiler) vetFields(v *value, d demand, argument string, parent reflect.Type) error {
	if parent == nil {
		return noFields(v.rule)
	}
	parts := splitArgument(argument)
	if d.compares {
		parts = []string{argument} // the validator does not split it
	}
	switch {
	case len(parts) == 0 || parts[0] == "":
		return v.refuse("which names no field: write %q", v.name+"=Field")
	case d.argument == aField && len(parts) > 1:
		return v.refuse("which names several fields: name one")
	case d.argument == fieldsAndValues && len(parts)%2 != 0:
		return v.refuse("which needs a value for each field: write %q, and one with spaces in single quotes", v.name+"=Field value")
	}
	seen := make(map[string]bool)
	for i, name := range parts {
		if d.argument == fieldsAndValues && i%2 != 0 {
			continue
		}
		f, err := c.field(parent, name)
		if err != nil {
			return v.refuse("%w", err)
		}
		switch {
		case d.argument == fieldsAndValues:
			if seen[name] && !strings.HasSuffix(v.name, "d_unless") {
				return v.refuse("which asks two values of %s, and it has one: name it once", name)
			}
			seen[name] = true
			err = f.canBe(v, name, parts[i+1])
		case d.compares:
			err = v.comparesWith(f, name)
			if err == nil && strings.HasPrefix(v.name, "field") {
				err = f.isText(name)
			}
		case d.argument == aField:
			err = f.isText(name)
		}
		if err != nil {
			return v.refuse("%w", err)
		}
	}
	return nil
}

// canBe returns an error if the field is never equal to the value that a rule names,
// or if this can't be known.
func (f *referred) canBe(v *value, name, text string) error {
	if !f.known {
		return nil
	}
	t := f.judged
	never := func(what string) error {
		if text == "nil" && kind.IsNilable(f.field) {
			return fmt.Errorf("but whether %s is nil is another rule's to say: write %q", name, instead[v.name]+"="+name)
		}
		return fmt.Errorf("but %s is never %q: write %s", name, text, what)
	}
	switch k := kindsOf(t); {
	case t.Kind() == reflect.Interface:
		return fmt.Errorf("but %s is an any, which the client gives a type: use one of its own", name)
	case k&texts != 0:
	case k&bools != 0:
		if text != "true" && text != "false" {
			return never("true or false")
		}
	case k&integers != 0:
		if _, err := strconv.ParseInt(text, 0, t.Bits()); err != nil {
			return never("an integer")
		}
	case k&(naturals|addresses) != 0:
		if _, err := strconv.ParseUint(text, 0, t.Bits()); err != nil {
			return never("an integer of at least 0")
		}
	case k&floats != 0:
		if what := notANumber(t, text); what != "" {
			return never(what)
		}
	case k&lists != 0:
		if _, err := strconv.ParseUint(text, 0, 31); err != nil && (text != "nil" || t.Kind() == reflect.Array) {
			return never("the number of its elements")
		}
	default:
		return fmt.Errorf("but %s is compared with no value: name another field", kind.A(f.field))
	}
	return nil
}

// instead has the rules that ask whether another field is nil.
var instead = map[string]string{
	"required_if": "required_without", "required_unless": "required_with", "skip_unless": "required_without",
	"excluded_if": "excluded_without", "excluded_unless": "excluded_with",
}

// isText returns an error if the field is not always a text. The validator panics on
// a pointer that is nil.
func (f *referred) isText(name string) error {
	if f.known && (f.field.Kind() == reflect.Pointer || f.judged.Kind() != reflect.String) {
		return fmt.Errorf("but %s is %s: use a string", name, kind.A(f.field))
	}
	return nil
}

// comparesWith returns an error if values of the two fields are never compared: the
// validator compares only values of one kind.
func (v *value) comparesWith(f referred, name string) error {
	if !v.known || !f.known {
		return nil
	}
	a, b := v.judged, f.judged
	switch {
	case a.Kind() == b.Kind() && kindsOf(a)&times == kindsOf(b)&times, v.isAny() && kindsOf(b)&inJSON != 0, b.Kind() == reflect.Interface && kindsOf(a)&inJSON != 0:
		if kind.IsStruct(b) {
			break
		}
		return nil
	}
	return fmt.Errorf("but %s is %s, which is not compared with %s: use fields of one type", name, kind.A(f.field), kind.A(v.typ))
}
