package params_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type rawInside struct {
	Raw json.RawMessage `json:"raw" validate:"required"`
}

func (r *rawInside) UnmarshalJSON(text []byte) error {
	r.Raw = text
	return nil
}

// A type that decodes itself may keep a null, which is no value either.
func TestNullInATypeThatDecodesItself(t *testing.T) {
	type input struct {
		In []rawInside `json:"in"`
	}
	assert.Empty(t, faults[input](t, `{"in":[0,{}]}`))
	assert.Equal(t, []string{"body #/in/1/raw required"}, faults[input](t, `{"in":[0,null]}`))
}

func TestMembersBehindAnEmbeddedPointer(t *testing.T) {
	type input struct {
		*Extra
		A int `json:"a" validate:"required"`
	}
	assert.Equal(t, []string{"body #/a required"}, faults[input](t, `{}`))
	assert.Empty(t, faults[input](t, `{"a":0}`))
}

func TestRulesOfMapsAlone(t *testing.T) {
	type input struct {
		Keys   map[string]string `json:"keys" validate:"dive,keys,lowercase,endkeys"`
		Values map[string]string `json:"values" validate:"dive,lowercase"`
		Both   map[string]string `json:"both" validate:"dive,keys,lowercase,endkeys,uppercase"`
	}
	assert.Empty(t, faults[input](t, `{"keys":{"a":"B"},"values":{"A":"b"},"both":{"a":"B"}}`))
	assert.Equal(t, []string{"body #/keys/A lowercase"}, faults[input](t, `{"keys":{"A":"b"}}`))
	assert.Equal(t, []string{"body #/values/a lowercase"}, faults[input](t, `{"values":{"a":"B"}}`))
	assert.Equal(t, []string{"body #/both/A lowercase"}, faults[input](t, `{"both":{"A":"A"}}`))
	assert.Equal(t, []string{"body #/both/a uppercase"}, faults[input](t, `{"both":{"a":"a"}}`))
}

func TestNeOnEachKind(t *testing.T) {
	type input struct {
		U uint     `json:"u" validate:"ne=0"`
		I int      `json:"i" validate:"ne=0"`
		F float64  `json:"f" validate:"ne=0"`
		S string   `json:"s" validate:"ne=a"`
		L []string `json:"l" validate:"ne=0"`
	}
	assert.Equal(t, []string{"body #/u ne", "body #/i ne", "body #/f ne", "body #/s ne", "body #/l ne"}, faults[input](t, `{"u":0,"i":0,"f":0,"s":"a","l":[]}`))
	assert.Empty(t, faults[input](t, `{"u":1,"i":-1,"f":0.5,"s":"","l":[""]}`))
}

// A body that nothing is asked of still has to be of its type.
func TestABodyWithoutRulesOfTheWrongType(t *testing.T) {
	type input struct {
		Body struct {
			A int `json:"a"`
		} `body:""`
	}
	assert.Equal(t, []string{"body #/a type"}, faults[input](t, `{"a":"x"}`))
}

// What separates choices is what the validator takes for it: a no-break space is not.
func TestChoicesWithANoBreakSpace(t *testing.T) {
	type input struct {
		Body  string `json:"body" validate:"omitempty,oneof=a b c"`
		Other int    `json:"other"`
	}
	type query struct {
		Query string `query:"query" validate:"omitempty,oneof=a b c"`
	}
	assert.Empty(t, faults[input](t, `{"body":"a b"}`))
	assert.Equal(t, []string{"body #/body oneof"}, faults[input](t, `{"body":"a"}`))
	assert.Equal(t, []string{"query query oneof"}, brief(refuse[query](t, request{uri: "/?query=a"})))
}

// A letter is written in capitals.
type letter string

func (l *letter) UnmarshalText(text []byte) error {
	*l = letter(strings.ToUpper(string(text)))
	return nil
}

func TestChoicesOfATypeThatReadsItself(t *testing.T) {
	type input struct {
		Letter letter `query:"letter" validate:"oneof=a A"`
	}
	assert.Equal(t, input{"A"}, accept[input](t, request{uri: "/?letter=a"}))
}

func TestPathFieldBehindAnAbsentOne(t *testing.T) {
	type input struct {
		First  string `path:"first"` // an optional segment
		Second string `path:"second" validate:"required"`
	}
	in := accept[input](t, request{path: map[string]string{"second": "b"}}, params.Options{PathParams: []string{"first", "second"}})
	assert.Equal(t, input{Second: "b"}, in)
}

// A list grows by what its elements took so far, and the rest of the text may be
// something else.
func TestListsDoNotGrowByAPromise(t *testing.T) {
	for _, body := range []string{
		`[0,0,0,0,0` + strings.Repeat(" ", 1<<20) + `]`,
		`[0,0,0,0,` + strings.Repeat(" ", 1<<20) + `0]`,
	} {
		in := accept[[]int](t, request{body: body})
		require.Len(t, in, 5)
		assert.LessOrEqual(t, cap(in), 4*8)
	}
}

// What users of the validator and of frameworks upon it reported: the numbers are
// those of the issues.
func TestReportedElsewhere(t *testing.T) {
	type entry struct {
		Name  string `json:"name" validate:"required"`
		Email string `json:"email" validate:"required,email"`
		Sort  int16  `json:"sort" validate:"gte=0"`
	}
	const wrong = `{"name":"a","email":"","sort":-1}`
	type list struct { // gin 1041, 2144, 3436; validator 952
		Plain    []entry `json:"plain" validate:"omitempty"`
		Dived    []entry `json:"dived" validate:"dive"`
		Pointers *list   `json:"pointers"`
	}
	assert.Equal(t, []string{"body #/plain/0/email email", "body #/plain/0/sort gte"}, faults[list](t, `{"plain":[`+wrong+`]}`))
	assert.Equal(t, []string{"body #/pointers/dived/0/email email", "body #/pointers/dived/0/sort gte"}, faults[list](t, `{"pointers":{"dived":[`+wrong+`]}}`))
	assert.Equal(t, []string{"body #/0/email email", "body #/0/sort gte"}, faults[[]entry](t, `[`+wrong+`]`)) // gin 1171

	type pair struct { // validator 1029, 624
		A *int32  `json:"a" validate:"required_without=B,gt=100"`
		B *string `json:"b" validate:"required_without=A,omitempty,min=3"`
	}
	assert.Empty(t, faults[pair](t, `{"a":200}`))
	assert.Empty(t, faults[pair](t, `{"b":"abc"}`))
	assert.Equal(t, []string{"body #/a required_without", "body #/b required_without"}, faults[pair](t, `{}`))
	assert.Equal(t, []string{"body #/a gt", "body #/b min"}, faults[pair](t, `{"a":1,"b":"a"}`))

	type quantity struct { // validator 907, 1596
		Type string `json:"type" validate:"required"`
		Qty  *int64 `json:"qty" validate:"required_if=Type special,gte=2"`
	}
	assert.Empty(t, faults[quantity](t, `{"type":"normal"}`))
	assert.Equal(t, []string{"body #/qty required_if"}, faults[quantity](t, `{"type":"special"}`))

	type bytes struct { // validator 1437
		Key  []byte `json:"key"`
		Text string `json:"text" validate:"required_if=Key nil"`
	}
	assert.Empty(t, faults[bytes](t, `{"key":"YQ=="}`))
	assert.Equal(t, []string{"body #/text required_if"}, faults[bytes](t, `{}`))

	type part struct {
		V string `json:"v" validate:"required"`
	}
	type xor struct { // validator 906, 1325
		A *part `json:"a" validate:"required_without=B,excluded_with=B"`
		B *part `json:"b" validate:"required_without=A,excluded_with=A"`
	}
	assert.Empty(t, faults[xor](t, `{"a":{"v":""}}`))
	assert.Equal(t, []string{"body #/a/v required"}, faults[xor](t, `{"a":{}}`))
	assert.Equal(t, []string{"body #/a excluded_with", "body #/b excluded_with"}, faults[xor](t, `{"a":{"v":""},"b":{"v":""}}`))
	assert.Equal(t, []string{"body #/a required_without", "body #/b required_without"}, faults[xor](t, `{}`))

	type order struct { // validator 502
		Key string `json:"key"`
		Dir string `json:"dir" validate:"required_with=Key,omitempty,oneof=asc desc"`
	}
	assert.Empty(t, faults[order](t, `{}`))
	assert.Equal(t, []string{"body #/dir required_with"}, faults[order](t, `{"key":"x"}`))
	assert.Equal(t, []string{"body #/dir oneof"}, faults[order](t, `{"key":"x","dir":"up"}`))
}
