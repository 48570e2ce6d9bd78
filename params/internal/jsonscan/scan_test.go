package jsonscan

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var texts = []string{
	``, ` `, `1`, `-0`, `01`, `-`, `1.`, `.5`, `1e`, `1E+9`, `1e400`, `+1`, `true`, `tru`, `nulll`, `false `,
	`""`, `"a`, `"\"`, `"\\"`, `"\u00e4\ud800"`, `"\u12"`, `"\x"`, "\"a\tb\"", "\"\x00\"", "\"\xff\"", `"a text of more than sixteen bytes, äöü"`,
	`[]`, `[ ]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `[[[]]]`, `{}`, `{"a":1}`, `{"a" : 1 , "b":[{}]}`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"\u0061\n":null}`, `{1:2}`, `{"a":1}}`,
}

func TestValueIsAsStrictAsTheStandard(t *testing.T) {
	for _, text := range texts {
		check(t, text)
	}
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	assert.Equal(t, len(deep), Value(deep, 0, 100))
	assert.Equal(t, Refused, Value(deep, 0, 99), "it is a level too deep")
}

func FuzzValue(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(check)
}

// check holds a text to encoding/json, which lets invalid UTF-8 pass.
func check(t *testing.T, text string) {
	t.Helper()
	end := Value(text, Space(text, 0), math.MaxInt)
	valid := end != Refused && Space(text, end) == len(text)
	assert.Equal(t, json.Valid([]byte(text)) && utf8.ValidString(text), valid, "%q", text)
}

func TestKey(t *testing.T) {
	for text, want := range map[string]string{`"a":1`: "a", `"ä b" : 1`: "ä b", `"":1`: ""} {
		key, next := Key(text, 0)
		assert.Equal(t, want, key)
		assert.Equal(t, "1", strings.TrimSpace(text[next:]))
	}
	for _, text := range []string{``, `a:1`, `"a`, `"a"`, `"a"1`, `"\u0061":1`, "\"\xff\":1"} {
		_, next := Key(text, 0)
		assert.Equal(t, Refused, next, text)
	}
}
