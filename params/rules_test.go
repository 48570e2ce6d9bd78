package params_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

func TestRulesOnParams(t *testing.T) {
	type input struct {
		Source string     `query:"source" validate:"oneof=web app"`
		Limit  int        `query:"limit" validate:"omitempty,min=1,max=100"`
		Since  *time.Time `query:"since" validate:"omitempty,gt"`
		Tags   []string   `query:"tag" validate:"max=2,dive,min=2,ne=no"`
	}
	accept[input](t, request{uri: "/?source=web&tag=ab&tag=cd&limit=0"})
	assert.Equal(t, []string{"query source oneof"}, brief(refuse[input](t, request{})), "a rule sees the zero of an absent field")

	err := refuse[input](t, request{uri: "/?source=x&limit=101&tag=ab&tag=no&tag=a&since=2001-01-01T00:00:00Z"})
	assert.Equal(t, []params.Fault{
		{In: params.Query, Name: "source", Code: "oneof", Detail: "must be one of: web, app"},
		{In: params.Query, Name: "limit", Code: "max", Detail: "must be at most 100"},
		{In: params.Query, Name: "since", Code: "gt", Detail: "must be later than now"},
		{In: params.Query, Name: "tag", Code: "max", Detail: "must have at most 2 items"},
		{In: params.Query, Name: "tag", Code: "ne", Detail: "value 2 must not be no"},
		{In: params.Query, Name: "tag", Code: "min", Detail: "value 3 must have at least 2 characters"},
	}, err.Faults)
}

func TestCrossFieldRules(t *testing.T) {
	type sub struct {
		Min int `json:"min"`
		Max int `json:"max" validate:"required,gtefield=Min"`
	}
	type input struct {
		Password string `json:"password" validate:"required"`
		Repeat   string `json:"repeat" validate:"required,eqfield=Password"`
		Kind     string `json:"kind" validate:"oneof=mail pick"`
		Street   string `json:"street" validate:"required_if=Kind mail"`
		Home     *sub   `json:"home" validate:"required_without=Work"`
		Work     sub    `json:"work" validate:"omitempty,excluded_with=Home"`
		Subs     []sub  `json:"subs" validate:"dive"`
		Values   []int  `json:"values" validate:"dive,gtefield=Least"`
		Least    int    `json:"least"`
	}
	const ok = `"password":"x","repeat":"x","kind":"pick","home":{"max":0}`
	assert.Empty(t, faults[input](t, `{`+ok+`}`))
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"password":"x","repeat":"","kind":"pick","home":{"max":1}}`, []string{"body #/repeat eqfield"}}, // zero, but present
		{`{"password":"","repeat":"x","kind":"pick","home":{"max":1}}`, []string{"body #/repeat eqfield"}},
		{`{"password":"x","kind":"pick","home":{"max":1}}`, []string{"body #/repeat required"}},
		{`{"password":"x","repeat":"x","kind":"mail","home":{"max":1}}`, []string{"body #/street required_if"}},
		{`{"password":"x","repeat":"x","kind":"mail","street":"s","home":{"max":1}}`, []string{}},
		{`{"password":"x","repeat":"x","kind":"pick"}`, []string{"body #/home required_without"}},
		{`{"password":"x","repeat":"x","kind":"pick","work":{"min":1,"max":2}}`, []string{}},
		{`{` + ok + `,"work":{"min":1,"max":2}}`, []string{"body #/work excluded_with"}},
		{`{` + ok + `,"subs":[{"min":1,"max":0},{"min":1,"max":1},{"min":-1,"max":0}]}`, []string{"body #/subs/0/max gtefield"}},
		{`{` + ok + `,"least":3,"values":[3,2,4]}`, []string{"body #/values/1 gtefield"}},
	} {
		assert.Equal(t, c.want, faults[input](t, c.body), c.body)
	}

	type query struct {
		From int `query:"from"`
		To   int `query:"to" validate:"required,gtefield=From"`
	}
	assert.Equal(t, []string{"query to gtefield"}, brief(refuse[query](t, request{uri: "/?from=5&to=0"})))
	accept[query](t, request{uri: "/?from=-5&to=0"})
}

func TestCustomRules(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("even", func(fl validator.FieldLevel) bool { return fl.Field().Int()%2 == 0 }))
	require.NoError(t, v.RegisterValidation("sum", func(fl validator.FieldLevel) bool {
		return fl.Parent().FieldByName("Left").Int()+fl.Parent().FieldByName("Right").Int() == fl.Field().Int()
	}))
	require.NoError(t, v.RegisterValidation("sorted", func(fl validator.FieldLevel) bool {
		return slices.IsSorted(fl.Field().Interface().([]int))
	}))
	require.NoError(t, v.RegisterValidation("square", func(fl validator.FieldLevel) bool {
		return fl.Field().FieldByName("Width").Int() == fl.Field().FieldByName("Height").Int()
	}))
	v.RegisterAlias("small", "min=0,max=9")
	o := params.Options{Validator: v}
	type box struct {
		Width  int `json:"width" validate:"required"`
		Height int `json:"height"`
	}
	type body struct {
		Left  int  `json:"left"`
		Right int  `json:"right"`
		Total int  `json:"total" validate:"sum"`
		Even  *int `json:"even" validate:"omitempty,even"`
		Small int  `json:"small" validate:"small"`
		Box   box  `json:"box" validate:"square"`
		Ptr   *box `json:"ptr" validate:"omitempty,square"`
		Anon  struct {
			Width, Height int
		} `json:"anon" validate:"square"`
	}
	assert.Equal(t, []string{}, faults[body](t, `{"left":1,"right":2,"total":3,"even":4,"box":{"width":1,"height":1}}`, o))
	assert.Equal(t, []string{"body #/total sum", "body #/even even", "body #/small small", "body #/box square", "body #/ptr square", "body #/anon square"},
		faults[body](t, `{"left":1,"right":2,"total":4,"even":5,"small":10,"box":{"width":1},"ptr":{"width":1},"anon":{"width":1}}`, o))
	assert.Equal(t, []string{"body #/box/width required"}, faults[body](t, `{"box":{}}`, o))

	type list struct {
		Items []int `body:"" validate:"sorted,dive,even"` // a custom rule needs no struct around
	}
	accept[list](t, request{body: "[2,4]"}, o)
	assert.Equal(t, []string{"body # sorted", "body #/1 even"}, brief(refuse[list](t, request{body: "[2,1]"}, o)))
}

// A rule of the user's own on a struct is given the struct, or the nil if it asked
// for that, and the struct around it.
func TestCustomRulesOnStructs(t *testing.T) {
	v := params.NewValidator()
	square := func(fl validator.FieldLevel) bool {
		f := fl.Field()
		return f.Kind() != reflect.Struct || f.FieldByName("W").Int() == f.FieldByName("H").Int()
	}
	require.NoError(t, v.RegisterValidation("square", square, true))
	require.NoError(t, v.RegisterValidation("given", func(fl validator.FieldLevel) bool { return fl.Field().Kind() == reflect.Struct }, true))
	require.NoError(t, v.RegisterValidation("wide", func(fl validator.FieldLevel) bool {
		return fl.Field().FieldByName("W").Int() >= fl.Parent().FieldByName("Least").Int()
	}))
	type box struct {
		W int `json:"w"`
		H int `json:"h"`
	}
	type input struct {
		A     box            `json:"a" validate:"square"`
		B     *box           `json:"b" validate:"square,required_with=Must"`
		C     *box           `json:"c" validate:"required_with=Must|given"`
		D     []*box         `json:"d" validate:"dive,given,wide"`
		E     map[string]box `json:"e" validate:"dive,wide,square"`
		F     box            `json:"f" validate:"wide,excluded_with=None"`
		Least int            `json:"least"`
		Must  int            `json:"must"`
		None  int            `json:"none"`
	}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{}`, []string{}},
		{`{"a":{"w":1,"h":2},"b":{"w":1,"h":2}}`, []string{"body #/a square", "body #/b square"}},
		{`{"must":1}`, []string{"body #/b required_with", "body #/c required_with|given"}},
		{`{"must":1,"b":{},"c":{}}`, []string{}},
		{`{"d":[null,{"w":1}]}`, []string{"body #/d/0 given"}},
		{`{"least":2,"d":[{"w":1}],"e":{"x":{"w":1}},"f":{"w":1}}`, []string{"body #/d/0 wide", "body #/e/x wide", "body #/f wide"}},
		{`{"least":2,"d":[{"w":2}],"e":{"x":{"w":2,"h":1}},"f":{"w":2}}`, []string{"body #/e/x square"}},
		{`{"none":1,"f":{"w":2}}`, []string{"body #/f excluded_with"}},
	} {
		assert.Equal(t, c.want, faults[input](t, c.body, params.Options{Validator: v}), c.body)
	}
	type body struct {
		A box `body:"" validate:"square"`
	}
	assert.Equal(t, []string{"body # square"}, brief(refuse[body](t, request{body: `{"w":1}`}, params.Options{Validator: v})))
}

// A rule of the user's own need not bear the values that the rules before it keep
// from it; it has to go with the type all the same.
func TestCustomRulesAreTriedOnWhatReachesThem(t *testing.T) {
	v := params.NewValidator()
	for name, rule := range map[string]validator.Func{
		"first": func(fl validator.FieldLevel) bool { return fl.Field().String()[0] == 'a' },
		"third": func(fl validator.FieldLevel) bool { return fl.Field().Index(2).Int() == 0 },
		"day": func(fl validator.FieldLevel) bool {
			day, err := time.Parse(time.DateOnly, fl.Field().String())
			if err != nil {
				panic(err)
			}
			return day.Weekday() != time.Sunday
		},
		"even":   func(fl validator.FieldLevel) bool { return fl.Field().Int()%2 == 0 },
		"sorted": func(fl validator.FieldLevel) bool { return slices.IsSorted(fl.Field().Interface().([]int)) },
	} {
		require.NoError(t, v.RegisterValidation(name, rule))
	}
	o := params.Options{Validator: v}
	for _, c := range []struct {
		typ  any
		tag  string
		want string
	}{
		{"", "omitempty,first", ""},
		{"", "min=1,first", ""},
		{"", "required,min=1,max=5,first", ""},
		{new(string), "omitempty,min=1,first", ""},
		{[]string{}, "dive,omitempty,first", ""},
		{[3]int{}, "third", ""},
		{[]int{}, "len=3,third", ""},
		{"", "datetime=2006-01-02,day", ""},
		{"", "first", `has the rule "first" in its validate tag, which can't be used: runtime error: index out of range`},
		{"", "max=5,first", "index out of range"},
		{new(string), "omitempty,first", "index out of range"}, // a pointer to an empty text
		{"", "day", "cannot parse"},
		{"", "omitempty,even", `has the rule "even" in its validate tag, which can't be used: reflect: call of reflect.Value.Int on string Value`},
		{"", "min=1,even", "reflect.Value.Int on string Value"},
		{"", "len=3,sorted", "interface conversion"},
	} {
		_, err := compileTag(reflect.TypeOf(c.typ), c.tag, o)
		if c.want == "" {
			assert.NoError(t, err, "%s on %T", c.tag, c.typ)
		} else {
			assert.ErrorContains(t, err, c.want, "%s on %T", c.tag, c.typ)
		}
	}
}

func TestOmit(t *testing.T) {
	type input struct {
		Empty *int  `json:"empty" validate:"omitempty,min=1"`
		Nil   *int  `json:"nil" validate:"omitnil,min=1"`
		Zero  *int  `json:"zero" validate:"omitzero,min=1"`
		List  []int `json:"list" validate:"omitempty,min=1"`
		ZList []int `json:"zlist" validate:"omitzero,min=1"`
	}
	assert.Empty(t, faults[input](t, `{}`))
	assert.Equal(t, []string{"body #/empty min", "body #/nil min", "body #/list min"},
		faults[input](t, `{"empty":0,"nil":0,"zero":0,"list":[],"zlist":[]}`))
}

// Each rule that leaves out an absent value, alone and before the rules of the
// elements, on each shape and in each place that a value may come from.
func TestSkipRulesEverywhere(t *testing.T) {
	type box struct {
		W int `json:"w" validate:"min=1"`
	}
	shapes := []struct {
		typ       any
		rest      string // behind the rule; SKIP stands for the rule again
		text      string // what a parameter is sent as; nothing for a type that has no text
		good, bad string // JSON; nothing is bad of a value without other rules
	}{
		{"", "", "x", `"x"`, ""},
		{new(string), "", "x", `"x"`, ""},
		{new(*string), "", "", `"x"`, ""},
		{0, "", "1", "1", ""},
		{new(int), "", "1", "1", ""},
		{false, "", "true", "true", ""},
		{0.5, "", "1", "1", ""},
		{time.Time{}, "", "2026-01-02T15:04:05Z", `"2026-01-02T15:04:05Z"`, ""},
		{&time.Time{}, "", "2026-01-02T15:04:05Z", `"2026-01-02T15:04:05Z"`, ""},
		{netip.Addr{}, "", "::1", `"::1"`, ""},
		{[]byte{}, "", "", `"YQ=="`, ""},
		{json.RawMessage{}, "", "", "1", ""},
		{new(any), "", "", "[1]", ""},
		{[]string{}, "", "x", `["x"]`, ""},
		{[]string{}, "dive,min=2", "ab", `["ab"]`, `["a"]`},
		{[]string{}, "dive,SKIP", "ab", `["ab"]`, ""},
		{&[]string{}, "dive,min=2", "", `["ab"]`, `["a"]`},
		{[][]string{}, "dive,SKIP,dive,min=2", "", `[["ab"],null]`, `[["a"]]`},
		{[][]string{}, "dive,SKIP,dive,SKIP", "", `[["ab",""]]`, ""},
		{map[string]int{}, "", "", `{"a":0}`, ""},
		{map[string]int{}, "dive,min=1", "", `{"a":1}`, `{"a":0}`},
		{map[string]int{}, "dive,keys,SKIP,endkeys,SKIP", "", `{"":0}`, ""},
		{map[string]*int{}, "dive,keys,SKIP,min=2,endkeys,SKIP,min=1", "", `{"":null,"ab":1}`, `{"a":null}`},
		{[2]int{}, "", "", "[0,1]", ""},
		{[2]int{}, "dive,required,min=1", "", "[1,1]", "[1]"},
		{&[2]int{}, "dive,min=1", "", "[1,1]", "[1]"},
		{box{}, "", "", `{"w":1}`, `{}`},
		{&box{}, "", "", `{"w":1}`, `{"w":-1}`},
		{[]box{}, "", "", `[{"w":1}]`, `[null]`},
		{map[string]*box{}, "dive,SKIP", "", `{"a":null}`, `{"a":{"w":-1}}`},
	}
	for _, skip := range []string{"omitempty", "omitnil", "omitzero"} {
		for _, s := range shapes {
			typ := reflect.TypeOf(s.typ)
			if typ == reflect.TypeFor[*any]() {
				typ = typ.Elem()
			}
			rules := strings.TrimSuffix(skip+","+strings.ReplaceAll(s.rest, "SKIP", skip), ",")
			// sent decodes a request into an input of one field, and returns its
			// faults; ok is false for a tag that does not register.
			sent := func(typ reflect.Type, tag, rules string, r request) (codes []string, ok bool) {
				what := fmt.Sprintf("%s on %s from %s", rules, typ, tag)
				plan, err := params.Compile(reflect.StructOf([]reflect.StructField{
					{Name: "A", Type: typ, Tag: reflect.StructTag(tag + ` validate:"` + rules + `"`)},
				}), params.Options{PathParams: []string{"a"}})
				if err != nil {
					require.Contains(t, err.Error(), "is never nil: write omitempty", what)
					return nil, false
				}
				require.NotPanics(t, func() { err = plan.Decode(r.ctx(), reflect.New(plan.Input()).Interface()) }, what)
				if err == nil {
					return nil, true
				}
				return brief(asError(t, err)), true
			}
			for _, place := range []struct {
				tag, rules string
				typ        reflect.Type
				body       string // with % for the value
				without    string
			}{
				{`json:"a"`, rules, typ, `{"a":%}`, "{}"},
				{`body:""`, rules, typ, `%`, ""},
				{`json:"a"`, "dive," + rules, reflect.SliceOf(typ), `{"a":[%]}`, "{}"},
				{`json:"a"`, "dive," + rules, reflect.MapOf(reflect.TypeFor[string](), typ), `{"a":{"x":%}}`, "{}"},
			} {
				for i, value := range []string{s.good, "null", s.bad} {
					body := strings.ReplaceAll(place.body, "%", value)
					faults, ok := sent(place.typ, place.tag, place.rules, request{body: body})
					if !ok || value == "" {
						break
					}
					assert.Equal(t, i == 2, len(faults) > 0, "%s on %s: %s: %s", place.rules, place.typ, body, faults)
				}
				faults, _ := sent(place.typ, place.tag, place.rules, request{body: place.without})
				assert.Empty(t, faults, "%s on %s is absent", place.rules, place.typ)
			}
			if s.text == "" {
				continue
			}
			form := request{contentType: "application/x-www-form-urlencoded", body: "a=" + s.text}
			for tag, r := range map[string]request{
				`query:"a"`: {uri: "/?a=" + s.text}, `header:"a"`: {header: [][2]string{{"A", s.text}}},
				`cookie:"a"`: {header: [][2]string{{"Cookie", "a=" + s.text}}}, `form:"a"`: form, `path:"a"`: {path: map[string]string{"a": s.text}},
			} {
				for _, r := range []request{r, {}} {
					faults, _ := sent(typ, tag, rules, r)
					assert.Empty(t, faults, "%s on %s from %s", rules, typ, tag)
				}
			}
		}
	}
	accept[struct {
		A params.File   `form:"a" validate:"omitempty"`
		B *params.File  `form:"b" validate:"omitnil"`
		C []params.File `form:"c" validate:"omitzero"`
	}](t, request{})
	assert.Equal(t, []string{"query a min"}, brief(refuse[struct {
		A []string `query:"a" validate:"omitempty,dive,min=2"`
	}](t, request{uri: "/?a=ab&a=c"})))
}

func TestRawMessageThatIsNullIsAbsent(t *testing.T) {
	type input struct {
		Raw json.RawMessage `json:"raw" validate:"required"`
	}
	assert.Equal(t, []string{"body #/raw required"}, faults[input](t, `{"raw":null}`))
	assert.Empty(t, faults[input](t, `{"raw":0}`))
}

func TestRulesOnAny(t *testing.T) {
	type input struct {
		Any  any                 `json:"any" validate:"omitempty,min=2"`
		List []any               `json:"list" validate:"unique"`
		Deep []struct{ Key any } `json:"deep" validate:"unique"`
	}
	assert.Empty(t, faults[input](t, `{"any":"ab","list":[1,"1"]}`))
	assert.Equal(t, []string{"body #/any min", "body #/list unique"}, faults[input](t, `{"any":1,"list":[1,1]}`))
	assert.Equal(t, []string{"body #/any type", "body #/list type", "body #/deep type"}, faults[input](t, `{"any":true,"list":[[],{}],"deep":[{"Key":[]},{"Key":[]}]}`),
		"the validator panics on these")
}

// The type of what an any holds is the client's choice, so a rule that panics on
// it is no fault of the service's, even if it is the service's own.
func TestARuleOfTheServicesOwnOnAny(t *testing.T) {
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("counts", func(fl validator.FieldLevel) bool {
		field := fl.Field()
		if field.Kind() == reflect.Slice {
			field = field.Index(0).Field(0).Elem()
		}
		return field.IsValid() && field.Float() > 0 // panics on a text
	}))
	type input struct {
		Any  any `json:"any" validate:"counts"`
		Deep []struct {
			Key any `json:"key"`
		} `json:"deep" validate:"counts"`
	}
	for body, want := range map[string][]string{
		`{"any":1,"deep":[{"key":1}]}`:     nil,
		`{"any":0,"deep":[{"key":0}]}`:     {"body #/any counts", "body #/deep counts"},
		`{"any":"x","deep":[{"key":"x"}]}`: {"body #/any type", "body #/deep type"},
	} {
		_, err := decode[input](t, request{body: body}, params.Options{Validator: v})
		if want == nil {
			assert.NoError(t, err)
			continue
		}
		assert.Equal(t, want, brief(asError(t, err)), body)
	}
}

// doc is what the reference of [TestRulesAgainstReference] understands: the
// rules required, omitempty, min, max and dive.
type doc struct {
	S    string              `json:"s" validate:"required,max=2"`
	N    int                 `json:"n" validate:"required,min=0,max=5"`
	O    string              `json:"o" validate:"omitempty,min=2"`
	B    bool                `json:"b" validate:"required"`
	P    *int                `json:"p" validate:"required,max=5"`
	OP   *int                `json:"op" validate:"omitempty,max=5"`
	L    []int               `json:"l" validate:"min=1,dive,required,max=5"`
	I    []part2             `json:"i" validate:"omitempty,max=2,dive"`
	M    map[string]doc      `json:"m" validate:"dive"`
	V    part2               `json:"v"`
	PV   *part2              `json:"pv"`
	OV   part2               `json:"ov" validate:"omitempty"`
	Next *doc                `json:"next"`
	ND   map[string][]*part2 `json:"nd"`
	NL   *[][]part2          `json:"nl" validate:"omitempty,max=3"`
	part2
}

type part2 struct {
	X int      `json:"x" validate:"required,max=5"`
	Y *part2   `json:"y" validate:"omitempty"`
	Z []part2  `json:"z" validate:"dive"`
	A []*part2 `json:"a"` // elements have their rules without a dive
}

// reference judges a value of encoding/json's any by the tags of a type, with
// no regard to cost. A nil value is absent.
func reference(t reflect.Type, tag, pointer string, value any) (found []string) {
	rules := strings.Split(tag, ",")
	own, each := rules, ""
	if i := slices.Index(rules, "dive"); i >= 0 {
		own, each = rules[:i], strings.Join(rules[i+1:], ",")
	}
	omitempty := len(own) > 0 && own[0] == "omitempty"
	if slices.Contains(own, "required") && value == nil {
		return []string{"body " + pointer + " required"}
	}
	pointed := t.Kind() == reflect.Pointer
	if pointed {
		t = t.Elem()
	}
	if value == nil && (pointed || t.Kind() == reflect.Struct && omitempty) {
		return nil
	}
	if omitempty && (value == "" && !pointed || value == nil) {
		return nil
	}
	for _, rule := range own {
		name, param, ok := strings.Cut(rule, "=")
		if !ok {
			continue
		}
		bound, _ := strconv.Atoi(param)
		size := 0
		switch v := value.(type) {
		case float64:
			size = int(v)
		case string:
			size = len([]rune(v))
		case []any:
			size = len(v)
		}
		if name == "min" && size < bound || name == "max" && size > bound {
			found = append(found, "body "+pointer+" "+name)
			break
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		object, _ := value.(map[string]any)
		for _, f := range reflect.VisibleFields(t) {
			if name := f.Tag.Get("json"); name != "" {
				found = append(found, reference(f.Type, f.Tag.Get("validate"), pointer+"/"+name, object[name])...)
			}
		}
	case reflect.Slice:
		list, _ := value.([]any)
		for i := range list {
			found = append(found, reference(t.Elem(), each, fmt.Sprint(pointer, "/", i), list[i])...)
		}
	case reflect.Map:
		entries, _ := value.(map[string]any)
		for key := range entries {
			found = append(found, reference(t.Elem(), each, pointer+"/"+key, entries[key])...)
		}
	}
	return found
}

// A generator makes values as JSON has them, with many zeros. One in noise of
// them is null, absent or wrong.
type generator struct {
	*rand.Rand
	noise int
}

func (random generator) value(t reflect.Type, depth int) any {
	wrong := random.IntN(random.noise) == 0
	if wrong && random.IntN(2) == 0 {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return random.value(t.Elem(), depth)
	case reflect.String:
		if wrong {
			return []string{"é", "abc"}[random.IntN(2)]
		}
		return []string{"", "ab"}[random.IntN(2)]
	case reflect.Bool:
		return random.IntN(2) == 0
	case reflect.Int:
		if wrong {
			return []float64{6, -1}[random.IntN(2)]
		}
		return []float64{0, 0, 1, 5}[random.IntN(4)]
	case reflect.Slice:
		list := []any{}
		length := 1
		if wrong || t.Elem().Kind() == reflect.Struct || t.Elem().Kind() == reflect.Pointer {
			length = random.IntN(4 - min(depth, 3))
		}
		for range length {
			list = append(list, random.value(t.Elem(), depth+1))
		}
		return list
	case reflect.Map:
		entries := map[string]any{}
		for i := range random.IntN(4 - min(depth, 3)) {
			entries[fmt.Sprint("k", i)] = random.value(t.Elem(), depth+1)
		}
		return entries
	default:
		object := map[string]any{}
		for _, f := range reflect.VisibleFields(t) {
			if name := f.Tag.Get("json"); name != "" && random.IntN(random.noise) > 0 && (depth < 3 || name == "p" || f.Type.Kind() != reflect.Pointer) {
				object[name] = random.value(f.Type, depth+1)
			}
		}
		return object
	}
}

func TestRulesAgainstReference(t *testing.T) {
	plan := compile[doc](t)
	random := generator{Rand: rand.New(rand.NewPCG(3, 4))}
	accepted := 0
	for i := range 1000 {
		random.noise = []int{5, 30, 200, 1e9}[i%4]
		value := random.value(plan.Input(), 0)
		for value == nil {
			value = random.value(plan.Input(), 0)
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		want := reference(plan.Input(), "", "#", value)
		if len(want) > params.MaxFaults {
			continue
		}
		var in doc
		got := []string{}
		if err := plan.Decode(request{body: string(text)}.ctx(), &in); err != nil {
			got = brief(asError(t, err))
		} else {
			accepted++
		}
		slices.Sort(want)
		slices.Sort(got)
		if !assert.Equal(t, append([]string{}, want...), got, "%d: %s", i, text) {
			return
		}
	}
	assert.Greater(t, accepted, 200)
}

func FuzzValidateTag(f *testing.F) {
	for _, tag := range []string{
		"required", "omitempty,min=1", "dive,required", "dive,keys,min=1,endkeys,max=2", "eqfield=B", "required_if=B x", "|", "min=", ",", "=",
		"dive,dive", "structonly", "-", "oneof='a b' c", "email|url", "excluded_with=A", "unique=X", "len=0x2C", "eq=0x7C", "keys", "endkeys", "dive,keys",
	} {
		f.Add(tag, uint8(len(tag)), "1")
	}
	types := []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[*bool](), reflect.TypeFor[[]string](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[map[string]int](), reflect.TypeFor[part2](), reflect.TypeFor[*part2](), reflect.TypeFor[[]part2](), reflect.TypeFor[any](),
		reflect.TypeFor[map[int]*part2](), reflect.TypeFor[[2]float64](), reflect.TypeFor[params.File](),
	}
	f.Fuzz(func(t *testing.T, tag string, which uint8, text string) {
		typ := types[int(which)%len(types)]
		field := reflect.StructField{Name: "A", Type: typ, Tag: reflect.StructTag(`validate:` + strconv.Quote(tag) + ` query:"a" default:` + strconv.Quote(text))}
		other := reflect.StructField{Name: "B", Type: reflect.TypeFor[string](), Tag: `query:"b"`}
		input := reflect.StructOf([]reflect.StructField{field, other})
		if _, err := params.Compile(input, params.Options{}); err != nil {
			assert.ErrorAs(t, err, new(*params.TypeError))
		}
		if typ == reflect.TypeFor[params.File]() {
			return // its exported fields are none of JSON's business
		}
		field.Tag = reflect.StructTag(`json:"a" validate:` + strconv.Quote(tag))
		other.Tag = ""
		plan, err := params.Compile(reflect.StructOf([]reflect.StructField{field, other}), params.Options{})
		if err != nil {
			assert.ErrorAs(t, err, new(*params.TypeError))
			return
		}
		for _, body := range []string{`{}`, `{"a":` + text + `}`, `{"a":[{"x":0},null],"B":"b"}`, `{"a":{"k":1,"x":0}}`} {
			_ = plan.Decode(request{body: body}.ctx(), reflect.New(plan.Input()).Interface()) // must not panic
		}
	})
}
