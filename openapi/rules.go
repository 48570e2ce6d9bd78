package openapi

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// xValidate has the rules for which JSON Schema has no keyword, as the tag has them.
const xValidate = "x-validate"

// ruled adds to a schema what the rules r, which may be nil, ask of a value of type t.
// Those of its elements are there already, see [schemas.list].
func (s *schemas) ruled(o *object, t reflect.Type, r *params.Rules) *object {
	if r == nil || len(r.Texts) == 0 {
		return o
	}
	keywords := obj()
	if !isReference(o) {
		keywords = o.clone()
	}
	base := len(keywords.members)
	var left []string
	if t = deref(t); r.Judged == t && waysOf(t, reads) == byKind {
		left = apply(keywords, r.Texts, t)
		if r.SparesZero {
			keywords = sparing(o, keywords, t)
		}
	} else {
		left = r.Texts // what is judged is not what is sent
	}
	keywords = unsaid(keywords, left)
	switch {
	case !isReference(o):
		return keywords
	case len(keywords.members) == base:
		return o
	default: // beside a $ref: keywords there are not read by all tools
		return &object{append([]member{{"allOf", []any{o}}}, keywords.members...)}
	}
}

// unsaid adds rules without a keyword.
func unsaid(o *object, rules []string) *object {
	if len(rules) > 0 {
		o.set(xValidate, rules)
	}
	return o
}

// sparing returns a schema that allows the zero besides what keywords allow, which are
// those of base and of the rules.
func sparing(base, keywords *object, t reflect.Type) *object {
	zero := obj("const", reflect.Zero(t).Interface())
	switch t.Kind() {
	case reflect.Slice:
		zero = obj("maxItems", 0)
	case reflect.Map:
		zero = obj("maxProperties", 0)
	}
	o, own := base.clone(), obj()
	if isReference(base) {
		o = obj() // it is added around
	}
	for _, m := range keywords.members {
		if before := base.get(m.key); before == nil || !reflect.DeepEqual(before, m.value) {
			own.set(m.key, m.value)
		}
	}
	if own.isEmpty() {
		return o
	}
	return o.set("anyOf", []any{zero, own})
}

// apply adds rules on values of type t to a schema, and returns those that have no
// keyword.
func apply(o *object, rules []string, t reflect.Type) (left []string) {
	for i, rule := range rules {
		if rule == "omitempty" || rule == "omitnil" || rule == "omitzero" {
			return append(left, rules[i:]...) // what follows holds for some values only
		}
		if strings.Contains(rule, "|") {
			if !alternatives(o, rule, t) {
				left = append(left, rule)
			}
		} else if !applyOne(o, rule, t) {
			left = append(left, rule)
		}
	}
	return left
}

// alternatives adds a rule such as email|url, and reports whether it could.
func alternatives(o *object, rule string, t reflect.Type) bool {
	var all []any
	for alternative := range strings.SplitSeq(rule, "|") {
		one := obj()
		if !applyOne(one, alternative, t) {
			return false
		}
		all = append(all, one)
	}
	if !o.has("anyOf") {
		o.set("anyOf", all)
	} else {
		o.set("allOf", append(both(o), obj("anyOf", all)))
	}
	return true
}

// both returns the schemas that have to hold besides.
func both(o *object) []any {
	all, _ := o.get("allOf").([]any)
	return slices.Clone(all)
}

// add sets a keyword. One that is there already holds, too.
func add(o *object, key string, value any) {
	if o.has(key) {
		o.set("allOf", append(both(o), obj(key, value)))
		return
	}
	o.set(key, value)
}

// applyOne adds one rule on values of type t, and reports whether keywords say all of it.
func applyOne(o *object, rule string, t reflect.Type) bool {
	name, argument, _ := strings.Cut(rule, "=")
	argument = strings.NewReplacer("0x2C", ",", "0x7C", "|").Replace(argument)
	if applied, known := applyBound(o, name, argument, t); known {
		return applied
	}
	switch {
	case name == "oneof" || name == "noneof":
		return applyChoices(o, name, argument, t)
	case name == "unique":
		return applyUnique(o, argument, t)
	case t.Kind() == reflect.String && t != numberType:
		return applyText(o, name, argument)
	case name == "port":
		raise(o, "minimum", int64(1))
		lower(o, "maximum", int64(65535))
		return true
	case name == "latitude" || name == "longitude":
		limit := map[string]int64{"latitude": 90, "longitude": 180}[name]
		raise(o, "minimum", -limit)
		lower(o, "maximum", limit)
		return true
	case name == "boolean" && t.Kind() == reflect.Bool, (name == "number" || name == "numeric") && isNumber(t):
		return true // all values keep it
	}
	return false
}

// applyUnique adds the rule unique. Elements of Go may be equal that are not in JSON: 1 and
// 1.0 are in both, an absent member and a zero in Go only.
func applyUnique(o *object, argument string, t reflect.Type) bool {
	if argument != "" || t.Kind() != reflect.Slice && t.Kind() != reflect.Array || o.get("type") != "array" {
		return false
	}
	o.set("uniqueItems", true)
	elem := t.Elem()
	return waysOf(elem, reads) == byKind && (elem.Kind() == reflect.String || elem.Kind() == reflect.Bool || isNumber(elem)) && elem != numberType
}

func applyChoices(o *object, name, argument string, t reflect.Type) bool {
	var choices []any
	for _, text := range choicesOf(argument) {
		if t.Kind() == reflect.String && t != numberType {
			choices = append(choices, text)
		} else if n := number(text); n != nil && isNumber(t) {
			choices = append(choices, n)
		} else {
			return false
		}
	}
	if name == "noneof" {
		add(o, "not", obj("enum", choices))
	} else {
		add(o, "enum", choices)
	}
	return true
}

var choice = regexp.MustCompile(`'[^']*'|\S+`)

// choicesOf splits the choices of a rule as the validator does.
func choicesOf(argument string) []string {
	all := choice.FindAllString(argument, -1)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "'", "")
	}
	return all
}
