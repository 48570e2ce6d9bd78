package params_test

import (
	"database/sql"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

// compileTag compiles a struct of which the field A has a type and rules, beside
// some others.
func compileTag(typ reflect.Type, tag string, o params.Options) (*params.Plan, error) {
	around := reflect.TypeFor[around]()
	fields := []reflect.StructField{{Name: "A", Type: typ, Tag: reflect.StructTag(`json:"a" validate:"` + tag + `"`)}}
	for f := range around.Fields() {
		if f.Anonymous {
			f.Name = f.Type.Elem().Name()
		}
		fields = append(fields, f)
	}
	return params.Compile(reflect.StructOf(fields), o)
}

type around struct {
	Text  string            `json:"text"`
	Ptr   *string           `json:"ptr"`
	Num   *int              `json:"num"`
	Small int8              `json:"small"`
	Nat   uint              `json:"nat"`
	Half  float64           `json:"half"`
	Yes   bool              `json:"yes"`
	Names []string          `json:"names"`
	Pair  [2]int            `json:"pair"`
	By    map[string]place  `json:"by"`
	Odd   map[sweet]string  `json:"odd"`
	Any   any               `json:"any"`
	When  time.Time         `json:"when"`
	Ship  *place            `json:"ship"`
	Self  selfMade          `json:"self"`
	Near  derivedPlace      `json:"near"`
	Raw   json.RawMessage   `json:"raw"`
	Price sql.Null[float64] `json:"price"`
	Hid   string            `json:"-"`
	Own   selfHidden        `json:"own"`
	Count map[int8]int      `json:"count"`
	Nats  map[uint]int      `json:"nats"`
}

type (
	sweet string
	place struct {
		Zip   string `json:"zip"`
		lower string
	}
	Street       struct{ Number int }
	derivedPlace struct {
		*Street
		Floor int
	}
	checked    struct{ V int }
	pointedly  struct{ V int }
	level      int
	selfHidden struct {
		Hid string `json:"-"`
	}
	sliceInside struct {
		Key string
		All []int
	}
)

func (*selfHidden) UnmarshalJSON([]byte) error { return nil }

func (checked) Validate() error     { return nil }
func (checked) Wrong() int          { return 0 }
func (checked) Takes(int) bool      { return true }
func (*pointedly) Validate() bool   { return true }
func (level) String() string        { return "" }
func (level) Validate(...int) error { return nil }

// A rule that can't work, that no value can keep, or that never says anything is
// refused when the route is registered, with what to do about it.
func TestRulesThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		typ  any
		tag  string
		want string // nothing if it works
	}{
		// Kinds.
		{0, "email", `has the rule "email", which goes with texts only, not with int: use another rule or another type`},
		{new(int), "omitempty,email", `has the rule "email", which goes with texts only, not with *int: use another rule`},
		{selfMade{}, "omitempty,email", `has the rule "email", which goes with texts only, not with params_test.selfMade: register the value that it stands for with RegisterCustomTypeFunc of the validator`},
		{netip.Addr{}, "ip", `RegisterCustomTypeFunc`},
		{time.Time{}, "datetime=2006", `which goes with texts only, not with time.Time`},
		{[]string{}, "email", `has the rule "email", which goes with texts only, not with []string: put dive before it to judge the elements, or use another rule`},
		{[]string{}, "dive,email", ""},
		{"", "min=1,port", `goes with integers, unsigned integers and uintptr only, not with string`},
		{new(any), "email", ""},
		{new(any), "port", `and JSON puts no such value into an any: use a type of its own`},
		{new(any), "min=x", `has the rule "min=x", which needs a number: write "min=1"`},
		{new(any), "min=1.5", ""},
		{false, "boolean", ""},
		{0, "numeric", ""},
		{false, "numeric", "goes with numbers and texts only"},
		{level(0), "uuid", ""},
		{0, "uuid", "goes with texts and types with a String method only"},
		{[]byte{}, "json", ""},
		{[]int{}, "json", "goes with texts and []byte only"},
		{"", "iscolor", ""},
		{0, "iscolor", `has the alias "iscolor", which has the rule "hexcolor", which goes with texts only`},
		{"", "email|port", `has the rule "port", which goes with`},
		{place{}, "min=1", "RegisterCustomTypeFunc"},
		{params.NewValidator, "", ""},

		// Arguments.
		{"", "email=x", `has the rule "email=x", which takes no value: write "email"`},
		{"", "required=true", `has the rule "required=true", which takes no value: write "required"`},
		{"", "uuid=4", "takes no value"},
		{"", "eq", `which compares with a value: write "eq=value"`},
		{"", "ne=", ""},
		{"", "eq_ignore_case", "compares with a text"},
		{"", "contains", `which has no text to look for: write "contains=text"`},
		{"", "excludes=", "has no text to look for"},
		{"", "contains=0x2C", ""},
		{"", "oneof=", "which has no values to choose from"},
		{"", "oneof", "no values to choose from"},
		{0, "oneof=1 x", `has the rule "oneof=1 x", but no int is "x": choose from values of the type`},
		{int8(0), "oneof=1 300", `but no int8 is "300"`},
		{uint(0), "oneof=-1", `but no uint is "-1"`},
		{uint8(0), "oneof=1 '2'", ""},
		{"", "datetime", `whose layout has no part of a time: write it as package time has it, "datetime=2006-01-02"`},
		{"", "datetime=YYYY-MM-DD", "whose layout has no part of a time"},
		{"", "datetime=15:04", ""},
		{"", "datetime=Monday", ""},
		{"", "datetime=Mon", ""},
		{"", "postcode_iso3166_alpha2=XX", "needs the code of a country"},
		{"", "postcode_iso3166_alpha2=DE", ""},
		{"", "postcode_iso3166_alpha2=AE", "but the validator knows no postcodes of AE: use a rule of your own"},
		{0, "oneof=01 2", `but no int is "01"`},
		{int8(0), "noneof=+1", `but no int8 is "+1"`},
		{uint(0), "oneof=00", `but no uint is "00"`},
		{0, "oneof=-1 0", ""},
		{"", "oneof=01", ""},
		{"", "mimetype=text/plain", `which no file is without its character set: write "mimetype=text/*"`},
		{"", "mimetype=text/csv", ""},
		{"", "containsrune=ab", "which looks for one character"},
		{"", "excludesrune=äö", "which looks for one character"},
		{"", "containsrune=ä", ""},
		{"", "containsrune=0x2C", ""},
		{0, "required|min=5", `has required as an alternative in "required|min=5", where it can't mean present: write it in front`},
		{"", "mimetype=png", "needs a media type"},
		{"", "mimetype=image/*", ""},
		{"", "spicedb=x", "knows id, permission and type"},
		{"", "spicedb", ""},
		{false, "eq=yes", `which needs true or false: write "eq=true"`},
		{false, "ne=false", ""},
		{0, "min=1.5", "needs an integer"},
		{0.0, "min=1.5", ""},
		{0.0, "min=NaN", "needs a number"},
		{uint(0), "max=-1", "needs an integer of at least 0"},
		{time.Minute, "min=x", "needs a duration such as 1m30s"},
		{time.Minute, "min=1m,max=1h", ""},
		{time.Time{}, "gt=2020-01-01", `which compares a time with now and takes no value: write "gt", or a rule of your own`},
		{time.Time{}, "gt", ""},
		{time.Time{}, "len=1", "goes with numbers, texts and lists only"},
		{checked{}, "validateFn", ""},
		{checked{}, "validateFn=Gone", "but params_test.checked has no method Gone: declare it, and not on the pointer unless the field is one"},
		{checked{}, "validateFn=Wrong", "is none that takes nothing and returns a bool or an error"},
		{checked{}, "validateFn=Takes", "is none that takes nothing"},
		{pointedly{}, "validateFn", "has no method Validate"},
		{&pointedly{}, "validateFn", ""},
		{level(0), "validateFn", ""},

		// Bounds that no value is within.
		{int8(0), "min=200", `has the rule "min=200", which no int8 keeps together with what else is asked of it: correct the number`},
		{int8(0), "max=200", ""},
		{uint(0), "lt=0", `"lt=0", which no uint keeps`},
		{uint(0), "gte=0", ""},
		{uint(0), "gt=0", ""},
		{0, "min=5,max=3", `has the rule "max=3", which no int keeps together`},
		{0, "min=3,max=3", ""},
		{0, "gt=3,lt=4", `"lt=4"`},
		{"", "len=-1", `"len=-1"`},
		{[]int{}, "min=2,len=1", `"len=1"`},
		{[2]int{}, "len=3", `"len=3"`},
		{[2]int{}, "max=3", ""},
		{[2]int{}, "ne=2", `"ne=2"`},
		{uint(0), "ne=0", ""},
		{"", "eq=5,len=1", ""},
		{time.Minute, "min=1h,max=1m", `"max=1m"`},
		{0.0, "min=3,max=2", ""},
		{uint8(0), "min=256", `"min=256"`},
		{int64(0), "gt=9223372036854775807", `"gt=9223372036854775807"`},

		// Absence.
		{new(int64), "required_if=Text special,gte=2", ""},
		{new(int64), "omitempty,required_if=Text special", `has the rule "required_if=Text special" behind omitempty, which leaves out the values that it would refuse: put it in front`},
		{"", "omitzero,email|required_with=Num", "behind omitzero"},
		{new(int), "omitnil,skip_unless=Text x", "behind omitnil"},
		{new(int), "omitempty,excluded_with=Num", ""},
		{0, "omitnil,min=1", "has the rule omitnil, but an int is never nil: write omitempty"},
		{0, "min=1,omitempty", "has the rule omitempty behind all others, where it leaves out none: put it in front"},
		{"", "required,omitempty,email", ""},
		{"", "omitempty", ""},
		{new(int), "required_with=Num|min=1", "of which one alternative judges an absent value and another one does not: give the field rules of their own"},
		{0, "required_with=Num|min=1", ""},
		{new(int), "isdefault|min=5", `has isdefault as an alternative in "isdefault|min=5", which a nil never comes to: write omitempty in front of the others`},
		{0, "isdefault|min=5", ""},
		{place{}, "required_with=Num|excluded_with=Ptr", ""},
		{map[string]int{}, "dive,keys,required,endkeys", "has the rule required for the keys of a map, which are always there"},
		{map[string]int{}, "dive,keys,nosuchrule,endkeys,min=1", `has the rule "nosuchrule" in its validate tag, which the validator does not know`},
		{map[string]int{}, "dive,keys,email", "ends with endkeys"},
		{0, "structonly", "but an int has no fields with rules"},
		{[]place{}, "structonly", ""},
		{"", "min=1,", "has an empty rule in its validate tag"},
		{"", "|", "has an empty rule"},
		{"", "omitempty|email", `has the rule "omitempty" in its validate tag, which the validator does not know`},

		// Other fields.
		{"", "required_if=Gone x", "has no field Gone: name it as in Go"},
		{"", "required_if", `which names no field: write "required_if=Field"`},
		{"", "required_with=", "names no field"},
		{"", "required_if=Text", "which needs a value for each field"},
		{"", "required_if=Text a b c", "which needs a value for each field|has no field b"},
		{"", "required_if=Text 'a b' Num 1", ""},
		{"", "required_if=Text a Text b", "which asks two values of Text, and it has one: name it once"},
		{"", "required_unless=Text a Text b", ""},
		{"", "required_if=Num abc", `has the rule "required_if=Num abc", but Num is never "abc": write an integer`},
		{"", "excluded_if=Num nil", `but whether Num is nil is another rule's to say: write "excluded_without=Num"`},
		{"", "required_unless=Num nil", `write "required_with=Num"`},
		{"", "excluded_if=Ptr nil", ""},
		{"", "required_if=Names nil", ""},
		{"", "required_if=Names 2", ""},
		{"", "required_if=Names x", "write the number of its elements"},
		{"", "required_if=Pair nil", `but Pair is never "nil"`},
		{"", "required_if=Small 300", `but Small is never "300"`},
		{"", "required_if=Nat -1", "write an integer of at least 0"},
		{"", "required_if=Half x", "write a number"},
		{"", "required_if=Yes 1", `but Yes is never "1": write true or false`},
		{"", "required_if=Any x", "but Any is an any, which the client gives a type: use one of its own"},
		{"", "required_if=Ship x", "is compared with no value: name another field"},
		{"", "required_if=When x", "is compared with no value"},
		{"", "required_with=Any Ship When By", ""},
		{"", "required_with=Ship.Zip", ""},
		{"", "required_with=Ship.lower", "but lower is not exported, so it is never filled"},
		{"", "required_with=Near.Number", "but Number lies behind the embedded pointer Street, which may be nil: name it as Street.Number"},
		{"", "required_with=Near.Street.Number", ""},
		{"", "required_with=Names[0]", ""},
		{"", "required_with=Names[x]", `"x" is no index`},
		{"", "required_with=Names[-1]", "is no index"},
		{"", "required_with=Names[0", "name an element of it"},
		{"", "required_with=Names.Len", "name an element of it, as in Items[0]"},
		{"", "required_with=Pair[2]", "has no element 2"},
		{"", "required_with=By[a].Zip", ""},
		{"", "required_with=Odd[a]", "a params_test.sweet is no key that a rule can name"},
		{"", "required_with=Any.X", "nothing is known of what an any has"},
		{"", "required_with=Text.X", "a string has no fields"},
		{0, "eqfield=Text", "but Text is a string, which is not compared with an int: use fields of one type"},
		{int8(0), "gtfield=Small", ""},
		{0, "gtfield=Small", "use fields of one type"},
		{"", "eqfield=Ptr", ""},
		{"", "nefield=Text Num", "but struct"},
		{[]int{}, "gtefield=Names", "goes with numbers, texts and times only"},
		{[]int{}, "gtecsfield=Names", ""},
		{time.Time{}, "gtfield=When", ""},
		{time.Time{}, "gtfield=Ship", "use fields of one type"},
		{place{}, "eqfield=Ship", "goes with numbers, texts, bools, lists and times only"},
		{new(any), "eqfield=Text", ""},
		{"", "eqfield=Any", ""},
		{0, "fieldcontains=Text", "goes with texts only"},
		{"", "fieldcontains=Num", "use fields of one type"},
		{"", "fieldcontains=Ptr", "but Ptr is a *string: use a string"},
		{"", "fieldexcludes=Any", "but Any is an any: use a string"},
		{"", "fieldexcludes=Text", ""},
		{"", "required_with=Hid", "but Hid is left out of JSON, so it is never filled"},
		{"", "eqfield=Hid", "but Hid is left out of JSON"},
		{"", "required_with=Own.Hid", ""}, // it decodes itself
		{"", "required_with=Count[x]", `"x" is no key of a map[int8]int`},
		{"", "required_with=Count[300]", `"300" is no key of a map[int8]int`},
		{"", "required_with=Count[-3]", ""},
		{"", "required_with=Nats[-3]", `"-3" is no key of a map[uint]int`},
		{"", "postcode_iso3166_alpha2_field=Ptr", "but Ptr is a *string: use a string"},
		{"", "postcode_iso3166_alpha2_field=Text", ""},
		{"", "postcode_iso3166_alpha2_field=Text Ptr", "names several fields"},

		// unique.
		{[]int{}, "unique", ""},
		{[]*[]int{}, "unique", "but a []int can't be compared"},
		{[][]int{}, "unique", "but a []int can't be compared"},
		{[]any{}, "unique", ""},
		{[]sliceInside{}, "unique", "can't be compared"},
		{[]*sliceInside{}, "unique=Key", ""},
		{[]sliceInside{}, "unique=All", "can't be compared"},
		{[]sliceInside{}, "unique=Gone", "has no field Gone"},
		{[]int{}, "unique=Key", "but an int has no fields"},
		{map[string]int{}, "unique", ""},
		{map[string]int{}, "unique=X", "which looks at no field of a map's values"},
		{"", "unique", `which goes with lists, or else names another field: write "unique=Field", or use another rule`},
		{"", "unique=Text", ""},
		{"", "unique=Ptr", "but Ptr is a *string and not a string"},
		{"", "unique=Ship.Zip", "name one without a dot"},
		{[]struct{ K *string }{}, "unique", "but a struct { K *string } is compared by a pointer in it: name a field of it, or use a rule of your own"},
		{[]*struct{ K [1]time.Time }{}, "unique", "is compared by a pointer in it"},
		{map[string]struct{ K *string }{}, "unique", "is compared by a pointer in it"},
		{[]**int{}, "unique", "but a *int is compared by a pointer in it"},
		{[]time.Time{}, "unique", "but a time.Time is compared by a pointer in it"}, // to its location
		{[]struct{ K **string }{}, "unique=K", "but a *string is compared by a pointer in it: name another field"},
		{[]struct{ K *string }{}, "unique=K", ""},
		{[]struct{ K time.Time }{}, "unique=K", "but a time.Time is compared by a pointer in it"},
		{[]netip.Addr{}, "unique", ""},
		{[]place{}, "unique", ""},
		{time.Time{}, "unique=When", "not with time.Time: use a rule of your own"},
		{sweet(""), "unique=Text", "but Text is a string and not a params_test.sweet: use fields of one type, and no pointer"},
		{new(string), "unique=Text", ""},
		{place{}, "unique", "use a rule of your own"},
		{time.Time{}, "unique", "use a rule of your own"},
		{new(any), "unique=X", "whose field an any does not have"},
	} {
		if c.tag == "" {
			continue
		}
		typ := reflect.TypeOf(c.typ)
		if typ == reflect.TypeFor[*any]() {
			typ = typ.Elem()
		}
		_, err := compileTag(typ, c.tag, params.Options{})
		if c.want == "" {
			assert.NoError(t, err, "%s on %s", c.tag, typ)
			continue
		}
		if !assert.Error(t, err, "%s on %s", c.tag, typ) {
			continue
		}
		found := false
		for want := range strings.SplitSeq(c.want, "|") {
			found = found || strings.Contains(err.Error(), want)
		}
		_, text, _ := strings.Cut(err.Error(), ".A, which ")
		assert.True(t, found, "%s on %s: %s\nand not: %s", c.tag, typ, text, c.want)
	}
}

// A rule on an absent value is asked of it alone: what it lets pass has no more
// rules to keep.
func TestRulesBehindOnesOnAbsence(t *testing.T) {
	type box struct {
		W int `json:"w"`
		H int `json:"h"`
	}
	type input struct {
		Type string  `json:"type"`
		Qty  *int64  `json:"qty" validate:"required_if=Type special,gte=2"`
		Late *int64  `json:"late" validate:"gte=2,required_if=Type special"` // the order does not matter
		Deep **int   `json:"deep" validate:"required_with=Mail,max=5"`
		Mail *string `json:"mail" validate:"excluded_if=Type special,email"`
		Any  any     `json:"any" validate:"required_if=Type any,min=2"`
		Box  *box    `json:"box" validate:"required_if=Type box,square"`
		Size []int   `json:"size" validate:"required_if=Type size,omitempty,min=2"`
		Some *int    `json:"some" validate:"fixed,gte=2"`
	}
	v := params.NewValidator()
	require.NoError(t, v.RegisterValidation("square", func(fl validator.FieldLevel) bool {
		return fl.Field().FieldByName("W").Int() == fl.Field().FieldByName("H").Int()
	}))
	v.RegisterAlias("fixed", "required_if=Type fixed")
	o := params.Options{Validator: v}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"type":"normal"}`, []string{}},
		{`{"type":"normal","qty":null}`, []string{}},
		{`{"type":"special"}`, []string{"body #/qty required_if", "body #/late required_if"}},
		{`{"type":"special","qty":1,"late":1}`, []string{"body #/qty gte", "body #/late gte"}},
		{`{"type":"normal","qty":1}`, []string{"body #/qty gte"}},
		{`{"type":"special","qty":2,"late":2}`, []string{}},
		{`{"mail":"a@b.de"}`, []string{"body #/deep required_with"}},
		{`{"mail":"a","deep":6}`, []string{"body #/deep max", "body #/mail email"}},
		{`{"type":"any"}`, []string{"body #/any required_if"}},
		{`{"type":"any","any":null}`, []string{"body #/any required_if"}},
		{`{"any":1}`, []string{"body #/any min"}},
		{`{"type":"box"}`, []string{"body #/box required_if"}},
		{`{"type":"box","box":{"w":1}}`, []string{"body #/box square"}},
		{`{"type":"size","size":[]}`, []string{"body #/size min"}},
		{`{"type":"size"}`, []string{"body #/size required_if"}},
		{`{"type":"fixed"}`, []string{"body #/some fixed"}},
		{`{"some":1}`, []string{"body #/some gte"}},
	} {
		assert.Equal(t, c.want, faults[input](t, c.body, o), c.body)
	}

	type query struct {
		Kind string `query:"kind"`
		Qty  *int   `query:"qty" validate:"required_unless=Kind free,gte=2"`
	}
	accept[query](t, request{uri: "/?kind=free"})
	assert.Equal(t, []string{"query qty required_unless"}, brief(refuse[query](t, request{})))
	assert.Equal(t, []string{"query qty gte"}, brief(refuse[query](t, request{uri: "/?kind=free&qty=1"})))
}

// An alias is what its rules are.
func TestAliases(t *testing.T) {
	v := params.NewValidator()
	v.RegisterAlias("special", "required_if=Text special,gte=2")
	v.RegisterAlias("must", "required,min=1")
	v.RegisterAlias("round", "square")
	v.RegisterAlias("square", "round")
	v.RegisterAlias("small", "min=0,max=9")
	v.RegisterAlias("maybe", "omitempty,min=2")
	v.RegisterAlias("odd", "small,gone")
	v.RegisterAlias("needs", "required_with=Num")
	v.RegisterAlias("optneeds", "omitempty,required_with=Num")
	v.RegisterAlias("two", "min=0,max=9")
	v.RegisterAlias("one", "two")
	v.RegisterAlias("either", "hexcolor|rgb")
	v.RegisterAlias("names", "max=2,dive,required,min=2")
	v.RegisterAlias("shut", "-")
	o := params.Options{Validator: v}
	for _, c := range []struct {
		typ  any
		tag  string
		want string
	}{
		{new(int), "special", ""},
		{0, "special", ""},
		{false, "special", `has the alias "special", which has the rule "gte=2", which goes with`},
		{0, "must", ""},
		{"", "omitempty,needs", `has the rule "required_with=Num" behind omitempty`},
		{"", "optneeds", `has the rule "required_with=Num" behind omitempty`},
		{0, "one|eq=-3", `has "one" as an alternative, which is an alias of several rules: register a rule in its place`},
		{"", "either|len=3", ""},
		{0, "names", `has the rule dive, which goes with a slice`},
		{[]string{}, "names", ""},
		{[]place{}, "dive,shut", ""},
		{0, "min=3,two", ""},
		{0, "min=10,two", `has the rule "max=9", which no int keeps`},
		{0, "round", `which is made of aliases without an end: break the circle`},
		{0, "small=3", `an alias takes no value`},
		{0, "small|eq=20", `which is an alias of several rules: register a rule in its place`},
		{0, "maybe", ""},
		{0, "odd", `has the alias "odd", which has the rule "gone"`},
	} {
		_, err := compileTag(reflect.TypeOf(c.typ), c.tag, o)
		if c.want == "" {
			assert.NoError(t, err, c.tag)
		} else {
			assert.ErrorContains(t, err, c.want, c.tag)
		}
	}
	type input struct {
		A    int      `json:"a" validate:"maybe"`
		B    *int     `json:"b" validate:"small"`
		C    []string `json:"c" validate:"names"`
		D    string   `json:"d" validate:"omitempty,either|len=3"`
		E    *int     `json:"e" validate:"special"`
		F    place    `json:"f" validate:"opt,never"`
		G    []int    `json:"g" validate:"dive,max=5,one"`
		H    *string  `json:"h" validate:"omitempty,either"`
		Text string   `json:"text"`
	}
	v.RegisterAlias("opt", "omitempty")
	require.NoError(t, v.RegisterValidation("never", func(validator.FieldLevel) bool { return false }))
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"a":1}`, []string{"body #/a maybe", "body #/b small"}},
		{`{"a":0,"b":9}`, []string{}},
		{`{"b":1,"c":["ab",null]}`, []string{"body #/c/1 required"}},
		{`{"b":1,"c":["ab","c","de"],"d":"x"}`, []string{"body #/c names", "body #/c/1 names", "body #/d hexcolor|rgb|len"}},
		{`{"b":1,"text":"special"}`, []string{"body #/e special"}},
		{`{"b":1,"e":1}`, []string{"body #/e special"}},
		{`{"b":1,"f":{}}`, []string{}},
		{`{"b":1,"f":{"zip":"1"}}`, []string{"body #/f never"}},
		{`{"b":1,"g":[6,-1,0],"h":"x"}`, []string{"body #/g/0 max", "body #/g/1 two", "body #/h either"}},
	} {
		assert.Equal(t, c.want, faults[input](t, c.body, o), c.body)
	}
}

// A function registered for a type, or a method of it, says what is judged.
func TestRulesOnCustomTypes(t *testing.T) {
	v := params.NewValidator()
	v.RegisterCustomTypeFunc(func(field reflect.Value) any {
		if !field.FieldByName("Valid").Bool() {
			return nil
		}
		return field.FieldByName("String").Interface()
	}, nullText{})
	v.RegisterCustomTypeFunc(func(field reflect.Value) any { return field.Interface().(netip.Addr).String() }, netip.Addr{})
	v.RegisterCustomTypeFunc(func(field reflect.Value) any { return -field.Int() }, level(0))
	o := params.Options{Validator: v}
	type input struct {
		Mail  nullText   `json:"mail" validate:"omitempty,email"`
		Again nullText   `json:"again" validate:"omitempty,eqfield=Mail"`
		Addr  netip.Addr `json:"addr" validate:"ipv4"`
		Level level      `json:"level" validate:"max=-1"`
		Rank  rank       `json:"rank" validate:"oneof=low high"`
	}
	ok := `"addr":"127.0.0.1","level":1,"rank":2`
	assert.Empty(t, faults[input](t, `{`+ok+`}`, o))
	assert.Empty(t, faults[input](t, `{`+ok+`,"mail":"a@b.de","again":"a@b.de"}`, o))
	assert.Equal(t, []string{"body #/mail email", "body #/again eqfield", "body #/addr ipv4", "body #/level max", "body #/rank oneof"},
		faults[input](t, `{"mail":"a","again":"b","addr":"::1","level":-1,"rank":3}`, o))
	_, err := compileTag(reflect.TypeFor[nullText](), "port", o)
	assert.ErrorContains(t, err, `has the rule "port", which goes with integers, unsigned integers and uintptr only`)
	_, err = compileTag(reflect.TypeFor[rank](), "min=x", o)
	assert.ErrorContains(t, err, `has the rule "min=x", which needs an integer`)
}

type (
	nullText struct {
		String string
		Valid  bool
	}
	rank int
)

func (n *nullText) UnmarshalJSON(text []byte) error {
	n.Valid = true
	return json.Unmarshal(text, &n.String)
}

func (r rank) ValidatorValue() any { return [...]string{"none", "low", "high", "higher"}[r] }
