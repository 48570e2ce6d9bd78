package rules

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// vetArgument vets the argument of a rule, and reports whether the rule looks at the
// struct around.
func (c *Compiler) vetArgument(v *value, d demand, argument string, given bool, parent reflect.Type) (refers bool, err error) {
	plain := argument // with the characters that a tag has to escape
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

// withoutPostcodes are the countries that the validator has no pattern for: it accepts
// no text as a postcode of theirs.
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

// notANumber returns what a text must be that values of type t are compared with,
// such as "a number", or "" if it is.
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
		text := "" // of the number: the validator compares the choice with this text
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
	name = cmp.Or(name, "Validate")
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
