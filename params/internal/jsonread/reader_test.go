package jsonread

import (
	stdjson "encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// What a reader reads, encoding/json decodes to the same value; and a body that
// passes the readers without a doubt keeps its rules. Over generated types, and
// bodies that are made for them, some of which are then damaged.
func TestReaderKnowsNoMoreThanTheCodec(t *testing.T) {
	const types, bodies = 300, 100
	read := 0
	for seed := range uint64(types) {
		g := newGenerator(seed)
		plan := g.plan(t)
		for range bodies {
			if checkReader(t, plan, g.body(plan.input)) {
				read++
			}
		}
	}
	// Or else it would be the codec that is tested here.
	assert.Greater(t, read, types*bodies/5, "so many bodies were read")
}

func FuzzReader(f *testing.F) {
	for seed := range uint64(20) {
		g := newGenerator(seed)
		f.Add(seed, g.body(g.structType(3)))
	}
	f.Fuzz(func(t *testing.T, seed uint64, body []byte) {
		checkReader(t, newGenerator(seed).plan(t), body)
	})
}

// checkReader reports whether a body was read at all.
func checkReader(t *testing.T, plan plan, text []byte) bool {
	t.Helper()
	input := plan.input
	trimmed := []byte(strings.Trim(string(text), " \t\r\n"))
	got := reflect.New(input)
	doubtful, ok := plan.reader.Read(trimmed, memory.Of(got))
	if !ok {
		return false
	}
	want := reflect.New(input)
	require.NoError(t, stdjson.Unmarshal(trimmed, want.Interface()), "%s\n%v", text, input)
	require.Equal(t, want.Interface(), got.Interface(), "%s\n%v", text, input)
	if !doubtful && (plan.precheck == nil || plan.precheck(memory.Of(got), memory.Pointer{})) {
		faults := schema.CheckBody(0, plan.schema, rules.Required(input), memory.Of(got), string(trimmed), nil)
		require.Empty(t, faults, "%s\n%v", text, input)
	}
	return true
}

// A generator makes types and bodies for them.
type generator struct {
	*rand.Rand

	defaults bool // make members with defaults, and bodies without a key that comes twice
}

func newGenerator(seed uint64) generator {
	return generator{Rand: rand.New(rand.NewPCG(seed, 0))}
}

// plan returns the plan of a generated type.
func (g generator) plan(t *testing.T) plan {
	t.Helper()
	return planOf(t, g.structType(3))
}

// A plan is what reads and judges bodies of a type.
type plan struct {
	input    reflect.Type
	schema   *schema.Schema
	precheck schema.Precheck
	reader   *Reader
}

func planOf(t *testing.T, input reflect.Type) plan {
	t.Helper()
	schemas := schema.NewCompiler(rules.NewCompiler(validator.New(validator.WithRequiredStructEnabled())))
	root, err := schemas.Of(input)
	require.NoError(t, err, "%v", input)
	schemas.Finish()
	return plan{input, root, schema.BodyPrecheck(root, nil), New(root)}
}

func pick[T any](g generator, all ...T) T { return all[g.IntN(len(all))] }

func (g generator) one(in int) bool { return g.IntN(in) == 0 }

var memberNames = []string{"a", "b", "sku", "qty", "email_address", "ID", "id", "größe", "a name that is longer than eight bytes", "a.b", "x/y"}

// structType returns a struct of up to eight members.
func (g generator) structType(depth int) reflect.Type {
	var fields []reflect.StructField
	names := g.Perm(len(memberNames)) // none twice
	for i := range 1 + g.IntN(8) {
		t := g.valueType(depth - 1)
		tag := ""
		if !g.one(6) {
			tag = memberNames[names[i]]
		}
		option := pick(g, "", "", "", ",omitempty", ",string")
		if option == ",string" && kind.DecodesItself(kind.Deref(t)) {
			option = "" // encoding/json fails then, the codec does not
		}
		tag = fmt.Sprintf(`json:"%s%s"`, tag, option)
		if rules := g.rules(t); rules != "" {
			tag += fmt.Sprintf(` validate:"%s"`, rules)
		}
		tag += g.defaultTag(t, tag)
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: t, Tag: reflect.StructTag(tag)})
	}
	return reflect.StructOf(fields)
}

type (
	namedText  string
	upperText  string
	namedInt   int16
	namedSlice []int
)

func (u *upperText) UnmarshalText(text []byte) error {
	*u = upperText(strings.ToUpper(string(text)))
	return nil
}

var leafTypes = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[namedText](), reflect.TypeFor[upperText](),
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[namedInt](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
	reflect.TypeFor[stdjson.RawMessage](), reflect.TypeFor[stdjson.Number](), reflect.TypeFor[[]byte](), reflect.TypeFor[namedSlice](), reflect.TypeFor[struct{}](),
}

func (g generator) valueType(depth int) reflect.Type {
	if depth <= 0 || g.one(2) {
		t := leafTypes[g.IntN(len(leafTypes))]
		if g.defaults && t == reflect.TypeFor[stdjson.RawMessage]() {
			t = reflect.TypeFor[string]() // a raw text is not the same once it was decoded and encoded
		}
		return t
	}
	switch g.IntN(6) {
	case 0, 1:
		return g.structType(depth)
	case 2, 3:
		return reflect.SliceOf(g.valueType(depth - 1))
	case 4:
		return reflect.PointerTo(g.valueType(depth - 1))
	default:
		return pick(g, reflect.MapOf(reflect.TypeFor[string](), g.valueType(depth-1)), reflect.ArrayOf(2, g.valueType(depth-1)))
	}
}

// rules returns rules that go with a type; often none.
func (g generator) rules(t reflect.Type) string {
	var rules []string
	switch t := kind.Deref(t); t.Kind() {
	case reflect.String:
		rules = []string{"min=1", "max=5", "oneof=a bb", "email", "alphanum"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Float32, reflect.Float64, reflect.Uint, reflect.Uint16:
		rules = []string{"min=1", "max=100", "gt=0,lt=50", "eq=3"}
	case reflect.Slice, reflect.Map, reflect.Array:
		rules = []string{"min=1", "max=3", "dive", "min=1,dive"}
	}
	switch {
	case g.one(3):
		return ""
	case g.one(3) || len(rules) == 0:
		return "required"
	}
	return pick(g, "", "", "required,", "omitempty,") + pick(g, rules...)
}

// body returns a text for a type that is mostly right.
func (g generator) body(t reflect.Type) []byte {
	var b strings.Builder
	g.value(&b, t)
	text := []byte(b.String())
	if g.one(6) && len(text) > 0 {
		i := g.IntN(len(text))
		switch g.IntN(4) {
		case 0:
			text = text[:i]
		case 1:
			text = slices.Delete(text, i, i+1)
		case 2:
			text[i] = byte(g.IntN(256))
		default:
			text = slices.Insert(text, i, `{}[]",:\0-.e `[g.IntN(13)])
		}
	}
	return text
}

func (g generator) space(b *strings.Builder) {
	if g.one(8) {
		b.WriteString(pick(g, " ", "\n", "\t ", "\r\n", "  "))
	}
}

func (g generator) value(b *strings.Builder, t reflect.Type) {
	g.space(b)
	defer g.space(b)
	switch {
	case g.one(60):
		b.WriteString(pick(g, "null", "nul", "true", `"x"`, "1", "[]", "{}", "-", "1.5", `{"a":[1,{"b":null}],"c":"\u00e4"}`))
		return
	case t == reflect.TypeFor[time.Time]():
		b.WriteString(`"2026-01-02T15:04:05Z"`)
		return
	case t == reflect.TypeFor[stdjson.Number]():
		b.WriteString(pick(g, "1", "-2.5e3", `"7"`))
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		g.object(b, t)
	case reflect.Map:
		b.WriteString(`{"k":`)
		g.value(b, t.Elem())
		b.WriteString(`}`)
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			b.WriteString(pick(g, `"aGk="`, `""`, `[1]`))
			return
		}
		g.array(b, t.Elem())
	case reflect.Pointer:
		g.value(b, t.Elem())
	case reflect.String:
		g.text(b)
	case reflect.Bool:
		b.WriteString(pick(g, "true", "false"))
	case reflect.Float32, reflect.Float64:
		g.write(b, []string{"0", "-0", "1.5", "1e3", "1E-7", "-12.25", "0.1"}, "1e400", "3.4e39", "01", "1.", ".5", "1e", "+1")
	case reflect.Interface:
		b.WriteString(pick(g, `"x"`, "1", "null", "true", `{"a":[1,2.5,"x"]}`, "[]"))
	default:
		g.write(b, []string{"0", "1", "2", "3", "42", "127"}, "-1", "128", "-128", "255", "256", "32768", "4294967296",
			"9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
			"99999999999999999999", "1.0", "1e2", "01", "-0", "-", "--1", "1 2")
	}
}

func (g generator) array(b *strings.Builder, t reflect.Type) {
	b.WriteString("[")
	n := pick(g, 0, 1, 2, 3, 5, 9, 40)
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		g.value(b, t)
	}
	g.space(b)
	g.write(b, []string{"]"}, ",]")
}

func (g generator) object(b *strings.Builder, t reflect.Type) {
	b.WriteString("{")
	order := g.Perm(t.NumField())
	if g.one(2) {
		slices.Sort(order)
	}
	first := true
	for _, i := range order {
		times := 1
		if g.one(12) {
			times = pick(g, 0, 0, 2)
		}
		if g.defaults {
			times = pick(g, 0, 0, 1, 1, 1)
		}
		for range times {
			if !first {
				b.WriteString(",")
			}
			first = false
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			if g.one(40) {
				name = pick(g, strings.ToUpper(name), strings.ToLower(name), "unknown", "", `\u0061`)
			}
			g.space(b)
			b.WriteString(`"` + name + `"`)
			g.space(b)
			b.WriteString(":")
			g.value(b, f.Type)
		}
	}
	b.WriteString("}")
}

func (g generator) text(b *strings.Builder) {
	b.WriteString(`"`)
	g.write(b, []string{"", "a", "bb", "abcdefgh", "a text of more than sixteen bytes", "ada@example.com", "Größe", "日本", `\n`, `\"`, `\u00e4`, strings.Repeat("long", 200)},
		"\xff", "a\x00b", `\ud83d\ude00`, `\ud800`, `\u12`, `\x`, "a\tb", `a\\b`, `\`)
	b.WriteString(`"`)
}

// write writes one of the common texts, or sometimes a rare one.
func (g generator) write(b *strings.Builder, common []string, rare ...string) {
	if g.one(30) {
		common = rare
	}
	b.WriteString(pick(g, common...))
}

// Strings share memory, but none may lie in the request's, and none keeps more
// alive than a piece.
func TestStringsAreCopied(t *testing.T) {
	type input struct {
		Short []string `json:"short"`
		Long  string   `json:"long"`
	}
	plan := planOf(t, reflect.TypeFor[input]())
	text := []byte(`{"short":["` + strings.Repeat(`abc","`, 1000) + `"],"long":"` + strings.Repeat("x", maxChunk) + `"}`)
	var in input
	_, ok := plan.reader.Read(text, memory.Of(reflect.ValueOf(&in)))
	require.True(t, ok)
	clear(text)
	require.Len(t, in.Short, 1001)
	for _, s := range in.Short[:1000] {
		require.Equal(t, "abc", s)
	}
	assert.Equal(t, strings.Repeat("x", maxChunk), in.Long)
}

func TestReaderLeavesToTheCodec(t *testing.T) {
	plan := planOf(t, reflect.TypeFor[struct {
		A    int    `json:"a"`
		S    string `json:"s"`
		N    int    `json:"n,string"`
		L    []int  `json:"l"`
		Next *struct {
			A int `json:"a"`
		} `json:"next"`
	}]())
	for text, want := range map[string]bool{
		`{"a":1}`: true, `{"a":1,"a":2}`: false, `{"A":1}`: false, `{"b":1}`: true, `{"\u0061":1}`: false, `{"n":"1"}`: false, `{"n":1}`: false,
		`{"a":1.0}`: false, `{"a":1e1}`: false, `{"s":"\n"}`: true, `{"l":[1,null]}`: true, `{"next":{"a":1}}`: true, `{"next":null}`: true,
		`{"b":` + strings.Repeat("[", maxReaderDepth-1) + strings.Repeat("]", maxReaderDepth-1) + `}`: true,
		`{"b":` + strings.Repeat("[", maxReaderDepth) + strings.Repeat("]", maxReaderDepth) + `}`:     false,
	} {
		_, ok := plan.reader.Read([]byte(text), memory.New(plan.input))
		assert.Equal(t, want, ok, text)
	}
}
