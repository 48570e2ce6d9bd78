package rules

import "reflect"

// sources are the keys of the tags that say from which part of a request, or that by
// the program, the field of an input is filled.
var sources = [...]string{"path", "query", "header", "cookie", "form", BodySource, ProvidedSource}

// BodySource is the source of the JSON body, and ProvidedSource that of what no client
// sends.
const (
	BodySource     = "body"
	ProvidedSource = "provide"
)

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
