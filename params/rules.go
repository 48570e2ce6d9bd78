package params

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/go-playground/validator/v10"
)

// rules is a validate tag, compiled for the type of its field.
type rules struct {
	required bool                      // must be present
	zero     func(unsafe.Pointer) bool // reports the zero value; for required
	skip     func(unsafe.Pointer) bool // omitempty and the like; nil without
	judged   *judged                   // the rules that the validator judges; nil without
	dive     *rules                    // what holds for each element; nil without
	closed   bool                      // structonly, nostructlevel or "-": the rules inside the struct do not count
}

// judged is a run of rules that go-playground/validator judges.
type judged struct {
	validate *validator.Validate
	tag      string
	parent   reflect.Type // the struct that the rules refer to; nil when they refer to none
	isolated bool         // a struct value, which Var would look into instead of judging it
}

// A ruleCompiler compiles validate tags, and the types that have them.
type ruleCompiler struct {
	validate *validator.Validate
	builtin  *validator.Validate // knows the rules that ship with the validator
	nodes    map[reflect.Type]*node
}

func newRuleCompiler(v *validator.Validate) *ruleCompiler {
	return &ruleCompiler{validate: v, nodes: make(map[reflect.Type]*node)}
}

// compile compiles the tag of a field of type t in the struct type parent, nil
// when it has none. It returns nil for a tag without rules.
func (c *ruleCompiler) compile(tag string, t, parent reflect.Type) (*rules, error) {
	if tag == "" {
		return nil, nil
	}
	if tag == "-" {
		return &rules{closed: true}, nil
	}
	r := &rules{}
	var rest []string
	names := strings.Split(tag, ",")
loop:
	for i, name := range names {
		switch {
		case name == "required":
			r.required, r.zero = true, zeroOf(t)
		case (name == "omitempty" || name == "omitzero") && len(rest) == 0:
			r.skip = zeroOf(t)
		case name == "omitnil" && len(rest) == 0 && isNilable(t):
			r.skip = zeroOf(t)
		case name == "structonly" || name == "nostructlevel":
			r.closed = true
		case name == "dive" && !slices.Contains(names[i:], "keys") && isList(deref(t)):
			var err error
			if r.dive, err = c.compile(strings.Join(names[i+1:], ","), deref(t).Elem(), parent); err != nil {
				return nil, err
			}
			if r.dive == nil {
				r.dive = &rules{}
			}
			break loop
		case name == "dive":
			rest = append(rest, names[i:]...)
			break loop
		default:
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return r, nil
	}
	r.judged = &judged{validate: c.validate, tag: strings.Join(rest, ",")}
	if deref(t).Kind() == reflect.Struct && !deref(t).ConvertibleTo(timeType) {
		r.judged.isolated = true
		r.judged.tag += ",nostructlevel"
	} else if slices.ContainsFunc(rest, c.refersToParent) {
		if parent == nil {
			return nil, fmt.Errorf("has the rule %q, which refers to other fields, and there are none", r.judged.tag)
		}
		r.judged.parent = parent
	}
	return r, c.try(r.judged, t)
}

// try lets the validator judge a zero value, since it panics on a rule that it
// does not know or that does not go with the type.
func (c *ruleCompiler) try(j *judged, t reflect.Type) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("has a validate tag that can't be used: %v", cause)
		}
	}()
	value := reflect.New(t)
	if t.Kind() == reflect.Pointer {
		value.Elem().Set(reflect.New(t.Elem())) // a nil is not judged
	}
	var parent unsafe.Pointer
	if j.parent != nil {
		parent = reflect.New(j.parent).UnsafePointer()
	}
	_ = j.judge(t, value.UnsafePointer(), parent)
	return nil
}

// crossField are the validator's rules that look at other fields.
var crossField = []string{
	"eqfield", "nefield", "gtfield", "gtefield", "ltfield", "ltefield",
	"eqcsfield", "necsfield", "gtcsfield", "gtecsfield", "ltcsfield", "ltecsfield",
	"fieldcontains", "fieldexcludes", "skip_unless",
	"required_if", "required_unless", "required_with", "required_with_all", "required_without", "required_without_all",
	"excluded_if", "excluded_unless", "excluded_with", "excluded_with_all", "excluded_without", "excluded_without_all",
}

// refersToParent reports whether a rule may look at the struct around its
// field. A rule that did not ship with the validator may.
func (c *ruleCompiler) refersToParent(rule string) bool {
	for alternative := range strings.SplitSeq(rule, "|") {
		name, _, _ := strings.Cut(alternative, "=")
		if slices.Contains(crossField, name) || !c.isBuiltin(name) {
			return true
		}
	}
	return false
}

func (c *ruleCompiler) isBuiltin(rule string) (known bool) {
	if c.builtin == nil {
		c.builtin = NewValidator()
	}
	defer func() {
		if cause := recover(); cause != nil {
			known = !strings.Contains(fmt.Sprint(cause), "Undefined validation function")
		}
	}()
	_ = c.builtin.Var("", "omitempty,"+rule)
	return true
}

// judge returns the rule that the value of type t at p breaks, or nil. A
// parent's rules see it by value, as custom rules expect it.
func (j *judged) judge(t reflect.Type, p, parent unsafe.Pointer) validator.FieldError {
	value := reflect.NewAt(t, p).Elem().Interface()
	var err error
	switch {
	case j.isolated:
		err = j.validate.VarWithKey(t.Name(), value, j.tag)
	case j.parent != nil:
		err = j.validate.VarWithValue(value, reflect.NewAt(j.parent, parent).Elem().Interface(), j.tag)
	default:
		err = j.validate.Var(value, j.tag)
	}
	if errs, ok := err.(validator.ValidationErrors); ok && len(errs) > 0 { //nolint:errorlint // returned bare
		return errs[0]
	}
	return nil
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map
}

func isNilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	default:
		return false
	}
}

// zeroOf returns a function that reports whether a value of type t is zero. An
// empty slice or map that is not nil is not zero.
func zeroOf(t reflect.Type) func(unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return func(p unsafe.Pointer) bool { return *(*unsafe.Pointer)(p) == nil }
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return func(p unsafe.Pointer) bool { return *(*uint8)(p) == 0 }
	case reflect.Int16, reflect.Uint16:
		return func(p unsafe.Pointer) bool { return *(*uint16)(p) == 0 }
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		return func(p unsafe.Pointer) bool { return *(*uint32)(p) == 0 }
	case reflect.Int64, reflect.Uint64, reflect.Float64:
		return func(p unsafe.Pointer) bool { return *(*uint64)(p) == 0 }
	case reflect.Int, reflect.Uint:
		return func(p unsafe.Pointer) bool { return *(*uint)(p) == 0 }
	default:
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
	}
}
