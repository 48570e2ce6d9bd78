package params_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/params"
)

type (
	describedPlace struct {
		Street string `json:"street" validate:"required"`
		Door   int    `json:"door"`
	}
	describedFree struct {
		Note string `json:"note" validate:"max=5"`
	}
	describedDeep struct {
		Place describedPlace `json:"place"`
	}
	describedBase struct {
		Base    string `json:"base" validate:"len=2"`
		Another string `json:"another"`
	}
	DescribedPart struct {
		Part string `json:"part" validate:"required"`
	}
	described struct {
		describedBase
		*DescribedPart
		Plain     string                    `json:"plain"`
		Required  string                    `json:"required" validate:"required"`
		Min       int                       `json:"min" validate:"min=1"`
		MinZero   int                       `json:"min_zero" validate:"min=0"`
		Spared    int                       `json:"spared" validate:"omitempty,min=1"`
		MayMax    string                    `json:"may_max" validate:"omitempty,max=5"`
		Below     int                       `json:"below" validate:"lt=0"`
		Email     string                    `json:"email" validate:"email"`
		MayEmail  string                    `json:"may_email" validate:"omitempty,email"`
		One       string                    `json:"one" validate:"oneof=a b"`
		Empty     string                    `json:"empty" validate:"eq="`
		Pointer   *int                      `json:"pointer" validate:"omitempty,min=1"`
		Must      *int                      `json:"must" validate:"required,min=1"`
		Bare      *int                      `json:"bare" validate:"min=1"`
		List      []string                  `json:"list" validate:"min=1"`
		FreeList  []string                  `json:"free_list" validate:"max=3,dive,min=1"`
		Pair      [2]string                 `json:"pair" validate:"dive,required"`
		FreePair  [2]string                 `json:"free_pair" validate:"dive,max=3"`
		Places    []describedPlace          `json:"places"`
		ByName    map[string]describedPlace `json:"by_name" validate:"required"`
		Place     describedPlace            `json:"place"`
		Spare     describedPlace            `json:"spare" validate:"omitempty"`
		Muted     describedPlace            `json:"muted" validate:"-"`
		Free      describedFree             `json:"free"`
		Deep      describedDeep             `json:"deep"`
		Behind    *describedDeep            `json:"behind"`
		When      time.Time                 `json:"when" validate:"required"`
		Ever      time.Time                 `json:"ever"`
		Wait      time.Duration             `json:"wait" validate:"gt=1s"`
		Any       any                       `json:"any" validate:"required"`
		Quoted    int                       `json:"quoted,string" validate:"gt=3"`
		Default   bool                      `json:"default" validate:"isdefault"`
		Own       string                    `json:"own" validate:"sku"`
		Alias     string                    `json:"alias" validate:"code"`
		MayAlias  string                    `json:"may_alias" validate:"omitempty,code"`
		Left      string                    `json:"-"`
		Escaped   string                    `json:"escaped" validate:"ne=a0x2Cb"`
		Or        string                    `json:"or" validate:"email|url"`
		OrNothing string                    `json:"or_nothing" validate:"email|eq="`
	}
)

func describedOptions(t *testing.T) params.Options {
	t.Helper()
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("sku", func(fl validator.FieldLevel) bool { return fl.Field().Len() == 8 }))
	v.RegisterAlias("code", "len=3,uppercase")
	return params.Options{Validator: v}
}

// Whether an absent member is refused is what a request without any shows.
func TestMembersSayWhatIsRequired(t *testing.T) {
	options := describedOptions(t)
	plan := compile[described](t, options)
	want := make(map[string]bool)
	for _, fault := range refuse[described](t, request{body: `{}`}, options).Faults {
		name, _, _ := strings.Cut(strings.TrimPrefix(fault.Pointer, "#/"), "/")
		want[name] = true
	}
	members, err := plan.Members(reflect.TypeFor[described]())
	require.NoError(t, err)
	have := make(map[string]bool)
	for _, m := range members {
		if m.Required {
			have[m.Name] = true
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(have)))
	assert.Greater(t, len(want), 15)
	assert.Len(t, members, reflect.TypeFor[described]().NumField()-3+3) // without two embedded ones and Left, with their fields
}

// The same of all other sources: a request that has nothing.
func TestParamsSayWhatIsRequired(t *testing.T) {
	type input struct {
		Plain    string       `query:"plain"`
		Required string       `header:"X-Required" validate:"required"`
		Min      int          `query:"min" validate:"gte=1"`
		Default  int          `query:"default" default:"3" validate:"gte=1"`
		Spared   int          `query:"spared" validate:"omitempty,gte=1"`
		Pointer  *int         `query:"pointer" validate:"omitempty,gte=1"`
		Bare     *int         `query:"bare" validate:"gte=1"`
		List     []string     `query:"list" validate:"min=1"`
		FreeList []string     `query:"free_list" validate:"dive,min=1"`
		One      string       `cookie:"one" validate:"oneof=a b"`
		Own      string       `form:"own" validate:"sku"`
		File     params.File  `form:"file" validate:"required"`
		Free     *params.File `form:"free"`
	}
	options := describedOptions(t)
	var want, have []string
	for _, fault := range refuse[input](t, request{}, options).Faults {
		want = append(want, fault.Name)
	}
	for _, p := range compile[input](t, options).Params() {
		if p.Required {
			have = append(have, p.Name)
		}
	}
	assert.Equal(t, want, have)
	assert.Equal(t, []string{"X-Required", "min", "bare", "list", "one", "own", "file"}, have)
}

// A rule on other fields makes nothing required: it depends on them. What else is asked
// of the value still does.
func TestRulesOnOtherFieldsRequireNothing(t *testing.T) {
	type input struct {
		A string `json:"a" validate:"required_without=B"`
		B string `json:"b" validate:"required_without=A"`
		C int    `json:"c" validate:"gtfield=D"`
		D int    `json:"d"`
		E int    `json:"e" validate:"min=1,gtfield=D"`
		F string `json:"f" validate:"eqfield=A,sku"`
		G string `json:"g" validate:"eqfield=A,omitempty,min=3"`
		H string `json:"h" validate:"excluded_with=A"`
		I string `json:"i" validate:"with_d"`
	}
	options := describedOptions(t)
	require.NoError(t, options.Validator.RegisterValidation("with_d", func(fl validator.FieldLevel) bool { return fl.Parent().FieldByName("D").Int() > 0 }))
	members, err := compile[input](t, options).Members(reflect.TypeFor[input]())
	require.NoError(t, err)
	var have []string
	for _, m := range members {
		if m.Required {
			have = append(have, m.Name)
		}
	}
	assert.Equal(t, []string{"e", "f"}, have)
}

func TestRulesAreDescribed(t *testing.T) {
	members, err := compile[described](t, describedOptions(t)).Members(reflect.TypeFor[described]())
	require.NoError(t, err)
	rules := make(map[string]*params.Rules)
	for _, m := range members {
		rules[m.Name] = m.Rules
	}
	text := reflect.TypeFor[string]()
	assert.Nil(t, rules["plain"])
	assert.Equal(t, &params.Rules{Required: true, RefusesNull: true, Judged: text}, rules["required"])
	assert.Equal(t, &params.Rules{Texts: []string{"min=1"}, Judged: reflect.TypeFor[int](), SparesZero: true}, rules["spared"])
	assert.Equal(t, &params.Rules{Texts: []string{"max=5"}, Judged: text}, rules["may_max"], "the rules take a zero themselves")
	assert.Equal(t, &params.Rules{Texts: []string{"min=1"}, Judged: reflect.TypeFor[int]()}, rules["pointer"], "the zero of a pointer is no value that is sent")
	assert.Equal(t, &params.Rules{Texts: []string{"len=3", "uppercase"}, Judged: text, SparesZero: true}, rules["may_alias"])
	assert.Equal(t, &params.Rules{Texts: []string{"email|eq="}, Judged: text}, rules["or_nothing"])
	assert.Equal(t, []string{"ne=a0x2Cb"}, rules["escaped"].Texts)
	assert.Equal(t, &params.Rules{Texts: []string{"max=3"}, Judged: reflect.TypeFor[[]string](), Elements: &params.Rules{Texts: []string{"min=1"}, RefusesNull: true, Judged: text}}, rules["free_list"])
	assert.True(t, rules["muted"].Muted)
	assert.True(t, rules["bare"].RefusesNull)
}

func TestRulesOfKeysAndOfTypesThatStandForOthers(t *testing.T) {
	type money struct{ Cents int }
	type input struct {
		Prices map[string]int `json:"prices" validate:"dive,keys,len=3,endkeys,min=1"`
		Total  money          `json:"total" validate:"gt=0"`
		Spared []int          `json:"spared" validate:"omitzero,min=1"`
		Behind *int           `json:"behind" validate:"omitzero,min=1"`
	}
	v := params.NewValidator()
	v.RegisterCustomTypeFunc(func(v reflect.Value) any { return v.Interface().(money).Cents }, money{})
	members, err := compile[input](t, params.Options{Validator: v}).Members(reflect.TypeFor[input]())
	require.NoError(t, err)
	assert.Equal(t, []string{"len=3"}, members[0].Rules.Keys.Texts)
	assert.Equal(t, []string{"min=1"}, members[0].Rules.Elements.Texts)
	assert.Equal(t, reflect.TypeFor[int](), members[1].Rules.Judged)
	assert.True(t, members[2].Rules.SparesZero)
	assert.True(t, members[3].Rules.SparesZero, "omitzero looks at what a pointer leads to")
}

func TestBodiesSayWhatIsRequired(t *testing.T) {
	type whole describedFree
	type field[T any] struct {
		Body T `body:"" example:"x"`
	}
	type required struct {
		Body *describedFree `body:"" validate:"required"`
	}
	for _, test := range []struct {
		plan *params.Plan
		want bool
	}{
		{compile[whole](t), true},
		{compile[[]string](t), true},
		{compile[field[describedFree]](t), false},
		{compile[field[describedPlace]](t), true},
		{compile[field[*describedPlace]](t), false},
		{compile[required](t), true},
	} {
		body, ok := test.plan.JSONBody()
		assert.True(t, ok)
		assert.Equal(t, test.want, body.Required, "%s", test.plan.Input())
		err := test.plan.Decode(request{}.ctx(), reflect.New(test.plan.Input()).Interface())
		assert.Equal(t, test.want, err != nil, "%s", test.plan.Input())
	}
	body, _ := compile[field[describedFree]](t).JSONBody()
	assert.Equal(t, "x", body.Tag.Get("example"))
	_, ok := compile[struct{}](t).JSONBody()
	assert.False(t, ok)
}

// Members are those that encoding/json finds: for 300 types, the members as they are
// written are the keys of a value whose members are all there.
func TestMembersEqualThoseOfEncodingJSON(t *testing.T) {
	types := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 3 {
			typ := drawStruct(t, 0)
			types++
			value := reflect.New(typ).Elem()
			fillMembers(value)
			text, err := json.Marshal(value.Interface())
			if err != nil {
				t.Fatal(err)
			}
			var object map[string]json.RawMessage
			if err := json.Unmarshal(text, &object); err != nil {
				t.Fatal(err)
			}
			var written []string
			for _, m := range params.WrittenMembers(typ) {
				written = append(written, m.Name)
				if quoted := object[m.Name]; m.Quoted && (len(quoted) == 0 || quoted[0] != '"') {
					t.Fatalf("%s: member %q is not quoted in %s", typ, m.Name, text)
				}
			}
			slices.Sort(written)
			if want := slices.Sorted(maps.Keys(object)); !slices.Equal(written, want) {
				t.Fatalf("%s: members %q, want %q", typ, written, want)
			}
			zero, err := json.Marshal(reflect.Zero(typ).Interface())
			if err != nil {
				t.Fatal(err)
			}
			clear(object)
			_ = json.Unmarshal(zero, &object)
			for _, m := range params.WrittenMembers(typ) {
				if _, has := object[m.Name]; m.Required && !has {
					t.Fatalf("%s: the zero value lacks %q: %s", typ, m.Name, zero)
				}
			}
			compareRead(t, typ, written)
		}
	})
	require.GreaterOrEqual(t, types, 300)
}

// compareRead holds the members as they are read to those as they are written, unless
// two have one name, which registration refuses.
func compareRead(t *rapid.T, typ reflect.Type, written []string) {
	plan, err := params.Compile(reflect.StructOf([]reflect.StructField{{Name: "Body", Type: typ, Tag: `body:""`}}), params.Options{})
	if err != nil {
		if !strings.Contains(err.Error(), "twice") {
			t.Fatal(err)
		}
		return
	}
	members, err := plan.Members(typ)
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, m := range members {
		read = append(read, m.Name)
	}
	slices.Sort(read)
	if !slices.Equal(read, written) {
		t.Fatalf("%s: read %q, written %q", typ, read, written)
	}
}

// drawStruct draws a struct type: names that collide, tags, and structs embedded by value
// and by pointer.
func drawStruct(t *rapid.T, depth int) reflect.Type {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D", "E", "F"}), 1, 5, rapid.ID).Draw(t, "fields")
	var fields []reflect.StructField
	for _, name := range names {
		f := reflect.StructField{Name: name}
		if depth < 3 && rapid.IntRange(0, 2).Draw(t, "embeds") == 0 {
			f.Type = drawStruct(t, depth+1)
			f.Anonymous = true
			if rapid.Bool().Draw(t, "by pointer") {
				f.Type = reflect.PointerTo(f.Type)
			}
		} else {
			f.Type = rapid.SampledFrom([]reflect.Type{
				reflect.TypeFor[int](), reflect.TypeFor[string](), reflect.TypeFor[*bool](), reflect.TypeFor[float64](),
				reflect.TypeFor[[]int](), reflect.TypeFor[map[string]int](), reflect.TypeFor[[]byte](), reflect.TypeFor[any](),
				reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
			}).Draw(t, "type")
		}
		if key := rapid.SampledFrom([]string{"", "", "a", "A", "B", "c", "-", "-,", "é", "a b", "x.y"}).Draw(t, "name"); key != "" || rapid.Bool().Draw(t, "tagged") {
			option := rapid.SampledFrom([]string{"", "", ",omitempty", ",omitzero", ",string", ",string,omitempty"}).Draw(t, "option")
			f.Tag = reflect.StructTag(fmt.Sprintf("json:%q", strings.TrimSuffix(key, ",")+option))
			if key == "-," {
				f.Tag = `json:"-,"`
			}
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// fillMembers gives all fields a value that is not left out.
func fillMembers(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for _, f := range v.Fields() {
			fillMembers(f)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillMembers(v.Elem())
	case reflect.Int:
		v.SetInt(1)
	case reflect.String:
		v.SetString("1")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf(1))
	case reflect.Interface:
		v.Set(reflect.ValueOf(1))
	}
}

type (
	describedTerms struct {
		Nights int    `json:"nights" default:"1" validate:"min=1"`
		Kind   string `json:"kind" default:"b" validate:"oneof=a b"`
	}
	describedHalf struct {
		Nights int `json:"nights" default:"1" validate:"min=1"`
		Guests int `json:"guests" validate:"min=1"`
	}
	describedDay struct {
		Text     params.Optional[string]         `json:"text" validate:"min=3"`
		Must     params.Optional[int]            `json:"must" validate:"required,min=1"`
		MustNull params.Optional[*int]           `json:"must_null" validate:"required"`
		Other    params.Optional[string]         `json:"other" validate:"required_without=Text"`
		Struct   params.Optional[describedPlace] `json:"struct"`
		Spared   params.Optional[string]         `json:"spared" validate:"omitempty,min=3"`
		Date     params.Date                     `json:"date"`
		MustDate params.Date                     `json:"must_date" validate:"required"`
		Wait     params.Duration                 `json:"wait" validate:"min=1m"`
		Box      params.Checkbox                 `json:"box" validate:"eq=true"`
		Count    int                             `json:"count" default:"2" validate:"min=1"`
		Terms    describedTerms                  `json:"terms"`
		Two      [2]describedTerms               `json:"two"`
		Half     describedHalf                   `json:"half"`
	}
)

// What an Optional and a default ask for, absent, is shown by a request without any, too.
func TestWhatIsRequiredOfOptionalsAndDefaults(t *testing.T) {
	var want, have []string
	for _, fault := range refuse[describedDay](t, request{body: `{}`}).Faults {
		name, _, _ := strings.Cut(strings.TrimPrefix(fault.Pointer, "#/"), "/")
		want = append(want, name)
	}
	members, err := compile[describedDay](t).Members(reflect.TypeFor[describedDay]())
	require.NoError(t, err)
	byName := make(map[string]params.Member)
	for _, m := range members {
		byName[m.Name] = m
		if m.Required {
			have = append(have, m.Name)
		}
	}
	assert.Equal(t, []string{"must", "must_null", "must_date", "wait", "box", "half"}, have)
	assert.ElementsMatch(t, append(have, "other"), want, "required_without depends on another field")
	for name, wanted := range map[string]params.Rules{
		"text":      {Texts: []string{"min=3"}, Judged: reflect.TypeFor[string]()},
		"must":      {Required: true, RefusesNull: true, Texts: []string{"min=1"}, Judged: reflect.TypeFor[int]()},
		"must_null": {Required: true, RefusesNull: true, Judged: reflect.TypeFor[int]()},
		"spared":    {SparesZero: true, Texts: []string{"min=3"}, Judged: reflect.TypeFor[string]()},
	} {
		assert.Equal(t, &wanted, byName[name].Rules, name)
	}

	type input struct {
		Text  params.Optional[string] `query:"text" validate:"min=3"`
		Must  params.Optional[int]    `query:"must" validate:"required"`
		Other params.Optional[string] `query:"other" validate:"required_without=Text"`
		Body  describedTerms          `body:""`
	}
	plan := compile[input](t)
	required := make(map[string]bool)
	for _, p := range plan.Params() {
		required[p.Name] = p.Required
	}
	assert.Equal(t, map[string]bool{"text": false, "must": true, "other": false}, required)
	body, ok := plan.JSONBody()
	assert.True(t, ok)
	assert.False(t, body.Required, "its defaults keep its rules")
	assert.False(t, plan.RejectsUnknown())
	assert.True(t, compile[input](t, params.Options{RejectUnknown: true}).RejectsUnknown())
}

// A rule of the service's own that looks at an absent value is asked about that.
func TestOwnRulesOnOptionals(t *testing.T) {
	type input struct {
		Given params.Optional[int] `query:"given" validate:"given"`
		Maybe params.Optional[int] `query:"maybe" validate:"small"`
	}
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("given", func(fl validator.FieldLevel) bool { return !fl.Field().IsZero() }, true))
	require.NoError(t, v.RegisterValidation("small", func(fl validator.FieldLevel) bool { return fl.Field().Int() < 9 }))
	options := params.Options{Validator: v}
	faults := refuse[input](t, request{}, options).Faults
	require.Len(t, faults, 1)
	assert.Equal(t, "given", faults[0].Name)
	described := compile[input](t, options).Params()
	assert.True(t, described[0].Required)
	assert.False(t, described[1].Required)
}

// A body that may be absent is taken without one.
func TestAnAbsentBodyHasItsDefaults(t *testing.T) {
	type input struct {
		Body describedTerms `body:""`
	}
	got, err := decode[input](t, request{})
	require.NoError(t, err)
	assert.Equal(t, describedTerms{1, "b"}, got.Body)
}
