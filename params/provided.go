package params

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Provided is a field with a provide tag: a value that the program makes for each
// request, and no client sends. Package routing fills it, see routing.Provide;
// [Plan.Decode] leaves it as it is.
type Provided struct {
	Name string       // of the field, with those of the embedded structs around it: "Paging.User"
	Type reflect.Type // which says what is provided

	offset uintptr
}

// Provided returns the fields with a provide tag, in their order. The list is the
// plan's, so it must not be changed.
func (p *Plan) Provided() []Provided { return p.provided }

// Place returns where a provided field of *input lies: a *T for one of type T. input
// is a pointer to a value of the plan's input type; Place panics on another one.
func (p *Plan) Place(input any, f Provided) any {
	return p.pointer(input).At(f.offset).Value(f.Type).Addr().Interface()
}

// Reads reports whether a field is filled from a parameter of any source but the body.
func (p *Plan) Reads(in Source, name string) bool {
	for _, q := range p.params {
		if q.in == in && (q.name == name || in == Header && strings.EqualFold(q.name, name)) {
			return true
		}
	}
	return false
}

// AlsoReadBy tells a plan which others read the same request, instead of those that it was
// told before: names of theirs are not unknown to it. It is not called while the plan
// decodes.
func (p *Plan) AlsoReadBy(others ...*Plan) { p.others = others }

// isReadElsewhere reports whether another plan reads a parameter.
func (p *Plan) isReadElsewhere(in Source, name []byte) bool {
	return slices.ContainsFunc(p.others, func(other *Plan) bool { return other.Reads(in, string(name)) })
}

// providedField compiles a field with a provide tag.
func (c *compiler) providedField(f reflect.StructField, offset uintptr, name string) error {
	_, hasDefault := f.Tag.Lookup("default")
	switch {
	case name != "":
		return fmt.Errorf("has `provide:%q`, but its type says what is provided: write `provide:\"\"`", name)
	case f.Tag.Get("validate") != "":
		return fmt.Errorf("has rules, but a provided value is not judged: its provider returns an error instead")
	case hasDefault:
		return fmt.Errorf("has a default, which would never be used: its provider always provides a value")
	}
	c.plan.provided = append(c.plan.provided, Provided{Name: c.at, Type: f.Type, offset: offset + f.Offset})
	return nil
}

// whyBodiless says why the input can't read a body, and whatHasBody what could.
func (c *compiler) whyBodiless() string {
	if c.IsProvider {
		return "a provider does not get, since it is the handler's"
	}
	return fmt.Sprintf("a %s request does not have", c.Method)
}

func (c *compiler) whatHasBody() string {
	if c.IsProvider {
		return "source"
	}
	return "method"
}
