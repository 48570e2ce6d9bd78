package rules

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// judged is a run of rules that go-playground/validator judges.
type judged struct {
	validate *validator.Validate
	tag      string
	parent   reflect.Type // the struct that the rules refer to; nil when they refer to none
	as       manner
	words    words
	aliases  map[string]string // that rules are from, by the rule
	absence  bool              // the rules judge an absent value as well
	dynamic  bool              // the value may hold an any, or be what a function of the user's makes of it
	shipped  bool              // all of the rules ship with the validator
	kinds    kinds             // the kinds of values in an any that the rules go with; 0 for other types
	fast     []fastRule        // one for each rule; nil without
	accept   Acceptor          // of all of fast; nil without

	names []string // the rules, as the field's tag has them
}

const (
	asItIs     manner = iota
	asStruct          // a struct, which the validator would look into instead of judging it
	asGiven           // true: all that these rules ask of a params.Optional with a value
	asMissing         // false: the same of one without
	asPresence        // a bool that says whether the value is set: all that these rules ask of a value whose zero the validator takes for none
)

// A manner is how a value is handed to the validator.
type manner int

// addJudged vets and tries the rules that the validator judges, and adds them to r.
// Rules that judge an absent value are judged apart from the others in two cases: if
// the value may be nil, since most other rules panic on a nil; and if the validator
// takes its zero for no value, since these rules then get only whether it is set.
func (c *Compiler) addJudged(r *Rules, all []rule, t, parent reflect.Type) error {
	if last := len(all) - 1; last >= 0 && isOmit(all[last].text) {
		return fmt.Errorf("has the rule %s behind all others, where it leaves out none: put it in front of those that it is to leave out", all[last].text)
	}
	as := c.judgedAs(t)
	mayBeNil := c.optional || t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || as.zeroNil
	absence, others := run{absence: true, use: use{kinds: anything}}, run{use: use{kinds: anything}}
	for _, one := range all {
		u := use{others: true, kinds: anything}
		if !isOmit(one.text) {
			var err error
			if u, err = c.vet(one.text, t, parent); err != nil && one.alias != "" {
				return fmt.Errorf("has the alias %q, which %w", one.alias, err)
			} else if err != nil {
				return err
			}
		}
		if !u.others && mayBeNil && (!u.own || !as.zeroNil) {
			absence.add(one, u)
		} else {
			others.add(one, u)
		}
	}
	if as.known {
		if rule := contradiction(as.Type, others.names); rule != "" {
			return fmt.Errorf("has the rule %q, which no %s keeps together with what else is asked of it: correct the number", rule, t)
		}
	}
	if kind.IsStruct(as.Type) {
		absence.as, others.as = asStruct, asStruct
	}
	if as.zeroNil {
		absence.as = asPresence
	}
	if c.optional {
		absence.as = asGiven
	}
	switch {
	case len(absence.names) == 0 || c.optional:
	case as.zeroNil:
		r.isNil = isZero(t)
	case mayBeNil:
		r.isNil = isNilPointer(t)
	}
	for _, run := range []run{absence, others} {
		if len(run.names) == 0 {
			continue
		}
		j, err := c.judge(r, run, t, parent)
		if err != nil {
			return err
		}
		r.judged = append(r.judged, j)
	}
	return nil
}

// A run is rules that are judged together.
type run struct {
	names   []string
	aliases map[string]string // that rules are from, by the rule
	use     use
	as      manner
	absence bool
}

func (r *run) add(one rule, u use) {
	r.names = append(r.names, one.text)
	if one.alias != "" {
		if r.aliases == nil {
			r.aliases = make(map[string]string)
		}
		r.aliases[one.text] = one.alias
	}
	r.use.add(u)
	r.use.kinds &= u.kinds
}

// judge compiles a run of rules for r.
func (c *Compiler) judge(r *Rules, run run, t, parent reflect.Type) (*judged, error) {
	j := &judged{
		validate: c.validate, tag: strings.Join(run.names, ","), names: run.names, as: run.as, absence: run.absence,
		dynamic: kind.HoldsInterface(t) || run.use.dynamic, shipped: !run.use.own,
		words: words{fieldNames{parent, c.isInput}, c.texts}, aliases: run.aliases,
	}
	if run.use.refers {
		j.parent = parent
	}
	if as := c.judgedAs(t); as.Kind() == reflect.Interface {
		j.kinds = run.use.kinds
	}
	for _, name := range run.names {
		alone := *j
		for alternative := range strings.SplitSeq(name, "|") {
			alone.tag = alternative
			switch cause := alone.try(t, nil).(type) {
			case *reflect.ValueError, *runtime.TypeAssertionError:
				return nil, unusable(alternative, cause)
			}
		}
	}
	if cause := j.try(t, r.skip); cause != nil {
		return nil, unusable(j.tag, cause)
	}
	if run.as == asStruct {
		j.tag = onStruct(j.tag)
	}
	if run.as == asItIs && j.parent == nil && !j.dynamic {
		j.fast = fastRules(t, run.names)
		for i := range j.fast {
			j.fast[i].told = j.told(run.names[i], t)
		}
		j.accept = allOf(j.fast)
	}
	return j, nil
}

// judge returns what to tell of the value of type t at p, nil if it keeps the rules.
func (j *judged) judge(t reflect.Type, p, parent memory.Pointer) *Broken {
	for i := range j.fast {
		switch c := &j.fast[i]; {
		case c.accept(p):
		case c.exact || c.refuse != nil && c.refuse(p):
			return c.told
		default:
			return j.byValidator(t, p, parent)
		}
	}
	if j.fast == nil {
		return j.byValidator(t, p, parent)
	}
	return nil
}

// accepts reports whether the value at p surely keeps the rules.
func (j *judged) accepts(t reflect.Type, p, parent memory.Pointer) bool {
	if j.accept != nil {
		return j.accept(p)
	}
	return j.byValidator(t, p, parent) == nil
}

// CodeType is the code of a value of the wrong type.
const CodeType = "type"

// panicDetail is told of a value in an any that the rules do not go with, and of a
// value that the validator panicked on.
const panicDetail = "must be of a type that its rules go with"

// byValidator is [judged.judge] without the fast rules.
func (j *judged) byValidator(t reflect.Type, p, parent memory.Pointer) (broken *Broken) {
	if j.kinds != 0 && !j.goWith(p.Value(t)) {
		return Mistyped(t, panicDetail)
	}
	if j.dynamic || j.shipped {
		// The client may have chosen the type of the value, or of a part of it, and
		// the validator panics on a type that a rule does not go with. In all other
		// cases, a panic of a rule of the service's own is its mistake, which the
		// log has to explain.
		defer func() {
			if recover() != nil {
				broken = Mistyped(t, panicDetail)
			}
		}()
	}
	err := j.ask(t, p, parent)
	if errs, ok := err.(validator.ValidationErrors); ok && len(errs) > 0 { //nolint:errorlint // returned bare
		first := errs[0]
		if first.Type() != nil {
			t = first.Type() // what was judged
		}
		return j.told(j.broken(first), t)
	}
	return nil
}

// broken returns the rule that an error is about, as the tag has it. An error about
// alternatives names all of them, with unescaped arguments, or for a nil only the first.
func (j *judged) broken(first validator.FieldError) string {
	for rule := range strings.SplitSeq(j.tag, ",") {
		alternative, _, _ := strings.Cut(rule, "|")
		name, param, _ := strings.Cut(alternative, "=")
		if unescapeParam(rule) == first.Tag() || name == first.ActualTag() && unescapeParam(param) == first.Param() {
			return rule
		}
	}
	return first.Tag()
}

// goWith reports whether the rules go with the kind of the value in an any. A nil is
// left to the rules.
func (j *judged) goWith(v reflect.Value) bool {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return !v.IsValid() || kindsOf(v.Type())&j.kinds != 0
}

// onStruct makes the tag for a struct in a list. The validator judges a struct only
// in a list: if it gets the struct alone, it looks into it instead.
func onStruct(tag string) string { return "dive," + tag + ",nostructlevel" }

// ask hands a value to the validator. Rules get the parent by value, as custom rules
// expect it.
func (j *judged) ask(t reflect.Type, p, parent memory.Pointer) error {
	value := p.Value(t)
	var given any
	switch {
	case j.as == asGiven || j.as == asMissing:
		given = j.as == asGiven
	case j.as == asPresence:
		given = !value.IsZero()
	case j.as == asStruct:
		given = p.Only(t).Interface()
	case t.Kind() == reflect.Interface && value.IsNil():
		given = (*any)(nil) // the validator says that a nil without a type breaks every rule
	default:
		given = value.Interface()
	}
	if j.parent != nil {
		return j.validate.VarWithValue(given, parent.Value(j.parent).Interface(), j.tag)
	}
	return j.validate.Var(given, j.tag)
}
