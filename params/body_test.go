package params_test

import (
	stdjson "encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type line struct {
	SKU string `json:"sku" validate:"required"`
	Qty int    `json:"qty" validate:"required,min=0"`
}

func TestWholeBodies(t *testing.T) {
	one := line{"a", 1}
	assert.Equal(t, one, accept[line](t, request{body: `{"sku":"a","qty":1}`}))
	assert.Equal(t, &one, accept[*line](t, request{body: ` {"sku":"a","qty":1}` + "\r\n"}))
	assert.Equal(t, []line{one, {"b", 0}}, accept[[]line](t, request{body: `[{"sku":"a","qty":1},{"sku":"b","qty":0}]`}))
	assert.Equal(t, [2]int{1, 2}, accept[[2]int](t, request{body: `[1,2]`}))
	assert.Equal(t, map[string]line{"x": one}, accept[map[string]line](t, request{body: `{"x":{"sku":"a","qty":1}}`}))
	assert.Equal(t, []any{"a", 1.5}, accept[any](t, request{body: `["a",1.5]`}))
	assert.Equal(t, json.RawMessage(`{"a": 1}`), accept[json.RawMessage](t, request{body: `{"a": 1}`}))
	assert.Empty(t, accept[[]line](t, request{body: `[]`}))

	assert.Equal(t, []string{"body #/1/sku required", "body #/1/qty required"}, faults[[]line](t, `[{"sku":"a","qty":1},{}]`))
	assert.Equal(t, []string{"body #/k/sku required"}, faults[map[string]*line](t, `{"k":{"qty":0}}`))
	assert.Equal(t, []string{"body # type"}, faults[[]line](t, `{}`))
	assert.Equal(t, []string{"body #/0 type"}, faults[[]line](t, `[5]`))

	required := []string{"body # required"}
	for _, body := range []string{"", "null", " null "} {
		for _, err := range []*params.Error{
			refuse[line](t, request{body: body}), refuse[*line](t, request{body: body}), refuse[[]line](t, request{body: body}),
			refuse[any](t, request{body: body}), refuse[json.RawMessage](t, request{body: body}), refuse[time.Time](t, request{body: body}),
		} {
			assert.Equal(t, required, brief(err), body)
			assert.Equal(t, 422, err.Status)
		}
	}
}

func TestBodyFieldThatIsAbsent(t *testing.T) {
	type query struct {
		Q int `query:"q"`
	}
	assert.Nil(t, accept[struct {
		query
		B *line `body:""`
	}](t, request{}).B)
	assert.Nil(t, accept[struct {
		B []line `body:"" validate:"omitempty,min=1"`
	}](t, request{}).B)
	assert.Equal(t, []string{"body # min"}, brief(refuse[struct {
		B []line `body:"" validate:"min=1"`
	}](t, request{})))
	assert.Equal(t, []string{"body # required"}, brief(refuse[struct {
		B *line `body:"" validate:"required"`
	}](t, request{})))

	// A struct is there all the same, as if {} had been sent; omitempty or a
	// pointer makes it optional.
	both := []string{"body #/sku required", "body #/qty required"}
	for _, body := range []string{"", "null", "{}"} {
		assert.Equal(t, both, brief(refuse[struct {
			B line `body:""`
		}](t, request{body: body})), body)
	}
	type optional struct {
		B line `body:"" validate:"omitempty"`
	}
	accept[optional](t, request{})
	assert.Equal(t, both, brief(refuse[optional](t, request{body: "{}"})))
}

func TestMalformedBodies(t *testing.T) {
	type input struct {
		A int    `json:"a"`
		S string `json:"s"`
		X any    `json:"x"`
	}
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for _, c := range []struct{ body, detail string }{
		{`{"a":1`, "the JSON body is malformed at byte 6, or nested too deeply there"},
		{`{"a":1}}`, "the JSON body is malformed at byte 8, or nested too deeply there"},
		{`{"a":1} {"a":2}`, "the JSON body is malformed at byte 9, or nested too deeply there"},
		{`{"a":01}`, "the JSON body is malformed at byte 7, or nested too deeply there"},
		{`{'a':1}`, "the JSON body is malformed at byte 2, or nested too deeply there"},
		{`{"a":1,}`, "the JSON body is malformed at byte 8, or nested too deeply there"},
		{`x`, "the JSON body is malformed at byte 1, or nested too deeply there"},
		{`"`, "the JSON body is malformed at byte 1, or nested too deeply there"},
		{"{\"s\":\"a\nb\"}", "the JSON body is malformed at byte 8, or nested too deeply there"},
		{"\ufeff{}", "the JSON body is malformed at byte"},
		{deep, "the JSON body is malformed at byte 10001, or nested too deeply there"},
		{`{"x":` + deep + `}`, "the JSON body is malformed at byte"},
		{`{"unknown":` + deep + `}`, "the JSON body is malformed at byte"},
		{"{\"s\":\"\xff\"}", "the JSON body is not valid UTF-8"},
		{"{\"unknown\":\"\xed\xa0\x80\"}", "the JSON body is not valid UTF-8"},
	} {
		err := refuse[input](t, request{body: c.body})
		assert.Equal(t, 400, err.Status)
		assert.Contains(t, err.Detail, c.detail)
		assert.Empty(t, err.Faults)
	}
}

func TestBodyMediaTypes(t *testing.T) {
	type input struct {
		B line `body:"" validate:"required"`
	}
	body := `{"sku":"a","qty":1}`
	for _, contentType := range []string{
		"application/json", "Application/JSON; charset=utf-8", "application/problem+json", "application/vnd.api+JSON;v=1",
	} {
		accept[input](t, request{contentType: contentType, body: body})
	}
	const detail = "the body must be JSON, and Content-Type must say application/json"
	multipart, parts := multipartBody(t, part{"a", "", "b"})
	for _, r := range []request{
		{contentType: "text/plain", body: body},
		{contentType: "text/json", body: body},
		{contentType: "+json", body: body},
		{contentType: "application/jsonx", body: body},
		{contentType: urlencoded, body: "a=b"},
		{contentType: multipart, body: parts},
		{contentType: ";", body: body},
	} {
		err := refuse[input](t, r)
		assert.Equal(t, 415, err.Status, r.contentType)
		assert.Equal(t, detail, err.Detail)
	}
	raw := request{body: body}.ctx()
	raw.Request.Header.Del("Content-Type")
	var in input
	assert.Equal(t, 415, asError(t, compile[input](t).Decode(raw, &in)).Status, "no Content-Type at all")

	err := refuse[input](t, request{header: [][2]string{{"Content-Encoding", "gzip"}}, body: body})
	assert.Equal(t, 415, err.Status)
	assert.Equal(t, "the body is compressed, which is not supported: send it without Content-Encoding", err.Detail)

	assert.Equal(t, 422, refuse[input](t, request{contentType: "text/plain"}).Status, "no body has no type")
}

// A strict fails as a type does that decodes JSON inside of its JSON.
type strict struct{ line }

func (s *strict) UnmarshalJSON(text []byte) error {
	var inner string
	if err := json.Unmarshal(text, &inner); err != nil {
		return err
	}
	return json.Unmarshal([]byte(inner), &s.line)
}

func TestSyntaxErrorOfATypeIsNotOneOfTheBody(t *testing.T) {
	type input struct {
		A strict `json:"a"`
		B int    `json:"b" validate:"max=5"`
	}
	assert.Equal(t, []string{"body #/a type", "body #/b max"}, faults[input](t, `{"a":"{","b":6}`))
	assert.Equal(t, "must be a valid value", refuse[input](t, request{body: `{"a":"{"}`}).Faults[0].Detail)
}

type everything struct {
	S   string         `json:"s"`
	B   bool           `json:"b"`
	I   int            `json:"i"`
	I8  int8           `json:"i8"`
	U16 uint16         `json:"u16"`
	F   float64        `json:"f"`
	P   *int           `json:"p"`
	L   []int          `json:"l"`
	A   [2]int         `json:"a"`
	M   map[string]int `json:"m"`
	MI  map[int]string `json:"mi"`
	T   time.Time      `json:"t"`
	D   time.Duration  `json:"d"`
	By  []byte         `json:"by"`
	X   any            `json:"x"`
	O   struct {
		In int `json:"in"`
	} `json:"o"`
	PO   *line             `json:"po"`
	Q    int               `json:"q,string"`
	QS   string            `json:"qs,string"`
	QB   *bool             `json:"qb,string"`
	QT   time.Time         `json:"qt,string"` // the option has no effect here
	Self *everything       `json:"self"`
	Text textNamed         `json:"text"`
	MT   map[textNamed]int `json:"mt"`
}

type textNamed string

func (n *textNamed) UnmarshalText(text []byte) error {
	if string(text) == "bad" {
		return errors.New("bad")
	}
	*n = textNamed(text)
	return nil
}

func TestWrongTypesInBodies(t *testing.T) {
	for _, c := range []struct{ body, pointer, detail string }{
		{`{"s":1}`, "#/s", "must be a string"},
		{`{"b":"true"}`, "#/b", "must be true or false"},
		{`{"i":"1"}`, "#/i", anInteger},
		{`{"i":1.0}`, "#/i", anInteger},
		{`{"i8":128}`, "#/i8", "must be an integer from -128 to 127"},
		{`{"u16":-1}`, "#/u16", "must be an integer from 0 to 65535"},
		{`{"f":"1"}`, "#/f", "must be a number"},
		{`{"f":1e400}`, "#/f", "must be a number from -1.79e308 to 1.79e308"},
		{`{"p":{}}`, "#/p", anInteger},
		{`{"l":[1,"2"]}`, "#/l/1", anInteger},
		{`{"l":{}}`, "#/l", "must be an array"},
		{`{"a":[1,2,3],"l":5}`, "#/l", "must be an array"},
		{`{"a":true}`, "#/a", "must be an array"},
		{`{"m":{"x":"y"}}`, "#/m/x", anInteger},
		{`{"m":[]}`, "#/m", "must be an object"},
		{`{"mi":{"1":"a","x":"b"}}`, "#/mi/x", "has a key of the wrong type"},
		{`{"t":"yesterday"}`, "#/t", "must be a date and time of RFC 3339, such as 2026-01-02T15:04:05Z"},
		{`{"t":5}`, "#/t", "must be a date and time of RFC 3339, such as 2026-01-02T15:04:05Z"},
		{`{"d":"1s"}`, "#/d", "must be an integer from -9223372036854775808 to 9223372036854775807"},
		{`{"by":"!"}`, "#/by", "must be a text in base64"},
		{`{"x":1e400}`, "#/x", "must be JSON whose numbers fit into 64 bits"},
		{`{"o":[]}`, "#/o", "must be an object"},
		{`{"o":{"in":"x"}}`, "#/o/in", anInteger},
		{`{"po":"x"}`, "#/po", "must be an object"},
		{`{"q":5}`, "#/q", anInteger + ", in a string"},
		{`{"q":"x"}`, "#/q", anInteger + ", in a string"},
		{`{"q":" 5"}`, "#/q", anInteger + ", in a string"},
		{`{"qs":"x"}`, "#/qs", "must be a string, in a string"},
		{`{"qb":"1"}`, "#/qb", "must be true or false, in a string"},
		{`{"qt":5}`, "#/qt", "must be a date and time of RFC 3339, such as 2026-01-02T15:04:05Z"},
		{`{"self":{"self":{"i":"x"}}}`, "#/self/self/i", anInteger},
		{`{"text":"bad"}`, "#/text", "must be a valid value"},
		{`{"mt":{"bad":1}}`, "#/mt/bad", "has a key of the wrong type"},
		{`{"I":"1"}`, "#/i", anInteger},
		{`[]`, "#", "must be an object"},
		{`"x"`, "#", "must be an object"},
	} {
		err := refuse[everything](t, request{body: c.body})
		assert.Equal(t, 422, err.Status)
		assert.Equal(t, []params.Fault{{In: params.Body, Pointer: c.pointer, Code: params.CodeType, Detail: c.detail}}, err.Faults, c.body)
	}
	in := accept[everything](t, request{body: `{"q":"5","qs":"\"x\"","qb":"true","qt":"2026-01-02T15:04:05Z","mi":{"1":"a"},"text":"x","mt":{"y":1},"p":null,"o":null}`})
	assert.Equal(t, 5, in.Q)
	assert.Equal(t, "x", in.QS)
	assert.True(t, *in.QB)
	accept[everything](t, request{body: `{"q":null,"qb":null}`})
}

func TestWrongTypesDoNotHideOtherFaults(t *testing.T) {
	type input struct {
		N int       `json:"n"`
		T time.Time `json:"t"`
		S string    `json:"s" validate:"email"`
		L []line    `json:"l" validate:"dive"`
		O line      `json:"o"`
	}
	assert.Equal(t, []string{
		"body #/n type", "body #/t type", "body #/l/0/qty type", "body #/l/1/sku required", "body #/o type", "body #/s email", "body #/l/1/qty min",
	}, faults[input](t, `{"n":"x","t":"x","s":"x","l":[{"sku":"a","qty":"x"},{"qty":-1}],"o":5}`))
	assert.Equal(t, []string{"body #/t type"}, faults[input](t, `{"t":"x","s":"a@b.de","o":{"sku":"a","qty":0}}`),
		"what comes after a wrong value is decoded")
}

// FuzzBody compares with encoding/json: the same bodies are accepted, but for
// those that are not UTF-8.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{}`, `null`, `[]`, `{"s":"a","i":5,"l":[1,2],"m":{"a":1},"o":{"in":1},"po":{"sku":"a","qty":0},"self":{"i":"x"}}`,
		`{"q":"5","qs":"\"x\"","qb":"true","x":[{"a":null},1e400]}`, `{"s":"\ud800","s":"\u00e9\n"}`, `{"t":"2026-01-02T15:04:05Z"}`,
		`{"I":1,"\u0069":null,"mi":{"1":"a"},"text":"bad","by":"YQ=="}`, `{"a":[1,2,3],"po":{"sku":null}}`, "{\"s\":\"\xff\"}", `{"po":{},"l":null`,
		`{"self":{"self":{"po":{"SKU":"x"}}}}`, `{"mt":{"bad":1}}`, `{"i":1}x`,
	} {
		f.Add([]byte(body))
	}
	plan := compile[everything](f)
	f.Fuzz(func(t *testing.T, body []byte) {
		// The copy ends where its memory does, so that reading on is noticed.
		raw := request{contentType: "application/json", body: string(body)}.ctx()
		var in everything
		err := plan.Decode(raw, &in)
		text := strings.Trim(string(body), " \t\r\n")
		if len(body) == 0 || text == "null" {
			assert.Equal(t, []string{"body # required"}, brief(asError(t, err)))
			return
		}
		var want everything
		wantErr := stdjson.Unmarshal(body, &want)
		switch {
		case !utf8.Valid(body), !stdjson.Valid(body):
			assert.Equal(t, 400, asError(t, err).Status)
		case wantErr != nil:
			invalid := asError(t, err)
			assert.Equal(t, 422, invalid.Status)
			assert.Regexp(t, ": (must be|has a key of the wrong type)", err.Error())
		case err == nil:
			assert.Equal(t, want, in)
		default:
			for _, line := range brief(asError(t, err)) { // the only rules are those on lines
				assert.Regexp(t, `^body #(/self)*/po/(sku required|qty (required|min))$`, line)
			}
		}
	})
}

func FuzzPointer(f *testing.F) {
	type input map[string]line
	plan := compile[input](f)
	for _, key := range []string{"", "a", "~", "/", "a/b~c", "%", "é", "\x00", `"\`, " ", strings.Repeat("k", 600)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if !utf8.ValidString(key) {
			return
		}
		body, err := json.Marshal(map[string]any{key: map[string]any{"sku": "a"}})
		require.NoError(t, err)
		var in input
		invalid := asError(t, plan.Decode(request{body: string(body)}.ctx(), &in))
		require.Len(t, invalid.Faults, 1)
		pointer := invalid.Faults[0].Pointer
		if len(pointer) > 1 && strings.HasSuffix(pointer, "/qty") {
			assert.Equal(t, []string{key, "qty"}, unpoint(t, pointer))
		} else {
			assert.Greater(t, 3*len(key)+10, 512, "only a long key is left out")
		}
		assert.LessOrEqual(t, len(pointer), 512)
	})
}

func TestBodyOfWhiteSpaceIsNoJSON(t *testing.T) {
	type input struct {
		B *line `body:""`
	}
	for _, body := range []string{" ", "\r\n", " \t\n "} {
		err := refuse[input](t, request{body: body})
		assert.Equal(t, 400, err.Status)
		assert.Equal(t, "the JSON body has nothing but white space", err.Detail)
	}
	assert.Nil(t, accept[input](t, request{}).B, "no body at all is allowed")
}

// Half a surrogate pair is valid JSON and no Unicode, and is replaced as by
// encoding/json, also by the codec that reads what the readers refuse.
func TestHalfASurrogatePairIsReplaced(t *testing.T) {
	type input struct {
		S string `json:"s"`
		N int    `json:"n"`
	}
	for _, body := range []string{`{"s":"a\ud800b","n":1}`, `{"S":"a\udc00b","n":1}`} {
		var want input
		require.NoError(t, stdjson.Unmarshal([]byte(body), &want))
		assert.Equal(t, input{"a\ufffdb", 1}, want)
		assert.Equal(t, want, accept[input](t, request{body: body}), body)
	}
}

// go-json tells of a map that comes again with a key which is no string as if it had
// the wrong type.
func TestMalformedKeysOfAMapThatComesTwice(t *testing.T) {
	type input struct {
		M map[string]any `json:"m"`
	}
	for _, body := range []string{`{"m":{},"m":{1:2}}`, `{"m":{},"m":{[]:1}}`, `{"m":{"a":1},"m":{-1:1}}`} {
		err := refuse[input](t, request{body: body})
		assert.Equal(t, 400, err.Status, body)
		assert.Contains(t, err.Detail, "malformed", body)
	}
}
