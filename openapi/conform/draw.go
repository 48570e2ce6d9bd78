package conform

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

const (
	tries    = 60 // of a value, until it keeps its schema
	maxDepth = 4  // below it only what is required is drawn
	maxMore  = 4  // elements and characters above the least number

	maxLength = 200 // up to which texts and lists are drawn as long as they may be
)

// A drawer draws values that schemas allow. Its runes are those that texts may have where
// they are sent.
type drawer struct {
	*document
	t     *rapid.T
	runes *rapid.Generator[rune]
}

// undrawable is what a draw panics with when no value was found that keeps its schema.
type undrawable struct{ at string }

// value draws a value that keeps a schema.
func (d *drawer) value(schema object, depth int) any {
	flat := d.flat(schema)
	at := flat[place].(string)
	for range tries {
		if v := d.candidate(flat, depth); d.judge(at, v) == nil {
			return v
		}
	}
	panic(undrawable{at})
}

// candidate draws a value that may keep a schema.
func (d *drawer) candidate(flat object, depth int) any {
	if known := known(flat); len(known) > 0 && rapid.IntRange(0, 3).Draw(d.t, "known") == 3 {
		return rapid.SampledFrom(known).Draw(d.t, "example")
	}
	flat = d.chosen(flat, func(alternatives []any) any {
		if depth > maxDepth {
			return alternatives[len(alternatives)-1] // null comes last
		}
		return rapid.SampledFrom(alternatives).Draw(d.t, "alternative")
	})
	if value, ok := flat["const"]; ok {
		return unmarked(value)
	}
	if all := list(flat["enum"]); len(all) > 0 {
		return unmarked(rapid.SampledFrom(all).Draw(d.t, "choice"))
	}
	kind := ""
	if all := types(flat); len(all) > 0 {
		kind = rapid.SampledFrom(all).Draw(d.t, "type")
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return rapid.Bool().Draw(d.t, "bool")
	case "integer":
		return d.integer(flat)
	case "number":
		return d.float(flat)
	case "string":
		return d.text(flat)
	case "array":
		return d.list(flat, depth)
	case "object":
		return d.object(flat, depth)
	}
	return rapid.SampledFrom([]any{nil, true, json.Number("1"), "text", []any{}, object{"a": json.Number("1")}}).Draw(d.t, "anything")
}

// known returns the values that a schema names as examples.
func known(flat object) []any {
	all := slices.Clone(list(flat["examples"]))
	for _, key := range []string{"example", "default"} {
		if v, ok := flat[key]; ok {
			all = append(all, v)
		}
	}
	for i := range all {
		all[i] = unmarked(all[i])
	}
	return all
}

// unmarked returns a value of the document without the places in it.
func unmarked(value any) any {
	switch value := value.(type) {
	case object:
		o := make(object)
		for _, key := range keys(value) {
			o[key] = unmarked(value[key])
		}
		return o
	case []any:
		all := make([]any, len(value))
		for i := range value {
			all[i] = unmarked(value[i])
		}
		return all
	}
	return value
}

func (d *drawer) integer(flat object) any {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	for key, add := range map[string]int64{"minimum": 0, "exclusiveMinimum": 1} {
		if n, ok := number(flat, key); ok {
			low = max(low, clip(math.Floor(n)+float64(add)))
		}
	}
	for key, add := range map[string]int64{"maximum": 0, "exclusiveMaximum": -1} {
		if n, ok := number(flat, key); ok {
			high = min(high, clip(math.Ceil(n)+float64(add)))
		}
	}
	if low > high {
		return json.Number("0")
	}
	return json.Number(strconv.FormatInt(rapid.Int64Range(low, high).Draw(d.t, "integer"), 10))
}

func clip(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

func (d *drawer) float(flat object) any {
	low, high := -1e9, 1e9
	for _, key := range []string{"minimum", "exclusiveMinimum"} {
		if n, ok := number(flat, key); ok {
			low, high = n, max(high, n+1)
		}
	}
	for _, key := range []string{"maximum", "exclusiveMaximum"} {
		if n, ok := number(flat, key); ok {
			high, low = n, min(low, n)
		}
	}
	n := rapid.Float64Range(low, high).Draw(d.t, "number")
	bits := 64
	if flat["format"] == "float" {
		bits = 32
	}
	return json.Number(strconv.FormatFloat(n, 'g', -1, bits))
}

// formats are what texts of a format look like.
var formats = map[string]string{
	"email":     `[a-z]{1,8}@[a-z]{1,8}\.(org|com)`,
	"uri":       `https?://[a-z]{1,8}\.(org|com)(/[a-z0-9]{1,5}){0,3}(\?[a-z]=[0-9])?`,
	"url":       `https?://[a-z]{1,8}\.(org|com)(/[a-z0-9]{1,5}){0,3}`,
	"uuid":      `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"date":      `(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])`,
	"time":      `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z`,
	"date-time": `(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[-+]0[0-9]:[0-5][0-9])`,
	"ipv4":      `(25[0-5]|1?[1-9]?[0-9])(\.(25[0-5]|1?[1-9]?[0-9])){3}`,
	"ipv6":      `([1-9a-f][0-9a-f]{0,3}:){7}[1-9a-f][0-9a-f]{0,3}`,
	"hostname":  `[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,2}`,
}

// lastClass is a pattern that ends with any number of some character: there the length can
// be chosen.
var lastClass = regexp.MustCompile(`^(.*(?:\]|\\[a-z]|\\p\{\w+\}))[+*]\$?$`)

func (d *drawer) text(flat object) any {
	least := 0
	if n, ok := number(flat, "minLength"); ok {
		least = int(n)
	}
	most := least + maxMore*2
	if n, ok := number(flat, "maxLength"); ok {
		least, most = d.upTo(int(n), least, most)
	}
	format, _ := flat["format"].(string)
	all := list(flat[patterns])
	if form, ok := flat["x-form"].(string); ok {
		all = append(slices.Clone(all), form) // which only Go can read
	}
	switch {
	case formats[format] != "":
		return rapid.StringMatching(formats[format]).Draw(d.t, format)
	case len(all) > 0:
		pattern, _ := rapid.SampledFrom(all).Draw(d.t, "pattern").(string)
		if head := lastClass.FindStringSubmatch(pattern); head != nil && least <= most {
			pattern = fmt.Sprintf("%s{%d,%d}$", head[1], least, most)
		}
		if _, err := regexp.Compile(pattern); err != nil {
			return ""
		}
		return rapid.StringMatching(pattern).Draw(d.t, "text")
	case flat["contentEncoding"] == "base64":
		return base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(d.t, "bytes"))
	case flat["contentMediaType"] == "application/json":
		return rapid.SampledFrom([]string{`{}`, `[1,2]`, `"a"`, `null`}).Draw(d.t, "JSON")
	case least > most:
		return ""
	}
	return rapid.StringOfN(d.runes, least, most, -1).Draw(d.t, "text")
}

// upTo returns a range of lengths when there is an upper bound: now and then it is the bound
// alone, unless that is large.
func (d *drawer) upTo(bound, least, most int) (int, int) {
	if bound <= maxLength && bound > least && rapid.IntRange(0, 7).Draw(d.t, "as long as it may be") == 7 {
		return bound, bound
	}
	return least, min(most, bound)
}

func (d *drawer) list(flat object, depth int) any {
	least := 0
	if n, ok := number(flat, "minItems"); ok {
		least = int(n)
	}
	most := least + maxMore
	if n, ok := number(flat, "maxItems"); ok {
		least, most = d.upTo(int(n), least, most)
	}
	if depth > maxDepth {
		most = least
	}
	items, _ := flat["items"].(object)
	all := []any{}
	for range rapid.IntRange(least, max(least, most)).Draw(d.t, "length") {
		v := any(json.Number("1"))
		if items != nil {
			v = d.value(items, depth+1)
		}
		if is(flat["uniqueItems"], true) && slices.ContainsFunc(all, func(other any) bool { return fmt.Sprint(other) == fmt.Sprint(v) }) {
			continue
		}
		all = append(all, v)
	}
	return all
}

func (d *drawer) object(flat object, depth int) any {
	o := make(object)
	properties, _ := flat["properties"].(object)
	required := list(flat["required"])
	for _, name := range keys(properties) {
		schema, isObject := properties[name].(object)
		must := slices.Contains(required, any(name))
		if !must && (depth > maxDepth || !rapid.Bool().Draw(d.t, "with "+name)) {
			continue
		}
		if isObject {
			o[name] = d.value(schema, depth+1)
		} else {
			o[name] = "anything"
		}
	}
	if is(flat["additionalProperties"], false) || is(flat["unevaluatedProperties"], false) {
		return o
	}
	least, most := 0, len(o)+2
	if n, ok := number(flat, "minProperties"); ok {
		least = int(n)
	}
	if n, ok := number(flat, "maxProperties"); ok {
		most = min(most, int(n))
	}
	extra, isObject := flat["additionalProperties"].(object)
	if len(properties) > 0 && !isObject || depth > maxDepth {
		most = least
	}
	more := rapid.IntRange(least, max(least, most)).Draw(d.t, "members") - len(o)
	for range more {
		key := d.key(flat)
		if isObject {
			o[key] = d.value(extra, depth+1)
		} else {
			o[key] = rapid.SampledFrom([]any{nil, true, json.Number("1"), "text"}).Draw(d.t, "anything")
		}
	}
	return o
}

// key draws the key of a member that is none of the properties.
func (d *drawer) key(flat object) string {
	if names, ok := flat["propertyNames"].(object); ok {
		key, _ := d.value(names, 0).(string)
		return key
	}
	properties, _ := flat["properties"].(object)
	for {
		key := rapid.StringN(0, 8, -1).Draw(d.t, "key")
		taken := slices.ContainsFunc(slices.Collect(maps.Keys(properties)), func(name string) bool { return strings.EqualFold(name, key) })
		if !taken {
			return key
		}
	}
}
