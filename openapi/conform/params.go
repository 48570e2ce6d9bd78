package conform

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// A sent is a parameter with the texts that are sent of it: several for a list, none for a
// parameter that is left out.
type sent struct {
	*param
	texts []string
	files bool // the texts are contents of files
}

// The runes that texts may have in each place.
var (
	anyRune    = rapid.Rune()
	headerRune = rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!#$%&'*+/:<=>?@[]^`{|}()"))
	cookieRune = rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!#$%&'*+/:<>?@[]^`{|}()"))
	pathRune   = rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!$&'()*+,;=:@ %?#éßλ中"))
)

func runesOf(in string) *rapid.Generator[rune] {
	switch in {
	case "header":
		return headerRune
	case "cookie":
		return cookieRune
	case "path":
		return pathRune
	}
	return anyRune
}

// isList reports whether a parameter may come several times, and returns the schema of one.
func (d *document) isList(p *param) (items object, is bool) {
	flat := d.flat(p.schema)
	if !isType(flat, "array") || p.in == "path" || p.in == "header" || p.in == "cookie" {
		return p.schema, false
	}
	if items, _ = flat["items"].(object); items == nil {
		return nil, false
	}
	return items, true
}

// param draws the texts of a parameter.
func (s *suite) param(t *rapid.T, p *param) sent {
	q := sent{param: p, files: p.file}
	if fixed, ok := s.options.Path[p.name]; ok && p.in == "path" {
		q.texts = []string{fixed}
		return q
	}
	if !p.required && p.in != "path" && !rapid.Bool().Draw(t, "with "+p.name) {
		return q
	}
	d := &drawer{s.document, t, runesOf(p.in)}
	if p.file {
		q.texts = d.files(p)
		return q
	}
	for range tries {
		value := d.value(p.schema, maxDepth-1)
		all, isList := value.([]any)
		if !isList {
			all = []any{value}
		}
		q.texts = q.texts[:0]
		for _, one := range all {
			q.texts = append(q.texts, textOf(one))
		}
		if d.canBeSent(p, q.texts) {
			return q
		}
	}
	panic(undrawable{p.at})
}

// files draws the contents of files.
func (d *drawer) files(p *param) (all []string) {
	least, most := 1, 1
	if isType(d.flat(p.schema), "array") {
		if n, ok := number(d.flat(p.schema), "minItems"); ok {
			least = max(least, int(n))
		}
		most = least + 1
		if n, ok := number(d.flat(p.schema), "maxItems"); ok {
			most = max(least, min(most, int(n)))
		}
	}
	for range rapid.IntRange(least, most).Draw(d.t, "files") {
		all = append(all, string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(d.t, "content")))
	}
	return all
}

// canBeSent reports whether texts arrive as they are: a part of a path is not empty and none
// of . and .., and a list without elements is one that is absent.
func (d *drawer) canBeSent(p *param, texts []string) bool {
	switch p.in {
	case "path":
		return texts[0] != "" && texts[0] != "." && texts[0] != ".."
	case "header", "cookie":
		return len(texts) == 1 && texts[0] == strings.TrimSpace(texts[0])
	}
	return len(texts) > 0 || !p.required
}

// textOf writes a value as a parameter has it.
func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case nil:
		return ""
	case json.Number, bool:
		return fmt.Sprint(value)
	}
	return textOfJSON(value)
}

// allows reports whether a schema allows what a text stands for.
func (d *document) allows(schema object, text string) bool {
	flat := d.flat(schema)
	if d.judge(flat[place].(string), text) == nil {
		return true // as a text
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return false
	}
	if _, isText := value.(string); isText {
		return false
	}
	return d.judge(flat[place].(string), value) == nil
}

// A way is how a parameter can be broken.
type way struct {
	texts []string // in place of those that were drawn
	files bool
	how   string
}

// breakParam returns ways in which a parameter is not what its schema says.
func (s *suite) breakParam(t *rapid.T, q sent, m mode) (all []way) {
	where := q.in + " " + q.name
	if m == missing {
		if q.required && q.in != "path" {
			all = append(all, way{nil, false, where + " is missing"})
		}
		return all
	}
	if q.file {
		if m == mistyped && q.required { // or else it is a file that is absent
			all = append(all, way{[]string{"zebra"}, false, where + " is a text and no file"})
		}
		return all
	}
	d := &drawer{s.document, t, runesOf(q.in)}
	items, isList := d.isList(q.param)
	if isList && m == bounds {
		all = append(all, d.breakList(q, where)...)
	}
	for _, text := range d.wrongTexts(items, m) {
		if d.allows(items, text) || !d.canBeSent(q.param, []string{text}) || q.in != form && q.in != "query" && text == "" {
			continue
		}
		texts := []string{text}
		if isList && len(q.texts) > 0 {
			texts = append(append([]string{}, q.texts[1:]...), text)
		}
		all = append(all, way{texts, false, fmt.Sprintf("%s is %q", where, text)})
	}
	return all
}

// wrongTexts returns texts that may not be what a schema says.
func (d *drawer) wrongTexts(schema object, m mode) (all []string) {
	if m == mistyped {
		switch flat := d.flat(schema); {
		case isType(flat, "integer"):
			return []string{"zebra", "1.5", "--1"}
		case isType(flat, "number", "boolean"):
			return []string{"zebra", "--1"}
		}
		return nil
	}
	for _, v := range d.others(d.value(schema, maxDepth), schema) {
		all = append(all, textOf(v))
	}
	return all
}

// breakList returns lists that are too short, too long, or have an element twice.
func (d *drawer) breakList(q sent, where string) (all []way) {
	values := make([]any, len(q.texts))
	for i, text := range q.texts {
		values[i] = text
	}
	for _, other := range otherLengths(values, d.flat(q.schema)) {
		var texts []string
		for _, v := range other.([]any) {
			texts = append(texts, v.(string))
		}
		if len(texts) > 0 { // or else it is absent
			all = append(all, way{texts, false, fmt.Sprintf("%s is %q", where, texts)})
		}
	}
	return all
}
