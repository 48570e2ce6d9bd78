package rules

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// This file finds, when rules are compiled, those that would panic on a value that a
// client may send, that no value keeps, or that do nothing, as far as the rule and its
// type show it. It allows a rule that all values keep, such as gte=0 on a uint.

// A use is what a rule, with its alternatives, means for the value it is on.
type use struct {
	absence bool // it judges an absent value as well
	others  bool // it judges values only
	refers  bool // it looks at the struct around
	own     bool // a function of the user's is called
	dynamic bool // it looks at a value whose type is not known
	kinds   kinds
}

func (u *use) add(other use) {
	u.absence = u.absence || other.absence
	u.others = u.others || other.others
	u.refers = u.refers || other.refers
	u.own = u.own || other.own
	u.dynamic = u.dynamic || other.dynamic
}

// vet returns the use of a rule on a value of type t in the struct type parent,
// nil without one. It fails for a rule that can't do what it says.
func (c *Compiler) vet(rule string, t, parent reflect.Type) (u use, err error) {
	for alternative := range strings.SplitSeq(rule, "|") {
		name, argument, given := strings.Cut(alternative, "=")
		var one use
		demand, ships := catalog[name]
		switch {
		case name == "isdefault" && alternative != rule && kind.IsNilable(t):
			err = fmt.Errorf("has isdefault as an alternative in %q, which a nil never comes to: write omitempty in front of the others", rule)
		case name == "required" && !given: // where it stands alone, compileRules takes it
			err = fmt.Errorf("has required as an alternative in %q, where it can't mean present: write it in front", rule)
		case name == "":
			err = fmt.Errorf("has an empty rule in its validate tag: remove the comma or the bar around it")
		case ships:
			one, err = c.vetShipped(demand, name, argument, given, t, parent)
		case !isKnown(c.validate, name):
			err = fmt.Errorf("has the rule %q in its validate tag, which the validator does not know: correct its name, or register it before the route", name)
		default:
			one = use{own: true, refers: parent != nil, absence: judgesNil(c.validate, name), kinds: anything}
			one.others = !one.absence
		}
		if err != nil {
			return u, err
		}
		if as := c.judgedAs(t); as.Kind() == reflect.Interface && u.kinds != 0 && (u.kinds^one.kinds)&inJSON != 0 {
			return u, fmt.Errorf("has the rule %q on an any, whose alternatives go with different values: use a type of its own", rule)
		}
		u.add(one)
		u.kinds |= one.kinds
	}
	if u.absence && u.others && (c.optional || kind.IsNilable(t) || c.judgedAs(t).zeroNil) {
		return u, fmt.Errorf("has %q, of which one alternative judges an absent value and another one does not: give the field rules of their own", rule)
	}
	return u, nil
}

func isOmit(rule string) bool { return rule == "omitempty" || rule == "omitnil" || rule == "omitzero" }

// demands reports whether a rule asks for a value, so that it can't fail behind one of
// the omit rules.
func demands(rule string) bool {
	for alternative := range strings.SplitSeq(rule, "|") {
		name, _, _ := strings.Cut(alternative, "=")
		if name == "skip_unless" || strings.HasPrefix(name, "required") && catalog[name].absence {
			return true
		}
	}
	return false
}

func (c *Compiler) vetShipped(d demand, name, argument string, given bool, t, parent reflect.Type) (u use, err error) {
	rule := name
	if given {
		rule += "=" + argument
	}
	as := c.judgedAs(t)
	v := value{rule: rule, name: name, typ: t, judged: as.Type, known: as.known}
	u = use{absence: d.absence, others: !d.absence, own: d.argument == maybeMethod, dynamic: !v.known || v.judged != kind.Deref(t), kinds: d.kinds}
	if err := v.fits(d); err != nil {
		return u, err
	}
	refers, err := c.vetArgument(&v, d, argument, given, parent)
	u.refers = refers
	return u, err
}

// A value is what a rule is to judge.
type value struct {
	rule, name string
	typ        reflect.Type // of the field
	judged     reflect.Type // what the validator makes of it
	known      bool         // or else only the value tells
}

func (v *value) isAny() bool { return v.judged.Kind() == reflect.Interface }

// fits returns an error if the rule does not go with the value.
func (v *value) fits(d demand) error {
	has := kindsOf(v.judged)
	switch {
	case !v.known || d.kinds == anything || d.kinds&has != 0:
		return nil
	case v.isAny():
		return fmt.Errorf("has the rule %q, which goes with %s only, and JSON puts no such value into an any: use a type of its own", v.rule, d.kinds)
	case kind.IsList(v.judged):
		return fmt.Errorf("has the rule %q, which goes with %s only, not with %s: put dive before it to judge the elements, or use another rule", v.rule, d.kinds, v.typ)
	case kind.IsStruct(v.judged) || kind.DecodesItself(v.judged):
		return fmt.Errorf("has the rule %q, which goes with %s only, not with %s: "+
			"register the value that it stands for with RegisterCustomTypeFunc of the validator, or use a rule of your own", v.rule, d.kinds, v.typ)
	default:
		return fmt.Errorf("has the rule %q, which goes with %s only, not with %s: use another rule or another type", v.rule, d.kinds, v.typ)
	}
}

// refuse makes the error that says what is wrong with the rule.
func (v *value) refuse(format string, a ...any) error {
	return fmt.Errorf("has the rule %q, "+format, append([]any{v.rule}, a...)...)
}
