package params

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// addDefault compiles the default tag of a param.
func (c *compiler) addDefault(p *param, f reflect.StructField) (err error) {
	text, ok := f.Tag.Lookup("default")
	switch {
	case !ok:
		return nil
	case p.file:
		return fmt.Errorf("has a default: a file has none")
	case p.optional != nil:
		return errOptionalDefault
	case p.typ == checkboxType:
		return fmt.Errorf("has a default: a box that is not ticked is not sent, so the default would tick it")
	}
	p.initial, err = newDefault(text, p.typ, p.set, p.many, p.rules)
	p.judge = p.rules.Refer()
	return err
}

// memberDefault compiles the default tag of a member of a JSON body.
func (c *compiler) memberDefault(f reflect.StructField, r *rules.Rules) (store func(memory.Pointer), err error) {
	text, ok := f.Tag.Lookup("default")
	if !ok {
		return nil, nil
	}
	if _, ok := kind.OptionalOf(f.Type); ok {
		return nil, errOptionalDefault
	}
	set, many, err := setterOf(f.Type, c.rules.TypeText)
	if err != nil {
		return nil, fmt.Errorf("has a default, but has type %s, which %w", f.Type, err)
	}
	return newDefault(text, f.Type, set, many, r)
}

// newDefault makes the function that stores a default in a zero value of type t. A
// slice's default is split at commas.
func newDefault(text string, t reflect.Type, set setter, many bool, r *rules.Rules) (store func(memory.Pointer), err error) {
	if r != nil && r.Required {
		return nil, fmt.Errorf("is required and has a default %q, which would never be used: keep one of them", text)
	}
	values := []string{text}
	if many {
		values = strings.Split(text, ",")
	}
	proto := reflect.New(t)
	for _, value := range values {
		if err := set(memory.Of(proto), value); err != nil {
			return nil, fmt.Errorf("has the default %q, which %w", text, err)
		}
	}
	if r != nil && !r.Refer() {
		found := schema.CheckParam(nil, schema.Fault{}, r, t, memory.Of(proto), memory.Pointer{})
		if len(found) > 0 {
			return nil, fmt.Errorf("has the default %q, which breaks the field's own rules: %s", text, found[0].Detail)
		}
	}
	if isImmutable(t) {
		return func(at memory.Pointer) { at.Value(t).Set(proto.Elem()) }, nil
	}
	// A value that a handler could change in place is made anew for each request.
	return func(at memory.Pointer) {
		for _, value := range values {
			_ = set(at, value) // the values were tried above
		}
	}, nil
}

// isImmutable reports whether copies of a value of type t share nothing that
// could be written to.
func isImmutable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Array, reflect.Struct:
		return t == kind.Time
	default:
		return true
	}
}
