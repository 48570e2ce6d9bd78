package params_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type (
	othersField struct {
		Deep *struct {
			Leaf int `json:"leaf"`
		} `json:"deep"`
	}
	Outer struct {
		Flat int `json:"flat"`
	}
	plain struct{ Leaf int }
)

func TestWordsOfRules(t *testing.T) {
	for _, c := range []struct {
		typ        any
		rule, sent string
		want       string
	}{
		{"", "min=3", `"ab"`, "must have at least 3 characters"},
		{"", "max=3", `"abcd"`, "must have at most 3 characters"},
		{"", "len=3", `"ab"`, "must have exactly 3 characters"},
		{0, "gte=3", `2`, "must be at least 3"},
		{0, "lte=3", `4`, "must be at most 3"},
		{0, "gt=3", `3`, "must be more than 3"},
		{0, "lt=3", `3`, "must be less than 3"},
		{0, "len=3", `4`, "must be equal to 3"},
		{0.5, "max=0.5", `0.6`, "must be at most 0.5"},
		{time.Duration(0), "max=1m", `3600000000000`, "must be at most 1m"},
		{[]int{}, "min=1", `[]`, "must have at least 1 item"},
		{[]int{}, "unique", `[1,1]`, "must not hold a value twice"},
		{map[string]int{}, "max=1", `{"a":1,"b":2}`, "must have at most 1 item"},
		{time.Time{}, "gt", `"2001-01-01T00:00:00Z"`, "must be later than now"},
		{time.Time{}, "gte", `"2001-01-01T00:00:00Z"`, "must not be before now"},
		{time.Time{}, "lt", `"3001-01-01T00:00:00Z"`, "must be before now"},
		{time.Time{}, "lte", `"3001-01-01T00:00:00Z"`, "must not be later than now"},
		{"", "eq=a", `"b"`, "must be a"},
		{"", "ne=a", `"a"`, "must not be a"},
		{"", "oneof=a b", `"c"`, "must be one of: a, b"},
		{"", "oneof='red green' blue", `"c"`, `must be one of: "red green", blue`},
		{"", "oneof='a0x2Cb' c", `"d"`, `must be one of: "a,b", c`},
		{0, "oneof=1 2", `3`, "must be one of: 1, 2"},
		{"", "oneofci=a b", `"c"`, "must be one of: a, b, in any case"},
		{"", "noneof='a b' c", `"c"`, `must be none of: "a b", c`},
		{"", "datetime=2006-01-02", `"x"`, "must be a date or time such as 2026-12-31"},
		{"", "datetime=02/01/2006 15:04", `"x"`, "must be a date or time such as 31/12/2026 23:59"},
		{"", "datetime=Mon0x2C 02 Jan 2006", `"x"`, "must be a date or time such as Thu, 31 Dec 2026"},
		{"", "email", `"x"`, "must be an e-mail address"},
		{"", "uuid4", `"x"`, "must be a UUID of version 4"},
		{"", "startswith=ab", `"x"`, "must start with ab"},
		{"", "isbn", `"x"`, "must be an ISBN"},
		{"", "email|url", `"x"`, "must be an e-mail address or a URL"},
		{"", "startswith=a|eqfield=B", `"x"`, "must start with a or must equal b"},
		{"", "iscolor", `"x"`, "must be a color such as #ff8800, rgb(255,136,0) or hsl(32,100%,50%)"},
		{[]int{}, "eq=1", `[]`, "must have exactly 1 item"},
		{[]int{}, "ne=2", `[1,2]`, "must not have exactly 2 items"},
		{new(any), "min=3", `"ab"`, "must have at least 3 characters"},

		// Other fields are called as the client calls them.
		{"", "eqfield=B", `"c"`, "must equal b"},
		{"", "nefield=B", `""`, "must differ from b"},
		{"", "gtfield=B", `""`, "must be longer than b"},
		{"", "eqfield=Default", `"c"`, "must equal Default"},
		{0, "gtfield=N", `-1`, "must be more than a number"},
		{0, "gtefield=N", `-1`, "must be at least a number"},
		{0, "ltfield=N", `1`, "must be less than a number"},
		{0, "ltefield=N", `1`, "must be at most a number"},
		{0, "eqcsfield=In.Deep.Leaf", `1`, "must equal in.deep.leaf"},
		{0, "gtcsfield=In.Deep.Leaf", `-1`, "must be more than in.deep.leaf"},
		{0, "ltcsfield=Plain.Leaf", `1`, "must be less than Plain.Leaf"},
		{0, "ltcsfield=Flat", `1`, "must be less than flat"},
		{0, "ltcsfield=Outer.Flat", `1`, "must be less than flat"},
		{time.Time{}, "gtfield=T", `"0001-01-01T00:00:00Z"`, "must be later than t"},
		{time.Time{}, "ltfield=T", `"2001-01-01T00:00:00Z"`, "must be before t"},
		{[]int{}, "gtcsfield=L", `[]`, "must have more items than l"},
		// The one family compares the lengths of texts, the other one their order.
		{"", "gtcsfield=B", `"a","b":"b"`, "must come after b"},
		{"", "gtecsfield=B", `"a","b":"b"`, "must not come before b"},
		{"", "ltcsfield=B", `"b","b":"a"`, "must come before b"},
		{"", "ltecsfield=B", `"b","b":"a"`, "must not come after b"},
		{"", "ltefield=B", `"abc","b":"ab"`, "must not be longer than b"},
		{"", "unique=B", `"x","b":"x"`, "must differ from b"},
		{[]Outer{}, "unique=Flat", `[{},{}]`, "must not hold a value twice"},
		{"", "mimetype=image/png", `"x"`, "must be a file of type image/png"},
		{rank(0), "min=9", "1", "must have at least 9 characters"}, // judged as a text
		{"", "contains=a0x7Cb|email", `"x"`, "must contain a|b or an e-mail address"},
		{new(string), "email|url", `null`, "must be an e-mail address or a URL"},
		{"", "oneof=a0x2C0x7C b", `"x"`, `must be one of: "a,|", b`},
		{"", "fieldcontains=B", `"x"`, ""}, // an empty text is in all
		{"", "fieldexcludes=B", `"x"`, "must not contain b"},
		{"", "required_if=N 0", `""`, "is required when a number is 0"},
		{"", "required_if=N 0 B ''", `""`, "is required when a number is 0 and b is \"\""},
		{"", "required_unless=N 1 N 2", `""`, "is required unless a number is 1 or a number is 2"},
		{"", "required_without=B", `""`, "is required when b is absent"},
		{"", "required_without_all=B P", `""`, "is required when b and p are absent"},
		{"", "required_without=B P", `""`, "is required when b or p is absent"},
		{"", "required_with=By[x.y].Zip", `"","by":{"x.y":{"zip":"z"}}`, "is required when by[x.y].zip is given"},
		{"", "excluded_if=N 0", `"x"`, "must be left out when a number is 0"},
		{"", "excluded_without=P", `"x"`, "must be left out when p is absent"},
	} {
		input := reflect.StructOf([]reflect.StructField{
			{Name: "A", Type: reflect.TypeOf(c.typ), Tag: reflect.StructTag(`json:"a" validate:` + strconv.Quote(c.rule))},
			{Name: "B", Type: reflect.TypeFor[string](), Tag: `json:"b"`},
			{Name: "N", Type: reflect.TypeFor[int](), Tag: `json:"a number,omitempty"`},
			{Name: "P", Type: reflect.TypeFor[*int](), Tag: `json:"p"`},
			{Name: "T", Type: reflect.TypeFor[time.Time](), Tag: `json:"t"`},
			{Name: "L", Type: reflect.TypeFor[[]int](), Tag: `json:"l"`},
			{Name: "By", Type: reflect.TypeFor[map[string]place](), Tag: `json:"by"`},
			{Name: "In", Type: reflect.TypeFor[othersField](), Tag: `json:"in"`},
			{Name: "Default", Type: reflect.TypeFor[string]()},
			{Name: "Plain", Type: reflect.TypeFor[plain]()},
			{Name: "Outer", Type: reflect.TypeFor[Outer](), Anonymous: true},
		})
		plan, err := params.Compile(input, params.Options{})
		require.NoError(t, err, c.rule)
		err = plan.Decode(request{body: `{"a":` + c.sent + `}`}.ctx(), reflect.New(input).Interface())
		if c.want == "" {
			assert.NoError(t, err, c.rule)
			continue
		}
		invalid := asError(t, err)
		require.Len(t, invalid.Faults, 1, c.rule)
		assert.Equal(t, c.want, invalid.Faults[0].Detail, c.rule)
	}
}

// The parameter of a rule of the user's own may be names of fields in Go.
func TestWordsOfCustomRules(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("sumof", func(validator.FieldLevel) bool { return false }))
	type input struct {
		Sum int     `json:"sum" validate:"sumof=Net Tax"`
		Any int     `json:"any" validate:"eq=7|sumof=Net"`
		URL *string `json:"url" validate:"email|url"`
		Net int     `json:"net"`
		Tax int     `json:"tax"`
	}
	assert.Equal(t, []params.Fault{
		{In: params.Body, Pointer: "#/sum", Code: "sumof", Detail: "does not satisfy sumof"},
		{In: params.Body, Pointer: "#/any", Code: "eq|sumof", Detail: "must be 7 or does not satisfy sumof"},
		{In: params.Body, Pointer: "#/url", Code: "email|url", Detail: "must be an e-mail address or a URL"},
	}, refuse[input](t, request{body: "{}"}, params.Options{Validator: v}).Faults)
}
