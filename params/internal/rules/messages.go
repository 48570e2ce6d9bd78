package rules

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// words tell what is wrong with one field.
type words struct {
	fieldNames
	texts *phrases
}

// describe says in plain words what a rule, as a tag has it, asks of a value of type
// t. Of alternatives, such as email|url, it tells each, with "or" between them.
func (w words) describe(rule string, t reflect.Type) string {
	if strings.Contains(rule, "|") {
		var all []string
		for alternative := range strings.SplitSeq(rule, "|") {
			text := w.describe(alternative, t)
			if len(all) > 0 {
				text = strings.TrimPrefix(text, "must be ")
			}
			all = append(all, text)
		}
		return strings.Join(all, " or ")
	}
	rule, param, _ := strings.Cut(rule, "=")
	param = unescapeParam(param)
	if text := w.texts.ofRule(rule); text != "" {
		text = strings.ReplaceAll(text, "{param}", param)
		if strings.Contains(text, "{field}") {
			text = strings.ReplaceAll(text, "{field}", w.of(param))
		}
		return text
	}
	if kind.IsList(kind.Deref(t)) && (rule == "eq" || rule == "ne") { // of the length of the list
		return map[string]string{"eq": "must have exactly ", "ne": "must not have exactly "}[rule] + counted(param, "item")
	}
	if text := cmp.Or(w.ofOtherField(rule, param, t), ofBound(rule, param, t)); text != "" {
		return text
	}
	if what, ok := formatWords[rule]; ok {
		return "must be " + what
	}
	if text, ok := sentences[rule]; ok {
		return strings.ReplaceAll(text, "?", param)
	}
	switch rule {
	case "oneof":
		return "must be one of: " + choicesInWords(param)
	case "oneofci":
		return "must be one of: " + choicesInWords(param) + ", in any case"
	case "noneof":
		return "must be none of: " + choicesInWords(param)
	case "noneofci":
		return "must be none of: " + choicesInWords(param) + ", in any case"
	case "datetime":
		return "must be a date or time such as " + exampleOf(param)
	}
	return "does not satisfy " + rule // without the parameter, which may have Go names of fields
}

// codeOf returns the code of a rule in a fault: the rule without its parameter, which
// may be the Go name of a field.
func codeOf(rule string) string {
	var all []string
	for alternative := range strings.SplitSeq(rule, "|") {
		name, _, _ := strings.Cut(alternative, "=")
		all = append(all, name)
	}
	return strings.Join(all, "|")
}

// unescapeParam replaces what the validator has in place of a comma and a bar.
func unescapeParam(param string) string {
	return strings.ReplaceAll(strings.ReplaceAll(param, "0x2C", ","), "0x7C", "|")
}

// ofBound says in words what a bound asks of a number, a time, or the length of a
// text or list; "" for any other rule.
func ofBound(rule, param string, t reflect.Type) string {
	relation, ok := bounds[rule]
	switch {
	case !ok:
		return ""
	case param == "": // a time, which is compared with now
		return sinceNow[relation]
	}
	switch kind.Deref(t).Kind() {
	case reflect.String:
		return "must have " + relation + " " + counted(param, "character")
	case reflect.Slice, reflect.Array, reflect.Map:
		return "must have " + relation + " " + counted(param, "item")
	default:
		if relation == "exactly" {
			relation = "equal to"
		}
		return "must be " + relation + " " + param
	}
}

var bounds = map[string]string{
	"min": "at least", "gte": "at least", "max": "at most", "lte": "at most", "gt": "more than", "lt": "less than", "len": "exactly",
}

var sinceNow = map[string]string{
	"more than": "must be later than now", "at least": "must not be before now",
	"less than": "must be before now", "at most": "must not be later than now",
}

func counted(number, thing string) string {
	if number == "1" {
		return "1 " + thing
	}
	return number + " " + thing + "s"
}

// choicesInWords lists the choices of a parameter, those with spaces in quotes.
func choicesInWords(param string) string {
	all := splitArgument(param)
	for i := range all {
		all[i] = quoted(all[i])
	}
	return strings.Join(all, ", ")
}

// quoted puts a value in quotes, if it would be read as more than one or none.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, " ,") {
		return `"` + value + `"`
	}
	return value
}

// exampleOf returns a time in a layout of package time, with a day that can't be
// mistaken for a month; or the layout itself if the time can't be parsed by it.
func exampleOf(layout string) string {
	example := time.Date(2026, time.December, 31, 23, 59, 58, 0, time.UTC).Format(layout)
	if _, err := time.Parse(layout, example); err != nil {
		return layout
	}
	return example
}
