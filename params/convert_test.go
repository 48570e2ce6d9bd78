package params_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

// A code has UnmarshalText by pointer, a tags by value.
type (
	code struct{ bytes []byte }
	tags map[string]struct{}

	named       int16
	namedText   string
	pair[T any] struct{ t T }
)

func (c *code) UnmarshalText(text []byte) (err error) {
	c.bytes, err = hex.DecodeString(string(text))
	return err
}

func (p *pair[T]) UnmarshalText([]byte) error { return errors.New("never") }

// values has every type that text converts to.
type values struct {
	S    string        `query:"s"`
	B    bool          `query:"b"`
	I    int           `query:"i"`
	I8   int8          `query:"i8"`
	I16  int16         `query:"i16"`
	I32  int32         `query:"i32"`
	I64  int64         `query:"i64"`
	U    uint          `query:"u"`
	U8   uint8         `query:"u8"`
	U16  uint16        `query:"u16"`
	U32  uint32        `query:"u32"`
	U64  uint64        `query:"u64"`
	F32  float32       `query:"f32"`
	F64  float64       `query:"f64"`
	T    time.Time     `query:"t"`
	D    time.Duration `query:"d"`
	Code code          `query:"code"`
	IP   net.IP        `query:"ip"`
	N    named         `query:"n"`
	NT   namedText     `query:"nt"`

	PS    *string        `query:"ps"`
	PI8   *int8          `query:"pi8"`
	PT    *time.Time     `query:"pt"`
	PCode *code          `query:"pcode"`
	LS    []string       `query:"ls"`
	LU8   []named        `query:"ln"`
	LT    []time.Time    `query:"lt"`
	LCode []code         `query:"lcode"`
	Gen   *pair[url.URL] `query:"gen"`
}

func TestConversions(t *testing.T) {
	moment := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		query string
		field string
		want  any // nil when refused
		fault string
	}{
		{"s=a%20b%2Bc+d", "S", "a b+c d", ""},
		{"s=", "S", "", ""},
		{"s=%ff", "S", nil, "must be valid UTF-8"},
		{"b=true", "B", true, ""},
		{"b=0", "B", false, ""},
		{"b=yes", "B", nil, "must be true or false"},
		{"b=", "B", nil, "must be true or false"},
		{"i=-5", "I", -5, ""},
		{"i=+5", "I", nil, anInteger}, // a plus is a space in a query
		{"i=%2B5", "I", 5, ""},
		{"i=5.0", "I", nil, anInteger},
		{"i=0x10", "I", nil, anInteger},
		{"i=1_000", "I", nil, anInteger},
		{"i=", "I", nil, anInteger},
		{"i8=127", "I8", int8(127), ""},
		{"i8=-128", "I8", int8(-128), ""},
		{"i8=128", "I8", nil, "must be an integer from -128 to 127"},
		{"i16=-32768", "I16", int16(math.MinInt16), ""},
		{"i16=32768", "I16", nil, "must be an integer from -32768 to 32767"},
		{"i32=2147483647", "I32", int32(math.MaxInt32), ""},
		{"i32=-2147483649", "I32", nil, "must be an integer from -2147483648 to 2147483647"},
		{"i64=-9223372036854775808", "I64", int64(math.MinInt64), ""},
		{"i64=9223372036854775808", "I64", nil, "must be an integer from -9223372036854775808 to 9223372036854775807"},
		{"u=7", "U", uint(7), ""},
		{"u=-1", "U", nil, aNatural},
		{"u8=255", "U8", uint8(255), ""},
		{"u8=256", "U8", nil, "must be an integer from 0 to 255"},
		{"u16=65535", "U16", uint16(65535), ""},
		{"u16=65536", "U16", nil, "must be an integer from 0 to 65535"},
		{"u32=4294967295", "U32", uint32(math.MaxUint32), ""},
		{"u32=4294967296", "U32", nil, "must be an integer from 0 to 4294967295"},
		{"u64=18446744073709551615", "U64", uint64(math.MaxUint64), ""},
		{"u64=18446744073709551616", "U64", nil, "must be an integer from 0 to 18446744073709551615"},
		{"f32=0.5", "F32", float32(0.5), ""},
		{"f32=1e39", "F32", nil, "must be a number from -3.4e38 to 3.4e38"},
		{"f64=1e39", "F64", 1e39, ""},
		{"f64=1e309", "F64", nil, "must be a number from -1.79e308 to 1.79e308"},
		{"f64=NaN", "F64", nil, "must be a number"},
		{"f64=-Inf", "F64", nil, "must be a number"},
		{"f32=infinity", "F32", nil, "must be a number"},
		{"t=2026-01-02T15:04:05Z", "T", moment, ""},
		{"t=2026-01-02", "T", nil, "must be a date and time of RFC 3339, such as 2026-01-02T15:04:05Z"},
		{"d=1h30m", "D", 90 * time.Minute, ""},
		{"d=90", "D", nil, `must be a duration such as "1h30m" or "250ms"`},
		{"code=beef", "Code", code{[]byte{0xbe, 0xef}}, ""},
		{"code=x", "Code", nil, "must be a valid value"},
		{"code=%ff", "Code", nil, "must be valid UTF-8"},
		{"ip=::1", "IP", net.IPv6loopback, ""},
		{"ip=", "IP", net.IP(nil), ""},
		{"ip=x", "IP", nil, "must be an IP address"},
		{"n=5", "N", named(5), ""},
		{"n=40000", "N", nil, "must be an integer from -32768 to 32767"},
		{"nt=x", "NT", namedText("x"), ""},
		{"ps=", "PS", new(string), ""},
		{"pi8=200", "PI8", nil, "must be an integer from -128 to 127"},
		{"pt=2026-01-02T15:04:05Z", "PT", &moment, ""},
		{"pcode=00", "PCode", &code{[]byte{0}}, ""},
		{"ls=a&ls=&ls=b", "LS", []string{"a", "", "b"}, ""},
		{"ls=a,b", "LS", []string{"a,b"}, ""},
		{"ls=a&ls=%ff", "LS", nil, "must be valid UTF-8"},
		{"ln=1&ln=2", "LU8", []named{1, 2}, ""},
		{"ln=1&ln=x&ln=y", "LU8", nil, "must be an integer from -32768 to 32767"},
		{"lt=2026-01-02T15:04:05Z", "LT", []time.Time{moment}, ""},
		{"lcode=01&lcode=02", "LCode", []code{{[]byte{1}}, {[]byte{2}}}, ""},
		{"gen=x", "Gen", nil, "must be a valid value"},
	} {
		in, err := decode[values](t, request{uri: "/?" + c.query})
		if c.want == nil {
			invalid := asError(t, err)
			assert.Equal(t, 422, invalid.Status, c.query)
			if assert.Len(t, invalid.Faults, 1, c.query) {
				name, _, _ := strings.Cut(c.query, "=")
				code := params.CodeType
				if strings.Contains(c.fault, "UTF-8") {
					code = params.CodeEncoding
				}
				assert.Equal(t, params.Fault{In: params.Query, Name: name, Code: code, Detail: c.fault}, invalid.Faults[0])
			}
			continue
		}
		if assert.NoError(t, err, c.query) {
			assert.Equal(t, c.want, reflect.ValueOf(in).FieldByName(c.field).Interface(), c.query)
		}
	}
}

func TestAbsentPointersAreNil(t *testing.T) {
	in := accept[values](t, request{})
	assert.Nil(t, in.PS)
	assert.Nil(t, in.PT)
	assert.Nil(t, in.LS)
}

// numbers is what the slow reference of [checkNumbers] knows.
type numbers struct {
	I8  *int8    `query:"i8"`
	I16 *int16   `query:"i16"`
	I32 *int32   `query:"i32"`
	I64 *int64   `query:"i64"`
	I   *int     `query:"i"`
	U8  *uint8   `query:"u8"`
	U16 *uint16  `query:"u16"`
	U32 *uint32  `query:"u32"`
	U64 *uint64  `query:"u64"`
	U   *uint    `query:"u"`
	F32 *float32 `query:"f32"`
	F64 *float64 `query:"f64"`
	B   *bool    `query:"b"`
	S   *string  `query:"s"`
	D   *int64   `query:"-"` // unused name, to see that nothing else is touched
}

// decimal is what is left of the numbers of strconv.ParseFloat.
var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// checkNumbers gives one text to every type and compares with strconv.
func checkNumbers(t *testing.T, plan *params.Plan, text string) {
	t.Helper()
	var names []string
	want := reflect.ValueOf(&numbers{}).Elem()
	bad := map[string]bool{}
	for i := range want.NumField() {
		f := want.Type().Field(i)
		name := f.Tag.Get("query")
		if name == "-" {
			continue
		}
		names = append(names, name+"="+url.QueryEscape(text))
		v := reflect.New(f.Type.Elem())
		var err error
		switch e := v.Elem(); {
		case e.CanInt():
			var n int64
			n, err = strconv.ParseInt(text, 10, e.Type().Bits())
			e.SetInt(n)
		case e.CanUint():
			var n uint64
			n, err = strconv.ParseUint(text, 10, e.Type().Bits())
			e.SetUint(n)
		case e.CanFloat():
			var n float64
			n, err = strconv.ParseFloat(text, e.Type().Bits())
			if !decimal.MatchString(text) {
				err = strconv.ErrSyntax
			}
			e.SetFloat(n)
		case e.Kind() == reflect.Bool:
			var b bool
			b, err = strconv.ParseBool(text)
			e.SetBool(b)
		default:
			if e.SetString(text); !utf8.ValidString(text) {
				err = strconv.ErrSyntax
			}
		}
		if bad[name] = err != nil; err == nil {
			want.Field(i).Set(v)
		}
	}
	var got numbers
	err := plan.Decode(request{uri: "/?" + strings.Join(names, "&")}.ctx(), &got)
	assert.Equal(t, want.Interface(), got, "%q", text)
	told := map[string]bool{}
	if err != nil {
		for _, f := range asError(t, err).Faults {
			told[f.Name] = true
		}
	}
	for name, isBad := range bad {
		assert.Equal(t, isBad, told[name], "%s of %q", name, text)
	}
}

func TestConversionsAgainstStrconv(t *testing.T) {
	plan := compile[numbers](t)
	random := rand.New(rand.NewPCG(1, 2))
	edges := []string{"", "0", "-0", "+0", "00", "1e2", "0x1p-2", "1_0", " 1", "1 ", "T", "f", "FALSE", "nan", "\xff", "١"}
	for bits := 1; bits <= 64; bits++ {
		top := new([2]uint64)
		top[0], top[1] = 1<<(bits-1), uint64(1<<(bits-1))-1
		for _, n := range top {
			edges = append(edges, strconv.FormatUint(n, 10), "-"+strconv.FormatUint(n, 10), fmt.Sprint(n, ".5"))
		}
	}
	for _, text := range edges {
		checkNumbers(t, plan, text)
	}
	const alphabet = "0123456789+-.eExXnaif_ "
	for range 2000 {
		text := make([]byte, random.IntN(8))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		checkNumbers(t, plan, string(text))
	}
}

func FuzzConvert(f *testing.F) {
	for _, text := range []string{"", "1", "-1", "127", "128", "1e400", "NaN", "0x1p4", "true", "\xff", "a\x00b"} {
		f.Add(text)
	}
	plan := compile[numbers](f)
	f.Fuzz(func(t *testing.T, text string) { checkNumbers(t, plan, text) })
}

func TestPanicOfUnmarshalTextLeavesPlanUsable(t *testing.T) {
	type input struct {
		T tags `query:"t"`
	}
	plan := compile[input](t)
	var in input
	assert.Panics(t, func() { _ = plan.Decode(request{uri: "/?t=a"}.ctx(), &in) })
	require.NoError(t, plan.Decode(request{}.ctx(), &in))
}

func (t tags) UnmarshalText(text []byte) error {
	t[string(text)] = struct{}{} // panics: nobody made the map
	return nil
}
