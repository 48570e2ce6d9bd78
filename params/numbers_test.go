package params_test

import (
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

// Numbers are decimal in every source: Go's own notation, which strconv knows,
// is no client's.
func TestNumbersAreDecimal(t *testing.T) {
	type numbers struct {
		Path   float64     `path:"p"`
		Query  float64     `query:"q"`
		Header float32     `header:"X-F"`
		Cookie *float64    `cookie:"c"`
		Form   []float64   `form:"f"`
		Number json.Number `query:"n"`
	}
	plan := compile[numbers](t, params.Options{PathParams: []string{"p"}})
	send := func(text string) []string {
		var in numbers
		err := plan.Decode(request{
			path:        map[string]string{"p": url.PathEscape(text)},
			uri:         "/?q=" + url.QueryEscape(text) + "&n=" + url.QueryEscape(text),
			header:      [][2]string{{"X-F", text}, {"Cookie", "c=" + text}},
			contentType: "application/x-www-form-urlencoded",
			body:        "f=" + url.QueryEscape(text),
		}.ctx(), &in)
		if err == nil {
			return nil
		}
		return brief(asError(t, err))
	}
	const number = "query n type"
	floats := []string{"path p type", "query q type", "header X-F type", "cookie c type", "form f type"}
	for _, text := range []string{
		"1_0", "0x1p4", "0X1P4", "0x10", "1_0.5", "1e1_0", "-0x1p-2", "infinity", "inf", "NaN", "1e", "0b1", "0o7", "x", "1 0",
	} {
		assert.Equal(t, append(floats[:5:5], number), send(text), text)
	}
	for _, text := range []string{"0", "-0", "10", "-1.5", "1e3", "1E+3", "2.5e-7"} {
		assert.Empty(t, send(text), text)
	}
	// What is no JSON, but a decimal number all the same.
	for _, text := range []string{".5", "5.", "007", "+5"} {
		assert.Equal(t, []string{number}, send(text), text)
	}
}

// A json.Number is written into JSON as it is, so it has to be one.
func TestANumberOfJSONIsOne(t *testing.T) {
	type input struct {
		N json.Number   `query:"n"`
		P *json.Number  `query:"p"`
		L []json.Number `query:"l"`
	}
	in := accept[input](t, request{uri: "/?n=1e999&p=-0.5&l=1&l=2"})
	assert.Equal(t, json.Number("1e999"), in.N)
	assert.Equal(t, json.Number("-0.5"), *in.P)
	assert.Equal(t, []json.Number{"1", "2"}, in.L)
	_, err := json.Marshal(in)
	require.NoError(t, err)
	for _, text := range []string{"", "abc", "1_0", "01", "-", "1.", ".1", "1e", "1e+", "+1", "1 ", "0x1", "NaN", "%31%00", "%ff"} {
		for _, name := range []string{"n", "p", "l"} {
			fault := refuse[input](t, request{uri: "/?" + name + "=" + text}).Faults[0]
			assert.Equal(t, "must be a number", fault.Detail, text)
		}
	}
}

func TestTheRangeOfANumberIsTold(t *testing.T) {
	type input struct {
		I64 int64   `query:"i64"`
		U64 uint64  `query:"u64"`
		F32 float32 `query:"f32"`
		F64 float64 `query:"f64"`
	}
	type body struct {
		I64 int64   `json:"i64"`
		U64 uint64  `json:"u64"`
		F32 float32 `json:"f32"`
		F64 float64 `json:"f64"`
	}
	for _, c := range []struct{ name, value, detail string }{
		{"i64", "9223372036854775808", "must be an integer from -9223372036854775808 to 9223372036854775807"},
		{"u64", "-1", "must be an integer from 0 to 18446744073709551615"},
		{"f32", "1e39", "must be a number from -3.4e38 to 3.4e38"},
		{"f32", "-1e39", "must be a number from -3.4e38 to 3.4e38"},
		{"f64", "1e309", "must be a number from -1.79e308 to 1.79e308"},
	} {
		assert.Equal(t, c.detail, refuse[input](t, request{uri: "/?" + c.name + "=" + c.value}).Faults[0].Detail)
		assert.Equal(t, c.detail, refuse[body](t, request{body: `{"` + c.name + `":` + c.value + `}`}).Faults[0].Detail)
	}
	assert.Equal(t, "must be a number", refuse[input](t, request{uri: "/?f64=x"}).Faults[0].Detail)
	assert.Equal(t, "must be a number", refuse[body](t, request{body: `{"f64":"1e309"}`}).Faults[0].Detail)
}

// A number in a string, as the json option asks for, is a JSON number: the codec
// takes what strconv takes, also NaN, which no bound refuses.
func TestQuotedNumbersAreDecimal(t *testing.T) {
	type inner struct {
		F float64 `json:"f,string"`
	}
	type input struct {
		F float64          `json:"f,string"`
		P *float32         `json:"p,string"`
		M float64          `json:"m,string" validate:"max=10"`
		I inner            `json:"i"`
		L []inner          `json:"l"`
		E map[string]inner `json:"e"`
		A *inner           `json:"a"`
	}
	for _, place := range []struct{ pointer, body string }{
		{"#/f", `{"f":"?"}`},
		{"#/p", `{"p":"?"}`},
		{"#/m", `{"m":"?"}`},
		{"#/i/f", `{"i":{"f":"?"}}`},
		{"#/l/1/f", `{"l":[{"f":"1"},{"f":"?"}]}`},
		{"#/e/x/f", `{"e":{"x":{"f":"?"}}}`},
		{"#/a/f", `{"a":{"f":"?"}}`},
		{"#/f", `{"F":"?"}`},
	} {
		for _, text := range []string{"1_0", "0x1p4", "NaN", "Inf", "-infinity", ".5", "+5", "5.", "01"} {
			body := strings.ReplaceAll(place.body, "?", text)
			fault := refuse[input](t, request{body: body}).Faults[0]
			assert.Equal(t, params.Fault{In: params.Body, Pointer: place.pointer, Code: "type", Detail: "must be a number, in a string"}, fault, body)
		}
		assert.Empty(t, faults[input](t, strings.ReplaceAll(place.body, "?", "-2.5e-3")))
	}
	assert.Empty(t, faults[input](t, `{"f":null}`))
}

func TestNumbersInAMultipartFormAreDecimal(t *testing.T) {
	type input struct {
		F float64 `form:"f"`
	}
	var body strings.Builder
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("f", "0x1p4"))
	require.NoError(t, form.Close())
	err := refuse[input](t, request{contentType: form.FormDataContentType(), body: body.String()})
	assert.Equal(t, []string{"form f type"}, brief(err))
}

// A sign is for signed integers, a plus as well; leading zeros are decimal.
func TestTheSignOfAnInteger(t *testing.T) {
	type input struct {
		I int  `header:"I"`
		U uint `header:"U"`
	}
	in := accept[input](t, request{header: [][2]string{{"I", "+5"}, {"U", "007"}}})
	assert.Equal(t, input{5, 7}, in)
	assert.Equal(t, -7, accept[input](t, request{header: [][2]string{{"I", "-007"}}}).I)
	for _, text := range []string{"+5", "-0", "-5"} {
		assert.Equal(t, []string{"header U type"}, brief(refuse[input](t, request{header: [][2]string{{"U", text}}})), text)
	}
}
