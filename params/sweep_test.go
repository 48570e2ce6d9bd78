package params

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/jsonread"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// shippedRules returns the rules and aliases that ship with the validator, from the
// validator itself, so that none is forgotten.
func shippedRules(t testing.TB) (names []string) {
	t.Helper()
	v := reflect.ValueOf(NewValidator()).Elem()
	for _, field := range []string{"validations", "aliases"} {
		for _, key := range v.FieldByName(field).MapKeys() {
			names = append(names, key.String())
		}
	}
	require.Greater(t, len(names), 170)
	slices.Sort(names)
	return names
}

// sweepArguments are what the rules of the sweep take, each in ways that are right
// for some types and wrong for others.
var sweepArguments = map[string][]string{
	"len": {"1", "x"}, "min": {"1", "1.5", "1s"}, "max": {"1", "-1"}, "gt": {"", "0"}, "gte": {"", "1"}, "lt": {"", "5"}, "lte": {"", "5", "300"},
	"eq": {"1", "true", "x"}, "ne": {"1", "false"}, "eq_ignore_case": {"x"}, "ne_ignore_case": {"x"},
	"oneof": {"1 2", "a 'b c'"}, "noneof": {"1 2", "a"}, "oneofci": {"a b"}, "noneofci": {"a b"},
	"contains": {"a"}, "containsany": {"ab"}, "containsrune": {"a"}, "excludes": {"a"}, "excludesall": {"ab"}, "excludesrune": {"a"},
	"startswith": {"a"}, "endswith": {"a"}, "startsnotwith": {"a"}, "endsnotwith": {"a"},
	"datetime": {"2006-01-02", "YYYY"}, "postcode_iso3166_alpha2": {"DE"}, "mimetype": {"image/*"}, "spicedb": {"id", "other"},
	"unique": {"", "S", "V"}, "validateFn": {"", "String"},
	"required_if": {"S x", "N 1", "N x", "N nil", "S"}, "required_unless": {"S x", "N x"}, "skip_unless": {"S x", "N x"},
	"excluded_if": {"S x", "N nil"}, "excluded_unless": {"S x", "N x"},
	"required_with": {"N", "Gone"}, "required_with_all": {"S N"}, "required_without": {"N"}, "required_without_all": {"S N"},
	"excluded_with": {"N"}, "excluded_with_all": {"S N"}, "excluded_without": {"N"}, "excluded_without_all": {"S N"},
	"eqfield": {"S", "N"}, "nefield": {"S", "N"}, "gtfield": {"S", "N"}, "gtefield": {"S", "N"}, "ltfield": {"S", "N"}, "ltefield": {"S", "N"},
	"eqcsfield": {"S", "N"}, "necsfield": {"S", "N"}, "gtcsfield": {"S", "N"}, "gtecsfield": {"S", "N"}, "ltcsfield": {"S", "N"}, "ltecsfield": {"S", "N"},
	"fieldcontains": {"S"}, "fieldexcludes": {"S"}, "postcode_iso3166_alpha2_field": {"S", "P"},
}

// sweepPrefixes are what stands in front of a rule.
var sweepPrefixes = []string{
	"", "required", "omitempty", "omitnil", "omitzero", "isdefault",
	"required_if=S x", "required_unless=S x", "skip_unless=S x", "required_with=N", "required_with_all=S N", "required_without=N", "required_without_all=S N",
	"excluded_if=S x", "excluded_unless=S x", "excluded_with=N", "excluded_with_all=S N", "excluded_without=N", "excluded_without_all=S N",
}

type (
	sweptText  string
	sweptNames []string
	sweptPair  struct {
		V int    `json:"v"`
		W string `json:"w"`
	}
	sweptTree []sweptTree
	sweptSelf struct{ V int } // decodes itself
)

func (s *sweptSelf) UnmarshalJSON(text []byte) error {
	s.V = len(text)
	return nil
}

// sweepTypes are the types of the sweep, each with texts that it takes.
var sweepTypes = []struct {
	typ    any
	values []string
}{
	{"", []string{`""`, `"x"`, `"äöü\u0000"`}},
	{new(string), []string{`""`, `"2"`}},
	{new(*string), []string{`"x"`}},
	{sweptText(""), []string{`"a"`}},
	{new(sweptText), []string{`"a"`}},
	{0, []string{"0", "1"}},
	{new(int), []string{"0", "-7"}},
	{int8(0), []string{"127"}},
	{int16(0), []string{"5"}},
	{int32(0), []string{"-5"}},
	{int64(0), []string{"9223372036854775807"}},
	{new(int64), []string{"0", "2"}},
	{uint(0), []string{"0", "2"}},
	{uint8(0), []string{"255"}},
	{new(uint16), []string{"0", "3"}},
	{uint32(0), []string{"3"}},
	{uint64(0), []string{"18446744073709551615"}},
	{float32(0), []string{"0", "1.5"}},
	{0.0, []string{"-1e300", "1"}},
	{new(float64), []string{"0", "1.5"}},
	{false, []string{"true", "false"}},
	{new(bool), []string{"true", "false"}},
	{[]string(nil), []string{"[]", `["a","a"]`, `[""]`}},
	{new([]string), []string{"[]", `["a"]`}},
	{sweptNames(nil), []string{`["a","b"]`}},
	{[]int(nil), []string{"[0]", "[1,2,1]"}},
	{[]*int(nil), []string{"[0,null]", "[1,1]"}},
	{[][]int(nil), []string{"[[1],[1]]"}},
	{[]sweptPair(nil), []string{`[{"v":1},{"v":1}]`, "[]"}},
	{[]*sweptPair(nil), []string{`[{"v":1},null]`}},
	{[]any(nil), []string{`[1,"1",[],[]]`}},
	{[]byte(nil), []string{`"YQ=="`}},
	{json.RawMessage(nil), []string{`{"x":1}`, `null`}},
	{json.Number(""), []string{"1", "-2.5"}},
	{[2]int{}, []string{"[1,1]"}},
	{map[string]int(nil), []string{"{}", `{"a":1,"b":1}`}},
	{map[int][]string(nil), []string{`{"1":["a"]}`}},
	{map[string]any(nil), []string{`{"a":{},"b":[]}`}},
	{time.Time{}, []string{`"2026-01-02T15:04:05Z"`, `"9999-01-02T15:04:05Z"`}},
	{&time.Time{}, []string{`"2026-01-02T15:04:05Z"`}},
	{time.Duration(0), []string{"0", "1000000000"}},
	{sweptPair{}, []string{"{}", `{"v":1}`}},
	{&sweptPair{}, []string{"{}", `{"v":1,"w":"x"}`}},
	{sweptSelf{}, []string{`"1 x"`}},
	{&sweptSelf{}, []string{`"1 x"`}},
	{netip.Addr{}, []string{`"127.0.0.1"`, `""`}},
	{new(any), []string{"1", `"x"`, "[]", "{}", "true", "[[]]"}},
	{sweptTree(nil), []string{"[[],[[]]]"}},
}

func sweepType(sample any) reflect.Type {
	if t := reflect.TypeOf(sample); t != reflect.TypeFor[*any]() {
		return t
	}
	return reflect.TypeFor[any]()
}

// A sweeper compiles tags for one type, and decodes bodies by them.
type sweeper struct {
	typ    reflect.Type
	parent reflect.Type // a struct that has it, and other fields
	bodies []*fasthttp.RequestCtx
	texts  []string
	rules  *rules.Compiler // for tags that are refused
	judges *validator.Validate
}

func newSweeper(typ reflect.Type, bodies []string, others ...reflect.StructField) *sweeper {
	s := &sweeper{typ: typ, texts: bodies}
	s.parent = reflect.StructOf(append([]reflect.StructField{{Name: "A", Type: typ, Tag: `json:"a"`}}, others...))
	for _, body := range bodies {
		ctx := &fasthttp.RequestCtx{}
		ctx.Request.Header.SetContentType("application/json")
		ctx.Request.SetBodyString(body)
		s.bodies = append(s.bodies, ctx)
	}
	return s
}

// sweep reports whether a tag registers, and fails if it does and yet a body leads
// to a panic.
func (s *sweeper) sweep(t *testing.T, v *validator.Validate, tag string) bool {
	if s.judges != v {
		s.judges, s.rules = v, rules.NewCompiler(v)
	}
	if _, err := s.rules.Compile(tag, s.typ, s.parent); err != nil {
		text := err.Error()
		if !strings.HasPrefix(text, "has ") || !strings.Contains(text, ": ") || strings.Contains(text, "can't be used") {
			require.Fail(t, "the text of a refused rule has no remedy", "%s on %s: %s", tag, s.typ, text)
		}
		return false
	}
	compiler := rules.NewCompiler(v)
	c := schema.NewCompiler(compiler)
	root, err := c.Of(s.parent)
	if err != nil {
		require.NoError(t, err)
	}
	root.Exact("a").Rules, err = compiler.Compile(tag, s.typ, s.parent)
	if err != nil {
		require.NoError(t, err)
	}
	c.Finish()
	plan := &Plan{input: s.parent, pointerType: reflect.PointerTo(s.parent), body: &body{root: root, reader: jsonread.New(root)}}
	plan.body.precheck = schema.BodyPrecheck(root, nil)
	for i, ctx := range s.bodies {
		in := reflect.New(s.parent)
		func() {
			defer func() {
				if cause := recover(); cause != nil {
					require.Fail(t, "panic", "%s on %s: %s: %v", tag, s.typ, s.texts[i], cause)
				}
			}()
			err = plan.Decode(ctx, in.Interface())
		}()
		if err == nil {
			continue
		}
		invalid, ok := errors.AsType[*Error](err)
		if !ok || invalid.Status != fasthttp.StatusUnprocessableEntity {
			require.Fail(t, "not 422", "%s on %s: %s: %v", tag, s.typ, s.texts[i], err)
		}
		for _, f := range invalid.Faults {
			// This is what a panic of the validator becomes in the end. An any
			// is what the client makes of it.
			if strings.HasSuffix(f.Detail, "must be of a type that its rules go with") && !kind.HoldsInterface(s.typ) {
				require.Fail(t, "the validator panicked", "%s on %s: %s", tag, s.typ, s.texts[i])
			}
		}
	}
	return true
}

// Each rule that ships with the validator, behind each rule that may make it
// conditional, on each type, is refused at registration or judges whatever a client
// sends.
func TestNoShippedRuleEverPanics(t *testing.T) {
	rules, prefixes := shippedRules(t), sweepPrefixes
	if testing.Short() || raceEnabled {
		prefixes = []string{"", "omitempty", "required_if=S x", "excluded_with=N"}
	}
	var refused, judged atomic.Int64
	t.Run("types", func(t *testing.T) {
		for _, kind := range sweepTypes {
			t.Run(sweepType(kind.typ).String(), func(t *testing.T) {
				t.Parallel()
				s := newSweeper(sweepType(kind.typ), sweepBodies(kind.values),
					reflect.StructField{Name: "S", Type: reflect.TypeFor[string](), Tag: `json:"s"`},
					reflect.StructField{Name: "N", Type: reflect.TypeFor[*int](), Tag: `json:"n"`},
					reflect.StructField{Name: "P", Type: reflect.TypeFor[*string](), Tag: `json:"p"`},
				)
				no, yes := s.sweepAll(t, rules, prefixes)
				refused.Add(no)
				judged.Add(yes)
			})
		}
	})
	t.Log(refused.Load(), "were refused,", judged.Load(), "judged")
	assert.Greater(t, refused.Load(), int64(10*len(rules)))
	assert.Greater(t, judged.Load(), int64(10*len(rules)))
}

// sweepAll sweeps each rule with each of its arguments behind each prefix.
func (s *sweeper) sweepAll(t *testing.T, rules, prefixes []string) (refused, judged int64) {
	alone := make(map[string]bool) // the rules that are refused without a prefix, too
	for _, prefix := range prefixes {
		v := NewValidator() // whose cache copies itself with each new tag
		for _, name := range rules {
			arguments := sweepArguments[name]
			if arguments == nil {
				arguments = []string{""}
			}
			for _, argument := range arguments {
				rule := strings.TrimSuffix(name+"="+argument, "=")
				if alone[rule] && prefix != "omitempty" {
					continue
				}
				if s.sweep(t, v, strings.TrimPrefix(prefix+","+rule, ",")) {
					if alone[rule] {
						require.Fail(t, "a rule is refused without a prefix only", "%s behind %s on %s", rule, prefix, s.typ)
					}
					judged++
					continue
				}
				refused++
				alone[rule] = alone[rule] || prefix == ""
			}
		}
	}
	return refused, judged
}

func sweepBodies(values []string) (bodies []string) {
	for i, a := range append([]string{"", `"a":null`}, prefixed(`"a":`, values)...) {
		for j, others := range []string{"", `"s":"x","n":1,"p":"DE"`, `"s":"y","n":0`} {
			if i < 4 || j > 0 {
				bodies = append(bodies, "{"+strings.Trim(a+","+others, ",")+"}")
			}
		}
	}
	return bodies
}

func prefixed(prefix string, texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, prefix+text)
	}
	return all
}

// The same for each rule that names other fields, on each type, with each type of
// the other field.
func TestNoRuleOnOtherFieldsEverPanics(t *testing.T) {
	own := []struct {
		typ   any
		value string
	}{
		{0, "1"},
		{new(int), "1"},
		{"", `"1"`},
		{new(string), `""`},
		{time.Time{}, `"2026-01-02T15:04:05Z"`},
		{[]int(nil), "[]"},
		{sweptPair{}, "{}"},
		{new(any), `"x"`},
	}
	judged, refused := 0, 0
	for nth, other := range sweepTypes {
		for i, own := range own {
			if (testing.Short() || raceEnabled) && (nth+i)%4 != 0 {
				continue
			}
			bodies := []string{"{}", `{"a":` + own.value + "}"}
			for _, value := range append(slices.Clone(other.values), "null") {
				bodies = append(bodies, `{"o":`+value+"}", `{"a":`+own.value+`,"o":`+value+"}")
			}
			s := newSweeper(sweepType(own.typ), bodies, reflect.StructField{Name: "O", Type: sweepType(other.typ), Tag: `json:"o"`})
			v := NewValidator()
			for _, name := range shippedRules(t) {
				for _, argument := range fieldArguments(name) {
					if s.sweep(t, v, name+"="+argument) {
						judged++
					} else {
						refused++
					}
				}
			}
		}
	}
	t.Log(refused, "were refused,", judged, "judged")
	assert.Greater(t, judged, 1000)
}

func fieldArguments(rule string) []string {
	arguments := sweepArguments[rule]
	names := func(argument string) bool { return slices.Contains(arguments, argument) }
	switch {
	case names("S x"):
		return []string{"O x", "O 1", "O nil", "O true", "O 1.5", "O 300", "O -1", "O '1'"}
	case names("S"), names("N"), names("S N"):
		return []string{"O", "O.V", "O[0]", "O[7].V", "O[a]", "O[", "O.", "O[-1]", "o", "O O"}
	default:
		return nil
	}
}
