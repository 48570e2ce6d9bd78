package rules

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params/internal/memory"
)

func newValidator() *validator.Validate {
	return validator.New(validator.WithRequiredStructEnabled())
}

// shippedRules returns the rules and aliases that ship with the validator, from the
// validator itself, so that none is forgotten.
func shippedRules(t testing.TB) (names []string) {
	t.Helper()
	v := reflect.ValueOf(newValidator()).Elem()
	for _, field := range []string{"validations", "aliases"} {
		for _, key := range v.FieldByName(field).MapKeys() {
			names = append(names, key.String())
		}
	}
	require.Greater(t, len(names), 170)
	slices.Sort(names)
	return names
}

func TestCatalogHasAllShippedRules(t *testing.T) {
	v := newValidator()
	for _, name := range shippedRules(t) {
		if _, isAlias := aliasOf(v, name); !isAlias {
			assert.Contains(t, catalog, name, "say in the catalog what it goes with")
			assert.True(t, isKnown(v, name), name)
			assert.Equal(t, catalog[name].absence, judgesNil(v, name), name)
		}
	}
	for name := range catalog {
		assert.True(t, isKnown(v, name), name)
	}
	tag, ok := aliasOf(v, "iscolor")
	assert.True(t, ok)
	assert.Equal(t, "hexcolor|rgb|rgba|hsl|hsla|cmyk", tag)
	assert.False(t, isKnown(v, "gone"))
	assert.False(t, judgesNil(v, "gone"))
}

// catalogSamples are values of each kind.
var catalogSamples = map[kinds][]any{
	texts:     {"", "a", "1", "true", "x y"},
	integers:  {0, 1, 840, 978, -90, 18, 1000},
	naturals:  {uint(0), uint(1), uint(840), uint(978), uint(18)},
	addresses: {uintptr(0), uintptr(1), uintptr(840)},
	floats:    {0.0, 1.0, 180.5},
	bools:     {false, true},
	lists:     {[]int(nil), []int{}, []int{1}, []int{1, 1}, [1]int{1}, map[string]int{"a": 1}},
	byteLists: {[]byte(nil), []byte("1"), []byte("x")},
	times:     {time.Time{}, time.Unix(1e9, 0), time.Unix(1e11, 0)},
	stringers: {uuidLike(0), uuidLike(1), uuidLike(2)},
}

// A uuidLike has the text of a UUID, of a ULID, or of neither.
type uuidLike int16

func (u uuidLike) String() string {
	return [...]string{"123e4567-e89b-12d3-a456-426614174000", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "no"}[u]
}

// What the catalog says a rule does not go with, the validator panics on, or has
// one verdict for; what it says a rule goes with, the validator judges.
func TestCatalogAgainstTheValidator(t *testing.T) {
	v := newValidator()
	judge := func(rule string, value any) (verdict string) {
		defer func() {
			if recover() != nil {
				verdict = "panic"
			}
		}()
		if v.Var(value, rule) != nil {
			return "refused"
		}
		return "accepted"
	}
	for name, d := range catalog {
		switch d.argument {
		case aField, someFields, fieldsAndValues, maybeField, maybeMethod:
			continue // these are swept with fields of all types
		}
		for kind, samples := range catalogSamples {
			argument := map[argument]string{aBound: "1", aValue: "1", aText: "1", someText: "a", someChoices: "1", aLayout: "2006", aCountry: "DE", aMediaType: "image/png"}[d.argument]
			rule := name
			if argument != "" && kind != times {
				rule += "=" + argument
			}
			verdicts := make(map[string]bool)
			for _, sample := range samples {
				verdicts[judge(rule, sample)] = true
			}
			goesWith := d.kinds&kind != 0 || kind == byteLists && d.kinds&lists != 0 || kind == stringers && d.kinds&integers != 0
			if kind&(lists|byteLists) != 0 && (name == "multibyte" || name == "html") {
				continue // they judge the text "<[]int Value>", and one by its length
			}
			if goesWith {
				assert.False(t, verdicts["panic"], "%s on %s", rule, kind)
			} else {
				assert.True(t, verdicts["panic"] || len(verdicts) == 1, "%s on %s: %v", rule, kind, verdicts)
			}
		}
	}
}

// anyArguments are what rules take.
var anyArguments = map[argument][]string{
	noArgument: {""}, aBound: {"", "1", "1.5", "1s", "-1", "0", "5", "300", "x"}, aValue: {"1", "true", "false", "x"}, aText: {"x"}, someText: {"a", "ab"},
	someChoices: {"1 2", "a 'b c'", "a", "a b"}, aLayout: {"2006-01-02"}, aCountry: {"DE"}, aMediaType: {"image/*"}, aSpiceDB: {"", "id"},
	aField: {"S", "N"}, someFields: {"S", "N", "S N"}, fieldsAndValues: {"S x", "N 1"}, maybeField: {"", "S"}, maybeMethod: {"", "String"},
}

// Of what an any holds, a rule judges only what it goes with: a number it would take
// for the text "<float64 Value>", which contains an a and is taken for HTML.
func TestRulesOnAnAnyJudgeTheirKinds(t *testing.T) {
	type input struct {
		A any
		L []any
		S string
		N int
	}
	values := map[kinds][]any{texts: {"x"}, floats: {5.0}, bools: {true}, lists: {[]any{}, []any{"@"}, map[string]any{}}}
	refused := 0
	for name, d := range catalog {
		for _, argument := range anyArguments[d.argument] {
			rule := strings.TrimSuffix(name+"="+argument, "=")
			for _, tag := range []string{rule, "omitempty," + rule, "dive," + rule} {
				typ := reflect.TypeFor[any]()
				if strings.HasPrefix(tag, "dive") {
					typ = reflect.TypeFor[[]any]()
				}
				r, err := NewCompiler(newValidator()).Compile(tag, typ, reflect.TypeFor[input]())
				if err != nil {
					continue
				}
				if r.Dive != nil {
					r = r.Dive
				}
				for kind, all := range values {
					if d.kinds&kind != 0 {
						continue
					}
					for _, value := range all {
						in := input{A: value}
						p := memory.Of(reflect.ValueOf(&in))
						require.False(t, r.Skips(p), tag)
						broken := r.Judge(reflect.TypeFor[any](), p, p)
						require.NotNil(t, broken, "%s accepts %v", tag, value)
						require.Equal(t, CodeType, broken.Code, "%s of %v", tag, value)
						refused++
					}
				}
			}
		}
	}
	assert.Greater(t, refused, 1000)

	// Alternatives would each judge what the others go with.
	c := NewCompiler(newValidator())
	_, err := c.Compile("html|gt=5", reflect.TypeFor[any](), nil)
	assert.EqualError(t, err, `has the rule "html|gt=5" on an any, whose alternatives go with different values: use a type of its own`)
	_, err = c.Compile("html|alpha", reflect.TypeFor[any](), nil)
	assert.NoError(t, err)
}

// The validator's own source says of which countries it knows postcodes.
func TestCountriesWithoutPostcodes(t *testing.T) {
	source, _ := runtime.FuncForPC(reflect.ValueOf(validator.New).Pointer()).FileLine(reflect.ValueOf(validator.New).Pointer())
	text, err := os.ReadFile(filepath.Join(filepath.Dir(source), "postcode_regexes.go"))
	if err != nil {
		t.Skip("the validator's source is not here, as it is where go test has compiled it without -trimpath: ", err)
	}
	v, without := newValidator(), 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if v.Var(code, "iso3166_1_alpha2") != nil {
				continue
			}
			known := strings.Contains(string(text), `"`+code+`": `)
			assert.Equal(t, !known, strings.Contains(withoutPostcodes, code), code)
			if !known {
				without++
			}
		}
	}
	assert.Len(t, strings.Fields(withoutPostcodes), without)
}

// Arguments are split as the validator splits the choices of oneof.
func TestSplitArgument(t *testing.T) {
	for _, text := range []string{"", " ", "a", "a b", " a  b ", "'a b' c", "'a b", "a'b c'd", "''", "a ''", "'a'b", "a\tb\nc", "'x' 'y z'", "äö 'ü ß'"} {
		want, got := map[string]bool{}, splitArgument(text)
		for _, part := range got {
			want[part] = true
		}
		for _, probe := range append(got, "a", "b", "a b", "", "a'b", "c'd", "ab", "äö", "ü ß", "x", "y z", "c", "'a", "'") {
			holds := newValidator().Var(probe, "oneof="+text) == nil
			assert.Equal(t, holds, want[probe], "%q in %q", probe, text)
		}
	}
}

// The names that are read from the validator may be gone in a later version: then
// all rules are known, and an alias is a rule.
func TestValidatorWithoutTheFields(t *testing.T) {
	assert.False(t, entryOf(newValidator(), "gone", "email").IsValid())
	assert.False(t, entryOf(newValidator(), "tagName", "email").IsValid())
	assert.False(t, judgesNil(newValidator(), "email"))
}

type (
	judgedText string
	judgedPair struct{ V int }
	judgedTree []judgedTree
	judgedSelf struct{ V int } // decodes itself
)

func (s *judgedSelf) UnmarshalJSON([]byte) error { return nil }

func TestJudgedAs(t *testing.T) {
	v := newValidator()
	v.RegisterCustomTypeFunc(func(reflect.Value) any { panic("no") }, judgedPair{})
	v.RegisterCustomTypeFunc(func(reflect.Value) any { return nil }, judgedSelf{})
	v.RegisterCustomTypeFunc(func(f reflect.Value) any { return f.String() }, judgedText(""))
	for _, c := range []struct {
		of   reflect.Type
		want judgedType
	}{
		{reflect.TypeFor[**int](), judgedType{reflect.TypeFor[int](), true, false}},
		{reflect.TypeFor[any](), judgedType{reflect.TypeFor[any](), true, false}},
		{reflect.TypeFor[judgedTree](), judgedType{reflect.TypeFor[judgedTree](), true, false}},
		{reflect.TypeFor[*judgedText](), judgedType{reflect.TypeFor[string](), true, false}},
		{reflect.TypeFor[judgedPair](), judgedType{reflect.TypeFor[judgedPair](), false, true}},
		{reflect.TypeFor[*judgedSelf](), judgedType{reflect.TypeFor[judgedSelf](), false, true}},
		{reflect.TypeFor[time.Time](), judgedType{reflect.TypeFor[time.Time](), true, false}},
	} {
		assert.Equal(t, c.want, judgedAs(v, c.of), c.of.String())
	}
}

// The text of a rule that ships with the validator goes on when the validator
// panics, that of the user's own does not: the log has to tell of it.
func TestPanicsOfRules(t *testing.T) {
	v := newValidator()
	require.NoError(t, v.RegisterValidation("explosive", func(fl validator.FieldLevel) bool {
		if fl.Field().Int() == 7 {
			panic("boom")
		}
		return true
	}))
	c := NewCompiler(v)
	r, err := c.Compile("explosive", reflect.TypeFor[int](), nil)
	require.NoError(t, err)
	value := reflect.New(reflect.TypeFor[int]())
	value.Elem().SetInt(7)
	assert.PanicsWithValue(t, "boom", func() { r.Judge(reflect.TypeFor[int](), memory.Of(value), memory.Pointer{}) })

	j := judged{validate: v, tag: "min=x", shipped: true} // which is never compiled
	broken := j.byValidator(reflect.TypeFor[int](), memory.Of(value), memory.Pointer{})
	assert.Equal(t, Mistyped(reflect.TypeFor[int](), panicDetail), broken)
}

func TestKindsInWords(t *testing.T) {
	assert.Equal(t, "texts", texts.String())
	assert.Equal(t, "numbers, texts and bools", (numbers | texts | bools).String())
	assert.Empty(t, strings.TrimSpace(kinds(0).String()))
}
