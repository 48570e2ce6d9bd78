package conform

import (
	"encoding/json"
	"maps"
	"slices"
)

// flat returns a schema with those that it refers to, and with all that it is made of by
// allOf, in one object. Its place is still that of the schema, by which it is judged. Where
// there are several, patterns has all patterns, and choices each anyOf and oneOf.
func (d *document) flat(schema object) object {
	at, _ := schema[place].(string)
	if flat := d.flats[at]; flat != nil {
		return flat
	}
	flat := make(object)
	d.flatten(flat, schema, 0)
	flat[place] = at
	d.flats[at] = flat
	return flat
}

const (
	patterns = "\x00patterns"
	choices  = "\x00choices"
)

func (d *document) flatten(into, schema object, depth int) {
	if depth > 20 { // a schema that is itself
		return
	}
	if ref, ok := schema["$ref"].(string); ok {
		d.flatten(into, d.lookUp(ref), depth+1)
	}
	for _, part := range list(schema["allOf"]) {
		if o, ok := part.(object); ok {
			d.flatten(into, o, depth+1)
		}
	}
	for key, value := range schema {
		switch key {
		case "$ref", "allOf", place:
		case "pattern":
			into[patterns] = append(list(into[patterns]), value)
		case "anyOf", "oneOf":
			into[choices] = append(list(into[choices]), value)
		case "required":
			into[key] = append(slices.Clone(list(into[key])), list(value)...)
		case "properties":
			all, _ := into[key].(object)
			all = maps.Clone(all)
			if all == nil {
				all = make(object)
			}
			maps.Copy(all, value.(object))
			into[key] = all
		case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties":
			into[key] = tighter(into[key], value, 1)
		case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties":
			into[key] = tighter(into[key], value, -1)
		default:
			into[key] = value
		}
	}
}

// tighter returns the higher of two bounds, or with -1 the lower.
func tighter(before, bound any, sign float64) any {
	a, ok := before.(json.Number)
	if !ok {
		return bound
	}
	b, ok := bound.(json.Number)
	if !ok {
		return before
	}
	x, _ := a.Float64()
	y, _ := b.Float64()
	if x*sign > y*sign {
		return before
	}
	return bound
}

// chosen returns a flat schema with one of the alternatives of each choice in it, which pick
// picks.
func (d *document) chosen(flat object, pick func(alternatives []any) any) object {
	for range 10 { // alternatives may have choices, too
		groups := list(flat[choices])
		if len(groups) == 0 {
			return flat
		}
		flat = maps.Clone(flat)
		delete(flat, choices)
		for _, group := range groups {
			if alternatives := list(group); len(alternatives) > 0 {
				if one, ok := pick(alternatives).(object); ok {
					d.flatten(flat, one, 0)
				}
			}
		}
	}
	return flat
}

// types returns the types that a flat schema names, or that its keywords are about; none if
// it may be anything.
func types(flat object) []string {
	switch t := flat["type"].(type) {
	case string:
		return []string{t}
	case []any:
		all := make([]string, 0, len(t))
		for _, one := range t {
			if name, ok := one.(string); ok {
				all = append(all, name)
			}
		}
		return all
	}
	about := map[string][]string{
		"object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
		"array":  {"items", "minItems", "maxItems", "uniqueItems"},
		"string": {patterns, "format", "minLength", "maxLength", "contentEncoding", "contentMediaType"},
		"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
	}
	for _, name := range []string{"object", "array", "string", "number"} {
		for _, keyword := range about[name] {
			if flat[keyword] != nil {
				return []string{name}
			}
		}
	}
	return nil
}

func isType(flat object, names ...string) bool {
	all := types(flat)
	return len(all) > 0 && !slices.ContainsFunc(all, func(t string) bool { return !slices.Contains(names, t) })
}
