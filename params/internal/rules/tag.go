package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// tagPair matches a pair of a tag, as package reflect reads it.
var tagPair = regexp.MustCompile(`(?s)^ *([^\x00- :"\x7f]+):"(?:\\.|[^"\\])*"`)

// CheckTag returns an error if a tag has rules that package reflect does not find.
func CheckTag(f reflect.StructField) error {
	if _, found := f.Tag.Lookup("validate"); found {
		return nil
	}
	isLost := false
	rest := string(f.Tag)
	for pair := tagPair.FindStringSubmatch(rest); pair != nil; pair = tagPair.FindStringSubmatch(rest) {
		isLost = isLost || strings.Trim(pair[1], ",;") == "validate"
		rest = rest[len(pair[0]):]
	}
	if isLost || strings.Contains(rest, "validate:") {
		return fmt.Errorf("has the malformed tag %q, in which the rules are not found: write `name:\"value\"`, with one space between the tags", f.Tag)
	}
	return nil
}
