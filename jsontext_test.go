package velithon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

// A jsonText is a text that is JSON, or is not, by a clause of RFC 8259.
type jsonText struct {
	text   string
	status int // 200 or 400 as the RFC has it; 422 for a number that it lets us refuse

	// alone says that the text may be JSON as a part of another, as 1,2 is
	// within brackets.
	alone bool
}

func jsonOf(status int, texts ...string) (all []jsonText) {
	for _, text := range texts {
		all = append(all, jsonText{text: text, status: status})
	}
	return all
}

func alone(texts ...string) (all []jsonText) {
	for _, text := range texts {
		all = append(all, jsonText{text: text, status: 400, alone: true})
	}
	return all
}

// nested returns a value within n arrays.
func nested(n int, value string) string {
	return strings.Repeat("[", n) + value + strings.Repeat("]", n)
}

var jsonTexts = []struct {
	clause string
	texts  [][]jsonText
}{
	{"2, a text is any value", [][]jsonText{
		jsonOf(200, `{}`, `[]`, `""`, `"a"`, `0`, `-1`, `1.5`, `true`, `false`, `null`),
		jsonOf(400, `a`, `undefined`, `{`, `}`, `[`, `]`, `"`, `'`, `:`, `,`, `-`, `.`, `+`, `\`, `/`, `#`, `;`, `=`, `(1)`, `<a/>`, `a=b`),
		alone(` `, "\n", "\r\n\t "),
	}},
	{"2, white space", [][]jsonText{
		jsonOf(200, ` 1`, `1 `, "\t1\t", "\n1\n", "\r1\r", "\r\n\r\n1", " \t\n\r{ \t\n\r\"a\" \t\n\r: \t\n\r1 \t\n\r} \t\n\r", " [ 1 , 2 ] ", "[\n]", "{\t}", "[1,\r\n2]"),
		jsonOf(400, "\f1", "\v1", "1\f", "1\v", "\b1", "\x001", "1\x00", "\x1f1", "1\x1f", "1\x7f", "[\f]", "[1\v,2]", "[1,\x002]", "{\x00}", "{\"a\"\x00:1}", "{\"a\":\x001}", "{\"a\":1\x00}", "[]\x00", "{}\x00", "\"a\"\x00", "true\x00", "[true\x00]",
			"\u00a01", "1\u00a0", "\u20281", "1\u2029", "\u30001", "\u20031", "\u200b1", "[\u00851]", "{\u00a0}"),
	}},
	{"2, no comments", [][]jsonText{
		jsonOf(400, "// a\n1", "1 // a", "/* a */ 1", "1 /* a */", "# a\n1", "[1,/**/2]", `{/**/}`, `{"a":/**/1}`, `<!-- a -->1`, `1;`, `-- a`),
	}},
	{"3, literal names", [][]jsonText{
		jsonOf(200, `[true,false,null]`, `[true, false , null ]`),
		jsonOf(400, `True`, `TRUE`, `False`, `FALSE`, `Null`, `NULL`, `nil`, `none`, `None`, `NaN`, `nan`, `Infinity`, `-Infinity`, `inf`, `t`, `tru`, `f`, `fals`, `n`, `nul`, `truee`, `nulll`, `falsefalse`, `true1`, `truefalse`, `tr\u0075e`, `"true`, `true"`, `t rue`, `nu ll`, `yes`, `on`),
	}},
	{"4, objects", [][]jsonText{
		jsonOf(200, `{"a":1}`, `{"a":1,"b":2}`, `{"":0}`, `{"":""}`, `{"a":{}}`, `{"a":{"b":{"c":null}}}`, `{"a b":1}`, `{"a\u0000b":1}`, `{"\u0061":1}`, `{"\"":1}`, `{"a":[],"b":{}}`, `{"ü":1}`, `{"1":1}`, `{"null":null}`, `{"__proto__":1}`),
		jsonOf(400, `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,}`, `{,}`, `{,"a":1}`, `{"a":1,,"b":2}`, `{"a":1 "b":2}`, `{"a" 1}`, `{"a"::1}`, `{"a":1:2}`, `{"a",1}`, `{"a"=1}`, `{"a"=>1}`, `{"a":1;"b":2}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{true:1}`, `{[]:1}`, `{{}:1}`, `{{}}`, `{[]}`, `{:1}`, `{"":}`, `{"a":1]`, `{"a":[}]`, `{"a":{]`, `{"a":"b}`, `{"a`, `{"a:1}`, `{"a":1 1}`, `{"a":1,"b"}`, `{"a":1}}`, `{{"a":1}`, `{"a":1,"b":}`, `{...}`, `{"a":,"b":1}`, `{-1:1}`, `{"a":1,null}`),
		alone(`"a":1`, `"a":1,"b":2`, `{"a":1}{"b":2}`, `{"a":1},`, `,{"a":1}`, `{"a":1} {"b":2}`, `{"a":1},{"b":2}`),
	}},
	{"4, names that are there twice are left to the parser: the last one counts", [][]jsonText{
		jsonOf(200, `{"a":1,"a":2}`, `{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `{"a":1,"a":null}`),
	}},
	{"5, arrays", [][]jsonText{
		jsonOf(200, `[1]`, `[1,2,3]`, `[[]]`, `[[],[[]]]`, `[{},[],"",0,true,null]`, `[1,"a",{"b":[false]}]`),
		jsonOf(400, `[1`, `[1,`, `[1,]`, `[,]`, `[,1]`, `[1,,2]`, `[1 2]`, `[1;2]`, `[1:2]`, `[1}`, `[1)`, `[1]]`, `[[1]`, `[""`, `["a" "b"]`, `["a",`, `["a":1]`, `[1,]]`, `[}`, `[{]}`, `[-]`, `[...]`, `[*]`, `[1,2,]`, `[	,]`),
		alone(`1,2`, `[][]`, `[] []`, `[1],[2]`, `[],`, `,[]`, `[]{}`, `[]1`, `[1]a`, `1 2`, `1,`, `"a","b"`, `"a" "b"`, `"a""b"`, `null null`),
	}},
	{"6, numbers", [][]jsonText{
		jsonOf(200, `-0`, `10`, `123456789`, `0.0`, `-0.0`, `0.1`, `1.0`, `1.10`, `0e0`, `0e1`, `0E+0`, `1e1`, `1E1`, `1e+1`, `1e-1`, `1E-01`, `1e01`, `-1.5e-3`, `1.7976931348623157e308`, `5e-324`, `1e-400`, `0.000000000000000000000000000000001`, `123456789012345678901234567890`, `-9223372036854775809`, `0.1234567890123456789012345678901234567890`, `[0,-0,1e2]`, "1"+strings.Repeat("0", 300)),
		jsonOf(400, `01`, `-01`, `00`, `000`, `0123`, `01.5`, `1.`, `1.e1`, `-1.`, `0.`, `.5`, `-.5`, `.e1`, `+1`, `+0`, `++1`, `--1`, `-+1`, `- 1`, `1 .5`, `1. 5`, `1e`, `1E`, `1e+`, `1e-`, `1e1.5`, `1e1e1`, `1ee1`, `1e++1`, `1e+-1`, `1e 5`, `e1`, `E1`, `0e`, `0x1`, `0X1F`, `0b1`, `0o7`, `1_000`, `1,000.`, `1'000`, `1f`, `1d`, `1L`, `1n`, `1%`, `$1`, `1a`, `a1`, `1.5.5`, `0.0.0`, `1-1`, `1+1`, `1/2`, `1-`, `-`, `-a`, `-null`, `-"1"`, `-[]`, `٣`, `１`, `½`, `∞`, `−1`, `[01]`, `[1.]`, `[-]`, `[+1]`, `{"a":.5}`, `{"a":1e}`, `{"a":00}`, `[1.5e]`, `[0xff]`),
		jsonOf(422, `1e400`, `-1e400`, `1.5e99999`, `[1e400]`, `{"a":1e309}`), // valid, but a float64 has no room for them
	}},
	{"7, strings", [][]jsonText{
		jsonOf(200, `"a b"`, `"'"`, `"/"`, `"//"`, `"/* */"`, `"ü"`, `"日本"`, `"😀"`, "\"\u0080\"", "\"\u00a0\"", "\"\u2028\u2029\"", "\"\ufeff\"", "\"\ufffd\"", "\"\uffff\"", "\"\U0010ffff\"", "\"\x7f\"", `"[1,2]"`, `"{\"a\":1}"`, `"null"`, `"`+strings.Repeat("a", 10_000)+`"`),
		jsonOf(400, `"a`, `a"`, `"a"b`, `"a"b"`, `'a'`, "`a`", `“a”`, `"a'`, `'a"`, `"""`, `""a""`,
			"\"a\nb\"", "\"a\rb\"", "\"a\tb\"", "\"a\r\nb\"", "\"\x00\"", "\"\x01\"", "\"\x08\"", "\"\x0b\"", "\"\x0c\"", "\"\x1b\"", "\"\x1f\"", "\"\n\"", "\""+strings.Repeat("a", 40)+"\n"+strings.Repeat("a", 40)+"\"", "[\"a\nb\"]", "{\"a\nb\":1}", "{\"a\":\"\t\"}", "{\"\x00\":1}"),
	}},
	{"7, escapes", [][]jsonText{
		jsonOf(200, `"\""`, `"\\"`, `"\/"`, `"\b\f\n\r\t"`, `"\u0000"`, `"\u001f"`, `"\u0022"`, `"\u005c"`, `"\u00FC"`, `"\u00fc"`, `"\uFFFF"`, `"\uabCD"`, `"\\u0000"`, `"\\\""`, `"a\\"`, `"\u0041b"`, `"\u00411"`, `{"\n":1}`, `"\uFEFF"`, `"\ud7ff\ue000"`),
		jsonOf(400, `"\a"`, `"\v"`, `"\e"`, `"\0"`, `"\1"`, `"\00"`, `"\x41"`, `"\X41"`, `"\U00000041"`, `"\'"`, `"\ "`, `"\?"`, `"\B"`, `"\N"`, `"\u"`, `"\u0"`, `"\u00"`, `"\u004"`, `"\u004g"`, `"\u 041"`, `"\u+041"`, `"\u-041"`, `"\u00 1"`, `"\u{41}"`, `"\uD83D\u"`, `"\uD83D\`, `"\u004`, `"\`, `"\"`, `"\\\"`, `"a\`, "\"\\\n\"", "\"\\\r\n\"", "\"\\\x00\"", `"\ü"`, `"\u００４１"`, `\u0022a"`, `"a\u0022`, `{"\a":1}`, `{"\u12":1}`, `["\x"]`, `{"a":"\q"}`),
	}},
	{"7 and 8.2, surrogates; those without the other are left to the parser", [][]jsonText{
		jsonOf(200, `"\ud83d\ude00"`, `"\uD83D\uDE00"`, `"\ud834\udd1e"`, `"\udbff\udfff"`, `"\ud800\udc00"`, `"\ud800"`, `"\udc00"`, `"\ud800a"`, `"\ud800\n"`, `"\ud800\u0041"`, `"\udc00\ud800"`, `"\ud800\ud800\udc00"`, `"\ud800\\udc00"`, `{"\ud800":1}`),
		jsonOf(400, `"\ud800\u"`, `"\ud800\udc"`, `"\ud800\x"`, `"\ud800\`, `"\ud800\"`, `"\ud83d\ude0g"`),
	}},
	{"8.1, UTF-8", [][]jsonText{
		jsonOf(400, "\"\xff\"", "\"\xfe\"", "\"\x80\"", "\"\xc3\"", "\"\xc3(\"", "\"\xe2\x82\"", "\"\xf0\x9f\x98\"", "\"\xc0\x80\"", "\"\xc0\xaf\"", "\"\xc1\xbf\"", "\"\xe0\x80\xaf\"", "\"\xe0\x9f\xbf\"", "\"\xf0\x80\x80\xaf\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"", "\"\xed\xa0\xbd\xed\xb8\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xfc\x84\x80\x80\x80\x80\"", "\"\xfcber\"", "\xff", "[\xff]", "{\"\xff\":1}", "{\"a\":\"\xff\"}", "1\xff", "\"\\\xff\""),
		alone("\xff\xfe1\x00", "\xfe\xff\x001", "1\x00\x00\x00", "\x00\x00\x001", "[\x00]\x00"), // UTF-16 and UTF-32
	}},
	{"8.1, no byte order mark", [][]jsonText{
		jsonOf(400, "\ufeff1", "\ufeff{}", "\ufeff", "1\ufeff", "[\ufeff1]", " \ufeff{}"),
	}},
	{"9, depth is left to the parser, which takes about 10,000", [][]jsonText{
		jsonOf(200, nested(100, ""), nested(9_990, "1"), strings.Repeat(`{"a":`, 9_990)+"1"+strings.Repeat("}", 9_990)),
		jsonOf(400, nested(10_010, ""), nested(100_000, "1"), strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), strings.Repeat(`[{"a":`, 50_000), strings.Repeat("]", 100_000), nested(9_000, "")+"]"),
	}},
}

// A plain struct is one that needs no decoder of JSON at large.
type plain struct {
	S    string   `json:"s"`
	N    int      `json:"n"`
	F    float64  `json:"f"`
	B    bool     `json:"b"`
	List []string `json:"list"`
	Rows []struct {
		SKU string `json:"sku"`
		Qty int    `json:"qty"`
	} `json:"rows"`
}

// shapes are the types that a text goes into, at the place of the $. The status
// for a text that is valid is that of what stands around it, and 0 when it
// depends on the value whether that is 200 or 422.
var shapes = []jsonShape{
	{"/any", `$`, 200},
	{"/list", `[$]`, 200},
	{"/list", `[0,$,0]`, 200},
	{"/map", `{"k":$}`, 200},
	{"/object", `{"any":$}`, 200},
	{"/object", `{"unknown":$,"n":1}`, 200},
	{"/object", `{"raw":$}`, 200},
	{"/object", `{"n":"no number","any":$}`, 422},
	{"/objects", `[{"unknown":{"deep":$}},{"n":0,"unknown":[$]}]`, 200},
	{"/plain", `$`, 0},
	{"/plain", `{"s":$}`, 0},
	{"/plain", `{"n":$}`, 0},
	{"/plain", `{"f":$}`, 0},
	{"/plain", `{"b":$}`, 0},
	{"/plain", `{"list":$}`, 0},
	{"/plain", `{"list":["a",$]}`, 0},
	{"/plain", `{"rows":[{"sku":$,"qty":1}]}`, 0},
	{"/plain", `{"rows":[{"sku":"a","qty":$},{"sku":"b"}]}`, 0},
	{"/plain", `{"unknown":$,"n":1}`, 200},
	{"/plain", `{"n":1,"unknown":[$],"s":"a"}`, 200},
	{"/plain", `{"rows":[{"unknown":{"deep":$},"sku":"a"}]}`, 200},
	{"/plain", `{"n":"no number","unknown":$}`, 422},
}

type jsonShape struct {
	path, around string
	valid        int
}

// status returns what a text that is valid is answered with.
func (s jsonShape) status(j jsonText) int {
	switch {
	case s.around == "$" && j.text == "null" && s.valid == 0:
		return 422 // an input that is the body has to be there
	case j.status == 200 || s.valid != 200:
		return s.valid
	case strings.Contains(s.around, "unknown") || strings.Contains(s.around, "raw"):
		return 200 // nobody has to make a float64 of it
	default:
		return j.status
	}
}

func TestJSONTexts(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	type object struct {
		N   int     `json:"n"`
		S   string  `json:"s"`
		Any any     `json:"any"`
		Raw rawText `json:"raw"`
	}
	app.Post("/any", func(_ context.Context, in struct {
		Body any `body:""`
	},
	) (any, error) {
		return in.Body, nil
	})
	app.Post("/list", func(_ context.Context, in []any) (int, error) { return len(in), nil })
	app.Post("/map", func(_ context.Context, in map[string]any) (int, error) { return len(in), nil })
	app.Post("/object", func(_ context.Context, in object) (int, error) { return in.N, nil })
	app.Post("/objects", func(_ context.Context, in []object) (int, error) { return len(in), nil })
	app.Post("/plain", func(_ context.Context, in plain) (plain, error) { return in, nil })
	address := serve(t, app)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	answers := bufio.NewReader(conn)

	total := 0
	for _, clause := range jsonTexts {
		t.Run(clause.clause, func(t *testing.T) {
			for _, texts := range clause.texts {
				for _, j := range texts {
					total++
					for i, shape := range shapes {
						if i > 0 && j.alone {
							break
						}
						text := strings.ReplaceAll(shape.around, "$", j.text)
						status := j.status
						if status != 400 {
							status = shape.status(j)
						}
						require.NoError(t, conn.SetDeadline(time.Now().Add(testTimeout)))
						_, err := io.WriteString(conn, request("POST", shape.path, text, jsonType))
						require.NoError(t, err)
						response, body := receive(t, answers)
						if status == 0 {
							assert.Contains(t, []int{200, 422}, response.StatusCode, "%s as %s: %s", short(text), shape.path, body)
						} else {
							require.Equal(t, status, response.StatusCode, "%s as %s: %s", short(text), shape.path, body)
						}
						switch {
						case shape.path == "/any" && status == 200:
							assert.JSONEq(t, j.text, body)
						case shape.path == "/plain" && status == 0:
							// It is whatever encoding/json makes of it.
							var want, got plain
							require.Equal(t, json.Unmarshal([]byte(text), &want) == nil, response.StatusCode == 200, "%s: %s", short(text), body)
							if response.StatusCode == 200 {
								require.NoError(t, json.Unmarshal([]byte(body), &got))
								assert.Equal(t, want, got, short(text))
							}
						}
					}
				}
			}
		})
	}
	assert.GreaterOrEqual(t, total, 200)
}

// rawText is a type that decodes itself.
type rawText string

func (r *rawText) UnmarshalJSON(text []byte) error {
	*r = rawText(text)
	return nil
}

func short(text string) string {
	const size = 60
	if len(text) > size {
		return text[:size] + "…"
	}
	return text
}
