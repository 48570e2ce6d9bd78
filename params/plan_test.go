package params_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type (
	paging struct {
		Limit int `query:"limit"`
	}
	Page      struct{ paging }
	hiddenPtr struct {
		Name string `json:"name"`
	}
	// tree embeds a pointer to itself, which must not send a search around.
	tree struct {
		*tree
		Name string `json:"name"`
	}
	keyed struct{ A, B int }
	lower struct {
		V int `json:"v" validate:"required"`
	}
	ambiguous struct {
		*Extra
		Other
	}
	selfAmbiguous struct {
		*Extra
		Other
	}
)

func (*selfAmbiguous) UnmarshalJSON([]byte) error { return nil }

// tagged returns a struct of integers with tags that vet would complain about.
func tagged(tags ...reflect.StructTag) any {
	var fields []reflect.StructField
	for i, tag := range tags {
		fields = append(fields, reflect.StructField{Name: string(rune('A' + i)), Type: reflect.TypeFor[int](), Tag: tag})
	}
	return reflect.New(reflect.StructOf(fields)).Elem().Interface()
}

// hidden returns a struct with a field that is not exported.
func hidden(tag reflect.StructTag) any {
	return reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "B", Type: reflect.TypeFor[int]()},
		{Name: "a", PkgPath: "test", Type: reflect.TypeFor[int](), Tag: tag},
	})).Elem().Interface()
}

func TestTypeErrors(t *testing.T) {
	for _, c := range []struct{ input, want any }{
		// Tags.
		{struct{ A string }{}, nil}, // no tag at all: a JSON body
		{struct {
			A string
			B string `query:"b"`
		}{}, "field A: has no source tag: add `path`, `query`, `header`, `cookie`, `form` or `body`"},
		{struct {
			A string `query:"a" header:"a"`
		}{}, "field A: has two source tags, query and another: sources never mix, keep one"},
		{struct {
			A string `query:""`
		}{}, "field A: has an empty query tag: write `query:\"name\"`"},
		{struct {
			A string `query:"a,omitempty"`
		}{}, "field A: has `query:\"a,omitempty\"`, but the tag is a name without options"},
		{struct {
			A string `header:"X A"`
		}{}, "field A: has `header:\"X A\"`, which can't be the name of a header field"},
		{struct {
			A string `cookie:"a=b"`
		}{}, "field A: has `cookie:\"a=b\"`, which can't be the name of a cookie"},
		{struct {
			A string `cookie:"a b"`
		}{}, "field A: has `cookie:\"a b\"`, which can't be the name of a cookie"},
		{struct {
			a string `query:"a"`
		}{}, "field a: is not exported, so it can't be filled: rename it to start with a capital letter"},
		{struct {
			A string `query:"x"`
			B string `query:"x"`
		}{}, `field B: reads the query parameter "x", as A does: keep one of them`},
		{struct {
			A string `header:"X-A"`
			B string `header:"x-a"`
		}{}, `field B: reads the header parameter "x-a", as A does: keep one of them`},
		{struct {
			Page
			B int `query:"limit"`
		}{}, `field B: reads the query parameter "limit", as Page.paging.Limit does: keep one of them`},
		{struct {
			A string `query:"x"`
			B string `cookie:"x"`
		}{}, nil},
		{struct {
			A string `path:"other"`
		}{}, `field A: reads the path parameter "other", which the route does not have: add {other} to its pattern`},
		{struct {
			*Page
			A string `query:"a"`
		}{}, "field Page: embeds *params_test.Page: only structs can be embedded, by value"},
		{struct{ *Page }{}, "field Page: embeds *params_test.Page: only structs can be embedded, by value"},
		{struct {
			fmt.Stringer
			A string `query:"a"`
		}{}, "field Stringer: embeds fmt.Stringer: only structs can be embedded, by value"},
		{&struct {
			A string `query:"a"`
		}{}, "must not be a pointer: use struct { A string \"query:\\\"a\\\"\" }"},

		// Bodies.
		{struct {
			A keyed `body:""`
			B keyed `body:""`
		}{}, "field B: is a second body: a request has one"},
		{struct {
			A keyed `body:"order"`
		}{}, "field A: has `body:\"order\"`, but the whole body goes into it: write `body:\"\"` and name the parts with json tags"},
		{struct {
			A string `form:"a"`
			B keyed  `body:""`
		}{}, "field B: reads the body as JSON, but A reads it as a form: keep one of them"},
		{struct {
			B keyed  `body:""`
			A string `form:"a"`
		}{}, "field A: reads the body as a form, but another field reads it as JSON: keep one of them"},
		{struct {
			A keyed `body:"" default:"{}"`
		}{}, "field A: has a default: a body has none, use a pointer and test it for nil"},
		{struct {
			A keyed `body:"" default:""`
		}{}, "field A: has a default: a body has none, use a pointer and test it for nil"},
		{struct {
			A chan int `body:""`
		}{}, "field A: has the type chan int, which JSON does not have: leave it out with `json:\"-\"`"},
		{struct {
			A struct{ F func() } `body:""`
		}{}, "field A: has the field struct { F func() }.F, which has the type func(), which JSON does not have: leave it out with `json:\"-\"`"},
		{struct{ M map[float64]int }{}, "has the field struct { M map[float64]int }.M, which has the type map[float64]int, whose keys JSON does not have: use a map with string keys"},
		{struct{ S fmt.Stringer }{}, "has the field struct { S fmt.Stringer }.S, which has the interface type fmt.Stringer, which JSON can't fill: use any or a struct"},
		{struct {
			*hiddenPtr
			A int
		}{}, "which is an embedded pointer to a struct that is not exported, which JSON can't fill: embed it by value"},
		{"", "can't be a JSON body: use a struct whose fields have tags such as `query:\"name\"`, or a struct, slice or map for the body"},
		{0, "can't be a JSON body"},
		{func() {}, "can't be a JSON body"},
		{struct{ tree }{}, "which is an embedded pointer to a struct that is not exported"},

		// Tags that would do nothing.
		{struct {
			A int `query:"a"`
			b int `validate:"min=1"`
		}{}, "field b: has rules, but no source tag: add `path`, `query`, `header`, `cookie`, `form` or `body`"},
		{struct {
			Page `validate:"required"`
			B    int `query:"b"`
		}{}, "field Page: has rules, but an embedded struct is no value: give the rules to its fields"},
		{tagged(`query:"a" validate: "required"`), "field A: has the malformed tag \"query:\\\"a\\\" validate: \\\"required\\\"\", in which the rules are not found: write `name:\"value\"`, with one space between the tags"},
		{tagged(`json:"a",validate:"required"`), "which has the malformed tag"},
		{tagged(`json:"a" validate:"\zero"`), "which has the malformed tag"},
		{tagged(`json:"a" validate:"required`), "which has the malformed tag"},
		{tagged(`json:"a" doc:"see validate: rules"`), nil},
		{tagged(`doc:"\"validate:\"" json:"a"`), nil},
		{tagged(`json:"a" revalidate:"x"`), nil},
		{struct {
			a int `validate:"required"`
		}{}, "a, which is not exported, so JSON can't fill it: rename it to start with a capital letter, or remove its tags"},
		{hidden(`json:"a"`), "a, which is not exported, so JSON can't fill it"},
		{struct {
			B int
			a int `json:"-" validate:"-"`
		}{}, nil},
		{struct {
			In []*struct {
				lower `json:"lower"`
			}
		}{}, "lower, which is not exported, so JSON can't fill it"},
		{struct{ lower }{}, nil},
		{struct {
			A int `json:"-" validate:"required"`
		}{}, "A, which has rules, but `json:\"-\"` keeps it out of the body: remove one of the tags"},
		{tagged(`json:"x"`, `json:"x"`), "has the JSON name \"x\" twice, for "},
		{tagged(`json:"B"`, ``), ".A and "},
		{struct {
			X int `json:"x"`
			B int `json:"X"`
		}{}, nil}, // keys of different case
		{ambiguous{}, "input type params_test.ambiguous: has the JSON name \"size\" twice, for params_test.Extra.Size and params_test.Other.Size: rename one of them, or leave it out with `json:\"-\"`"},
		{struct {
			ambiguous
			Size int `json:"size"` // hides both
		}{}, nil},
		{struct{ S []struct{ selfAmbiguous } }{}, nil}, // it decodes itself

		// Types.
		{struct {
			A map[string]string `query:"a"`
		}{}, "field A: has type map[string]string, which has no conversion from text: use a string, bool, number, time.Time, time.Duration, a type with UnmarshalText, or a slice or pointer of these"},
		{struct {
			A []byte `query:"a"`
		}{}, "field A: has type []uint8, which would be a list of small numbers: use string for text"},
		{struct {
			A any `header:"a"`
		}{}, "field A: has type interface {}, which has no conversion"},
		{struct {
			A complex128 `cookie:"a"`
		}{}, "field A: has type complex128, which has no conversion"},
		{struct {
			A **int `query:"a"`
		}{}, "field A: has type **int, which has no conversion"},
		{struct {
			A []*int `query:"a"`
		}{}, "field A: has type []*int, which has no conversion"},
		{struct {
			A [2]int `query:"a"`
		}{}, "field A: has type [2]int, which has no conversion"},
		{struct {
			A params.File `query:"a"`
		}{}, "field A: is a file from the query: files come from a form, use `form:\"a\"`"},
		{struct {
			A []*params.File `form:"a"`
		}{}, "field A: has type []*params.File, which has no conversion"},

		// Defaults.
		{struct {
			A int `query:"a" default:"x"`
		}{}, `field A: has the default "x", which must be an integer`},
		{struct {
			A int8 `query:"a" default:"300"`
		}{}, `field A: has the default "300", which must be an integer from -128 to 127`},
		{struct {
			A []int `query:"a" default:"1,x"`
		}{}, `field A: has the default "1,x", which must be an integer`},
		{struct {
			A int `query:"a" default:"1" validate:"required"`
		}{}, `field A: is required and has a default "1", which would never be used: keep one of them`},
		{struct {
			A int `query:"a" default:"7" validate:"max=5"`
		}{}, `field A: has the default "7", which breaks the field's own rules: must be at most 5`},
		{struct {
			A []string `query:"a" default:"a,b" validate:"dive,oneof=a"`
		}{}, `field A: has the default "a,b", which breaks the field's own rules: value 2 must be one of: a`},
		{struct {
			A params.File `form:"a" default:"x"`
		}{}, "field A: has a default: a file has none"},

		// Rules.
		{struct {
			A int `query:"a" validate:"foo"`
		}{}, `field A: has the rule "foo" in its validate tag, which the validator does not know: correct its name, or register it before the route`},
		{struct {
			A int `query:"a" validate:"min=x"`
		}{}, `field A: has the rule "min=x", which needs an integer: write "min=1"`},
		{struct {
			A bool `query:"a" validate:"min=1"`
		}{}, `field A: has the rule "min=1", which goes with numbers, texts, lists and times only, not with bool: use another rule or another type`},
		{struct {
			A int `query:"a" validate:"min=1,datetime=2006"` // a rule that a zero does not come to
		}{}, `field A: has the rule "datetime=2006", which goes with texts only, not with int: use another rule or another type`},
		{struct {
			A *int `query:"a" validate:"omitempty,datetime=2006"`
		}{}, `field A: has the rule "datetime=2006", which goes with texts only, not with *int`},
		{struct {
			A string `query:"a" validate:"email|foo"`
		}{}, `field A: has the rule "foo" in its validate tag`},
		{struct {
			A []keyed `body:"" validate:"unique=C"`
		}{}, `field A: has the rule "unique=C", but params_test.keyed has no field C: name it as in Go`},
		{struct {
			A string `query:"a" validate:"dive,min=1"`
		}{}, `field A: has the rule dive, which goes with a slice, array or map only`},
		{struct {
			A []string `query:"a" validate:"dive,keys,min=1,endkeys"`
		}{}, `field A: has the rule keys, which goes with a map only and ends with endkeys`},
		{struct {
			A string `query:"a" validate:"eqfield=B"`
		}{}, `field A: has the rule "eqfield=B", but struct { A string "query:\"a\" validate:\"eqfield=B\"" } has no field B: name it as in Go`},
		{struct {
			A string `query:"a" validate:"required_with=A Bee"`
		}{}, `has no field Bee: name it as in Go`},
		{struct {
			A []int `body:"" validate:"eqfield=A"`
		}{}, `field A: has the rule "eqfield=A", which refers to other fields, and there are none`},
		{struct {
			Items []struct {
				Qty int `validate:"nope"`
			} `json:"items"`
		}{}, `which has the rule "nope" in its validate tag`},
	} {
		input := reflect.TypeOf(c.input)
		plan, err := params.Compile(input, params.Options{PathParams: []string{"id"}})
		if c.want == nil {
			assert.NoError(t, err, input)
			continue
		}
		if !assert.Error(t, err, input) {
			continue
		}
		assert.Nil(t, plan)
		assert.True(t, strings.HasPrefix(err.Error(), "input type "+input.String()), err.Error())
		assert.Contains(t, err.Error(), c.want)
		_, ok := errors.AsType[*params.TypeError](err)
		assert.True(t, ok, "%T", err)
	}
}

func TestTooManyParams(t *testing.T) {
	var fields []reflect.StructField
	for i := range 257 {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int](),
			Tag: reflect.StructTag(fmt.Sprintf(`query:"f%d"`, i)),
		})
	}
	plan, err := params.Compile(reflect.StructOf(fields[:256]), params.Options{})
	require.NoError(t, err)
	input := reflect.New(plan.Input())
	require.NoError(t, plan.Decode(request{uri: "/?f0=1&f63=2&f64=3&f255=4"}.ctx(), input.Interface()))
	assert.Equal(t, []int64{1, 2, 3, 4}, []int64{
		input.Elem().Field(0).Int(), input.Elem().Field(63).Int(), input.Elem().Field(64).Int(), input.Elem().Field(255).Int(),
	})
	_, err = params.Compile(reflect.StructOf(fields), params.Options{})
	assert.ErrorContains(t, err, "field F256: is parameter number 257: an input has at most 256")
}

func TestSources(t *testing.T) {
	type input struct {
		ID     int    `path:"id"`
		Limit  int    `query:"limit"`
		Trace  string `header:"x-trace"`
		Theme  string `cookie:"theme"`
		Absent string `query:"theme"` // sources never mix
		Body   struct {
			Limit string `json:"limit"`
		} `body:""`
	}
	in := accept[input](t, request{
		uri: "/?limit=5&id=9", path: map[string]string{"id": "7"},
		header: [][2]string{{"X-TRACE", "t"}, {"Cookie", "theme=dark; limit=6"}},
		body:   `{"limit":"b"}`,
	}, params.Options{PathParams: []string{"id"}})
	assert.Equal(t, input{ID: 7, Limit: 5, Trace: "t", Theme: "dark", Body: in.Body}, in)
	assert.Equal(t, "b", in.Body.Limit)
}

func TestEmbeddedStructsAreFlattened(t *testing.T) {
	type input struct {
		Page
		Sort  string `query:"sort"`
		inner int    // no business of ours
	}
	in := accept[input](t, request{uri: "/?limit=3&sort=a"})
	assert.Equal(t, 3, in.Limit)
	assert.Equal(t, "a", in.Sort)
	assert.Zero(t, in.inner)
}

func TestDefaults(t *testing.T) {
	type level string
	type input struct {
		S    string        `query:"s" default:"web"`
		I    int           `query:"i" default:"20"`
		B    bool          `query:"b" default:"true"`
		D    time.Duration `query:"d" default:"1m"`
		T    time.Time     `query:"t" default:"2026-01-02T03:04:05Z"`
		Addr netip.Addr    `query:"addr" default:"::1"`
		L    level         `query:"l" default:"info"`
		P    *int          `query:"p" default:"7"`
		List []int         `query:"list" default:"1,2,3"`
	}
	in := accept[input](t, request{})
	seven := 7
	assert.Equal(t, input{
		S: "web", I: 20, B: true, D: time.Minute, T: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Addr: netip.MustParseAddr("::1"), L: "info", P: &seven, List: []int{1, 2, 3},
	}, in)

	sent := accept[input](t, request{uri: "/?s=&i=0&b=false&d=0&p=0&list=9"})
	assert.Empty(t, sent.S, "an empty value is a value")
	assert.Zero(t, sent.I)
	assert.False(t, sent.B)
	assert.Zero(t, *sent.P)
	assert.Equal(t, []int{9}, sent.List)
}

func TestDefaultsAreNotShared(t *testing.T) {
	type input struct {
		P    *int  `query:"p" default:"7"`
		List []int `query:"list" default:"1,2"`
	}
	plan := compile[input](t)
	var first, second input
	require.NoError(t, plan.Decode(request{}.ctx(), &first))
	*first.P = 0
	first.List[0] = 0
	_ = append(first.List[:1], 99)
	require.NoError(t, plan.Decode(request{}.ctx(), &second))
	assert.Equal(t, 7, *second.P)
	assert.Equal(t, []int{1, 2}, second.List)
}

func TestDefaultIsJudgedByRulesOnOtherFields(t *testing.T) {
	type input struct {
		From int `query:"from"`
		To   int `query:"to" default:"10" validate:"gtefield=From"`
	}
	accept[input](t, request{uri: "/?from=5"})
	assert.Equal(t, []string{"query to gtefield"}, brief(refuse[input](t, request{uri: "/?from=20"})))
}

func TestPlanAccessors(t *testing.T) {
	plan := compile[struct {
		A params.File `form:"a"`
	}](t)
	assert.True(t, plan.HasFiles())
	assert.False(t, compile[Page](t).HasFiles())
	assert.Equal(t, reflect.TypeFor[Page](), compile[Page](t).Input())
	assert.PanicsWithValue(t, "params: the plan of params_test.Page was given a *int", func() {
		_ = compile[Page](t).Decode(request{}.ctx(), new(int))
	})
	assert.PanicsWithValue(t, "params: the plan of params_test.Page was given a params_test.Page", func() {
		compile[Page](t).Release(Page{})
	})
}

func TestNoInput(t *testing.T) {
	accept[struct{}](t, request{uri: "/?a=%zz", contentType: "text/plain", body: "anything"})
}

// contextual has a rule that the validator hands a context; it is registered
// to show that a validator of the user's own is what judges.
func contextual(_ context.Context, fl validator.FieldLevel) bool { return fl.Field().String() == "ok" }

func TestValidatorOfTheUser(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidationCtx("fine", contextual))
	type input struct {
		A string `query:"a" validate:"fine"`
	}
	o := params.Options{Validator: v}
	accept[input](t, request{uri: "/?a=ok"}, o)
	err := refuse[input](t, request{uri: "/?a=no"}, o)
	assert.Equal(t, "params: query a: does not satisfy fine", err.Error())
}

func TestPlanIsSafeForConcurrentUse(t *testing.T) {
	plan := compile[typicalOrder](t)
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 50 {
				var in typicalOrder
				if assert.NoError(t, plan.Decode(typicalOrderRequest.ctx(), &in)) {
					assert.Len(t, in.Order.Items, 2)
				}
				assert.Error(t, plan.Decode(request{body: `{"items":[{"qty":0}]}`}.ctx(), &in))
			}
		})
	}
	users.Wait()
}

// A request without a body has no field that reads one.
func TestARequestWithoutABodyHasNoFieldThatReadsOne(t *testing.T) {
	type embedded struct {
		Name string `form:"name"`
	}
	for _, method := range []string{"GET", "HEAD", "TRACE"} {
		for want, in := range map[string]any{
			"field B: reads the body, which a " + method + " request does not have: use `query`, or another method": struct {
				B *typicalItem `body:""`
			}{},
			"field embedded.Name: reads the body, which a " + method + " request does not have": struct{ embedded }{},
			"field F: reads the body, which a " + method + " request does not have": struct {
				F []params.File `form:"f"`
			}{},
			"has no source tags, so it is the JSON body, which a " + method + " request does not have: add tags such as `query:\"name\"`, or use struct{}": typicalItem{},
		} {
			_, err := params.Compile(reflect.TypeOf(in), params.Options{Method: method})
			assert.ErrorContains(t, err, want)
		}
		compile[struct{}](t, params.Options{Method: method})
		compile[struct {
			Q string `query:"q"`
			H string `header:"h"`
			C string `cookie:"c"`
		}](t, params.Options{Method: method})
	}
	for _, method := range []string{"", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"} {
		compile[struct {
			B *typicalItem `body:""`
		}](t, params.Options{Method: method})
		compile[embedded](t, params.Options{Method: method})
	}
}

// An onlyJSON refuses in its UnmarshalJSON what a text would get past.
type onlyJSON string

func (*onlyJSON) UnmarshalJSON([]byte) error { return nil }

func TestATypeThatReadsOnlyJSONIsNoParameter(t *testing.T) {
	for _, in := range []any{
		struct {
			A onlyJSON `query:"a"`
		}{}, struct {
			A *onlyJSON `header:"a"`
		}{}, struct {
			A []onlyJSON `form:"a"`
		}{},
	} {
		_, err := params.Compile(reflect.TypeOf(in), params.Options{})
		assert.ErrorContains(t, err, "which decodes itself from JSON but not from text: add an UnmarshalText")
	}
	compile[struct {
		B onlyJSON `body:""`
	}](t)
}

func TestIsEmpty(t *testing.T) {
	assert.True(t, compile[struct{}](t, params.Options{}).IsEmpty())
	assert.False(t, compile[struct {
		A string `query:"a"`
	}](t, params.Options{}).IsEmpty())
	assert.False(t, compile[[]int](t, params.Options{}).IsEmpty())
	assert.False(t, compile[struct {
		A map[string]int `body:""`
	}](t, params.Options{}).IsEmpty())
}
