package rules

import "reflect"

// sources are the keys of the tags that say from which part of a request the field of
// an input is filled.
var sources = [...]string{"path", "query", "header", "cookie", "form", BodySource}

// BodySource is the source of the JSON body.
const BodySource = "body"

// SourceOf returns the source tag of a field; more reports a second one.
func SourceOf(f reflect.StructField) (source, name string, more bool) {
	for _, s := range sources {
		if value, ok := f.Tag.Lookup(s); ok {
			if source != "" {
				return source, name, true
			}
			source, name = s, value
		}
	}
	return source, name, false
}
