package params_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

func TestAPathParameterIsWhatTheRouterFound(t *testing.T) {
	type input struct {
		A string `path:"a"`
	}
	o := params.Options{PathParams: []string{"a"}}
	for _, value := range []string{"x", "a/b", "a%2Fb", "%", "a+b", "€", ""} {
		in := accept[input](t, request{path: map[string]string{"a": value}}, o)
		assert.Equal(t, value, in.A, "it is decoded already")
	}
	err := refuse[input](t, request{path: map[string]string{"a": "\xff"}}, o)
	assert.Equal(t, []string{"path a encoding"}, brief(err))

	assert.Empty(t, accept[input](t, request{}, o).A, "an optional segment that is absent")
}

// A value that a middleware has set is never taken for a path parameter.
func TestAUserValueIsNoPathParameter(t *testing.T) {
	type input struct {
		A string `path:"a"`
		B string `path:"b"`
	}
	plan := compile[input](t, params.Options{PathParams: []string{"a", "b"}})
	ctx := request{path: map[string]string{"a": "sent"}}.ctx()
	ctx.SetUserValue("a", "set")
	ctx.SetUserValue("b", "set")
	var in input
	require.NoError(t, plan.Decode(ctx, &in))
	assert.Equal(t, input{A: "sent"}, in)
	assert.Equal(t, "set", ctx.UserValue("a"))

	value, ok := params.PathOf(ctx).Get("a")
	assert.True(t, ok)
	assert.Equal(t, "sent", value)
	_, ok = params.PathOf(request{}.ctx()).Get("a")
	assert.False(t, ok)
}

func TestDuplicates(t *testing.T) {
	type input struct {
		Q  int      `query:"q"`
		P  *int     `query:"p"`
		L  []int    `query:"l"`
		N  int      `header:"X-N"`
		HL []string `header:"X-HL"`
	}
	in := accept[input](t, request{uri: "/?l=1&l=2&other=1&other=2", header: [][2]string{{"X-HL", "a"}, {"X-HL", "b, c"}}})
	assert.Equal(t, []int{1, 2}, in.L)
	assert.Equal(t, []string{"a", "b, c"}, in.HL, "a list in one header field is not split")

	err := refuse[input](t, request{
		uri:    "/?q=1&q=1&p=1&p=x&q=1",
		header: [][2]string{{"X-N", "1"}, {"X-N", "1"}},
	})
	assert.Equal(t, 422, err.Status)
	assert.Equal(t, "the request has invalid or missing values", err.Detail)
	assert.Equal(t, []string{"query q duplicate", "query p duplicate", "header X-N duplicate"}, brief(err))
	assert.Equal(t, "must be given once", err.Faults[0].Detail)
}

func TestRequiredParamsMeansPresent(t *testing.T) {
	type input struct {
		Q  int      `query:"q" validate:"required"`
		B  bool     `query:"b" validate:"required"`
		S  string   `query:"s" validate:"required"`
		P  *int     `query:"p" validate:"required"`
		L  []string `query:"l" validate:"required"`
		IP ipText   `query:"ip" validate:"required"`
		H  int      `header:"X-H" validate:"required"`
		C  string   `cookie:"c" validate:"required"`
		ID int      `path:"id" validate:"required"`
	}
	o := params.Options{PathParams: []string{"id"}}
	accept[input](t, request{
		uri: "/?q=0&b=false&s=&p=0&l=&ip=", path: map[string]string{"id": "0"},
		header: [][2]string{{"X-H", "0"}, {"Cookie", "c="}},
	}, o)
	err := refuse[input](t, request{}, o)
	assert.Equal(t, []string{
		"query q required", "query b required", "query s required", "query p required", "query l required",
		"query ip required", "header X-H required", "cookie c required", "path id required",
	}, brief(err))
	assert.Equal(t, "is required", err.Faults[0].Detail)
}

// An ipText is nil after an empty text, and present all the same.
type ipText []byte

func (i *ipText) UnmarshalText(text []byte) error {
	*i = nil
	if len(text) > 0 {
		*i = text
	}
	return nil
}

func TestFaultsComeInTheOrderOfTheFields(t *testing.T) {
	type input struct {
		C string `cookie:"c" validate:"required"`
		B struct {
			X int    `json:"x" validate:"required"`
			Y string `json:"y" validate:"min=2"`
		} `body:"" validate:"required"`
		Q int    `query:"q" validate:"max=5"`
		H int    `header:"X-H"`
		P string `path:"p" validate:"oneof=a b"`
	}
	err := refuse[input](t, request{
		uri: "/?q=9", header: [][2]string{{"X-H", "x"}}, path: map[string]string{"p": "c"}, body: `{"y":"1"}`,
	}, params.Options{PathParams: []string{"p"}})
	assert.Equal(t, []string{
		"cookie c required", "body #/x required", "body #/y min", "query q max", "header X-H type", "path p oneof",
	}, brief(err))
}

func TestFaultsAreBounded(t *testing.T) {
	type input struct {
		L []int `query:"l" validate:"dive,max=5"`
	}
	over := refuse[input](t, request{uri: "/?" + strings.Repeat("l=9&", params.MaxFaults+1)})
	assert.Len(t, over.Faults, params.MaxFaults)
	assert.Equal(t, "the request has more invalid or missing values than are listed", over.Detail)
	assert.Equal(t, "value 100 must be at most 5", over.Faults[99].Detail)

	just := refuse[input](t, request{uri: "/?" + strings.Repeat("l=9&", params.MaxFaults)})
	assert.Len(t, just.Faults, params.MaxFaults)
	assert.Equal(t, "the request has invalid or missing values", just.Detail)
}

func TestValuesAreNeverEchoed(t *testing.T) {
	type input struct {
		Path string    `path:"p" validate:"len=3"`
		Q    int       `query:"q"`
		L    []string  `query:"l" validate:"dive,email"`
		T    time.Time `header:"X-T"`
		C    string    `cookie:"c" validate:"oneof=a b"`
		B    struct {
			S string            `json:"s" validate:"email"`
			N int               `json:"n"`
			T time.Time         `json:"t"`
			L []string          `json:"l" validate:"dive,max=2"`
			M map[string]string `json:"m" validate:"dive,max=2"`
			E string            `json:"e" validate:"eqfield=S"`
		} `body:""`
	}
	const secret = "s3cr3t"
	r := request{
		uri: "/?q=" + secret + "&l=" + secret, path: map[string]string{"p": secret},
		header: [][2]string{{"X-T", secret}, {"Cookie", "c=" + secret}},
		body:   `{"s":"` + secret + `","n":"` + secret + `","t":"` + secret + `","l":["` + secret + `"],"m":{"k":"` + secret + `"},"e":"` + secret + `!"}`,
	}
	err := refuse[input](t, r, params.Options{PathParams: []string{"p"}})
	assert.Equal(t, []string{
		"path p len", "query q type", "query l email", "header X-T type", "cookie c oneof",
		"body #/n type", "body #/t type", "body #/s email", "body #/l/0 max", "body #/m/k max", "body #/e eqfield",
	}, brief(err))
	whole, jsonErr := json.Marshal(err)
	require.NoError(t, jsonErr)
	assert.NotContains(t, string(whole), secret)
	assert.NotContains(t, err.Error(), secret)

	r.body = secret
	err = refuse[input](t, r, params.Options{PathParams: []string{"p"}})
	assert.Equal(t, 400, err.Status)
	assert.NotContains(t, err.Detail, secret)
}

// TestNothingDecodedAliasesTheRequest overwrites the memory of a request after
// it was decoded, as fasthttp does when it serves the next one.
func TestNothingDecodedAliasesTheRequest(t *testing.T) {
	type nested struct {
		S   string            `json:"s"`
		Raw json.RawMessage   `json:"raw"`
		N   json.Number       `json:"n"`
		Any any               `json:"any"`
		M   map[string]string `json:"m"`
		L   []string          `json:"l"`
		B   []byte            `json:"b"`
	}
	type input struct {
		ID string   `path:"id"`
		Q  string   `query:"q"`
		L  []string `query:"l"`
		P  *string  `query:"p"`
		H  string   `header:"X-H"`
		UA string   `header:"User-Agent"`
		C  string   `cookie:"c"`
		T  ipText   `query:"t"`
		B  nested   `body:""`
	}
	body := `{"s":"sssssss","raw":{"a":"rrrrrrr"},"n":1234567,"any":{"x":["yyyyyyy"]},"m":{"mmmmmmm":"nnnnnnn"},"l":["lllllll"],"b":"YWJjZGVm"}`
	wire := "POST /orders/iiiiiii?q=qqqqqqq&l=l%20lllll&l=kkkkkkk&p=ppppppp&t=ttttttt HTTP/1.1\r\nHost: h\r\nUser-Agent: uuuuuuu\r\n" +
		"X-H: hhhhhhh\r\nCookie: c=ccccccc\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body
	plan := compile[input](t, params.Options{PathParams: []string{"id"}})

	var ctx fasthttp.RequestCtx
	decodeFrom := func(wire string) input {
		require.NoError(t, ctx.Request.Read(bufio.NewReader(strings.NewReader(wire))))
		path := ctx.Path()
		values := params.PathValues{Names: []string{"id"}, Path: string(path)}
		values.Add(len("/orders/"), len(path))
		params.SetPath(&ctx, &values)
		var in input
		require.NoError(t, plan.Decode(&ctx, &in))
		return in
	}
	in := decodeFrom(wire)
	before, err := json.Marshal(in)
	require.NoError(t, err)
	assert.Contains(t, string(before), "l lllll")

	scribble := func(b []byte) {
		for i := range b {
			b[i] = 'Z'
		}
	}
	scribble(ctx.Request.Body())
	scribble(ctx.Request.Header.RawHeaders())
	scribble(ctx.Request.URI().QueryString())
	for key, value := range ctx.QueryArgs().All() {
		scribble(key)
		scribble(value)
	}
	for _, value := range ctx.Request.Header.All() {
		scribble(value) // fasthttp's own constants are among the keys
	}
	for key, value := range ctx.Request.Header.Cookies() {
		scribble(key)
		scribble(value)
	}
	ctx.Request.Reset()
	// go-json reuses its buffers too, so other bodies are decoded.
	for range 10 {
		decodeFrom(strings.NewReplacer("sssssss", "0000000", "rrrrrrr", "0000000", "yyyyyyy", "0000000", "lllllll", "0000000",
			"qqqqqqq", "0000000", "ccccccc", "0000000", "hhhhhhh", "0000000").Replace(wire))
	}
	after, err := json.Marshal(in)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

// parsed is a request as it comes from the wire.
func parsed(wire ...string) (*fasthttp.RequestCtx, error) {
	var all []io.Reader
	for _, text := range wire {
		all = append(all, strings.NewReader(text))
	}
	var ctx fasthttp.RequestCtx
	err := ctx.Request.Read(bufio.NewReader(io.MultiReader(all...)))
	return &ctx, err
}

func FuzzRequest(f *testing.F) {
	type input struct {
		ID string      `path:"id"`
		S  *string     `query:"s"`
		L  []string    `query:"l"`
		H  *string     `header:"X-H"`
		C  *string     `cookie:"c"`
		FS *string     `form:"fs"`
		FF params.File `form:"ff"`
	}
	plan := compile[input](f, params.Options{PathParams: []string{"id"}})
	f.Add("a%20b", "s=1&l=2&l=%zz", "X-H: a\r\nCookie: c=1; c=2; d", "application/x-www-form-urlencoded", "fs=1&ff=2")
	f.Add("%", "&&=&s", "X-H:\r\n X-H: folded", "multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=\"ff\"; filename=\"../x\"\r\n\r\nhi\r\n--b\r\nContent-Disposition: form-data; name=\"fs\"\r\n\r\nv\r\n--b--\r\n")
	f.Add("%ff", "s=%ff&l=%C3%A9", "Cookie: \"c\"=\"x\"", "", "")
	f.Fuzz(func(t *testing.T, path, query, header, contentType, body string) {
		wire := fmt.Sprintf("POST /?%s HTTP/1.1\r\nHost: h\r\n%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			query, header, contentType, len(body), body)
		ctx, err := parsed(wire)
		if err != nil {
			return
		}
		defer ctx.Request.Reset()
		values := params.PathValues{Names: []string{"id"}, Path: path}
		values.Add(0, len(path))
		params.SetPath(ctx, &values)
		var in input
		err = plan.Decode(ctx, &in)
		if err != nil {
			invalid := asError(t, err)
			assert.Contains(t, []int{400, 415, 422}, invalid.Status)
			if invalid.Status == 422 {
				assert.NotEmpty(t, invalid.Faults)
				assert.LessOrEqual(t, len(invalid.Faults), params.MaxFaults)
			}
			return
		}
		assert.Equal(t, path, in.ID)
		texts := append([]string{in.ID}, in.L...)
		for _, p := range []*string{in.S, in.H, in.C, in.FS} {
			if p != nil {
				texts = append(texts, *p)
			}
		}
		for _, text := range texts {
			assert.True(t, utf8.ValidString(text), "%q", text)
		}
		if args := ctx.QueryArgs(); len(args.PeekMulti("s")) == 1 {
			assert.Equal(t, string(args.Peek("s")), *in.S)
		}
		var l []string
		for _, value := range ctx.QueryArgs().PeekMulti("l") {
			l = append(l, string(value))
		}
		assert.Equal(t, l, in.L)
		plan.Release(&in)
	})
}
