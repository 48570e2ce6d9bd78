package rules

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// phrases are a service's own words for what is wrong. Its validator holds them, as it
// holds its rules.
type phrases struct {
	rules map[string]string       // by the name of the rule or alias
	types map[reflect.Type]string // for values that are none of the type
}

// RegisterText is params.RegisterText.
func RegisterText(v *validator.Validate, rule, text string) {
	_, isAlias := aliasOf(v, rule)
	switch {
	case text == "":
		panic(fmt.Sprintf("params: the text of the rule %q is empty", rule))
	case rule == "required":
		panic(`params: the rule "required" has a text that can't be changed: leave it out`)
	case rule == "" || strings.ContainsAny(rule, "=,|") || !isAlias && !isKnown(v, rule):
		panic(fmt.Sprintf("params: there is no rule %q to give a text to: register it first, and name it without a parameter", rule))
	}
	ownTexts(v).rules[rule] = text
}

// RegisterTypeText is params.RegisterTypeText.
func RegisterTypeText(v *validator.Validate, t reflect.Type, text string) {
	if text == "" {
		panic(fmt.Sprintf("params: the text of the type %s is empty", t))
	}
	ownTexts(v).types[t] = text
}

// textsRule is a rule of a validator that holds the texts. A validator has no other
// place for them, and a map of all validators would keep these alive.
const textsRule = "velithon_texts"

type textsKey struct{}

// textsOf returns the texts of a validator, nil when it has none.
func textsOf(v *validator.Validate) (own *phrases) {
	defer func() { _ = recover() }() // the validator panics if it does not know the rule
	_ = v.VarCtx(context.WithValue(context.Background(), textsKey{}, &own), "", textsRule)
	return own
}

// ownTexts returns the texts of a validator, to add to, and makes them if need be.
func ownTexts(v *validator.Validate) *phrases {
	if own := textsOf(v); own != nil {
		return own
	}
	own := &phrases{rules: make(map[string]string), types: make(map[reflect.Type]string)}
	_ = v.RegisterValidationCtx(textsRule, func(ctx context.Context, _ validator.FieldLevel) bool {
		if asked, ok := ctx.Value(textsKey{}).(**phrases); ok {
			*asked = own
		}
		return true
	}) // fails on an empty name only
	return own
}

// ofRule returns the text of a rule, "" without one.
func (x *phrases) ofRule(rule string) string {
	if x == nil {
		return ""
	}
	return x.rules[rule]
}

// ofType returns the text of a type, "" without one.
func (x *phrases) ofType(t reflect.Type) string {
	if x != nil && x.types[t] != "" {
		return x.types[t]
	}
	if what := knownTypes[t]; what != "" {
		return "must be " + what
	}
	return ""
}
