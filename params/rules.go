package params

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/go-playground/validator/v10"
	"github.com/goccy/go-json"
)

// rules is a validate tag, compiled for the type of its field.
type rules struct {
	required bool                      // must be present
	zero     func(unsafe.Pointer) bool // reports the zero value; for required
	skip     func(unsafe.Pointer) bool // omitempty and the like; nil without
	judged   []*judged                 // what the validator judges
	keys     *rules                    // what holds for each key of a map; nil without
	dive     *rules                    // what holds for each element; nil without
	closed   bool                      // structonly, nostructlevel or "-": the rules inside the struct do not count
}

// judged is a run of rules that go-playground/validator judges.
type judged struct {
	validate *validator.Validate
	tag      string
	parent   reflect.Type // the struct that the rules refer to; nil when they refer to none
	as       manner
	dynamic  bool     // the value may hold an any
	checks   []check  // for each rule, what need not be judged; nil without
	accept   acceptor // all of them; nil without
}

// A manner is how a value is handed to the validator.
type manner int

const (
	asItIs     manner = iota
	asStruct          // a struct, which the validator would look into instead of judging it
	asPresence        // a struct whose rules ask only whether it is set: as a bool
)

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
	switch tag {
	case "":
		return nil, nil
	case "-":
		return &rules{closed: true}, nil
	}
	r := &rules{}
	var rest []string
	names := strings.Split(tag, ",")
	for i, name := range names {
		switch {
		case name == "required":
			r.required, r.zero = true, isAbsent(t)
		case (name == "omitempty" || name == "omitnil" && isNilable(t)) && len(rest) == 0:
			r.skip = isZero(t)
		case name == "omitzero" && len(rest) == 0:
			r.skip = isEmptyOrZero(t)
		case name == "structonly" || name == "nostructlevel":
			r.closed = true
		case name == "dive":
			if err := c.dive(r, names[i+1:], t, parent); err != nil {
				return nil, err
			}
			return r, c.addJudged(r, rest, t, parent)
		default:
			rest = append(rest, name)
		}
	}
	return r, c.addJudged(r, rest, t, parent)
}

// dive compiles what follows dive in a tag: the rules of a map's keys between
// keys and endkeys, then those of the elements.
func (c *ruleCompiler) dive(r *rules, names []string, t, parent reflect.Type) (err error) {
	list := deref(t)
	if !isList(list) {
		return fmt.Errorf("has the rule dive, which goes with a slice, array or map only")
	}
	if len(names) > 0 && names[0] == "keys" {
		end := slices.Index(names, "endkeys")
		if end < 0 || list.Kind() != reflect.Map {
			return fmt.Errorf("has the rule keys, which goes with a map only and ends with endkeys")
		}
		if r.keys, err = c.compile(strings.Join(names[1:end], ","), list.Key(), parent); err != nil {
			return err
		}
		names = names[end+1:]
	}
	if r.dive, err = c.compile(strings.Join(names, ","), list.Elem(), parent); err != nil {
		return err
	}
	if r.dive == nil {
		r.dive = &rules{}
	}
	return nil
}

// addJudged adds the rules that the validator judges, after trying them.
func (c *ruleCompiler) addJudged(r *rules, names []string, t, parent reflect.Type) error {
	if !isStruct(t) {
		return c.addRun(r, names, t, parent, asItIs)
	}
	// Rules on a struct are given one by one, each in its form.
	for _, name := range names {
		as := asStruct
		if strings.HasPrefix(name, "required_") || strings.HasPrefix(name, "excluded_") {
			as = asPresence
		}
		if err := c.addRun(r, []string{name}, t, parent, as); err != nil {
			return err
		}
	}
	return nil
}

func (c *ruleCompiler) addRun(r *rules, names []string, t, parent reflect.Type, as manner) error {
	if len(names) == 0 {
		return nil
	}
	j := &judged{validate: c.validate, tag: strings.Join(names, ","), as: as, dynamic: holdsInterface(t)}
	for _, name := range names {
		refers, err := c.refersToParent(name, parent)
		if err != nil {
			return err
		}
		if refers && as != asStruct {
			j.parent = parent
		}
		alone := judged{validate: c.validate, parent: j.parent, as: as}
		for alternative := range strings.SplitSeq(name, "|") {
			alone.tag = alternative
			if err := alone.try(t); err != nil {
				return err
			}
		}
	}
	if err := j.try(t); err != nil {
		return err
	}
	if as == asStruct {
		j.tag += ",nostructlevel"
	}
	if as == asItIs && j.parent == nil && !j.dynamic {
		j.checks = checksOf(t, names)
		j.accept = allOf(j.checks)
	}
	r.judged = append(r.judged, j)
	return nil
}

// choices returns the values of a rule oneof, nil without one.
func (r *rules) choices() []string {
	if r == nil {
		return nil
	}
	for _, j := range r.judged {
		for rule := range strings.SplitSeq(j.tag, ",") {
			if param, ok := strings.CutPrefix(rule, "oneof="); ok && !strings.ContainsAny(param, "'|") {
				return strings.Fields(param)
			}
		}
	}
	return nil
}

// refer reports whether a rule refers to other fields.
func (r *rules) refer() bool {
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.judged, func(j *judged) bool { return j.parent != nil }) || r.keys.refer() || r.dive.refer()
}

// try lets the validator judge sample values, since it panics on a rule that it
// does not know or that does not go with the type. It does so only when it
// comes to the rule, so each is also tried alone.
func (j *judged) try(t reflect.Type) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("has the rule %q in its validate tag, which can't be used: %s", j.tag, strings.TrimSuffix(fmt.Sprint(cause), " on field ''"))
		}
	}()
	tried := *j
	if j.as == asStruct {
		tried.tag += ",nostructlevel"
	}
	var parent unsafe.Pointer
	if j.parent != nil {
		parent = reflect.New(j.parent).UnsafePointer()
	}
	value := reflect.New(t)
	if !isNilable(t) {
		_ = tried.ask(t, value.UnsafePointer(), parent)
	}
	fillSample(value.Elem())
	_ = tried.ask(t, value.UnsafePointer(), parent)
	return nil
}

// fillSample gives a pointer a target, and a list an element.
func fillSample(v reflect.Value) {
	switch t := v.Type(); t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fillSample(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fillSample(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
	}
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
func (c *ruleCompiler) refersToParent(rule string, parent reflect.Type) (refers bool, err error) {
	for alternative := range strings.SplitSeq(rule, "|") {
		name, param, _ := strings.Cut(alternative, "=")
		switch {
		case !slices.Contains(crossField, name):
			refers = refers || parent != nil && !c.isBuiltin(alternative)
			continue
		case parent == nil:
			return false, fmt.Errorf("has the rule %q, which refers to other fields, and there are none", alternative)
		}
		refers = true
		for i, field := range strings.Fields(param) {
			// The _if and _unless rules have pairs of field and value, and a
			// value may have spaces, so only the first field is certain.
			if i > 0 && (strings.HasSuffix(name, "_if") || strings.HasSuffix(name, "_unless")) {
				break
			}
			field, _, _ = strings.Cut(field, ".")
			field, _, _ = strings.Cut(field, "[")
			if _, ok := parent.FieldByName(field); !ok {
				return false, fmt.Errorf("has the rule %q, but %s has no field %s: name it as in Go", alternative, parent, field)
			}
		}
	}
	return refers, nil
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

// judge reports whether the value of type t at p breaks a rule, and which, with
// what to tell about it.
func (j *judged) judge(t reflect.Type, p, parent unsafe.Pointer) (code, detail string, broken bool) {
	for i := range j.checks {
		switch c := &j.checks[i]; {
		case c.accept(p):
		case c.exact || c.refuse != nil && c.refuse(p):
			return c.code, c.detail, true
		default:
			return j.verdict(t, p, parent)
		}
	}
	if j.checks == nil {
		return j.verdict(t, p, parent)
	}
	return "", "", false
}

// verdict is [judged.judge] by the validator.
func (j *judged) verdict(t reflect.Type, p, parent unsafe.Pointer) (code, detail string, broken bool) {
	if j.dynamic {
		// The value is of any type the client wants, and the validator panics
		// on one that a rule does not go with.
		defer func() {
			if recover() != nil {
				code, detail, broken = CodeType, "must be of a type that its rules go with", true
			}
		}()
	}
	err := j.ask(t, p, parent)
	if errs, ok := err.(validator.ValidationErrors); ok && len(errs) > 0 { //nolint:errorlint // returned bare
		first := errs[0]
		return first.Tag(), describe(first.Tag(), first.Param(), first.Kind()), true
	}
	return "", "", false
}

// ask hands a value to the validator. A parent's rules see it by value, as
// custom rules expect it.
func (j *judged) ask(t reflect.Type, p, parent unsafe.Pointer) error {
	value := reflect.NewAt(t, p).Elem()
	var given any
	if j.as == asPresence {
		given = !value.IsZero()
	} else {
		given = value.Interface()
	}
	switch {
	case j.as == asStruct:
		return j.validate.VarWithKey("value", given, j.tag) // with a name, Var judges a struct
	case j.parent != nil:
		return j.validate.VarWithValue(given, reflect.NewAt(j.parent, parent).Elem().Interface(), j.tag)
	default:
		return j.validate.Var(given, j.tag)
	}
}

// holdsInterface reports whether a value of type t, or a part of one, may be of
// a type that only the value knows. seen are the types around.
func holdsInterface(t reflect.Type, seen ...reflect.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsInterface(t.Elem(), seen...)
	case reflect.Struct:
		for f := range t.Fields() {
			if holdsInterface(f.Type, seen...) {
				return true
			}
		}
	}
	return false
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map
}

// isStruct reports whether the validator takes t for a struct to look into.
func isStruct(t reflect.Type) bool {
	t = deref(t)
	return t.Kind() == reflect.Struct && !t.ConvertibleTo(timeType)
}

func isNilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	default:
		return false
	}
}

// isZero returns a function that reports whether a value of type t is zero. An
// empty slice or map that is not nil is not zero.
func isZero(t reflect.Type) func(unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Int:
		return func(p unsafe.Pointer) bool { return *(*int)(p) == 0 }
	case reflect.Bool:
		return func(p unsafe.Pointer) bool { return !*(*bool)(p) }
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return func(p unsafe.Pointer) bool { return *(*unsafe.Pointer)(p) == nil }
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

// isAbsent returns a function that reports whether a value of type t may have
// been absent.
func isAbsent(t reflect.Type) func(unsafe.Pointer) bool {
	if t == rawMessageType {
		return func(p unsafe.Pointer) bool {
			raw := *(*json.RawMessage)(p)
			return raw == nil || string(raw) == "null" // the one type that keeps a null
		}
	}
	return isZero(t)
}

// isEmptyOrZero is [isZero] for omitzero, for which an empty list is zero too,
// and so is what a pointer points to.
func isEmptyOrZero(t reflect.Type) func(unsafe.Pointer) bool {
	return func(p unsafe.Pointer) bool {
		v := reflect.NewAt(t, p).Elem()
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
	}
}

var rawMessageType = reflect.TypeFor[json.RawMessage]()
