package params_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gojson "github.com/goccy/go-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/params"
)

type userPatch struct {
	Name   params.Optional[string]            `json:"name" validate:"min=2,max=5"`
	Phone  params.Optional[*string]           `json:"phone" validate:"e164"`
	Age    params.Optional[int8]              `json:"age" validate:"required,min=1"`
	Tags   params.Optional[[]string]          `json:"tags" validate:"max=1,dive,alpha"`
	Home   params.Optional[place]             `json:"home"`
	Work   params.Optional[*place]            `json:"work" validate:"required_with=Phone"`
	Extra  params.Optional[any]               `json:"extra"`
	Raw    params.Optional[json.RawMessage]   `json:"raw"`
	By     params.Optional[map[string]int]    `json:"by" validate:"required_without=Name,dive,max=9"`
	Born   params.Optional[params.Date]       `json:"born"`
	Each   []params.Optional[string]          `json:"each" validate:"dive,required,len=1"`
	Values map[string]params.Optional[*place] `json:"values"`
	Must   params.Optional[*int]              `json:"must" validate:"required,min=1"`
	Rest   params.Optional[float32]           `json:"rest,omitzero"`
}

type member struct {
	text   string
	faults []string
}

// What each member of userPatch may be sent as, with the faults. "" is absent.
var userPatchMembers = map[string][]member{
	"name":   {{"", nil}, {"null", []string{"/name type"}}, {`"abc"`, nil}, {`"a"`, []string{"/name min"}}, {`""`, []string{"/name min"}}, {"7", []string{"/name type"}}},
	"phone":  {{"", nil}, {"null", nil}, {`"+4912345678"`, nil}, {`"x"`, []string{"/phone e164"}}},
	"age":    {{"", []string{"/age required"}}, {"null", []string{"/age required"}}, {"1", nil}, {"0", []string{"/age min"}}, {"300", []string{"/age type"}}},
	"tags":   {{"", nil}, {"null", []string{"/tags type"}}, {"[]", nil}, {`["a"]`, nil}, {`["a","1"]`, []string{"/tags max", "/tags/1 alpha"}}},
	"home":   {{"", nil}, {"null", []string{"/home type"}}, {`{"zip":"12345"}`, nil}, {"{}", nil}, {"[]", []string{"/home type"}}},
	"work":   {{"", nil}, {"null", nil}, {`{"zip":"12345"}`, nil}},
	"extra":  {{"", nil}, {"null", nil}, {`[1,"x",null]`, nil}},
	"raw":    {{"", nil}, {"null", []string{"/raw type"}}, {`{"a":[]}`, nil}},
	"by":     {{"", nil}, {"null", []string{"/by type"}}, {`{"a":1}`, nil}, {`{"a":10}`, []string{"/by/a max"}}},
	"born":   {{"", nil}, {"null", []string{"/born type"}}, {`"2026-12-01"`, nil}, {`"x"`, []string{"/born type"}}},
	"each":   {{"", nil}, {`["a","b"]`, nil}, {`["a",null]`, []string{"/each/1 required"}}, {`["ab"]`, []string{"/each/0 len"}}},
	"values": {{"", nil}, {`{"a":{"zip":"1"},"b":null}`, nil}},
	"must":   {{"", []string{"/must required"}}, {"null", []string{"/must required"}}, {"1", nil}, {"0", []string{"/must min"}}},
	"rest":   {{"", nil}, {"1.5", nil}},
}

// An Optional is absent, null or a value as encoding/json has it, and its faults are those
// of the table, whichever way the body is read.
func TestOptionalMembers(t *testing.T) {
	plan := compile[userPatch](t)
	names := make([]string, 0, len(userPatchMembers))
	for name := range userPatchMembers {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		var parts, want []string
		sent := make(map[string]string)
		for _, name := range rapid.Permutation(names).Draw(t, "order") {
			variants := userPatchMembers[name]
			if rapid.IntRange(0, 9).Draw(t, "odd") != 0 { // or else something is wrong with each body
				variants = slices.DeleteFunc(slices.Clone(variants), func(m member) bool { return m.text == "null" || len(m.faults) > 0 })
			}
			one := rapid.SampledFrom(variants).Draw(t, name)
			want = append(want, one.faults...)
			sent[name] = one.text
			if one.text != "" {
				key := rapid.SampledFrom([]string{name, name, name, name, name, name, strings.ToUpper(name), `\u00` + string("0123456789abcdef"[name[0]>>4]) + string("0123456789abcdef"[name[0]&15]) + name[1:]}).Draw(t, "key")
				parts = append(parts, `"`+key+`":`+one.text)
			}
		}
		isNull := func(name string) bool { return sent[name] == "" || sent[name] == "null" }
		if !isNull("phone") && isNull("work") {
			want = append(want, "/work required_with")
		}
		if (isNull("name") || sent["name"] == "7") && sent["by"] == "" {
			want = append(want, "/by required_without")
		}
		body := `{` + strings.Join(parts, ",") + `}`
		if rapid.Bool().Draw(t, "by the codec") {
			body = byCodec(body)
		}
		got := []string{}
		var in userPatch
		if err := plan.Decode(request{body: body}.ctx(), &in); err != nil {
			invalid, ok := errors.AsType[*params.Error](err)
			require.True(t, ok, err)
			for _, line := range brief(invalid) {
				got = append(got, strings.TrimPrefix(line, "body #"))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		require.ElementsMatch(t, want, got, body)
		if len(want) == 0 {
			var std userPatch
			require.NoError(t, json.Unmarshal([]byte(body), &std))
			require.Equal(t, std, in, body)
			for name, given := range map[string]bool{"name": !in.Name.IsZero(), "phone": !in.Phone.IsZero(), "raw": !in.Raw.IsZero(), "extra": !in.Extra.IsZero()} {
				require.Equal(t, sent[name] != "", given, body)
			}
		}
	})
}

func TestOptionalValues(t *testing.T) {
	in := accept[userPatch](t, request{body: `{"age":1,"must":1,"phone":null,"name":"Ada","work":{"zip":"1"}}`})
	name, phone := "old", new(string)
	in.Name.ApplyTo(&name)
	in.Phone.ApplyTo(&phone)
	assert.Equal(t, "Ada", name)
	assert.Nil(t, phone)
	tags := []string{"kept"}
	in.Tags.ApplyTo(&tags)
	assert.Equal(t, []string{"kept"}, tags)
	assert.Equal(t, 1.5, float64(in.Rest.Or(1.5)))
	assert.Equal(t, int8(1), in.Age.Or(9))
	value, given := in.Born.Get()
	assert.False(t, given)
	assert.Zero(t, value)
	assert.Equal(t, in.Name, params.Some("Ada"))

	type out struct {
		A params.Optional[int]  `json:"a"`
		B params.Optional[int]  `json:"b,omitzero"`
		C params.Optional[*int] `json:"c,omitzero"`
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, gojson.Marshal} {
		text, err := marshal(out{C: params.Some[*int](nil)})
		require.NoError(t, err)
		assert.Equal(t, `{"a":null,"c":null}`, string(text))
		text, err = marshal(out{params.Some(0), params.Some(1), params.Optional[*int]{}})
		require.NoError(t, err)
		assert.Equal(t, `{"a":0,"b":1}`, string(text))
	}
	for _, c := range []struct {
		typ       any
		value     any
		mayBeNull bool
		ok        bool
	}{
		{params.Optional[int]{}, 0, false, true},
		{params.Optional[*int]{}, (*int)(nil), true, true},
		{params.Optional[[]int]{}, []int(nil), false, true},
		{struct{ A, B, C int }{}, nil, false, false},
		{7, nil, false, false},
	} {
		value, mayBeNull, ok := params.OptionalOf(reflect.TypeOf(c.typ))
		assert.Equal(t, reflect.TypeOf(c.value), value)
		assert.Equal(t, c.mayBeNull, mayBeNull)
		assert.Equal(t, c.ok, ok)
	}
}

// Without a rule anywhere, nothing but the type asks for a walk.
func TestNullsWithoutRules(t *testing.T) {
	type body struct {
		A params.Optional[string]  `json:"a"`
		B params.Optional[*string] `json:"b"`
	}
	assert.Equal(t, []string{"body #/a type: must not be null"}, told(refuse[body](t, request{body: `{"a":null}`})))
	assert.Equal(t, body{B: params.Some[*string](nil)}, accept[body](t, request{body: `{"b":null}`}))
	type field struct {
		Body body `body:""`
	}
	assert.Equal(t, []string{"body #/a type: must not be null"}, told(refuse[field](t, request{body: `{"a":null}`})))
	type must struct {
		A params.Optional[*int]   `json:"a" validate:"required"`
		B params.Optional[string] `json:"b" validate:"min=2"`
	}
	assert.Equal(t, []string{"body #/a required"}, faults[must](t, `{"a":null}`))
	assert.Equal(t, []string{"body #/b min"}, faults[must](t, `{"a":0,"b":"x"}`))
	assert.Empty(t, faults[must](t, `{"a":0,"b":"xx"}`))
}

func TestOptionalParameters(t *testing.T) {
	type query struct {
		Name  params.Optional[string]        `query:"name" validate:"max=3"`
		Since params.Optional[time.Duration] `header:"Since" validate:"required_without=Name"`
		Tags  params.Optional[[]int]         `query:"tag" validate:"dive,max=9"`
		Theme params.Optional[string]        `cookie:"theme" validate:"omitempty,oneof=light dark"`
		Size  params.Optional[int]           `query:"size" validate:"required,min=1"`
	}
	assert.Equal(t, query{Name: params.Some(""), Size: params.Some(1), Tags: params.Some([]int{1, 2})}, accept[query](t, request{uri: "/?name=&size=1&tag=1&tag=2"}))
	in := accept[query](t, request{uri: "/?size=1", header: [][2]string{{"Since", "1m"}, {"Cookie", "theme=dark"}}})
	assert.Equal(t, query{Since: params.Some(time.Minute), Theme: params.Some("dark"), Size: params.Some(1)}, in)
	assert.Equal(t, []string{"header Since required_without", "query size required"}, brief(refuse[query](t, request{uri: "/"})))
	assert.Equal(t, []string{"query name max", "query tag max", "cookie theme oneof", "query size min"},
		brief(refuse[query](t, request{uri: "/?name=abcd&tag=10&size=0", header: [][2]string{{"Cookie", "theme=x"}, {"Since", "0s"}}})))
	assert.Equal(t, []string{"query name duplicate", "query size type"}, brief(refuse[query](t, request{uri: "/?name=a&name=b&size=x", header: [][2]string{{"Since", "0s"}}})))

	type form struct {
		Age  params.Optional[int]    `form:"age"`
		Note params.Optional[string] `form:"note"`
	}
	assert.Equal(t, form{Note: params.Some("")}, accept[form](t, request{contentType: urlencoded, body: "age=&note="}))
}

func TestOptionalsThatDoNotRegister(t *testing.T) {
	for want, in := range map[string]any{
		"is an Optional of a file: use params.File": struct {
			F params.Optional[params.File] `form:"f"`
		}{},
		"is an Optional of a *int, but only JSON has a null": struct {
			N params.Optional[*int] `query:"n"`
		}{},
		"has a default, but an Optional is absent without a value: use the type of its value": struct {
			N params.Optional[int] `query:"n" default:"1"`
		}{},
		"which has a default, but an Optional is absent without a value": struct {
			N params.Optional[int] `json:"n" default:"1"`
		}{},
		"is an Optional, but a body is absent and null alike: use a pointer": struct {
			B params.Optional[place] `body:""`
		}{},
		"input type params.Optional[int]: is an Optional, but a body is absent": params.Optional[int]{},
		`has type map[string]int, which has no conversion`: struct {
			M params.Optional[map[string]int] `query:"m"`
		}{},
		`which has the rule "email", which goes with texts only, not with int`: struct {
			N params.Optional[int] `json:"n" validate:"email"`
		}{},
		`which has the rule "eqfield=N", but N is a params.Optional[int], which is not compared with a string`: struct {
			N params.Optional[int]    `json:"n"`
			M params.Optional[string] `json:"m" validate:"eqfield=N"`
		}{},
		`of which one alternative judges an absent value and another one does not`: struct {
			N params.Optional[int] `json:"n"`
			M params.Optional[int] `json:"m" validate:"required_with=N|min=1"`
		}{},
		"has the rule omitnil, but an int is never nil": struct {
			N params.Optional[int] `json:"n" validate:"omitnil,min=1"`
		}{},
	} {
		_, err := params.Compile(reflect.TypeOf(in), params.Options{})
		require.Error(t, err, want)
		assert.Contains(t, err.Error(), want)
	}
}

func TestOptionalsSeenByOtherFields(t *testing.T) {
	type booking struct {
		From params.Optional[params.Date] `json:"from"`
		To   params.Optional[params.Date] `json:"to" validate:"gtfield=From"`
		Pass params.Optional[string]      `json:"pass"`
		Same string                       `json:"same" validate:"omitempty,eqfield=Pass"`
		Home params.Optional[place]       `json:"home"`
		Zip  string                       `json:"zip" validate:"omitempty,eqfield=Home.Zip"`
	}
	for body, want := range map[string][]string{
		`{}`: {},
		`{"from":"2026-12-01","to":"2026-12-02"}`: {},
		`{"from":"2026-12-01","to":"2026-12-01"}`: {"body #/to gtfield: must be later than from"},
		`{"pass":"a","same":"b"}`:                 {"body #/same eqfield: must equal pass"},
		`{"pass":"a","same":"a"}`:                 {},
		`{"zip":"2","home":{"zip":"1"}}`:          {"body #/zip eqfield: must equal home.zip"},
		`{"zip":"12345","home":{"zip":"12345"}}`:  {},
	} {
		_, err := decode[booking](t, request{body: body})
		if len(want) == 0 {
			assert.NoError(t, err, body)
			continue
		}
		assert.Equal(t, want, told(asError(t, err)), body)
	}
}

// Inside a type that decodes itself nobody knows what was there.
func TestOptionalsInTypesThatDecodeThemselves(t *testing.T) {
	type body struct {
		Self selfPatch `json:"self"`
	}
	assert.Empty(t, faults[body](t, `{"self":1}`))
	assert.Equal(t, []string{"body #/self/A required"}, faults[body](t, `{"self":0}`))
}

type selfPatch struct {
	A params.Optional[int] `validate:"required"`
	B params.Optional[int] `validate:"required_with=A"`
}

func (s *selfPatch) UnmarshalJSON(text []byte) error {
	if string(text) == "1" {
		s.A, s.B = params.Some(0), params.Some(0)
	}
	return nil
}
