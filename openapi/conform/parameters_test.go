package conform_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	ours "github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
)

var parameterTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](), reflect.TypeFor[float64](), reflect.TypeFor[float32](),
	reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[*int](), reflect.TypeFor[*string](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
	reflect.TypeFor[torture.Level](), reflect.TypeFor[torture.UUID](), reflect.TypeFor[torture.Colour](), reflect.TypeFor[json.Number](),
	reflect.TypeFor[[]string](), reflect.TypeFor[[]int](), reflect.TypeFor[[]bool](), reflect.TypeFor[[]torture.Level](),
}

// asJSON returns the JSON that a text stands for by the type of a schema, as those who check
// requests by a document read it; "" if it stands for none.
func asJSON(schema map[string]any, text string) string {
	switch schema["type"] {
	case "integer", "number":
		var n json.Number
		if json.Unmarshal([]byte(text), &n) != nil || strings.HasPrefix(text, `"`) || text == "null" {
			return ""
		}
		return strings.TrimSpace(text)
	case "boolean":
		if text != "true" && text != "false" {
			return ""
		}
		return text
	default:
		return string(jsonOf(text))
	}
}

// The disagreements about parameters. Those about rules are those of bodies.
const (
	otherSpelling = "another spelling of a number or a bool is taken: 01, +1, .5, 1 for true" // and a number of JSON that Go has no text for: 1.0 for an int
)

// Parameters agree as bodies do.
func TestParametersAgreeWithTheService(t *testing.T) {
	seen := make(map[string]int)
	compiled, accepted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(parameterTypes).Draw(t, "type")
		tag := drawTag(t, typ, 0)
		input := reflect.StructOf([]reflect.StructField{{Name: "Q", Type: typ, Tag: reflect.StructTag(fmt.Sprintf(`query:"q" validate:%q`, tag))}})
		plan, err := params.Compile(input, params.Options{Method: "GET"})
		if err != nil {
			t.Skip("registration refuses it")
		}
		compiled++
		s := ours.New()
		p := plan.Params()[0]
		text, err := ours.Indented(ours.Obj("schema", s.Parameter(p)))
		if err != nil {
			t.Fatal(err)
		}
		j, err := newJudge(text)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := j.at("/schema")
		if err != nil {
			t.Fatal(err)
		}
		var document struct{ Schema map[string]any }
		_ = json.Unmarshal(text, &document)
		b := body{text: string(text), input: input}
		for range 8 {
			texts := rapid.SliceOfN(rapid.SampledFrom(append(someTexts, "0", "2", "-3", "300", "70000", "1e1", "01", "+1", ".5", "1s", "1ns", "2ns", "false", "t", "NaN")), 0, 3).Draw(t, "texts")
			if !p.Many && len(texts) > 1 {
				texts = texts[:1]
			}
			var raw fasthttp.RequestCtx
			var req fasthttp.Request
			req.SetRequestURI("/?" + url.Values{"q": texts}.Encode())
			raw.Init(&req, nil, nil)
			in := reflect.New(input)
			decodeErr := plan.Decode(&raw, in.Interface())
			allowed, readable := judgeTexts(p, document.Schema, texts, func(text string) error { return validate(schema, []byte(text)) })
			kind := ""
			switch {
			case decodeErr == nil && !allowed:
				if kind = otherSpelling; readable {
					t.Fatalf("%s %q %q is taken, and the schema forbids it\n%s", typ, tag, texts, text)
				}
			case decodeErr != nil && allowed:
				kind = b.refused(decodeErr)
				invalid, _ := errors.AsType[*params.Error](decodeErr)
				if kind == "" && invalid.Faults[0].Code == "type" && (strings.Contains(string(text), "date-time") || strings.Contains(invalid.Faults[0].Detail, "from")) {
					kind = codecsRange
				}
				if kind == "" {
					t.Fatalf("%s %q %q is refused, and the schema allows it: %v\n%s", typ, tag, texts, decodeErr, text)
				}
			}
			if decodeErr == nil {
				accepted++
			}
			if kind != "" {
				seen[kind]++
			}
		}
	})
	t.Logf("%d types with rules, %d requests accepted", compiled, accepted)
	require.Greater(t, accepted, 50)
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d × %s", seen[kind], kind)
	}
}

// judgeTexts judges a parameter as a document says. readable is false if a text does not stand
// for JSON of the type.
func judgeTexts(p params.Param, schema map[string]any, texts []string, judge func(text string) error) (allowed, readable bool) {
	if len(texts) == 0 {
		return !p.Required, true
	}
	if !p.Many {
		text := asJSON(schema, texts[0])
		return text != "" && judge(text) == nil, text != ""
	}
	var list []string
	for _, text := range texts {
		text = asJSON(schema["items"].(map[string]any), text)
		if text == "" {
			return false, false
		}
		list = append(list, text)
	}
	return judge("["+strings.Join(list, ",")+"]") == nil, true
}
