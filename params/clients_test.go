package params_test

import (
	"bufio"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

// What real clients and proxies send, and standards leave open: a test for each
// decision in docs/parameters.md.

// onTheWire parses a request as a server reads it. Lines are ended for it.
func onTheWire(t *testing.T, head, body string) *fasthttp.RequestCtx {
	t.Helper()
	if body != "" {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	var request fasthttp.Request
	text := strings.ReplaceAll("POST / HTTP/1.1\nHost: shop.test\n"+head, "\n", "\r\n") + "\r\n\r\n" + body
	require.NoError(t, request.Read(bufio.NewReader(strings.NewReader(text))))
	raw := &fasthttp.RequestCtx{}
	raw.Init(&request, nil, nil)
	return raw
}

// decodeWire decodes a request that a server has read.
func decodeWire[T any](t *testing.T, head, body string) (in T, err error) {
	t.Helper()
	err = compile[T](t).Decode(onTheWire(t, head, body), &in)
	return in, err
}

// Each proxy may add a line of its own (RFC 9110, 5.3).
func TestAHeaderFieldOnSeveralLinesIsOneList(t *testing.T) {
	type input struct {
		For   string   `header:"X-Forwarded-For"`
		Via   *string  `header:"Via"`
		Lines []string `header:"Forwarded"`
		N     int      `header:"X-N"`
	}
	in, err := decodeWire[input](t, "X-Forwarded-For: 192.0.2.1\nVia: 1.1 a\nX-Other: x\nx-forwarded-for: 192.0.2.2, 192.0.2.3\n"+
		"Via: 1.1 b\nForwarded: for=a\nForwarded: for=b, for=c", "")
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.1, 192.0.2.2, 192.0.2.3", in.For)
	assert.Equal(t, "1.1 a, 1.1 b", *in.Via)
	assert.Equal(t, []string{"for=a", "for=b, for=c"}, in.Lines)

	_, err = decodeWire[input](t, "X-N: 1\nX-N: 1", "")
	assert.Equal(t, []string{"header X-N duplicate"}, brief(asError(t, err)))
}

// Browsers send a cookie once for each path and domain that they have it from,
// that with the longest path first (RFC 6265, 5.4).
func TestTheFirstOfTheCookiesOfOneNameCounts(t *testing.T) {
	type input struct {
		Session string   `cookie:"sid" validate:"required"`
		N       *int     `cookie:"n"`
		All     []string `cookie:"all"`
	}
	in, err := decodeWire[input](t, "Cookie: sid=admin; all=a; n=1; sid=root; all=b; n=x\nCookie: sid=other; all=c", "")
	require.NoError(t, err)
	assert.Equal(t, "admin", in.Session)
	assert.Equal(t, 1, *in.N)
	assert.Equal(t, []string{"a", "b", "c"}, in.All)

	_, err = decodeWire[input](t, "Cookie: sid=a; n=x; n=1", "")
	assert.Equal(t, []string{"cookie n type"}, brief(asError(t, err)))
}

// The browser's way to give a part a content type is a Blob, which has a file
// name; Python's requests has files={"order": json}.
func TestATextSentAsAFileIsAText(t *testing.T) {
	type input struct {
		Order string      `form:"order" validate:"required,max=20"`
		N     []int       `form:"n"`
		File  params.File `form:"file"`
	}
	contentType, body := multipartBody(t, part{"order", "blob", `{"sku":"book"}`}, part{"n", "", "1"}, part{"n", "blob", "2"}, part{"file", "", "text"})
	in, err := decodeWire[input](t, "Content-Type: "+contentType, body)
	require.NoError(t, err)
	assert.Equal(t, `{"sku":"book"}`, in.Order)
	assert.Equal(t, []int{1, 2}, in.N)
	assert.False(t, in.File.Given(), "a text is no file")

	for want, parts := range map[string][]part{
		"form order duplicate": {{"order", "", "a"}, {"order", "blob", "b"}},
		"form order encoding":  {{"order", "blob", "\xff"}},
		"form order max":       {{"order", "blob", strings.Repeat("x", 21)}},
		"form order type":      {{"order", "blob", strings.Repeat("x", 10<<20+1)}},
	} {
		contentType, body := multipartBody(t, parts...)
		_, err := decodeWire[input](t, "Content-Type: "+contentType, body)
		assert.Equal(t, []string{want}, brief(asError(t, err)))
	}
	contentType, body = multipartBody(t, part{"order", "blob", ""})
	_, err = decodeWire[input](t, "Content-Type: "+contentType, body)
	require.NoError(t, err, "empty is present")
}

func TestATextSentAsAFileIsClosed(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	type input struct {
		Order string `form:"order"`
	}
	text := strings.Repeat("y", 4<<10) // on the disk, since there is room for 16 MiB of files in memory
	contentType, body := multipartBody(t, part{"other", "large", strings.Repeat("x", 16<<20-2<<10)}, part{"order", "blob", text})
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // or it may close the file
	raw, err := parsed(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body)), body)
	require.NoError(t, err)
	var in input
	require.NoError(t, compile[input](t).Decode(raw, &in))
	assert.Equal(t, text, in.Order)
	assert.Zero(t, openUploads(t))
}

// A file input in which nothing was chosen is sent as an empty file without a
// name (WHATWG HTML, 4.10.21.4).
func TestAFileInputWithoutAFileIsAbsent(t *testing.T) {
	type input struct {
		File *params.File `form:"file"`
	}
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
	in, err := decodeWire[input](t, "Content-Type: multipart/form-data; boundary=b", body)
	require.NoError(t, err)
	assert.Nil(t, in.File)
}

// A part whose Content-Disposition can't be read, or that has no name, belongs to
// no field.
func TestAPartWithoutANameIsNoField(t *testing.T) {
	type input struct {
		Name string  `form:"name" validate:"required"`
		Nick *string `form:"nick"`
	}
	for _, disposition := range []string{
		``, `form-data`, `form-data; name=`, `form-data; name="name`, `form-data; name="name"; name="nick"`, `attachment; name="name"`, `form-data; name=na me`,
	} {
		body := "--b\r\nContent-Disposition: " + disposition + "\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=nick\r\n\r\nann\r\n--b--\r\n"
		in, err := decodeWire[input](t, "Content-Type: multipart/form-data; boundary=b", body)
		assert.Equal(t, []string{"form name required"}, brief(asError(t, err)), disposition)
		assert.Equal(t, "ann", *in.Nick, disposition)
	}
}

// Identity is no encoding, whoever says so (RFC 9110, 8.4.1).
func TestABodyOfEncodingIdentityIsRead(t *testing.T) {
	multipart, text := multipartBody(t, part{name: "name", text: "ann"})
	type form struct {
		Name string `form:"name"`
	}
	for _, encoding := range []string{"identity", "Identity", ""} {
		head := "Content-Encoding: " + encoding + "\nContent-Type: "
		in, err := decodeWire[form](t, head+multipart, text)
		require.NoError(t, err, encoding)
		assert.Equal(t, "ann", in.Name)
		in, err = decodeWire[form](t, head+urlencoded, "name=ann")
		require.NoError(t, err)
		assert.Equal(t, "ann", in.Name)
		item, err := decodeWire[typicalItem](t, head+"application/json", `{"sku":"pen","qty":1}`)
		require.NoError(t, err)
		assert.Equal(t, "pen", item.SKU)
	}
	for _, encoding := range []string{"gzip", "identity, gzip", "identity2"} {
		head := "Content-Encoding: " + encoding + "\nContent-Type: "
		_, err := decodeWire[typicalItem](t, head+"application/json", `{"sku":"pen","qty":1}`)
		assert.Equal(t, 415, asError(t, err).Status, encoding)
		_, err = decodeWire[form](t, head+multipart, text)
		assert.Equal(t, 415, asError(t, err).Status, encoding)
	}
}

// A field with an empty value is present. The server keeps Host, User-Agent and
// Content-Type apart, and of these an empty one is absent: it names nothing.
func TestAnEmptyHeaderField(t *testing.T) {
	type input struct {
		Trace *string `header:"X-Trace"`
		Agent *string `header:"User-Agent"`
	}
	in, err := decodeWire[input](t, "X-Trace:\nUser-Agent:", "")
	require.NoError(t, err)
	assert.Empty(t, *in.Trace)
	assert.Nil(t, in.Agent)

	type required struct {
		Agent string `header:"User-Agent" validate:"required"`
	}
	_, err = decodeWire[required](t, "User-Agent: ", "")
	assert.Equal(t, []string{"header User-Agent required"}, brief(asError(t, err)))
}

// A pointer may be nil, in a list too: null is one of its values. Elements that
// are none are judged as {} where null is sent.
func TestNullInAList(t *testing.T) {
	type item struct {
		SKU string `json:"sku" validate:"required"`
	}
	type input struct {
		May  []*item `json:"may"`
		Must []*item `json:"must" validate:"dive,required"`
		Are  []item  `json:"are" validate:"dive"`
	}
	in := accept[input](t, request{body: `{"may":[null,{"sku":"a"}]}`})
	require.Len(t, in.May, 2)
	assert.Nil(t, in.May[0])
	assert.Equal(t, []string{"body #/must/1 required"}, faults[input](t, `{"must":[{"sku":"a"},null]}`))
	assert.Equal(t, []string{"body #/are/0/sku required"}, faults[input](t, `{"are":[null]}`))
	assert.Nil(t, accept[[]*item](t, request{body: `[null]`})[0])
	assert.Equal(t, []string{"body #/0/sku required"}, faults[[]item](t, `[null]`))
}

// A browser sends a text input that was left empty as an empty text. For a number
// that is no number; in a query it is a fault, since nobody has to send it.
func TestAnInputThatWasLeftEmptyIsAbsent(t *testing.T) {
	type input struct {
		Name  *string  `form:"name"`
		Age   *int     `form:"age"`
		Limit int      `form:"limit" default:"20"`
		Sizes []int    `form:"size"`
		Must  *float64 `form:"must" validate:"required"`
		Query *int     `query:"q"`
	}
	multipart, text := multipartBody(t, part{name: "name"}, part{name: "age"}, part{name: "limit"}, part{name: "size"}, part{name: "size", text: "1"}, part{name: "must", text: "2"})
	for contentType, body := range map[string]string{urlencoded: "name=&age=&limit=&size=&size=1&must=2", multipart: text} {
		in, err := decodeWire[input](t, "Content-Type: "+contentType, body)
		require.NoError(t, err)
		assert.Empty(t, *in.Name, "an empty text is a text")
		assert.Nil(t, in.Age)
		assert.Equal(t, 20, in.Limit)
		assert.Equal(t, []int{1}, in.Sizes)
	}
	_, err := decodeWire[input](t, "Content-Type: "+urlencoded, "must=&age=x")
	assert.Equal(t, []string{"form age type", "form must required"}, brief(asError(t, err)))
	_, err = decode[input](t, request{uri: "/?q=", contentType: urlencoded, body: "must=1"})
	assert.Equal(t, []string{"query q type"}, brief(asError(t, err)))
}
