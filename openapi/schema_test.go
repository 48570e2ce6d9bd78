package openapi_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

type (
	onlyText struct{ text string }
	onlyJSON struct{ Inner string }
	byValue  struct{ text string }
	named    time.Time
)

func (o *onlyText) UnmarshalText(text []byte) error { o.text = string(text); return nil }
func (o *onlyText) MarshalText() ([]byte, error)    { return []byte(o.text), nil }
func (o *onlyJSON) UnmarshalJSON([]byte) error      { return nil }
func (b byValue) MarshalText() ([]byte, error)      { return []byte(b.text), nil }

func TestSchemasOfTypes(t *testing.T) {
	both := func(read, written document, schema string) {
		t.Helper()
		read.is("", schema)
		written.is("", schema)
	}
	type pair struct{ read, written document }
	of := func(read, written document) pair { return pair{read, written} }
	p := of(schemaOf[struct {
		T time.Time `json:"t"`
	}](t))
	both(p.read, document{t, remove(p.written.root, "required")}, `{"type":"object","properties":{"t":{"type":"string","format":"date-time"}}}`)
	p.written.is("required", `["t"]`)

	p = of(schemaOf[[]byte](t))
	p.read.is("", `{"type":"string","contentEncoding":"base64"}`)
	p.written.is("", `{"type":["string","null"],"contentEncoding":"base64"}`)
	p = of(schemaOf[map[string]*int8](t))
	p.read.is("", `{"type":"object","additionalProperties":{"type":["integer","null"],"minimum":-128,"maximum":127}}`)
	p.written.is("", `{"type":["object","null"],"additionalProperties":{"type":["integer","null"],"minimum":-128,"maximum":127}}`)
	p = of(schemaOf[json.RawMessage](t))
	both(p.read, p.written, `{}`)
	p = of(schemaOf[onlyText](t))
	p.read.is("", `{"type":"string"}`)
	p.written.is("", `{}`) // a pointer has the method, and not all values have one
	p = of(schemaOf[onlyJSON](t))
	p.read.is("", `{}`)
	p.written.is("", `{"type":"object","properties":{"Inner":{"type":"string"}},"required":["Inner"]}`)
	p = of(schemaOf[byValue](t))
	p.read.is("", `{"type":"object"}`)
	p.written.is("", `{"type":"string"}`)
	p = of(schemaOf[named](t))
	both(p.read, p.written, `{"type":"object"}`)
	p = of(schemaOf[*big.Int](t))
	p.written.is("", `{}`)
	p = of(schemaOf[torture.Tree](t))
	p.read.is("", `{"type":"array","items":{"$ref":"#/components/schemas/TreeInput"}}`)
	p.written.is("", `{"anyOf":[{"$ref":"#/components/schemas/Tree"},{"type":"null"}]}`)
}

func remove(object any, key string) any {
	without := make(map[string]any)
	for k, v := range object.(map[string]any) {
		if k != key {
			without[k] = v
		}
	}
	return without
}

func TestSchemasReadAndWritten(t *testing.T) {
	d := describe(t, torture.New())
	schema := func(name, want string) {
		t.Helper()
		d.is("components schemas "+name, want)
	}
	schema("PointersInput", `{"type":"object","properties":{
		"plain":{"type":["string","null"]},
		"omitted":{"type":["integer","null"],"format":"int64","minimum":1,"maximum":9},
		"required":{"type":"boolean"},
		"choice":{"anyOf":[{"type":"string","enum":["a","b"]},{"type":"null"}]},
		"item":{"anyOf":[{"$ref":"#/components/schemas/TortureItemInput"},{"type":"null"}]},
		"must":{"$ref":"#/components/schemas/TortureItemInput"},
		"twice":{"type":["string","null"]},
		"bare":{"type":"integer","format":"int64","minimum":1}},"required":["required","must","bare"]}`)
	schema("Pointers", `{"type":"object","properties":{
		"plain":{"type":["string","null"]},
		"omitted":{"type":["integer","null"],"format":"int64"},
		"required":{"type":["boolean","null"]},
		"choice":{"type":["string","null"]},
		"item":{"anyOf":[{"$ref":"#/components/schemas/TortureItem"},{"type":"null"}]},
		"must":{"anyOf":[{"$ref":"#/components/schemas/TortureItem"},{"type":"null"}]},
		"twice":{"type":["string","null"]},
		"bare":{"type":["integer","null"],"format":"int64"}},
		"required":["plain","required","choice","item","must","twice","bare"]}`)
	schema("EmbeddedInput", `{"type":"object","properties":{
		"id":{"type":"integer","format":"int64","minimum":1},"version":{"type":"integer","format":"int64"},
		"part":{"type":"string"},"inner":{"$ref":"#/components/schemas/TortureItemInput"},
		"hidden":{"type":"integer","format":"int64"},"named":{"$ref":"#/components/schemas/NamedInput"}},"required":["id","named"]}`)
	schema("Embedded", `{"type":"object","properties":{
		"id":{"type":"integer","format":"int64"},"version":{"type":"integer","format":"int64"},
		"part":{"type":"string"},"inner":{"$ref":"#/components/schemas/TortureItem"},
		"hidden":{"type":"integer","format":"int64"},"named":{"$ref":"#/components/schemas/Named"}},"required":["id","hidden","named"]}`)
	schema("DeepInput", `{"type":"object","properties":{"item":{"$ref":"#/components/schemas/TortureItemInput"},
		"maybe":{"anyOf":[{"$ref":"#/components/schemas/TortureItemInput"},{"type":"null"}]},"free":{"type":"object"}},"required":["item"]}`)
	schema("MutedInput", `{"type":"object","properties":{"item":{"$ref":"#/components/schemas/TortureItemUnchecked"},
		"items":{"type":"array","items":{"$ref":"#/components/schemas/TortureItemUnchecked"}},"judge":{"$ref":"#/components/schemas/TortureItemInput"}},"required":["judge"]}`)
	schema("TortureItemUnchecked", `{"type":"object","properties":{"sku":{"type":"string"},"quantity":{"type":"integer","format":"int64"}}}`)
	schema("QuotedInput", `{"type":"object","properties":{
		"int":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)$"},
		"float":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$"},
		"bool":{"type":"string","enum":["true","false"]},
		"number":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$"},
		"min":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)$","x-validate":["min=1"]},
		"maybe":{"type":["string","null"],"pattern":"^-?(0|[1-9][0-9]*)$"}},"required":["min"]}`)
	schema("LooseInput", `{"type":"object","properties":{"any":{},"must":{"not":{"type":"null"}},"raw":{},"number":{"type":"number"},
		"anything":{"type":"object","additionalProperties":{}}},"required":["must"]}`)
	schema("Right", `{"type":"object","properties":{"left":{"type":["array","null"],"items":{"$ref":"#/components/schemas/Left"}}},"required":["left"]}`)
	schema("Optional", `{"type":"object","properties":{"empty":{"type":"string"},"zero":{"$ref":"#/components/schemas/TortureItem"},
		"list":{"type":["array","null"],"items":{"type":"integer","format":"int64"}},
		"map":{"type":["object","null"],"additionalProperties":{"type":"integer","format":"int64"}},"-":{"type":"string"}},"required":["-"]}`)
	schema("NamelessInput", `{"type":"object","properties":{
		"at":{"type":"object","properties":{"x":{"type":"integer","format":"int64"},"y":{"type":"integer","format":"int64"}},"required":["x"]},
		"all":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string","maxLength":3}}}}},"required":["at"]}`)
	schema("Forest", `{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#/components/schemas/Forest"},{"type":"null"}]}}`)
	d.is("components schemas Own properties fraction", `{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2,"description":"numerator and denominator"}`)
	d.is("components schemas Own properties id", `{"type":"string","format":"uuid"}`)
	d.is("components schemas OwnInput properties money", `{}`)
	d.is("components schemas ScalarsInput properties text", `{"type":"string","description":"Any text: \"quoted\" & <tagged>","examples":["a text"]}`)
	d.is("components schemas Unusual properties yes", `{"type":"string","description":"no","examples":["null"]}`)
}

const durationSchema = `"type":"string","pattern":"^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"`

// What may be absent is not required, and null only where the type has a null.
func TestSchemasOfOptionals(t *testing.T) {
	d := describe(t, torture.New())
	d.is("components schemas PatchInput", `{"type":"object","properties":{
		"name":{"type":"string","minLength":1,"description":"What it is called","examples":["pen"]},
		"phone":{"type":["string","null"],"pattern":"^\\+?[1-9]\\d{7,14}$"},
		"age":{`+int64Schema+`,"anyOf":[{"const":0},{"minimum":18}]},
		"must":{"type":"boolean"},
		"must_null":{"$ref":"#/components/schemas/TortureItemInput"},
		"item":{"$ref":"#/components/schemas/TortureItemInput"},
		"items":{"type":"array","items":{"$ref":"#/components/schemas/TortureItemInput"},"maxItems":3},
		"day":{"type":"string","format":"date","examples":["2026-12-01"]},
		"any":{},
		"other":{"type":"string","x-validate":["required_without=Name"]},
		"pointer":{"type":["integer","null"],"format":"int64"}},"required":["must","must_null"]}`)
	d.is("components schemas Patch", `{"type":"object","properties":{
		"name":{"type":["string","null"],"description":"What it is called","examples":["pen"]},
		"phone":{"type":["string","null"]},
		"age":{`+int64Schema+`},
		"must":{"type":["boolean","null"]},
		"must_null":{"anyOf":[{"$ref":"#/components/schemas/TortureItem"},{"type":"null"}]},
		"item":{"anyOf":[{"$ref":"#/components/schemas/TortureItem"},{"type":"null"}]},
		"items":{"type":["array","null"],"items":{"$ref":"#/components/schemas/TortureItem"}},
		"day":{"type":["string","null"],"format":"date","examples":["2026-12-01"]},
		"any":{},
		"other":{"type":["string","null"]},
		"pointer":{"type":["integer","null"],"format":"int64"}},
		"required":["name","phone","must","must_null","item","day","any","other","pointer"]}`)
}

func TestSchemasOfDaysAndDurations(t *testing.T) {
	d := describe(t, torture.New())
	d.is("components schemas DaysInput", `{"type":"object","properties":{
		"day":{"type":"string","format":"date","examples":["2026-12-01"]},
		"until":{"type":["string","null"],"format":"date","x-validate":["gtefield=Day"]},
		"maybe":{"type":"string","format":"date"},
		"wait":{`+durationSchema+`,"x-validate":["min=1m"],"examples":["1h30m"]},
		"box":{"type":"boolean"},
		"by_day":{"type":"object","additionalProperties":{`+int64Schema+`},"propertyNames":{"type":"string","format":"date"}},
		"many":{"type":"array","items":{`+durationSchema+`}}},"required":["day","wait"]}`)
	d.is("components schemas Days properties until", `{"type":["string","null"],"format":"date"}`)
	d.is("components schemas Days required", `["day","until","wait","box","by_day","many"]`)
}

// A default is told as JSON has it: who sends it gets what he gets who sends nothing.
func TestDefaultsOfMembers(t *testing.T) {
	r := torture.New()
	d := describe(t, r)
	assert.Nil(t, d.at("components schemas DefaultsInput required"))
	d.is("components schemas DefaultsInput properties nights", `{`+int64Schema+`,"minimum":1,"default":2,"description":"How many"}`)
	d.is("components schemas DefaultsInput properties kind", `{"type":"string","enum":["a","b"],"default":"b"}`)
	d.is("components schemas DefaultsInput properties quoted default", `"7"`)
	d.is("components schemas DefaultsInput properties inside properties least default", `3`)
	handler := routing.Build(r).ServeRequest
	echo := func(body []byte) string {
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod("POST")
		raw.Request.SetRequestURI("/echo/defaults")
		raw.Request.Header.SetContentType("application/json")
		raw.Request.SetBody(body)
		handler(&raw)
		require.Equal(t, 200, raw.Response.StatusCode(), string(raw.Response.Body()))
		return string(raw.Response.Body())
	}
	defaults := make(map[string]any)
	for name, property := range d.at("components schemas DefaultsInput properties").(map[string]any) {
		if value, ok := property.(map[string]any)["default"]; ok {
			defaults[name] = value
		}
		assert.NotContains(t, d.at("components schemas Defaults properties "+name), "default", "of what is written")
	}
	assert.Len(t, defaults, 16)
	all, err := json.Marshal(defaults)
	require.NoError(t, err)
	nothing := echo([]byte(`{}`))
	assert.Equal(t, nothing, echo(all))
	assert.NotEqual(t, nothing, echo([]byte(`{"wait":1}`)))
}

func TestNamesOfComponents(t *testing.T) {
	type Local struct{ A int }
	local := func() any {
		type Local struct{ B int }
		return Local{}
	}()
	_ = local
	r := newRouter(t)
	r.Handle("GET", "/a", answer[struct{}, Local]())
	r.Handle("GET", "/b", answer[struct{}, torture.Page[Local]]())
	r.Handle("GET", "/c", answer[struct{}, torture.Page[[]map[string]Local]]())
	{
		type Local struct{ C int }
		r.Handle("GET", "/d", answer[struct{}, Local]())
	}
	{
		type Problem struct{ D int }
		r.Handle("GET", "/e", answer[struct{}, Problem]())
	}
	d := describe(t, r)
	assert.ElementsMatch(t, []string{
		"Openapi_testLocal", "Openapi_testLocal2", "Page_Local", "Page_ListOf_map_string_Local", "Problem", "Problem2",
	}, keys(d.at("components schemas")))
	d.is("components schemas Openapi_testLocal2 required", `["C"]`)
	d.is("components schemas Problem2 required", `["D"]`)
}

// A type that is the same both ways is one component.
func TestOneComponentBothWays(t *testing.T) {
	type inner struct {
		N int `json:"n" validate:"required"`
	}
	type Same struct {
		Inner inner `json:"inner"`
	}
	type Differs struct {
		Same Same `json:"same"`
		M    int  `json:"m"`
	}
	r := newRouter(t)
	r.Handle("POST", "/same", answer[Same, Same]())
	r.Handle("POST", "/differs", answer[Differs, Differs]())
	d := describe(t, r)
	assert.ElementsMatch(t, []string{"Fault", "Problem", "ValidationProblem", "Inner", "Same", "Differs", "DiffersInput"}, keys(d.at("components schemas")))
}

func TestRulesThatStandForOtherValues(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("sku", func(fl validator.FieldLevel) bool { return fl.Field().Len() == 8 }))
	v.RegisterAlias("code", "len=3,uppercase")
	v.RegisterCustomTypeFunc(func(v reflect.Value) any { return v.Interface().(torture.Money).Cents }, torture.Money{})
	type Body struct {
		SKU   string        `json:"sku" validate:"sku"`
		Code  string        `json:"code" validate:"omitempty,code"`
		Money torture.Money `json:"money" validate:"gt=0"`
		Level torture.Level `json:"level" validate:"oneof=0 1"`
		Late  string        `json:"late" validate:"max=5,omitempty,alpha"`
	}
	read, _ := schemaOf[Body](t, routing.Options{Validator: v})
	read.is("", `{"type":"object","properties":{
		"sku":{"type":"string","x-validate":["sku"]},
		"code":{"type":"string","anyOf":[{"const":""},{"minLength":3,"maxLength":3}],"x-validate":["uppercase"]},
		"money":{"x-validate":["gt=0"]},
		"level":{"type":"string","x-validate":["oneof=0 1"]},
		"late":{"type":"string","maxLength":5,"x-validate":["omitempty","alpha"]}},"required":["sku","money"]}`)
}

func TestRulesAsKeywords(t *testing.T) {
	d := describe(t, torture.New())
	for _, name := range []string{"Numbers", "Bools", "Texts", "Patterns", "Others", "Lists", "Times", "Bytes"} {
		properties := d.at("components schemas " + name + "Input properties").(map[string]any)
		for member, want := range wantKeywords[name] {
			text, err := json.Marshal(properties[member])
			require.NoError(t, err)
			assert.JSONEq(t, want, string(text), fmt.Sprint(name, ".", member))
		}
	}
}

const int64Schema = `"type":"integer","format":"int64"`

var wantKeywords = map[string]map[string]string{
	"Numbers": {
		"min":    `{` + int64Schema + `,"minimum":3}`,
		"gt":     `{` + int64Schema + `,"exclusiveMinimum":-3}`,
		"both":   `{` + int64Schema + `,"minimum":1,"exclusiveMaximum":10}`,
		"len":    `{` + int64Schema + `,"const":7}`,
		"ne":     `{` + int64Schema + `,"not":{"const":0}}`,
		"float":  `{"type":"number","format":"double","minimum":0.5,"maximum":1.5}`,
		"single": `{"type":"number","format":"float","exclusiveMinimum":0.10000000149011612}`,
		"tiny":   `{"type":"integer","minimum":-128,"maximum":127}`,
		"uint":   `{"type":"integer","minimum":0,"maximum":18446744073709551615}`,
		"port":   `{` + int64Schema + `,"minimum":1,"maximum":65535}`,
		"spared": `{` + int64Schema + `,"anyOf":[{"const":0},{"minimum":5}]}`,
		"lat":    `{"type":"number","format":"double","minimum":-90,"maximum":90}`,
		"choice": `{"type":"integer","minimum":0,"enum":[1,2]}`,
		"none":   `{` + int64Schema + `,"not":{"enum":[1,2]}}`,
		"either": `{` + int64Schema + `,"anyOf":[{"exclusiveMaximum":3},{"exclusiveMinimum":10}]}`,
	},
	"Bools": {
		"true":  `{"type":"boolean","const":true}`,
		"false": `{"type":"boolean","const":false}`,
		"any":   `{"type":"boolean"}`,
	},
	"Texts": {
		"len":     `{"type":"string","minLength":3,"maxLength":3}`,
		"eq":      `{"type":"string","const":"yes"}`,
		"ne":      `{"type":"string","not":{"const":"no"}}`,
		"email":   `{"type":"string","format":"email","examples":["ada@example.org"]}`,
		"maybe":   `{"type":"string","anyOf":[{"const":""},{"format":"email"}]}`,
		"web":     `{"type":"string","format":"uri","x-validate":["http_url"]}`,
		"ip":      `{"type":"string","anyOf":[{"format":"ipv4"},{"format":"ipv6"}]}`,
		"date":    `{"type":"string","format":"date"}`,
		"clock":   `{"type":"string","x-validate":["datetime=15:04"]}`,
		"or_less": `{"type":"string","x-validate":["min=8|iso4217"]}`,
		"json":    `{"type":"string","contentMediaType":"application/json"}`,
		"spared":  `{"type":"string","anyOf":[{"const":""},{"minLength":3,"maxLength":5}]}`,
	},
	"Patterns": {
		"hex":      `{"type":"string","pattern":"^(0[xX])?[0-9a-fA-F]+$","minLength":32,"maxLength":32}`,
		"both":     `{"type":"string","pattern":"^[a-zA-Z0-9]+$","allOf":[{"pattern":"^x"}]}`,
		"starts":   `{"type":"string","pattern":"^a\\.b"}`,
		"ends":     `{"type":"string","pattern":"\\$$"}`,
		"contains": `{"type":"string","pattern":","}`,
		"any":      `{"type":"string","pattern":"[\\]\\^\\-]"}`,
		"excludes": `{"type":"string","not":{"pattern":"\\("},"allOf":[{"not":{"pattern":"[\\[\\]]"}}]}`,
	},
	"Others": {
		"to":       `{` + int64Schema + `,"x-validate":["gtfield=From"]}`,
		"currency": `{"type":"string","x-validate":["iso4217"]}`,
		"cron":     `{"type":"string","x-validate":["cron"]}`,
	},
	"Lists": {
		"texts":   `{"type":"array","items":{"type":"string","minLength":1,"maxLength":20},"maxItems":5,"uniqueItems":true}`,
		"pair":    `{"type":"array","items":{"type":"number","format":"double"},"minItems":2,"maxItems":2}`,
		"by_name": `{"type":"object","additionalProperties":{"$ref":"#/components/schemas/TortureItemInput"},"propertyNames":{"type":"string","minLength":2,"pattern":"^[a-zA-Z]+$"},"maxProperties":3}`,
		"by_id":   `{"type":"object","additionalProperties":{"type":"string","minLength":1},"propertyNames":{"type":"string","pattern":"^-?[0-9]+$"}}`,
		"unique":  `{"type":"array","items":{"$ref":"#/components/schemas/TortureItemInput"},"x-validate":["unique=SKU"]}`,
	},
	"Times": {
		"wait":  `{` + int64Schema + `,"minimum":1000000000,"maximum":3600000000000}`,
		"after": `{"type":"string","format":"date-time","x-validate":["gt"]}`,
	},
	"Bytes": {
		"least": `{"type":"string","contentEncoding":"base64","x-validate":["max=10"]}`,
		"array": `{"type":"array","items":{"type":"integer","minimum":0,"maximum":255},"minItems":4,"maxItems":4}`,
	},
}
