package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// What a fast rule accepts, the validator accepts, and what it refuses, the validator
// refuses in the same words: over all pairs of a rule and a type that have one,
// and values at and around every bound.
func TestFastRulesKnowNoMoreThanTheValidator(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	validate := validator.New(validator.WithRequiredStructEnabled())
	accepted, refused := make(map[string]int), 0
	for _, rule := range acceptorRules {
		for _, kind := range acceptorTypes {
			checks := fastRules(kind, []string{rule})
			if checks == nil {
				continue
			}
			c, byValidator := checks[0], judged{validate: validate, tag: rule}
			for range 400 {
				value := reflect.New(kind)
				fill(random, value.Elem())
				p := memory.Of(value)
				broken := byValidator.byValidator(kind, p, memory.Pointer{})
				switch {
				case c.accept(p):
					accepted[rule]++
					require.Nil(t, broken, "%s of %v: %q", rule, kind, fmt.Sprint(value.Elem()))
				case c.exact || c.refuse != nil && c.refuse(p):
					refused++
					require.NotNil(t, broken, "%s of %v: %q", rule, kind, fmt.Sprint(value.Elem()))
					require.Equal(t, broken, byValidator.told(rule, kind))
				}
			}
		}
	}
	for _, rule := range acceptorRules {
		assert.NotZero(t, accepted[rule], "%s never accepted anything", rule)
	}
	assert.Greater(t, refused, 10_000, "so many values were refused")
}

var acceptorRules = []string{
	"min=2", "max=3", "gte=0", "lte=10", "gt=1", "lt=4", "len=3", "eq=2",
	"min=-1", "max=1.5", "min=0.5", "oneof=a bb 1 2 -1", "eq=bb", "min=1s", "max=1h",
	"email", "url", "http_url", "uuid", "alpha", "alphanum", "ascii",
}

type (
	text   string
	number int16
)

var acceptorTypes = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[text](), reflect.TypeFor[*string](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[number](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[*int](), reflect.TypeFor[time.Duration](),
	reflect.TypeFor[[]string](), reflect.TypeFor[[3]int](), reflect.TypeFor[map[string]int](), reflect.TypeFor[bool](), reflect.TypeFor[time.Time](),
}

var someTexts = []string{
	"", "a", "bb", "abc", "abcd", "1", "2", "-1", "äöü", "日本", "a b", "a\x00",
	"ada@example.com", "a.b+c@mail.example.org", "a..b@example.com", ".a@example.com", "a.@example.com", "a@b", "a@-b.de", "a@b-.de",
	"a@b.d1", "a@b..de", "a@.de", "@b.de", "a@b.de.", "a b@c.de", "ä@example.com", "a@exämple.com", "-a@b.de", "a@1.de",
	"http://example.com", "https://example.com/a/b.html", "http://", "https://a", "http://exa mple.com", "http://example.com/%zz", "HTTP://EXAMPLE.COM", "ftp://example.com", "http://example.com:80/",
	"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g",
}

// fill gives v a value that is near a bound or has a form.
func fill(random *rand.Rand, v reflect.Value) {
	n := random.IntN(9) - 2
	switch v.Kind() {
	case reflect.String:
		s := someTexts[random.IntN(len(someTexts))]
		if s != "" && random.IntN(4) == 0 {
			b := []byte(s) // one byte of it another one
			b[random.IntN(len(b))] = byte(random.IntN(256))
			s = string(b)
		}
		v.SetString(s)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == kind.Duration {
			n *= int(time.Second) / 2
		} else if random.IntN(10) == 0 {
			n = math.MinInt8
		}
		v.SetInt(int64(n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(max(n, 0)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(n) / 2)
	case reflect.Pointer:
		if random.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(random, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), max(n, 0), max(n, 0)))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range max(n, 0) {
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint(i)), reflect.ValueOf(i))
		}
	}
}

func TestFastRulesLeaveWhatTheyDoNotKnow(t *testing.T) {
	for _, rule := range []string{"min=1|max=0", "oneof=a0x2Cb", "oneof='a b' c", "min=x", "datetime=2006", "ne=1", "rgb|rgba", "lowercase"} {
		assert.Nil(t, fastRules(reflect.TypeFor[string](), []string{rule}), rule)
	}
	assert.Nil(t, fastRules(reflect.TypeFor[int](), []string{"min=1", "unknown"}))
}

func FuzzFormats(f *testing.F) {
	for _, s := range someTexts {
		f.Add(s)
	}
	validate := validator.New(validator.WithRequiredStructEnabled())
	f.Fuzz(func(t *testing.T, s string) {
		for rule, accept := range formats {
			if accept(s) {
				require.NoError(t, validate.Var(s, rule), "%s: %q", rule, s)
			}
		}
	})
}
