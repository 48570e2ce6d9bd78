package rules

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// Here are found, when they are compiled, the rules that would panic on a value
// that a client may send, that no value passes, or that never say anything, as far
// as the rule and its type tell: gte=0 on a uint is none of them.

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
		case name == "required" && !given: // it is compiled where it stands alone
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
	if u.absence && u.others && (kind.IsNilable(t) || c.judgedAs(t).zeroNil) {
		return u, fmt.Errorf("has %q, of which one alternative judges an absent value and another one does not: give the field rules of their own", rule)
	}
	return u, nil
}

func isOmit(rule string) bool { return rule == "omitempty" || rule == "omitnil" || rule == "omitzero" }

// demands reports whether a rule asks for a value, so that it never fails behind
// one of the omit rules.
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

// fits reports by an error that the rule does not go with the value.
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

// refuse makes an error of what is wrong with an argument.
func (v *value) refuse(format string, a ...any) error {
	return fmt.Errorf("has the rule %q, "+format, append([]any{v.rule}, a...)...)
}

// vetArgument vets what a rule takes, and reports whether the rule looks at the
// struct around.
func (c *Compiler) vetArgument(v *value, d demand, argument string, given bool, parent reflect.Type) (refers bool, err error) {
	plain := argument // with the characters that a tag can't have
	plain = strings.ReplaceAll(strings.ReplaceAll(plain, "0x2C", ","), "0x7C", "|")
	switch d.argument {
	case noArgument:
		if given {
			return false, v.refuse("which takes no value: write %q", v.name)
		}
	case aText:
		if !given {
			return false, v.refuse("which compares with a text: write %q", v.name+"=text")
		}
	case someText:
		if plain == "" {
			return false, v.refuse("which has no text to look for: write %q", v.name+"=text")
		}
		if strings.HasSuffix(v.name, "rune") && utf8.RuneCountInString(plain) > 1 {
			return false, v.refuse("which looks for one character: write %q", strings.TrimSuffix(v.name, "rune")+"="+plain)
		}
	case aBound, aValue:
		return false, v.vetBound(d, plain, given)
	case someChoices:
		return false, v.vetChoices(splitArgument(plain))
	case aLayout:
		if a, b := time.Date(2001, 2, 3, 4, 5, 6, 7e8, time.UTC), time.Date(2012, 11, 11, 19, 18, 17, 16, time.FixedZone("X", 3600)); a.Format(plain) == b.Format(plain) {
			return false, v.refuse("whose layout has no part of a time: write it as package time has it, %q", v.name+"=2006-01-02")
		}
	case aCountry:
		if c.validate.Var(plain, "iso3166_1_alpha2") != nil {
			return false, v.refuse("which needs the code of a country: write %q", v.name+"=DE")
		}
		if strings.Contains(withoutPostcodes, plain) {
			return false, v.refuse("but the validator knows no postcodes of %s: use a rule of your own", plain)
		}
	case aMediaType:
		if kind, sub, _ := strings.Cut(plain, "/"); kind == "" || sub == "" {
			return false, v.refuse("which needs a media type: write %q", v.name+"=image/png")
		}
		if slices.Contains([]string{"text/plain", "text/html", "text/xml"}, plain) {
			return false, v.refuse("which no file is without its character set: write %q", v.name+"=text/*")
		}
	case aSpiceDB:
		if !slices.Contains([]string{"", "id", "permission", "type"}, plain) {
			return false, v.refuse("which knows id, permission and type: write one of them")
		}
	case maybeMethod:
		return false, v.vetMethod(plain)
	case maybeField:
		return c.vetUnique(v, plain, given, parent)
	default:
		return true, c.vetFields(v, d, plain, parent)
	}
	return false, nil
}

// withoutPostcodes are the countries of which the validator has no pattern, so that
// no text is a postcode of theirs.
const withoutPostcodes = `AE AF AG AI AO AQ AW BF BI BJ BL BO BQ BS BT BV BW BZ CD CF CG CI CM CU CW DJ DM EH ER FJ GA GD GH GM GQ GY HK IR JM KI KM KN KP KY
	LC LY MF ML MM MO MR MS MW MZ NA NR NU PA PE PS QA RW SB SC SD SL SR SS ST SV SX SY TD TF TG TK TL TO TT TV TZ UG UM VC VU WS YE ZW`

// vetBound vets the number that a value is compared with.
func (v *value) vetBound(d demand, argument string, given bool) error {
	k := kindsOf(v.judged)
	switch {
	case !v.known:
		return nil
	case k == times:
		if given {
			return v.refuse("which compares a time with now and takes no value: write %q, or a rule of your own", v.name)
		}
		return nil
	case d.argument == aValue && k&texts != 0:
		if !given {
			return v.refuse("which compares with a value: write %q", v.name+"=value")
		}
		return nil
	case k&bools != 0 && !v.isAny():
		if _, err := strconv.ParseBool(argument); err != nil {
			return v.refuse("which needs true or false: write %q", v.name+"=true")
		}
		return nil
	}
	if what := notANumber(v.judged, argument); what != "" {
		return v.refuse("which needs %s: write %q", what, v.name+"=1")
	}
	return nil
}

// notANumber returns what a number that is compared with values of type t has to
// be, and nothing if it is.
func notANumber(t reflect.Type, text string) string {
	switch k := kindsOf(t); {
	case t.Kind() == reflect.Interface:
		f, err := strconv.ParseFloat(text, 64)
		if _, err2 := strconv.ParseInt(text, 0, 64); err != nil && err2 != nil || math.IsNaN(f) {
			return "a number"
		}
	case k&floats != 0:
		if f, err := strconv.ParseFloat(text, t.Bits()); err != nil || math.IsNaN(f) {
			return "a number"
		}
	case k&(naturals|addresses) != 0:
		if _, err := strconv.ParseUint(text, 0, 64); err != nil {
			return "an integer of at least 0"
		}
	case t == kind.Duration:
		if _, err := parseDuration(text); err != nil {
			return "a duration such as 1m30s"
		}
	default: // also the lengths of texts and lists
		if _, err := strconv.ParseInt(text, 0, 64); err != nil {
			return "an integer"
		}
	}
	return ""
}

// parseDuration reads a bound on a duration as the validator does.
func parseDuration(text string) (int64, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return int64(d), nil
	}
	return strconv.ParseInt(text, 0, 64)
}

func (v *value) vetChoices(choices []string) error {
	if len(choices) == 0 {
		return v.refuse("which has no values to choose from: write %q", v.name+"=a b")
	}
	k := kindsOf(v.judged)
	if !v.known || k&texts != 0 {
		return nil
	}
	for _, choice := range choices {
		text := "" // of the number, with which the choice is compared
		if n, err := strconv.ParseInt(choice, 10, v.judged.Bits()); k&integers != 0 && err == nil {
			text = strconv.FormatInt(n, 10)
		} else if n, err := strconv.ParseUint(choice, 10, v.judged.Bits()); k&integers == 0 && err == nil {
			text = strconv.FormatUint(n, 10)
		}
		if choice != text {
			return v.refuse("but no %s is %q: choose from values of the type", v.judged, choice)
		}
	}
	return nil
}

// vetMethod vets the method that validateFn calls.
func (v *value) vetMethod(name string) error {
	if name == "" {
		name = "Validate"
	}
	if !v.known {
		return nil
	}
	of := v.judged
	if v.typ.Kind() == reflect.Pointer { // what it points to has an address
		of = reflect.PointerTo(v.judged)
	}
	method, ok := of.MethodByName(name)
	switch {
	case !ok:
		return v.refuse("but %s has no method %s: declare it, and not on the pointer unless the field is one", of, name)
	case method.Type.NumIn() != 1 && !method.Type.IsVariadic() || method.Type.NumIn() > 2,
		method.Type.NumOut() == 0 || method.Type.Out(0).Kind() != reflect.Bool && method.Type.Out(0) != errorType:
		return v.refuse("but the method %s of %s is none that takes nothing and returns a bool or an error: declare it so", name, of)
	}
	return nil
}

var errorType = reflect.TypeFor[error]()

// vetUnique vets unique, which is on the elements of a list, on a field of theirs,
// or on another field of the struct around.
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
			return false, v.refuse("but %s is a %s and not a %s: use fields of one type, and no pointer", field, other.field, t)
		}
		return true, nil
	case field != "" && t.Kind() == reflect.Map:
		return false, v.refuse("which looks at no field of a map's values: write %q", "unique")
	case field == "":
		elem := pointedTo(t.Elem())
		if why := incomparable(elem); why != "" {
			return false, v.refuse("but a %s %s: name a field of it, or use a rule of your own", elem, why)
		}
	default:
		elem := pointedTo(t.Elem())
		if elem.Kind() != reflect.Struct {
			return false, v.refuse("but a %s has no fields: write %q", elem, "unique")
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
			return false, v.refuse("but a %s %s: name another field, or use a rule of your own", f, why)
		}
	}
	return false, nil
}

// pointedTo returns what a pointer points to. It is what unique compares.
func pointedTo(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// incomparable says why equal values of a type may not be found equal; "" if they
// are.
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
// as times are by their locations. Those of a handle are equal if the values are.
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

// contradiction returns the rule with which no value is left that keeps it and
// those before it; empty when there is none.
func contradiction(t reflect.Type, rules []string) string {
	s, u := span[int64]{0, math.MaxInt64}, span[uint64]{0, math.MaxUint64}
	k := kindsOf(t)
	switch {
	case t.Kind() == reflect.Interface || k&(texts|lists|integers|naturals|addresses) == 0:
		return ""
	case t.Kind() == reflect.Array:
		s = span[int64]{int64(t.Len()), int64(t.Len())}
	case k&integers != 0:
		s = span[int64]{-1 << (t.Bits() - 1), 1<<(t.Bits()-1) - 1}
	case k&(naturals|addresses) != 0:
		u.high >>= 64 - t.Bits()
	}
	for _, rule := range rules {
		name, argument, _ := strings.Cut(rule, "=")
		switch catalog[name].argument {
		case aBound:
		case aValue:
			if k&texts != 0 {
				continue // the text itself, not its length
			}
		default:
			continue
		}
		if k&(naturals|addresses) != 0 {
			limit, err := strconv.ParseUint(argument, 0, 64)
			if err == nil && !u.narrow(name, limit, math.MaxUint64, 0) {
				return rule
			}
			continue
		}
		limit, err := strconv.ParseInt(argument, 0, 64)
		if t == kind.Duration {
			limit, err = parseDuration(argument)
		}
		if err == nil && !s.narrow(name, limit, math.MaxInt64, math.MinInt64) {
			return rule
		}
	}
	return ""
}

// narrow narrows a span to what a rule asks for, and reports whether something is
// left.
func (s *span[T]) narrow(rule string, limit, most, least T) bool {
	if rule == "ne" {
		return s.low != s.high || s.low != limit
	}
	of, ok := spanOf(rule, limit, least, most)
	s.low, s.high = max(s.low, of.low), min(s.high, of.high)
	return ok && s.low <= s.high
}
