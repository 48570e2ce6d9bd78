package rules

import (
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// The validator does not tell which aliases and rules users have registered, so these
// are read from its fields. A test fails if the fields are renamed. An alias is then
// taken for a rule of the user's own, which is only tried.

// aliasOf returns what an alias stands for.
func aliasOf(v *validator.Validate, name string) (tag string, ok bool) {
	alias := entryOf(v, "aliases", name)
	if !alias.IsValid() || alias.Kind() != reflect.String {
		return "", false
	}
	return alias.String(), true
}

// isKnown reports whether the validator has a rule.
func isKnown(v *validator.Validate, name string) bool {
	return entryOf(v, "validations", name).IsValid() || !entryOf(v, "validations", "required").IsValid()
}

// judgesNil reports whether the validator calls a rule for a nil as well.
func judgesNil(v *validator.Validate, name string) bool {
	rule := entryOf(v, "validations", name)
	if rule.Kind() != reflect.Struct {
		return false
	}
	flag := rule.FieldByName("runValidationOnNil")
	return flag.Kind() == reflect.Bool && flag.Bool()
}

// entryOf returns an entry of a map that is a field of the validator and has string
// keys; the zero Value if there is none.
func entryOf(v *validator.Validate, field, key string) reflect.Value {
	entries := reflect.ValueOf(v).Elem().FieldByName(field)
	if entries.Kind() != reflect.Map || entries.Type().Key().Kind() != reflect.String {
		return reflect.Value{}
	}
	return entries.MapIndex(reflect.ValueOf(key))
}

// A judgedType is the type that the validator sees in place of the type of a value,
// without pointers. The two differ if a function was registered for the type of the
// value with RegisterCustomTypeFunc, or if that is a validator.Valuer.
type judgedType struct {
	reflect.Type
	known   bool // or else only the value tells
	zeroNil bool // a zero stands for no value
}

// judgedAs finds the type that values of type t are judged as, with sample values.
func judgedAs(v *validator.Validate, t reflect.Type) judgedType {
	bare := kind.Deref(t)
	if bare.Kind() == reflect.Interface {
		return judgedType{bare, true, false}
	}
	sample := reflect.New(t)
	fillSample(sample.Elem())
	judged := judgedSample(v, sample.Elem())
	if judged != nil {
		return judgedType{judged, true, false}
	}
	at := sample.Elem()
	for at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	fillFields(at)
	if judged = judgedSample(v, sample.Elem()); judged != nil {
		return judgedType{judged, true, true}
	}
	return judgedType{bare, false, true}
}

// judgedSample returns the type that a value is judged as, nil for no value.
func judgedSample(v *validator.Validate, sample reflect.Value) (judged reflect.Type) {
	defer func() { _ = recover() }() // a function of the user's may panic on a sample
	// No text contains one of no characters, so the rule always fails, and the
	// error has the type that was judged.
	errs, _ := v.VarWithKey("value", sample.Interface(), "containsany=,nostructlevel").(validator.ValidationErrors) //nolint:errorlint // returned bare
	if len(errs) == 0 || errs[0].Type() == nil || errs[0].Kind() == reflect.Pointer {
		return nil
	}
	return errs[0].Type()
}

// splitArgument splits an argument as the validator does: at spaces, except those in
// single quotes.
func splitArgument(argument string) (parts []string) {
	for {
		argument = strings.TrimLeft(argument, " \t\n\f\r")
		if argument == "" {
			return parts
		}
		end := strings.IndexAny(argument, " \t\n\f\r")
		if argument[0] == '\'' {
			if i := strings.IndexByte(argument[1:], '\''); i >= 0 {
				end = i + 2
			}
		}
		if end < 0 {
			end = len(argument)
		}
		parts = append(parts, strings.ReplaceAll(argument[:end], "'", ""))
		argument = argument[end:]
	}
}
