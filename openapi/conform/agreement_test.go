package conform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/openapi"
	ours "github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A judge is a document whose schemas another library judges by.
type judge struct{ compiler *jsonschema.Compiler }

func newJudge(document []byte) (judge, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return judge{}, err
	}
	c := jsonschema.NewCompiler()
	return judge{c}, c.AddResource("https://example.org/document", parsed)
}

// at returns the schema at a JSON pointer.
func (j judge) at(pointer string) (*jsonschema.Schema, error) {
	return j.compiler.Compile("https://example.org/document#" + pointer)
}

// validate judges JSON.
func validate(s *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// A body is a type of a JSON body, as it is read and written.
type body struct {
	plan          *params.Plan
	input         reflect.Type
	text          string // of the schemas
	read, written *jsonschema.Schema
}

// newBody makes the schemas of a type; it fails for one that registration refuses.
func newBody(t reflect.Type) (b body, err error) {
	b.input = reflect.StructOf([]reflect.StructField{{Name: "Body", Type: t, Tag: `body:""`}})
	if b.plan, err = params.Compile(b.input, params.Options{RejectUnknown: len(t.String())%2 == 0}); err != nil {
		return b, err
	}
	s := ours.New()
	s.Read(b.plan)
	described, _ := b.plan.JSONBody()
	document := ours.Obj("read", s.Value(described.Type, ours.Reads, described.Rules), "written", s.Value(t, ours.Writes, nil))
	components, err := s.Finish()
	if err != nil {
		panic(err)
	}
	text, err := ours.Indented(document.Set("components", ours.Obj("schemas", components)))
	if err != nil {
		panic(err)
	}
	b.text = string(text)
	j, err := newJudge(text)
	if err != nil {
		panic(err)
	}
	if b.read, err = j.at("/read"); err != nil {
		panic(err)
	}
	if b.written, err = j.at("/written"); err != nil {
		panic(err)
	}
	return b, nil
}

// decode lets the service decode a body, and returns it as it would be written.
func (b body) decode(text []byte) (written []byte, err error) {
	var req fasthttp.Request
	req.Header.SetMethod("POST")
	req.Header.SetContentType("application/json")
	req.SetBody(text)
	raw := &fasthttp.RequestCtx{}
	raw.Init(&req, nil, nil)
	in := reflect.New(b.input)
	if err := b.plan.Decode(raw, in.Interface()); err != nil {
		return nil, err
	}
	return write(in.Elem().Field(0).Addr().Interface()), nil
}

// write writes content as a response has it.
func write(content any) []byte {
	raw := &fasthttp.RequestCtx{}
	if err := responses.WriteJSON(raw, content); err != nil {
		panic(err)
	}
	return bytes.Clone(raw.Response.Body())
}

// The disagreements of a schema with the service. Each kind is here, and no other may come.
const (
	// What the service takes though the schema forbids it: the codec is lenient.
	nullForAbsent = "a null stands for an absent value" // {"n":null} is {}
	otherLength   = "an array of another length is taken: what is missing is zero, what is too much is dropped"
	numberInText  = "a json.Number is taken from a text"
	bytesInList   = "bytes are taken from a list of numbers"
	zeroObject    = "omitzero on a pointer to a struct leaves out an object of zeros"

	// What the service refuses though the schema allows it.
	unsaidRule  = "a rule of x-validate"
	formatRule  = "a rule that a format says, which is a hint" // also contentMediaType
	codecsRange = "a number that JSON Schema takes for an integer, or that does not fit into 64 bits"
	textOfType  = "a text that is none of its type: a time, a UUID, base64, a number in a string"
)

// formatRules are the rules whose keyword is a format or a hint about content.
var formatRules = []string{"email", "url", "http_url", "ip", "ipv4", "datetime", "json"}

var unsaidTexts = regexp.MustCompile(`(?s)"x-validate": \[(.*?)\]`)

// isUnsaid reports whether the schema has a rule in x-validate.
func (b body) isUnsaid(code string) bool {
	for _, list := range unsaidTexts.FindAllStringSubmatch(b.text, -1) {
		if regexp.MustCompile(`["|]` + regexp.QuoteMeta(code) + `["=|]`).MatchString(list[1]) {
			return true
		}
	}
	return false
}

// taken names the disagreement about a value that the schema forbids and the service takes,
// which has to be found in the value.
func taken(value any, t reflect.Type) string {
	has := func(is func(any, reflect.Type) bool) bool { return anywhere(value, t, is) }
	switch {
	case has(func(v any, _ reflect.Type) bool { return v == nil || v == "null" }):
		return nullForAbsent
	case has(func(v any, t reflect.Type) bool {
		list, ok := v.([]any)
		return ok && (t.Kind() == reflect.Array && len(list) != t.Len() || t == reflect.TypeFor[torture.Fraction]() && len(list) != 2)
	}):
		return otherLength
	case has(func(v any, t reflect.Type) bool {
		_, ok := v.(string)
		return ok && t == reflect.TypeFor[json.Number]()
	}):
		return numberInText
	case has(func(v any, t reflect.Type) bool {
		_, ok := v.([]any)
		return ok && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
	}):
		return bytesInList
	case has(isZeroObject):
		return zeroObject
	}
	return ""
}

// isZeroObject reports whether a value of type t has a pointer with omitzero to an object
// that is zero.
func isZeroObject(v any, t reflect.Type) bool {
	object, ok := v.(map[string]any)
	if !ok || t.Kind() != reflect.Struct {
		return false
	}
	for _, m := range params.WrittenMembers(t) {
		inner, ok := object[m.Name].(map[string]any)
		if !ok || m.Field.Type.Kind() != reflect.Pointer || !strings.Contains(m.Field.Tag.Get("validate"), "omitzero") {
			continue
		}
		text := jsonOf(inner)
		value := reflect.New(m.Field.Type.Elem())
		if json.Unmarshal(text, value.Interface()) == nil && value.Elem().IsZero() {
			return true
		}
	}
	return false
}

// anywhere reports whether is holds for a value of a type, or for a part of it.
func anywhere(value any, t reflect.Type, is func(any, reflect.Type) bool) bool {
	if inner, _, ok := params.OptionalOf(t); ok {
		return anywhere(value, inner, is)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if is(value, t) {
		return true
	}
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			if (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && anywhere(v, t.Elem(), is) {
				return true
			}
		}
	case map[string]any:
		for key, v := range value {
			switch t.Kind() {
			case reflect.Map:
				if anywhere(v, t.Elem(), is) {
					return true
				}
			case reflect.Struct:
				for _, m := range params.WrittenMembers(t) {
					if m.Name == key && anywhere(v, m.Field.Type, is) {
						return true
					}
				}
			}
		}
	}
	return false
}

// refused names the disagreement about a value that the schema allows and the service
// refuses: the one of its first fault.
func (b body) refused(err error) string {
	invalid, ok := errors.AsType[*params.Error](err)
	if !ok || len(invalid.Faults) == 0 {
		return ""
	}
	switch f := invalid.Faults[0]; {
	case f.Code == params.CodeUnknown: // a schema forbids it, too
	case f.Code != "type":
		names := strings.Split(f.Code, "|")
		if slices.ContainsFunc(names, b.isUnsaid) {
			return unsaidRule
		}
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(formatRules, name) }) {
			return formatRule
		}
	case strings.Contains(f.Detail, "integer"), strings.Contains(f.Detail, "64 bits"):
		return codecsRange
	case strings.Contains(f.Detail, "base64"), strings.Contains(f.Detail, "in a string"), strings.Contains(f.Detail, "valid value"),
		strings.Contains(f.Detail, "RFC 3339"), strings.Contains(f.Detail, "must be a date"), strings.Contains(f.Detail, "must be a day"), strings.Contains(f.Detail, "a key of the wrong type"), strings.Contains(f.Detail, "2006"):
		return textOfType
	case strings.Contains(f.Detail, "has a value of the wrong type") && strings.Contains(b.input.String(), ",string"):
		return textOfType
	case strings.Contains(f.Detail, "must be of a type that its rules go with") && strings.Contains(b.text, "x-validate"):
		return unsaidRule // a rule on an any
	}
	return ""
}

// Schema and service agree over generated types, rules and values, but for the kinds of
// disagreement that are listed. And what is accepted is written as its schema says.
func TestSchemasAgreeWithTheService(t *testing.T) {
	types, refusedTypes, values, accepted := 0, 0, 0, 0
	seen := make(map[string]int)
	rapid.Check(t, func(t *rapid.T) {
		typ := drawType(t, 0)
		b, err := newBody(typ)
		if err != nil {
			refusedTypes++
			t.SkipNow() // registration refuses it: rapid draws another type
		}
		types++
		for range 8 {
			value := drawValue(t, typ, 0)
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			values++
			written, decodeErr := b.decode(text)
			schemaErr := validate(b.read, text)
			kind := ""
			switch {
			case decodeErr == nil && schemaErr != nil:
				if kind = taken(value, typ); kind == "" {
					t.Fatalf("%s\n%s\nis taken, and the schema forbids it: %v\n%s", typ, text, schemaErr, b.text)
				}
			case decodeErr != nil && schemaErr == nil:
				if kind = b.refused(decodeErr); kind == "" {
					t.Fatalf("%s\n%s\nis refused, and the schema allows it: %v\n%s", typ, text, decodeErr, b.text)
				}
			}
			if kind != "" {
				seen[kind]++
			}
			if decodeErr != nil {
				continue
			}
			accepted++
			if err := validate(b.written, written); err != nil {
				t.Fatalf("%s\n%s\nis written as %s: %v\n%s", typ, text, written, err, b.text)
			}
		}
	})
	require.Greater(t, accepted, 50)
	t.Logf("%d types (%d more were refused), %d values, %d of them accepted", types, refusedTypes, values, accepted)
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d × %s", seen[kind], kind)
	}
}

// Each kind of disagreement exists: none is listed for nothing.
func TestDisagreementsThatAreListed(t *testing.T) {
	for kind, of := range map[string]struct {
		body  any // of the type
		text  string
		taken bool
	}{
		nullForAbsent: {struct {
			N int `json:"n"`
		}{}, `{"n":null}`, true},
		otherLength: {struct {
			N [2]int `json:"n"`
		}{}, `{"n":[1]}`, true},
		numberInText: {struct {
			N json.Number `json:"n"`
		}{}, `{"n":"1"}`, true},
		bytesInList: {struct {
			N []byte `json:"n"`
		}{}, `{"n":[1]}`, true},
		zeroObject: {struct {
			N *struct {
				C int `json:"c" validate:"min=1"`
			} `json:"n" validate:"omitzero"`
		}{}, `{"n":{}}`, true},
		unsaidRule: {struct {
			N string `json:"n" validate:"iso4217"`
		}{}, `{"n":"xyz"}`, false},
		formatRule: {struct {
			N string `json:"n" validate:"email"`
		}{}, `{"n":"x"}`, false},
		codecsRange: {struct {
			N int `json:"n"`
		}{}, `{"n":1.0}`, false},
		textOfType: {struct {
			N []byte `json:"n"`
		}{}, `{"n":"?"}`, false},
	} {
		typ := reflect.TypeOf(of.body)
		b, err := newBody(typ)
		require.NoError(t, err, kind)
		_, decodeErr := b.decode([]byte(of.text))
		schemaErr := validate(b.read, []byte(of.text))
		assert.Equal(t, of.taken, decodeErr == nil, kind)
		assert.Equal(t, of.taken, schemaErr != nil, kind)
		if of.taken {
			var value any
			require.NoError(t, json.Unmarshal([]byte(of.text), &value))
			assert.Equal(t, kind, taken(value, typ))
		} else {
			assert.Equal(t, kind, b.refused(decodeErr))
		}
	}
}

// The zero value of each type that the torture app writes is what its schema says.
func TestZeroValuesValidate(t *testing.T) {
	routes := torture.New().Routes()
	document, err := openapi.Document(routes, torture.Info)
	require.NoError(t, err)
	j, err := newJudge(document)
	require.NoError(t, err)
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	judged := 0
	for _, rt := range routes {
		content := responses.Describe(rt.Out).Answers[0].Content
		at := rt.Templates()[0].Path
		if content == nil || strings.HasPrefix(at, "/hex/") || rt.Method == "PURGE" || at == "/described/hidden" || at == "/things/{thing}" {
			continue
		}
		schema, err := j.at(fmt.Sprintf("/paths/%s/%s/responses/%d/content/%s/schema", escape.Replace(at), strings.ToLower(rt.Method), rt.Status(), escape.Replace("application/json")))
		require.NoError(t, err, at)
		text := write(reflect.New(content).Interface())
		assert.NoError(t, validate(schema, text), "%s: %s", at, text)
		judged++
	}
	assert.GreaterOrEqual(t, judged, 50)
}
