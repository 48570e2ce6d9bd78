package conform

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// A spot is a place in a value of JSON where it can be broken.
type spot struct {
	path   []any // keys and indices from the top
	schema object
}

// spots returns the places in a value, the value itself among them.
func (d *document) spots(value any, schema object, path []any) (all []spot) {
	all = append(all, spot{path, schema})
	flat := d.chosen(d.flat(schema), func(alternatives []any) any {
		for _, one := range alternatives {
			if o, ok := one.(object); ok && d.judge(o[place].(string), value) == nil {
				return one
			}
		}
		return nil
	})
	below := func(key, v any, schema any) {
		if o, ok := schema.(object); ok {
			all = append(all, d.spots(v, o, append(slices.Clip(path), key))...)
		}
	}
	switch value := value.(type) {
	case []any:
		for i, v := range value {
			below(i, v, flat["items"])
		}
	case object:
		properties, _ := flat["properties"].(object)
		for _, key := range keys(value) {
			if schema, ok := properties[key]; ok {
				below(key, value[key], schema)
			} else {
				below(key, value[key], flat["additionalProperties"])
			}
		}
	}
	return all
}

// at returns the value at a path.
func at(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case int:
			value = value.([]any)[step]
		case string:
			value = value.(object)[step]
		}
	}
	return value
}

// with returns value with another one at a path.
func with(value any, path []any, other any) any {
	if len(path) == 0 {
		return other
	}
	switch step := path[0].(type) {
	case int:
		all := slices.Clone(value.([]any))
		all[step] = with(all[step], path[1:], other)
		return all
	default:
		o := maps.Clone(value.(object))
		o[step.(string)] = with(o[step.(string)], path[1:], other)
		return o
	}
}

// pointer returns a path as a JSON pointer.
func pointer(path []any) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, step := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(step)))
	}
	return b.String()
}

// A broken value is one that its schema forbids.
type broken struct {
	value any
	how   string
}

// breakJSON returns values that come of one by a change of the mode at a spot. Not all of
// them break the schema.
func (d *drawer) breakJSON(value any, s spot, m mode) (all []broken) {
	old := at(value, s.path)
	if m == missing {
		return withoutMember(value, old, s)
	}
	news := otherTypes(old, d.flat(s.schema))
	if m == bounds {
		news = d.others(old, s.schema)
	}
	for _, v := range news {
		all = append(all, broken{with(value, s.path, v), fmt.Sprintf("%s is %s", pointer(s.path), textOfJSON(v))})
	}
	return all
}

// withoutMember returns values where a member of the object old is missing.
func withoutMember(value, old any, s spot) (all []broken) {
	o, _ := old.(object)
	for _, key := range keys(o) {
		less := maps.Clone(o)
		delete(less, key)
		all = append(all, broken{with(value, s.path, less), pointer(append(slices.Clip(s.path), key)) + " is missing"})
	}
	return all
}

// otherTypes returns values of other types than old, but for those that lenient codecs take.
func otherTypes(old any, flat object) []any {
	switch old := old.(type) {
	case bool:
		return []any{"zebra", json.Number("7")}
	case json.Number:
		others := []any{true, object{}}
		if isType(flat, "integer") {
			others = append(others, "zebra", json.Number("1.5"))
		}
		return others
	case string:
		return []any{json.Number("7"), true, object{"zebra": true}}
	case []any:
		return []any{"zebra!", json.Number("7"), object{"zebra": true}}
	case object:
		return []any{"zebra", json.Number("7"), []any{old}}
	}
	return nil
}

// others returns values of the type of old that may be out of bounds.
func (d *drawer) others(old any, schema object) []any {
	flat := d.chosen(d.flat(schema), func(alternatives []any) any {
		return rapid.SampledFrom(alternatives).Draw(d.t, "alternative")
	})
	switch old := old.(type) {
	case json.Number:
		return outOfRange(flat)
	case string:
		return d.otherTexts(flat)
	case []any:
		return otherLengths(old, flat)
	case object:
		return otherMembers(old, flat)
	}
	return nil
}

// outOfRange returns numbers around the bounds of a schema, and some that are none of a
// choice.
func outOfRange(flat object) (all []any) {
	add := func(bound any, by int64) {
		if n, ok := bound.(json.Number); ok {
			if r, ok := new(big.Rat).SetString(n.String()); ok {
				r.Add(r, new(big.Rat).SetInt64(by))
				if r.IsInt() {
					all = append(all, json.Number(r.Num().String()))
				} else {
					f, _ := r.Float64()
					all = append(all, json.Number(fmt.Sprint(f)))
				}
			}
		}
	}
	add(flat["minimum"], -1)
	add(flat["exclusiveMinimum"], 0)
	add(flat["maximum"], 1)
	add(flat["exclusiveMaximum"], 0)
	if flat["enum"] != nil || flat["const"] != nil || flat["not"] != nil {
		all = append(all, json.Number("424242"), json.Number("0"))
	}
	return append(all, forbidden(flat)...)
}

// forbidden returns the values that a schema names as those that it does not allow.
func forbidden(flat object) []any {
	not, _ := flat["not"].(object)
	all := slices.Clone(list(not["enum"]))
	if value, ok := not["const"]; ok {
		all = append(all, value)
	}
	return all
}

// otherTexts returns texts that are too long, too short, or of another form.
func (d *drawer) otherTexts(flat object) (all []any) {
	text := func(n int) string { return rapid.StringOfN(d.runes, n, n, -1).Draw(d.t, "text") }
	if n, ok := number(flat, "maxLength"); ok && n < 1e6 {
		all = append(all, text(int(n)+1), strings.Repeat("a", int(n)+1))
	}
	if n, ok := number(flat, "minLength"); ok && n > 0 {
		all = append(all, text(int(n)-1), strings.Repeat("a", int(n)-1))
	}
	if flat[patterns] != nil || flat["format"] != nil || flat["enum"] != nil || flat["const"] != nil || flat["not"] != nil {
		all = append(all, "zebra", "Z", "!?", text(5))
	}
	return append(all, forbidden(flat)...)
}

// otherLengths returns lists that are too long, too short, or have an element twice. Where
// only one length is allowed there are none: it may be that of an array of Go, which is
// filled from a list of any length.
func otherLengths(old []any, flat object) (all []any) {
	least, hasLeast := number(flat, "minItems")
	most, hasMost := number(flat, "maxItems")
	if hasLeast && hasMost && least == most {
		return nil
	}
	if hasLeast && len(old) >= int(least) && least > 0 {
		all = append(all, old[:int(least)-1:int(least)-1])
	}
	if hasMost && len(old) > 0 && most < 1e4 {
		longer := slices.Clone(old)
		for len(longer) <= int(most) {
			longer = append(longer, old[0])
		}
		all = append(all, longer)
	}
	if is(flat["uniqueItems"], true) && len(old) > 0 {
		all = append(all, append(slices.Clone(old), old[0]))
	}
	return all
}

// otherMembers returns objects that have one member more or less than is allowed, or one
// that is not allowed.
func otherMembers(old, flat object) (all []any) {
	more := maps.Clone(old)
	more["zebra"] = "zebra"
	if names := keys(old); len(names) > 0 {
		more["zebra"] = old[names[0]]
	}
	if most, ok := number(flat, "maxProperties"); ok && most < 1e4 {
		many := maps.Clone(more)
		for i := 0; len(many) <= int(most); i++ {
			many[fmt.Sprint("zebra", i)] = more["zebra"]
		}
		all = append(all, many)
	}
	if least, ok := number(flat, "minProperties"); ok && least > 0 {
		all = append(all, object{})
	}
	if is(flat["additionalProperties"], false) || is(flat["unevaluatedProperties"], false) || flat["propertyNames"] != nil {
		all = append(all, more)
	}
	return all
}
