package rules

import (
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// vetUnique vets the rule unique. It compares the elements of a list, a field of these
// elements, or a single value with another field of the struct around.
func (c *Compiler) vetUnique(v *value, field string, given bool, parent reflect.Type) (refers bool, err error) {
	switch t := v.judged; {
	case !v.known || v.isAny() && !given:
	case v.isAny():
		return false, v.refuse("whose field an any does not have: use a type of its own")
	case kind.IsStruct(t) || kindsOf(t)&times != 0:
		return false, v.refuse("which goes with lists, and with single values of other types, not with %s: use a rule of your own", v.typ)
	case !kind.IsList(t):
		if !given {
			return false, v.refuse("which goes with lists, or else names another field: write %q, or use another rule", "unique=Field")
		}
		if parent == nil {
			return false, noFields(v.rule)
		}
		other, err := c.field(parent, field)
		switch {
		case err != nil:
			return false, v.refuse("%w", err)
		case strings.ContainsAny(field, ".["):
			return false, v.refuse("which looks for a field of the same struct: name one without a dot")
		case other.field != t:
			return false, v.refuse("but %s is %s and not %s: use fields of one type, and no pointer", field, kind.A(other.field), kind.A(t))
		}
		return true, nil
	case field != "" && t.Kind() == reflect.Map:
		return false, v.refuse("which looks at no field of a map's values: write %q", "unique")
	case field == "":
		elem := pointedTo(t.Elem())
		if why := incomparable(elem); why != "" {
			return false, v.refuse("but %s %s: name a field of it, or use a rule of your own", kind.A(elem), why)
		}
	default:
		elem := pointedTo(t.Elem())
		if elem.Kind() != reflect.Struct {
			return false, v.refuse("but %s has no fields: write %q", kind.A(elem), "unique")
		}
		other, err := c.field(elem, field)
		switch {
		case err != nil:
			return false, v.refuse("%w", err)
		case strings.ContainsAny(field, ".["):
			return false, v.refuse("which looks for a field of the element: name one without a dot")
		}
		f := pointedTo(other.field)
		if why := incomparable(f); why != "" {
			return false, v.refuse("but %s %s: name another field, or use a rule of your own", kind.A(f), why)
		}
	}
	return false, nil
}

// pointedTo returns the type that unique compares: of a pointer, what it points to.
func pointedTo(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// incomparable says why equal values of a type may not be found equal; "" if they
// always are.
func incomparable(t reflect.Type) string {
	switch {
	case !t.Comparable():
		return "can't be compared"
	case holdsPointer(t):
		return "is compared by a pointer in it"
	}
	return ""
}

// holdsPointer reports whether values of a comparable type are compared by pointers,
// as times are by their locations. A unique.Handle is equal if its value is.
func holdsPointer(t reflect.Type) bool {
	switch {
	case t.PkgPath() == "unique":
	case t.Kind() == reflect.Array:
		return holdsPointer(t.Elem())
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			if holdsPointer(f.Type) {
				return true
			}
		}
	}
	return t.Kind() == reflect.Pointer
}
