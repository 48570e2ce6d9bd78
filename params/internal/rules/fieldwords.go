package rules

import (
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// ofOtherField words what a rule asks of other fields; "" if it refers to none.
func (w words) ofOtherField(rule, param string, t reflect.Type) string {
	if text := orders[rule]; text != "" && kind.Deref(t).Kind() == reflect.String {
		return text + " " + w.of(param)
	}
	if comparison, ok := comparisons[strings.Replace(rule, "csfield", "field", 1)]; ok {
		return comparison.of(t) + " " + w.of(param)
	}
	switch rule {
	case "unique": // on a list it names a field of the elements
		if !kind.IsList(kind.Deref(t)) {
			return "must differ from " + w.of(param)
		}
	case "fieldcontains":
		return "must contain " + w.of(param)
	case "fieldexcludes":
		return "must not contain " + w.of(param)
	case "postcode_iso3166_alpha2_field":
		return "must be a postcode of the country in " + w.of(param)
	}
	what, condition, _ := strings.Cut(rule, "_")
	switch what {
	case "skip": // the value is looked at only if the fields have these values
		what, condition = "is required", "if"
	case "required":
		what = "is required"
	case "excluded":
		what = "must be left out"
	default:
		return ""
	}
	fields := splitArgument(param)
	switch condition {
	case "if":
		return what + " when " + w.pairs(fields, " and ")
	case "unless":
		return what + " unless " + w.pairs(fields, " or ")
	case "with":
		return what + " when " + w.list(fields, " or ") + " is given"
	case "with_all":
		return what + " when " + w.list(fields, " and ") + isOrAre(fields) + "given"
	case "without":
		return what + " when " + w.list(fields, " or ") + " is absent"
	case "without_all":
		return what + " when " + w.list(fields, " and ") + isOrAre(fields) + "absent"
	default:
		return ""
	}
}

func isOrAre(fields []string) string {
	if len(fields) == 1 {
		return " is "
	}
	return " are "
}

func (w words) list(fields []string, and string) string {
	var all []string
	for _, field := range fields {
		all = append(all, w.of(field))
	}
	return strings.Join(all, and)
}

// pairs says in words which fields have which values.
func (w words) pairs(fields []string, and string) string {
	var all []string
	for i := 0; i+1 < len(fields); i += 2 {
		all = append(all, w.of(fields[i])+" is "+quoted(fields[i+1]))
	}
	return strings.Join(all, and)
}

// A comparison with another field, in words: of numbers, of the lengths of texts
// and of lists, and of times.
type comparison struct{ number, text, list, time string }

func (c comparison) of(t reflect.Type) string {
	t = kind.Deref(t)
	switch {
	case t.ConvertibleTo(kind.Time):
		return c.time
	case t.Kind() == reflect.String:
		return c.text
	case kind.IsList(t):
		return c.list
	default:
		return c.number
	}
}

var comparisons = map[string]comparison{
	"eqfield":  {"must equal", "must equal", "must have as many items as", "must equal"},
	"nefield":  {"must differ from", "must differ from", "must not have as many items as", "must differ from"},
	"gtfield":  {"must be more than", "must be longer than", "must have more items than", "must be later than"},
	"gtefield": {"must be at least", "must not be shorter than", "must not have fewer items than", "must not be before"},
	"ltfield":  {"must be less than", "must be shorter than", "must have fewer items than", "must be before"},
	"ltefield": {"must be at most", "must not be longer than", "must not have more items than", "must not be later than"},
}

// orders are the comparisons of texts by their order and not by their lengths.
var orders = map[string]string{
	"gtcsfield": "must come after", "gtecsfield": "must not come before", "ltcsfield": "must come before", "ltecsfield": "must not come after",
}
