package params_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

// A colour reads itself, from a text and so from JSON too; its error has the
// value.
type colour string

func (c *colour) UnmarshalText(text []byte) error {
	if len(text) != 7 {
		return fmt.Errorf("secret %s", text)
	}
	*c = colour(text)
	return nil
}

// An amount reads JSON only.
type amount struct{ cents int }

func (*amount) UnmarshalJSON(text []byte) error { return errors.New("secret " + string(text)) }

type grade int

func TestTextsOfAService(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled()) // as a service makes it, without this package
	require.NoError(t, v.RegisterValidation("sku", func(validator.FieldLevel) bool { return false }))
	require.NoError(t, v.RegisterValidation("multipleof", func(validator.FieldLevel) bool { return false }))
	require.NoError(t, v.RegisterValidation("after", func(validator.FieldLevel) bool { return false }))
	v.RegisterAlias("nick", "min=3,max=20,alphanum")
	v.RegisterAlias("colour", "hexcolor|rgb")
	params.RegisterText(v, "sku", "must be a SKU of eight characters")
	params.RegisterText(v, "multipleof", "must be a multiple of {param}")
	params.RegisterText(v, "after", "must come after {field}")
	params.RegisterText(v, "nick", "must be a nickname of 3 to 20 letters and digits")
	params.RegisterText(v, "email", "muss eine E-Mail-Adresse sein")
	params.RegisterText(v, "max", "darf höchstens {param} sein")
	params.RegisterTypeText[colour](v, "must be a colour such as #ff8800")
	params.RegisterTypeText[amount](v, "must be an amount such as 10.00")
	params.RegisterTypeText[grade](v, "must be a grade from 1 to 5")
	params.RegisterTypeText[time.Time](v, "muss ein Zeitpunkt sein")

	type body struct {
		SKU    string             `json:"sku" validate:"sku"`
		Count  int                `json:"count" validate:"multipleof=5"`
		To     string             `json:"to" validate:"after=From"`
		From   string             `json:"the from"`
		Nick   string             `json:"nick" validate:"nick"`
		Nicks  []string           `json:"nicks" validate:"dive,nick"`
		Colour string             `json:"colour" validate:"colour"`
		Mail   string             `json:"mail" validate:"email"`
		Max    int                `json:"max" validate:"max=5"`
		Own    colour             `json:"own"`
		Amount *amount            `json:"amount"`
		Level  grade              `json:"grade"`
		Levels map[string][]grade `json:"levels"`
		At     time.Time          `json:"at"`
	}
	want := map[string]string{
		"sku": "must be a SKU of eight characters", "count": "must be a multiple of 5", "to": "must come after the from",
		"nick": "must be a nickname of 3 to 20 letters and digits", "nicks/0": "must be a nickname of 3 to 20 letters and digits",
		"colour": "must be a color such as #ff8800 or a color such as rgb(255,136,0)", "mail": "muss eine E-Mail-Adresse sein", "max": "darf höchstens 5 sein",
		"own": "must be a colour such as #ff8800", "amount": "must be an amount such as 10.00", "grade": "must be a grade from 1 to 5",
		"levels/a/0": "must be a grade from 1 to 5", "at": "muss ein Zeitpunkt sein",
	}
	told := func(err error) map[string]string {
		got := map[string]string{}
		for _, f := range asError(t, err).Faults {
			got[f.Name+strings.TrimPrefix(f.Pointer, "#/")] = f.Detail
		}
		return got
	}
	_, err := decode[body](t, request{body: `{"count":1,"max":6,"mail":"x","nick":"a","nicks":["a"],"own":"x","amount":1,"grade":"x","levels":{"a":["x"]},"at":"x"}`},
		params.Options{Validator: v})
	assert.Equal(t, want, told(err))

	type query struct {
		SKU    string    `query:"sku" validate:"sku"`
		Count  int       `query:"count" validate:"multipleof=5"`
		To     string    `query:"to" validate:"after=From"`
		From   string    `header:"X-From"`
		Nick   string    `query:"nick" validate:"nick"`
		Mail   string    `query:"mail" validate:"email"`
		Max    int       `query:"max" validate:"max=5"`
		Own    colour    `query:"own"`
		Level  *grade    `query:"grade"`
		Levels []grade   `query:"levels"`
		At     time.Time `query:"at"`
	}
	for _, name := range []string{"nicks/0", "colour", "amount", "levels/a/0"} {
		delete(want, name)
	}
	want["to"], want["levels"] = "must come after X-From", "must be a grade from 1 to 5"
	_, err = decode[query](t, request{uri: "/?sku=x&count=1&nick=a&mail=x&max=6&own=x&grade=x&levels=1&levels=x&at=x"}, params.Options{Validator: v})
	assert.Equal(t, want, told(err))

	assert.Equal(t, "must be an e-mail address", refuse[struct {
		Mail string `query:"mail" validate:"email"`
	}](t, request{}).Faults[0].Detail, "the texts of one validator are those of no other")
}

func TestMistakesInTexts(t *testing.T) {
	v := params.NewValidator()
	for want, mistake := range map[string]func(){
		`params: there is no rule "skuu" to give a text to: register it first, and name it without a parameter`: func() { params.RegisterText(v, "skuu", "x") },
		`params: there is no rule "" to give`:                                        func() { params.RegisterText(v, "", "x") },
		`params: there is no rule "dive" to give`:                                    func() { params.RegisterText(v, "dive", "x") },
		`params: there is no rule "min=3" to give`:                                   func() { params.RegisterText(v, "min=3", "x") },
		`params: the rule "required" has a text that can't be changed: leave it out`: func() { params.RegisterText(v, "required", "x") },
		`params: the text of the rule "min" is empty`:                                func() { params.RegisterText(v, "min", "") },
		`params: the text of the type params_test.colour is`:                         func() { params.RegisterTypeText[colour](v, "") },
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), want) }()
			mistake()
		}()
	}
}

// Zqx is a mark: what has it in its name in Go must not be told to a client.
type (
	ZqxText   string
	ZqxNumber int
	ZqxOwn    struct {
		ZqxInner int `json:"inner"`
	}
	ZqxJSON struct {
		ZqxInner int `json:"inner"`
	}
	ZqxGen[T any] struct{ t T }
)

func (*ZqxOwn) UnmarshalText([]byte) error    { return errors.New("Zqx") }
func (*ZqxJSON) UnmarshalJSON([]byte) error   { return errors.New("Zqx") }
func (*ZqxGen[T]) UnmarshalText([]byte) error { return errors.New("Zqx") }

// No client reads a name of Go's, whatever the rule and the type, nor that a rule
// of the validator's has no words.
func TestNoNameOfGoIsTold(t *testing.T) {
	ruleNames := builtinRules(t)
	require.Greater(t, len(ruleNames), 170)
	fieldRules := regexp.MustCompile(`field|^(required|excluded)_|^skip_unless`)
	types := []reflect.Type{
		reflect.TypeFor[ZqxText](), reflect.TypeFor[ZqxNumber](), reflect.TypeFor[[]ZqxText](), reflect.TypeFor[ZqxOwn](), reflect.TypeFor[any](),
		// Only with rules that refer to other fields, whose words depend on the type:
		reflect.TypeFor[string](), reflect.TypeFor[uint8](), reflect.TypeFor[float32](), reflect.TypeFor[bool](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[time.Duration](), reflect.TypeFor[map[string]ZqxNumber](), reflect.TypeFor[*ZqxText](), reflect.TypeFor[*ZqxNumber](),
		reflect.TypeFor[ZqxJSON](), reflect.TypeFor[ZqxGen[ZqxOwn]](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[url.URL](), reflect.TypeFor[json.Number](),
	}
	told, v := 0, params.NewValidator()
	for i, of := range types {
		for _, rule := range ruleNames {
			if i >= 5 && !fieldRules.MatchString(rule) {
				continue
			}
			variants := []string{"", "|len=77", "=3", "=a b"}
			if fieldRules.MatchString(rule) {
				variants = []string{"=ZqxOther", "=ZqxOther|len=77", "=ZqxOther 1", "=ZqxOther.ZqxInner"}
			}
			if rule == "len" {
				variants = variants[2:] // it needs a number
			}
			for _, variant := range variants {
				told += tellNoNames(t, v, of, rule+variant)
			}
		}
	}
	assert.Greater(t, told, 5000)
}

// tellNoNames compiles a rule on a type, as a body and as a parameter, sends it
// what may be wrong, and looks at what is told. It returns the number of faults.
func tellNoNames(t *testing.T, v *validator.Validate, of reflect.Type, tag string) (told int) {
	t.Helper()
	for _, source := range []string{"json", "query"} {
		tags := func(name string) reflect.StructTag {
			return reflect.StructTag(source + ":" + strconv.Quote(name))
		}
		fields := []reflect.StructField{
			{Name: "ZqxField", Type: of, Tag: tags("field") + reflect.StructTag(` validate:`+strconv.Quote(tag))},
			{Name: "ZqxOther", Type: of, Tag: tags("other")},
		}
		input := reflect.StructOf(fields)
		plan, err := params.Compile(input, params.Options{Validator: v})
		if err != nil {
			continue // a rule that does not go with the type
		}
		for _, value := range []string{`null`, `"x"`, `1`, `-1`, `["a","a"]`, `{"k":1}`, `true`, `"2026-01-02T15:04:05Z"`} {
			for _, other := range []string{`null`, value} {
				r := request{body: `{"field":` + value + `,"other":` + other + `}`}
				if source == "query" {
					r = request{uri: "/?field=" + url.QueryEscape(strings.Trim(value, `"`))}
				}
				var invalid *params.Error
				if !errors.As(decodeSafely(plan, r, input), &invalid) {
					continue
				}
				for _, f := range invalid.Faults {
					told++
					text := fmt.Sprintf("%+v", f)
					require.NotContains(t, text, "Zqx", "%s %s %s", of, tag, value)
					require.NotContains(t, text, "params_test", "%s %s %s", of, tag, value)
					require.NotContains(t, f.Detail, "does not satisfy", "%s %s %s", of, tag, value)
				}
			}
		}
	}
	return told
}

// decodeSafely decodes a request; a rule that panics is another test's to find.
func decodeSafely(plan *params.Plan, r request, input reflect.Type) (err error) {
	defer func() { _ = recover() }()
	return plan.Decode(r.ctx(), reflect.New(input).Interface())
}

// builtinRules returns the names of the validator's own rules and aliases.
func builtinRules(t *testing.T) (all []string) {
	t.Helper()
	v := reflect.ValueOf(params.NewValidator()).Elem()
	for _, field := range []string{"validations", "aliases"} {
		for _, name := range v.FieldByName(field).MapKeys() {
			all = append(all, name.String())
		}
	}
	return all
}
