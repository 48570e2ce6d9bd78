package params

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// addDefault compiles the default tag. A slice's default is split at commas.
func (c *compiler) addDefault(p *param, f reflect.StructField) error {
	text, ok := f.Tag.Lookup("default")
	if !ok {
		return nil
	}
	switch {
	case p.file:
		return fmt.Errorf("has a default: a file has none")
	case p.typ == checkboxType:
		return fmt.Errorf("has a default: a box that is not ticked is not sent, so the default would tick it")
	case p.required:
		return fmt.Errorf("is required and has a default %q, which would never be used: keep one of them", text)
	}
	values := []string{text}
	if p.many {
		values = strings.Split(text, ",")
	}
	proto := reflect.New(p.typ)
	for _, value := range values {
		if err := p.set(memory.Of(proto), value); err != nil {
			return fmt.Errorf("has the default %q, which %w", text, err)
		}
	}
	if p.rules != nil {
		if p.judge = p.rules.Refer(); !p.judge {
			found := schema.CheckParam(nil, schema.Fault{In: string(p.in)}, p.rules, p.typ, memory.Of(proto), memory.Pointer{})
			if len(found) > 0 {
				return fmt.Errorf("has the default %q, which breaks the field's own rules: %s", text, found[0].Detail)
			}
		}
	}
	if isImmutable(p.typ) {
		p.initial = func(at memory.Pointer) { at.Value(p.typ).Set(proto.Elem()) }
		return nil
	}
	// A value that a handler could change in place is made anew for each request.
	p.initial = func(at memory.Pointer) {
		for _, value := range values {
			_ = p.set(at, value) // the values were tried above
		}
	}
	return nil
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
