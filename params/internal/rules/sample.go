package rules

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// try lets the validator judge sample values, except those that are skipped, and
// returns what it panics with. The validator comes to a rule only if those before it
// hold, so the caller also tries each rule alone. Alone, a rule must go with the type,
// but may panic on a value that the others would have kept from it.
func (j *judged) try(t reflect.Type, skip func(memory.Pointer) bool) (cause any) {
	defer func() { cause = recover() }()
	tried := *j
	if j.as == asStruct {
		tried.tag = onStruct(tried.tag)
	}
	var parent memory.Pointer
	if j.parent != nil {
		parent = memory.New(j.parent)
	}
	value := reflect.New(t)
	if p := memory.Of(value); !kind.IsNilable(t) && (skip == nil || !skip(p)) {
		_ = tried.ask(t, p, parent)
	}
	fillSample(value.Elem())
	if p := memory.Of(value); skip == nil || !skip(p) {
		_ = tried.ask(t, p, parent)
	}
	return nil
}

func unusable(rule string, cause any) error {
	return fmt.Errorf("has the rule %q in its validate tag, which can't be used: %s", rule, strings.TrimSuffix(fmt.Sprint(cause), " on field ''"))
}

// fillSample gives a pointer a target, and a list an element. It ends at a fixed
// depth, since types may refer to themselves.
func fillSample(v reflect.Value, depth ...int) {
	const deepest = 8
	if len(depth) == deepest {
		return
	}
	depth = append(depth, 0)
	switch t := v.Type(); t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fillSample(v.Elem(), depth...)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fillSample(v.Index(0), depth...)
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
	}
}

// fillFields gives the exported fields of a struct values that are not zero, as far
// as they are of a simple kind.
func fillFields(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range v.Fields() {
		if !f.CanSet() {
			continue
		}
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString("a")
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			f.SetInt(1)
		case reflect.Float32, reflect.Float64:
			f.SetFloat(1)
		}
	}
}
