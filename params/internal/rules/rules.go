package rules

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// Rules is a validate tag, compiled for the type of its field. nil is none.
type Rules struct {
	Required bool   // must be present
	Keys     *Rules // what holds for each key of a map; nil without
	Dive     *Rules // what holds for each element; nil without
	Closed   bool   // structonly, nostructlevel or "-": the rules inside do not count

	zero   func(memory.Pointer) bool // reports the zero value; for required
	skip   func(memory.Pointer) bool // omitempty and the like; nil without
	isNil  func(memory.Pointer) bool // reports a nil, which only the rules on absence judge; nil without any of these
	judged []*judged                 // what the validator judges
}

// None are the rules of the elements of a list whose field does not say dive.
var None = new(Rules)

// Required returns the rules of a value of type t that has to be there.
func Required(t reflect.Type) *Rules { return &Rules{Required: true, zero: isAbsent(t)} }

// Present returns the rules without required, for a value that is known to be
// there.
func (r *Rules) Present() *Rules {
	if r == nil || !r.Required {
		return r
	}
	present := *r
	present.Required = false
	return &present
}

// Elements returns the rules of the elements of a list with the rules r.
func (r *Rules) Elements() *Rules {
	if r == nil {
		return nil
	}
	return r.Dive
}

// IsEmpty reports whether nothing is asked of a value, nor of its elements.
func (r *Rules) IsEmpty() bool {
	return !r.Required && len(r.judged) == 0 && r.Dive == nil
}

// OnValue reports whether something is asked of the value itself, or told of when
// nothing is.
func (r *Rules) OnValue() bool {
	return r != nil && (r.Required || r.skip != nil || len(r.judged) > 0)
}

// IsAbsent reports whether the value at p, which is required, may have been absent.
func (r *Rules) IsAbsent(p memory.Pointer) bool { return r.zero(p) }

// MaySkip reports whether there are values of which nothing is asked.
func (r *Rules) MaySkip() bool { return r != nil && r.skip != nil }

// Skips reports whether nothing is asked of the value at p.
func (r *Rules) Skips(p memory.Pointer) bool { return r.skip != nil && r.skip(p) }

// Accepts reports whether the value of type t at p surely keeps what is asked of
// the value itself, apart from its presence.
func (r *Rules) Accepts(t reflect.Type, p, parent memory.Pointer) bool {
	for _, j := range r.judged {
		if !r.leavesOut(j, p) && !j.accepts(t, p, parent) {
			return false
		}
	}
	return true
}

// Judge finds the first rule that the value of type t at p breaks, and what to tell
// about it.
func (r *Rules) Judge(t reflect.Type, p, parent memory.Pointer) (code, detail string, broken bool) {
	for _, j := range r.judged {
		if r.leavesOut(j, p) {
			continue
		}
		if code, detail, broken = j.judge(t, p, parent); broken {
			return code, detail, true
		}
	}
	return "", "", false
}

// judged is a run of rules that go-playground/validator judges.
type judged struct {
	validate *validator.Validate
	tag      string
	parent   reflect.Type // the struct that the rules refer to; nil when they refer to none
	as       manner
	words    words
	aliases  map[string]string // by the rule
	absence  bool              // the rules judge an absent value as well
	dynamic  bool              // the value may hold an any, or be what a function of the user's makes of it
	shipped  bool              // all of the rules ship with the validator
	kinds    kinds             // of what an any holds, the kinds that the rules go with; 0 for any other type
	fast     []fastRule        // for each rule, what need not be judged; nil without
	accept   Acceptor          // all of them; nil without
}

// A manner is how a value is handed to the validator.
type manner int

const (
	asItIs     manner = iota
	asStruct          // a struct, which the validator would look into instead of judging it
	asPresence        // what the validator takes for no value if it is zero, whose rules ask only whether it is set: as a bool
)

// A Compiler compiles validate tags, and the types that have them.
type Compiler struct {
	texts    *phrases
	isInput  bool // the fields are those of an input, and not of a body
	validate *validator.Validate
	types    map[reflect.Type]judgedType // see [Compiler.judgedAs]
}

// NewCompiler returns a compiler of rules that v judges, and whose texts it has.
func NewCompiler(v *validator.Validate) *Compiler {
	return &Compiler{validate: v, texts: textsOf(v), types: make(map[reflect.Type]judgedType)}
}

// judgedAs is the function of that name, which asks the validator, once for each
// type.
func (c *Compiler) judgedAs(t reflect.Type) judgedType {
	as, ok := c.types[t]
	if !ok {
		as = judgedAs(c.validate, t)
		c.types[t] = as
	}
	return as
}

// TypeText returns what is told of a value that is no t, "" where there is no text
// of the service's own, and no other of the type.
func (c *Compiler) TypeText(t reflect.Type) string { return c.texts.ofType(t) }

// A rule is one of a tag, with its alternatives.
type rule struct {
	text  string
	alias string // that it is from; empty without one
}

// Compile compiles the tag of a field of type t in the struct type parent, nil
// when it has none. It returns nil for a tag without rules.
func (c *Compiler) Compile(tag string, t, parent reflect.Type) (*Rules, error) {
	if tag == "" {
		return nil, nil
	}
	all, err := c.expand(tag, "", 0)
	if err != nil {
		return nil, err
	}
	return c.compileRules(all, t, parent)
}

// CompileInput is compile for a field of an input, and not of a body.
func (c *Compiler) CompileInput(tag string, t, parent reflect.Type) (*Rules, error) {
	c.isInput = true
	defer func() { c.isInput = false }()
	return c.Compile(tag, t, parent)
}

// maxAliases is how deep aliases may be made of aliases.
const maxAliases = 10

// expand splits a tag, or what an alias stands for, into rules that are no aliases.
func (c *Compiler) expand(tag, alias string, depth int) (all []rule, err error) {
	if depth > maxAliases {
		return nil, fmt.Errorf("has the alias %q, which is made of aliases without an end: break the circle", alias)
	}
tag:
	for text := range strings.SplitSeq(tag, ",") {
		alternatives := strings.Split(text, "|")
		for i, alternative := range alternatives {
			name, argument, given := strings.Cut(alternative, "=")
			inner, isAlias := aliasOf(c.validate, name)
			switch {
			case !isAlias:
				continue
			case given:
				return nil, fmt.Errorf("has %q, but an alias takes no value: remove %q", alternative, "="+argument)
			}
			of, err := c.expand(inner, name, depth+1)
			switch {
			case err != nil:
				return nil, err
			case len(alternatives) == 1:
				all = append(all, of...)
				continue tag
			case len(of) > 1:
				return nil, fmt.Errorf("has %q as an alternative, which is an alias of several rules: register a rule in its place", name)
			}
			alternatives[i] = of[0].text
		}
		all = append(all, rule{strings.Join(alternatives, "|"), alias})
	}
	return all, nil
}

func (c *Compiler) compileRules(all []rule, t, parent reflect.Type) (*Rules, error) {
	switch {
	case len(all) == 0:
		return nil, nil
	case len(all) == 1 && all[0].text == "-":
		return &Rules{Closed: true}, nil
	}
	r := &Rules{}
	var rest []rule
	omit := ""
	for i, one := range all {
		switch name := one.text; {
		case name == "required":
			r.Required, r.zero = true, isAbsent(t)
		case name == "omitnil" && !kind.IsNilable(t):
			return nil, fmt.Errorf("has the rule omitnil, but a %s is never nil: write omitempty", t)
		case isOmit(name):
			omit = name
			switch {
			case len(rest) > 0:
				rest = append(rest, one)
			case name == "omitzero":
				r.skip = isEmptyOrZero(t)
			default:
				r.skip = isZero(t)
			}
		case name == "structonly" || name == "nostructlevel":
			if k := kind.Deref(t).Kind(); k != reflect.Struct && !kind.IsList(kind.Deref(t)) {
				return nil, fmt.Errorf("has the rule %s, but a %s has no fields with rules: remove it", name, t)
			}
			r.Closed = true
		case name == "dive":
			if err := c.dive(r, all[i+1:], t, parent); err != nil {
				return nil, err
			}
			return r, c.addJudged(r, rest, t, parent)
		case omit != "" && demands(name):
			return nil, fmt.Errorf("has the rule %q behind %s, which leaves out the values that it would refuse: put it in front", name, omit)
		default:
			rest = append(rest, one)
		}
	}
	return r, c.addJudged(r, rest, t, parent)
}

// dive compiles what follows dive in a tag: the rules of a map's keys between
// keys and endkeys, then those of the elements.
func (c *Compiler) dive(r *Rules, all []rule, t, parent reflect.Type) (err error) {
	list := kind.Deref(t)
	if !kind.IsList(list) {
		return fmt.Errorf("has the rule dive, which goes with a slice, array or map only: remove it")
	}
	if len(all) > 0 && all[0].text == "keys" {
		end := slices.IndexFunc(all, func(r rule) bool { return r.text == "endkeys" })
		if end < 0 || list.Kind() != reflect.Map {
			return fmt.Errorf("has the rule keys, which goes with a map only and ends with endkeys: write dive,keys,…,endkeys")
		}
		if r.Keys, err = c.compileRules(all[1:end], list.Key(), parent); err != nil {
			return err
		}
		if r.Keys != nil && r.Keys.Required {
			return fmt.Errorf("has the rule required for the keys of a map, which are always there: write min=1 for keys that are not empty")
		}
		all = all[end+1:]
	}
	if r.Dive, err = c.compileRules(all, list.Elem(), parent); err != nil {
		return err
	}
	if r.Dive == nil {
		r.Dive = &Rules{}
	}
	return nil
}

// addJudged adds the rules that the validator judges, after vetting and trying
// them. Those that judge an absent value go apart from the others if the value may
// be nil, on which most of the others panic, or a struct, of which they are told
// only whether it is there.
func (c *Compiler) addJudged(r *Rules, all []rule, t, parent reflect.Type) error {
	if last := len(all) - 1; last >= 0 && isOmit(all[last].text) {
		return fmt.Errorf("has the rule %s behind all others, where it leaves out none: put it in front of those that it is to leave out", all[last].text)
	}
	as := c.judgedAs(t)
	mayBeNil := t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || as.zeroNil
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
	switch {
	case len(absence.names) == 0:
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
	aliases map[string]string // by the rule, of those that are from one
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

// judge makes what judges a run of the rules r.
func (c *Compiler) judge(r *Rules, run run, t, parent reflect.Type) (*judged, error) {
	j := &judged{
		validate: c.validate, tag: strings.Join(run.names, ","), as: run.as, absence: run.absence,
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
		j.fast = fastRules(t, run.names, j.words)
		for i := range j.fast {
			if c := &j.fast[i]; j.aliases[run.names[i]] != "" {
				c.code, c.detail = j.told(run.names[i], t)
			}
		}
		j.accept = allOf(j.fast)
	}
	return j, nil
}

// leavesOut reports whether rules are not asked about the value at p: a nil is
// judged by the rules on absence alone, if there are any.
func (r *Rules) leavesOut(j *judged, p memory.Pointer) bool {
	return r.isNil != nil && !j.absence && r.isNil(p)
}

// Choices returns the values of a rule oneof, nil without one.
func (r *Rules) Choices() []string {
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

// Refer reports whether a rule refers to other fields.
func (r *Rules) Refer() bool {
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.judged, func(j *judged) bool { return j.parent != nil }) || r.Keys.Refer() || r.Dive.Refer()
}

// try lets the validator judge sample values, but for those that are skipped, and
// returns what a rule of the user's own panics with. It may come to the rule only
// if those before it hold, so each is also tried alone: then it has to go with the
// type, but need not bear a value that the others would have kept from it.
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

// fillSample gives a pointer a target, and a list an element, down to a depth that
// types which refer to themselves end at.
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

// judge reports whether the value of type t at p breaks a rule, and which, with
// what to tell about it.
func (j *judged) judge(t reflect.Type, p, parent memory.Pointer) (code, detail string, broken bool) {
	for i := range j.fast {
		switch c := &j.fast[i]; {
		case c.accept(p):
		case c.exact || c.refuse != nil && c.refuse(p):
			return c.code, c.detail, true
		default:
			return j.byValidator(t, p, parent)
		}
	}
	if j.fast == nil {
		return j.byValidator(t, p, parent)
	}
	return "", "", false
}

// accepts reports whether the value at p surely keeps the rules.
func (j *judged) accepts(t reflect.Type, p, parent memory.Pointer) bool {
	if j.accept != nil {
		return j.accept(p)
	}
	_, _, broken := j.byValidator(t, p, parent)
	return !broken
}

// CodeType is the code of a value of the wrong type.
const CodeType = "type"

// panicDetail is told of what an any holds that its rules do not go with, and of a
// value that the validator panicked on.
const panicDetail = "must be of a type that its rules go with"

// byValidator is [judged.judge] by the validator.
func (j *judged) byValidator(t reflect.Type, p, parent memory.Pointer) (code, detail string, broken bool) {
	if j.kinds != 0 && !j.goWith(p.Value(t)) {
		return CodeType, panicDetail, true
	}
	if j.dynamic || j.shipped {
		// The client may have chosen the type of the value, or a part of it, and
		// the validator panics on one that a rule does not go with. Otherwise a
		// panic of a rule of the user's own is the service's fault, which the log
		// has to explain.
		defer func() {
			if recover() != nil {
				code, detail, broken = CodeType, panicDetail, true
			}
		}()
	}
	err := j.ask(t, p, parent)
	if errs, ok := err.(validator.ValidationErrors); ok && len(errs) > 0 { //nolint:errorlint // returned bare
		first := errs[0]
		if first.Type() != nil {
			t = first.Type() // what was judged
		}
		code, detail = j.told(j.broken(first), t)
		return code, detail, true
	}
	return "", "", false
}

// broken returns the rule that an error is about, as the tag has it. Of alternatives
// the error has all, with their arguments as they are meant, or of a nil the first.
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

// told returns the code of a broken rule, which is its alias if it has one, and what
// is told about it of a value of type t.
func (j *judged) told(rule string, t reflect.Type) (code, detail string) {
	alias := j.aliases[rule]
	if j.words.texts.ofRule(alias) != "" || formatWords[alias] != "" {
		return alias, j.words.describe(alias, t)
	}
	return cmp.Or(alias, codeOf(rule)), j.words.describe(rule, t)
}

// goWith reports whether what an any holds is of a kind that the rules go with. A nil
// is left to them.
func (j *judged) goWith(v reflect.Value) bool {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return !v.IsValid() || kindsOf(v.Type())&j.kinds != 0
}

// onStruct makes the tag for a struct, which the validator judges in a list only:
// given alone and with the struct around it, it is looked into instead.
func onStruct(tag string) string { return "dive," + tag + ",nostructlevel" }

// ask hands a value to the validator. A parent's rules see it by value, as
// custom rules expect it.
func (j *judged) ask(t reflect.Type, p, parent memory.Pointer) error {
	value := p.Value(t)
	var given any
	switch {
	case j.as == asPresence:
		given = !value.IsZero()
	case j.as == asStruct:
		given = p.Only(t).Interface()
	case t.Kind() == reflect.Interface && value.IsNil():
		given = (*any)(nil) // the validator takes a nil without a type for one that breaks any rule
	default:
		given = value.Interface()
	}
	if j.parent != nil {
		return j.validate.VarWithValue(given, parent.Value(j.parent).Interface(), j.tag)
	}
	return j.validate.Var(given, j.tag)
}
