package conform_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
)

// leaves are the types that fields of generated structs have.
var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint](), reflect.TypeFor[uint16](),
	reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[string](),
	reflect.TypeFor[*int](), reflect.TypeFor[*string](), reflect.TypeFor[*bool](), reflect.TypeFor[any](),
	reflect.TypeFor[[]string](), reflect.TypeFor[[]int](), reflect.TypeFor[[]*int](), reflect.TypeFor[[][]string](), reflect.TypeFor[[2]int](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[map[string]int](), reflect.TypeFor[map[string]string](), reflect.TypeFor[map[int]string](), reflect.TypeFor[map[uint8][]string](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[json.Number](),
	reflect.TypeFor[torture.Item](), reflect.TypeFor[*torture.Item](), reflect.TypeFor[[]torture.Item](), reflect.TypeFor[map[string]torture.Item](),
	reflect.TypeFor[torture.Node](), reflect.TypeFor[torture.UUID](), reflect.TypeFor[torture.Level](), reflect.TypeFor[torture.Colour](),
	reflect.TypeFor[torture.Page[torture.Item]](), reflect.TypeFor[torture.Tree](), reflect.TypeFor[torture.Forest](), reflect.TypeFor[torture.Embedded](),
	reflect.TypeFor[torture.Fraction](),
	reflect.TypeFor[params.Optional[string]](), reflect.TypeFor[params.Optional[*string]](), reflect.TypeFor[params.Optional[int]](), reflect.TypeFor[params.Optional[*int]](),
	reflect.TypeFor[params.Optional[torture.Item]](), reflect.TypeFor[params.Optional[[]int]](), reflect.TypeFor[[]params.Optional[int]](), reflect.TypeFor[params.Optional[any]](),
	reflect.TypeFor[params.Date](), reflect.TypeFor[params.Optional[params.Date]](), reflect.TypeFor[params.Duration](), reflect.TypeFor[params.Checkbox](), reflect.TypeFor[torture.Defaults](), reflect.TypeFor[torture.Patch](), reflect.TypeFor[torture.Days](),
}

var (
	numberRules = []string{"min=2", "max=5", "gt=-3", "lt=4", "gte=0", "lte=0x10", "len=3", "eq=3", "ne=0", "ne=3", "oneof=1 2 3", "noneof=1 2", "port", "lt=2|gt=4", "min=1|eq=-1", "number", "isdefault"}
	textRules   = []string{
		"min=2", "max=3", "len=2", "gt=1", "lt=3", "eq=ab", "ne=ab", "ne=", "oneof=a b ab", "oneof='a b' c", "noneof=a b", "alpha", "alphanum", "numeric", "hexadecimal",
		"uuid", "startswith=a", "endswith=b", "contains=a", "containsany=ab", "excludes=b", "excludesall=ab", "startsnotwith=a", "endsnotwith=b", "email", "url", "http_url",
		"ip", "ipv4", "datetime=2006-01-02", "datetime=15:04", "boolean", "lowercase", "iso4217", "base64", "json", "alpha|numeric", "email|len=2", "hostname", "semver", "oneofci=A B", "isdefault",
	}
	listRules = []string{"min=1", "max=2", "len=2", "gt=0", "lt=2", "ne=1", "unique", "isdefault"}
)

// rulesFor returns rules that go with a type.
func rulesFor(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if inner, _, ok := params.OptionalOf(t); ok {
		return rulesFor(inner)
	}
	switch k := t.Kind(); {
	case t == reflect.TypeFor[params.Date]():
		return []string{"gt", "isdefault"}
	case t == reflect.TypeFor[params.Duration]():
		return []string{"min=1m", "max=1h", "gt=2"}
	case t == reflect.TypeFor[time.Duration]():
		return []string{"min=1ns", "max=3ns", "gt=2"}
	case t == reflect.TypeFor[time.Time]():
		return []string{"gt", "isdefault"}
	case k == reflect.String:
		return textRules
	case reflect.Int <= k && k <= reflect.Float64:
		return numberRules
	case k == reflect.Bool:
		return []string{"eq=true", "boolean", "isdefault"}
	case k == reflect.Slice || k == reflect.Array || k == reflect.Map:
		return listRules
	case k == reflect.Interface:
		return []string{"min=2", "alpha"}
	default:
		return []string{"structonly", "isdefault"}
	}
}

// drawTag draws a validate tag for a type, empty for none.
func drawTag(t *rapid.T, typ reflect.Type, depth int) string {
	var rules []string
	switch rapid.IntRange(0, 7).Draw(t, "first") {
	case 0, 1:
		rules = append(rules, "required")
	case 2, 3:
		rules = append(rules, "omitempty")
	case 4:
		rules = append(rules, "omitzero")
	case 5:
		if depth == 0 && rapid.IntRange(0, 3).Draw(t, "muted") == 0 {
			return "-"
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "rules") {
		rules = append(rules, rapid.SampledFrom(rulesFor(typ)).Draw(t, "rule"))
	}
	if depth == 0 && rapid.IntRange(0, 7).Draw(t, "other") == 0 {
		rules = append(rules, rapid.SampledFrom([]string{"eqfield=A", "required_with=A", "required_without=B", "gtfield=B", "excluded_with=A"}).Draw(t, "field rule"))
	}
	elem := typ
	for elem.Kind() == reflect.Pointer {
		elem = elem.Elem()
	}
	isList := elem.Kind() == reflect.Slice && elem.Elem().Kind() != reflect.Uint8 || elem.Kind() == reflect.Map || elem.Kind() == reflect.Array
	if isList && depth < 2 && elem.Name() == "" && rapid.Bool().Draw(t, "dives") {
		rules = append(rules, "dive")
		if elem.Kind() == reflect.Map && rapid.Bool().Draw(t, "keyed") {
			rules = append(rules, "keys", rapid.SampledFrom(rulesFor(elem.Key())).Draw(t, "key rule"), "endkeys")
		}
		if inner := drawTag(t, elem.Elem(), depth+1); inner != "" {
			rules = append(rules, inner)
		}
	}
	return strings.Join(slices.Compact(rules), ",")
}

// drawType draws a struct type with rules.
func drawType(t *rapid.T, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range rapid.IntRange(1, 4).Draw(t, "fields") {
		f := reflect.StructField{Name: string(rune('A' + i))}
		switch nested := rapid.IntRange(0, 9).Draw(t, "nested"); {
		case depth < 2 && nested == 0:
			f.Type = drawType(t, depth+1)
		case depth < 2 && nested == 1:
			f.Type = reflect.PointerTo(drawType(t, depth+1))
		case depth < 2 && nested == 2:
			f.Type = reflect.SliceOf(drawType(t, depth+1))
		default:
			f.Type = rapid.SampledFrom(leaves).Draw(t, "type")
		}
		name := strings.ToLower(f.Name) + rapid.SampledFrom([]string{"", "", "", ",omitempty", ",string", ",omitzero"}).Draw(t, "option")
		f.Tag = reflect.StructTag(fmt.Sprintf("json:%q", name))
		if tag := drawTag(t, f.Type, 0); tag != "" {
			f.Tag += reflect.StructTag(fmt.Sprintf(" validate:%q", tag))
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// some draws from what values of many kinds are.
var some = []any{
	nil, true, false, json.Number("0"), json.Number("1"), json.Number("2"), json.Number("3"), json.Number("-3"), json.Number("1.5"), json.Number("300"), json.Number("70000"),
	json.Number("1e2"), json.Number("-0"), "", "a", "ab", "abc", "b", "A", "1", "a b",
	[]any{},
	map[string]any{},
}

var someTexts = []string{
	"", "a", "b", "ab", "abc", "ba", "a b", "c", "A", "1", "12", "1.5", "true", "EUR", "é", "äöü", "ada@example.org", "https://example.org/a", "127.0.0.1", "::1", "2026-12-01", "12:30",
	"2026-12-01T10:00:00Z", "00112233-4455-6677-8899-aabbccddeeff", "low", "high", "YWI=", "{}", "0x1F", "1.2.3", "red",
}

// drawValue draws JSON for a type, mostly of the right kind.
func drawValue(t *rapid.T, typ reflect.Type, depth int) any {
	if rapid.IntRange(0, 14).Draw(t, "odd") == 0 {
		return rapid.SampledFrom(some).Draw(t, "some")
	}
	if inner, _, ok := params.OptionalOf(typ); ok {
		return drawValue(t, inner, depth)
	}
	switch typ {
	case reflect.TypeFor[params.Date]():
		return rapid.SampledFrom([]string{"2026-12-01", "2026-13-01", "0001-01-01", "2026-12-01T10:00:00Z"}).Draw(t, "time")
	case reflect.TypeFor[params.Duration]():
		return rapid.SampledFrom([]string{"1h30m", "5", "1m", "0s", "-3us"}).Draw(t, "time")
	case reflect.TypeFor[time.Time]():
		return rapid.SampledFrom([]string{"2026-12-01T10:00:00Z", "2099-12-01T10:00:00.5+02:00", "0001-01-01T00:00:00Z", "2026-12-01"}).Draw(t, "time")
	case reflect.TypeFor[torture.UUID]():
		return "00112233-4455-6677-8899-aabbccddeeff"
	case reflect.TypeFor[torture.Level]():
		return rapid.SampledFrom([]string{"low", "high", "none"}).Draw(t, "level")
	case reflect.TypeFor[torture.Fraction]():
		return []any{json.Number("1"), json.Number("2")}
	case reflect.TypeFor[json.RawMessage]():
		return rapid.SampledFrom(some).Draw(t, "raw")
	case reflect.TypeFor[json.Number]():
		return rapid.SampledFrom([]any{json.Number("1"), json.Number("1.5e3"), "12"}).Draw(t, "number")
	}
	switch k := typ.Kind(); {
	case k == reflect.Pointer:
		return drawValue(t, typ.Elem(), depth)
	case k == reflect.Bool:
		return rapid.Bool().Draw(t, "bool")
	case k == reflect.String:
		return rapid.SampledFrom(someTexts).Draw(t, "text")
	case k == reflect.Float32 || k == reflect.Float64:
		return json.Number(rapid.SampledFrom([]string{"0", "1", "2", "3", "2.5", "-3.5", "5", "16", "1e1"}).Draw(t, "float"))
	case reflect.Int <= k && k <= reflect.Uintptr:
		return json.Number(fmt.Sprint(rapid.OneOf(rapid.IntRange(-4, 18), rapid.SampledFrom([]int{127, 128, 255, 256, 65535, 65536, 70000})).Draw(t, "int")))
	case k == reflect.Slice && typ.Elem().Kind() == reflect.Uint8:
		return rapid.SampledFrom([]string{"", "YWI=", "YWJj", "a"}).Draw(t, "bytes")
	case k == reflect.Slice || k == reflect.Array:
		n := rapid.IntRange(0, 3).Draw(t, "n")
		if depth > 3 {
			n = 0
		}
		list := []any{}
		for range n {
			list = append(list, drawValue(t, typ.Elem(), depth+1))
		}
		return list
	case k == reflect.Map:
		object := map[string]any{}
		for range rapid.IntRange(0, 3-min(depth, 3)).Draw(t, "n") {
			key := rapid.SampledFrom([]string{"a", "ab", "1", "2", "3", "-1", "x y", "é", "300"}).Draw(t, "key")
			object[key] = drawValue(t, typ.Elem(), depth+1)
		}
		return object
	case k == reflect.Struct:
		object := map[string]any{}
		if depth > 3 {
			return object
		}
		drawMembers(t, typ, object, depth)
		return object
	default:
		return rapid.SampledFrom(some).Draw(t, "any")
	}
}

func drawMembers(t *rapid.T, typ reflect.Type, object map[string]any, depth int) {
	for f := range typ.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			drawMembers(t, inner, object, depth)
			continue
		}
		if rapid.IntRange(0, 5).Draw(t, "absent") == 0 {
			continue
		}
		value := drawValue(t, f.Type, depth+1)
		if strings.Contains(options, "string") && rapid.IntRange(0, 9).Draw(t, "quoted") > 0 {
			value = string(jsonOf(value))
		}
		object[name] = value
	}
	if rapid.IntRange(0, 9).Draw(t, "more") == 0 {
		object["unknown"] = true
	}
}

// jsonOf returns a value as JSON.
func jsonOf(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
