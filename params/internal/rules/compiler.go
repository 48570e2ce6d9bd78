package rules

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// A Compiler compiles validate tags. It is not safe for concurrent use.
type Compiler struct {
	texts    *phrases
	isInput  bool // the fields are those of an input, and not of a body
	optional bool // the value at hand is that of a params.Optional
	validate *validator.Validate
	types    map[reflect.Type]judgedType // see [Compiler.judgedAs]
	told     map[reflect.Type]string     // see [Compiler.TellTypes]
}

// NewCompiler returns a compiler of rules that v judges, with the texts that v has.
func NewCompiler(v *validator.Validate) *Compiler {
	return &Compiler{validate: v, texts: textsOf(v), types: make(map[reflect.Type]judgedType)}
}

// judgedAs is the function judgedAs, but asks the validator only once for each type.
func (c *Compiler) judgedAs(t reflect.Type) judgedType {
	as, ok := c.types[t]
	if !ok {
		if o, isOptional := kind.OptionalOf(t); isOptional {
			as = c.judgedAs(o.Value)
			as.zeroNil = true
		} else {
			as = judgedAs(c.validate, t)
		}
		c.types[t] = as
	}
	return as
}

// TypeText returns what is told of a value that is no t: the service's own text, or
// that of a known type, or "" without either.
func (c *Compiler) TypeText(t reflect.Type) string { return cmp.Or(c.texts.ofType(t), c.told[t]) }

// TellTypes sets what is told of values that are none of some types, if the service has
// no text of its own for them.
func (c *Compiler) TellTypes(texts map[reflect.Type]string) { c.told = texts }

// A rule is one rule of a tag, with its alternatives.
type rule struct {
	text  string
	alias string // that it is from; empty without one
}

// Compile compiles the tag of a field of type t in the struct type parent. parent is
// nil for a value in no struct. Compile returns nil for a tag without rules.
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

// CompileInput is [Compiler.Compile] for a field of an input, and not of a body.
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
	defer func(around bool) { c.optional = around }(c.optional)
	var o kind.Optional
	if o, c.optional = kind.OptionalOf(t); c.optional {
		t = o.Value
	}
	r := &Rules{}
	var rest []rule
	omit := ""
	for i, one := range all {
		switch name := one.text; {
		case name == "required":
			r.Required, r.zero = true, isAbsent(t)
		case name == "omitnil" && !kind.IsNilable(t):
			return nil, fmt.Errorf("has the rule omitnil, but %s is never nil: write omitempty", kind.A(t))
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
				return nil, fmt.Errorf("has the rule %s, but %s has no fields with rules: remove it", name, kind.A(t))
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
