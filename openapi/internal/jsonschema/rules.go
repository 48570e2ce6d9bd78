package jsonschema

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// xValidate has the rules for which JSON Schema has no keyword, as the tag has them.
const xValidate = "x-validate"

// Ruled adds to a schema what the rules r, which may be nil, ask of a value of type t.
// Those of its elements are there already, see [Schemas.list].
func (s *Schemas) Ruled(o *Object, t reflect.Type, r *params.Rules) *Object {
	if r == nil || len(r.Texts) == 0 {
		return o
	}
	keywords := Obj()
	if !isReference(o) {
		keywords = o.Clone()
	}
	base := len(keywords.members)
	var left []string
	if t = Deref(t); r.Judged == t && waysOf(t, Reads) == byKind {
		left = apply(keywords, r.Texts, t)
		if r.SparesZero {
			keywords = sparing(o, keywords, t)
		}
	} else {
		left = r.Texts // what is judged is not what is sent
	}
	keywords = Unsaid(keywords, left)
	switch {
	case !isReference(o):
		return keywords
	case len(keywords.members) == base:
		return o
	default: // beside a $ref: keywords there are not read by all tools
		return &Object{append([]member{{"allOf", []any{o}}}, keywords.members...)}
	}
}

// Unsaid adds rules without a keyword.
func Unsaid(o *Object, rules []string) *Object {
	if len(rules) > 0 {
		o.Set(xValidate, rules)
	}
	return o
}

// sparing returns a schema that allows the zero besides what keywords allow, which are
// those of base and of the rules.
func sparing(base, keywords *Object, t reflect.Type) *Object {
	zero := Obj("const", reflect.Zero(t).Interface())
	switch t.Kind() {
	case reflect.Slice:
		zero = Obj("maxItems", 0)
	case reflect.Map:
		zero = Obj("maxProperties", 0)
	}
	o, own := base.Clone(), Obj()
	if isReference(base) {
		o = Obj() // it is added around
	}
	for _, m := range keywords.members {
		if before := base.Get(m.key); before == nil || !reflect.DeepEqual(before, m.value) {
			own.Set(m.key, m.value)
		}
	}
	if own.IsEmpty() {
		return o
	}
	return o.Set("anyOf", []any{zero, own})
}

// apply adds rules on values of type t to a schema, and returns those that have no
// keyword.
func apply(o *Object, rules []string, t reflect.Type) (left []string) {
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
func alternatives(o *Object, rule string, t reflect.Type) bool {
	var all []any
	for alternative := range strings.SplitSeq(rule, "|") {
		one := Obj()
		if !applyOne(one, alternative, t) {
			return false
		}
		all = append(all, one)
	}
	if !o.Has("anyOf") {
		o.Set("anyOf", all)
	} else {
		o.Set("allOf", append(both(o), Obj("anyOf", all)))
	}
	return true
}

// both returns the schemas that have to hold besides.
func both(o *Object) []any {
	all, _ := o.Get("allOf").([]any)
	return slices.Clone(all)
}

// Add sets a keyword. One that is there already holds, too.
func Add(o *Object, key string, value any) {
	if o.Has(key) {
		o.Set("allOf", append(both(o), Obj(key, value)))
		return
	}
	o.Set(key, value)
}

// applyOne adds one rule on values of type t, and reports whether keywords say all of it.
func applyOne(o *Object, rule string, t reflect.Type) bool {
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
func applyUnique(o *Object, argument string, t reflect.Type) bool {
	if argument != "" || t.Kind() != reflect.Slice && t.Kind() != reflect.Array || o.Get("type") != "array" {
		return false
	}
	o.Set("uniqueItems", true)
	elem := t.Elem()
	return waysOf(elem, Reads) == byKind && (elem.Kind() == reflect.String || elem.Kind() == reflect.Bool || isNumber(elem)) && elem != numberType
}

func applyChoices(o *Object, name, argument string, t reflect.Type) bool {
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
		Add(o, "not", Obj("enum", choices))
	} else {
		Add(o, "enum", choices)
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
