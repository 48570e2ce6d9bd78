package responses_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

func TestHeaderRefusesInjection(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"X-A", "a\r\nSet-Cookie: b=c", `responses: value of header X-A holds the control character '\r'`},
		{"X-A", "a\nb", `responses: value of header X-A holds the control character '\n'`},
		{"X-A", "a\rb", `responses: value of header X-A holds the control character '\r'`},
		{"X-A", "a\n", `responses: value of header X-A holds the control character '\n'`},
		{"X-A", "a\x00b", `responses: value of header X-A holds the control character '\x00'`},
		{"X-A", "a\x0bb", `responses: value of header X-A holds the control character '\v'`},
		{"X-A", "a\x7fb", `responses: value of header X-A holds the control character '\x7f'`},
		{"", "a", `responses: header name "" is not a token`},
		{"X A", "a", `responses: header name "X A" is not a token`},
		{"X-A:", "a", `responses: header name "X-A:" is not a token`},
		{"X-A\r\nX-B", "a", `responses: header name "X-A\r\nX-B" is not a token`},
		{"X-Ä", "a", `responses: header name "X-Ä" is not a token`},
		{"X(A)", "a", `responses: header name "X(A)" is not a token`},
		{"connection", "close", "responses: header connection is set by the server"},
		{"Content-Length", "1", "responses: header Content-Length is set by the server"},
		{"DATE", "now", "responses: header DATE is set by the server"},
		{"Trailer", "X-A", "responses: header Trailer is set by the server"},
		{"Transfer-Encoding", "chunked", "responses: header Transfer-Encoding is set by the server"},
	} {
		var raw fasthttp.RequestCtx
		err := responses.TextResponse{Header: responses.Header{test.name: {"fine", test.value}}}.Write(&raw)
		assert.EqualError(t, err, test.want)
	}
}

func TestHeaderIsSent(t *testing.T) {
	sent := exchangeWith(t, func(raw *fasthttp.RequestCtx) {
		raw.Response.Header.Set("Vary", "Origin")
		raw.Response.Header.Set("Cache-Control", "no-store")
		raw.Response.Header.Set("Set-Cookie", "a=1")
		assert.NoError(t, responses.HTMLResponse{Header: responses.Header{
			"content-type":  {"application/xhtml+xml"},
			"vary":          {"Accept"},
			"cache-control": {"private"},
			"set-cookie":    {"b=2", "b=3"},
			"link":          {"</a>; rel=x", "</b>; rel=y"},
			"x-empty":       {""},
			"x-none":        {},
			"x-latin":       {"\xfc\tü"},
		}}.Write(raw))
	}, get())
	response := parse(t, sent)

	values := func(name string) (values []string) {
		for _, value := range response.Header.PeekAll(name) {
			values = append(values, string(value))
		}
		return values
	}
	assert.Equal(t, "application/xhtml+xml", string(response.Header.ContentType()))
	assert.Equal(t, []string{"Origin", "Accept"}, values("Vary"))
	assert.Equal(t, []string{"private"}, values("Cache-Control"))
	assert.Equal(t, []string{"</a>; rel=x", "</b>; rel=y"}, values("Link"))
	assert.Equal(t, []string{""}, values("X-Empty"))
	assert.Empty(t, values("X-None"))
	assert.Equal(t, []string{"\xfc\tü"}, values("X-Latin"))
	for _, cookie := range []string{"a=1", "b=2", "b=3"} {
		assert.Contains(t, sent, "\r\nSet-Cookie: "+cookie+"\r\n")
	}
}

// FuzzHeader checks that whatever passes adds exactly one line.
func FuzzHeader(f *testing.F) {
	f.Add("X-A", "a")
	f.Add("X-A", "a\r\nX-B: b")
	f.Add("X-A\r\nX-B", "b")
	f.Add("Set-Cookie", "a=b; Path=/")
	f.Add("Content-Type", " \t")
	f.Add("transfer-Encoding", "chunked")
	f.Add("Server", "x\x7f")
	f.Add("X-Long", strings.Repeat("0", 5000)) // once more than the reader below could hold
	f.Fuzz(func(t *testing.T, name, value string) {
		var raw fasthttp.RequestCtx
		raw.Response.Header.Set("X-First", "1")
		if err := (responses.TextResponse{Header: responses.Header{name: {value}}}).Write(&raw); err != nil {
			require.ErrorContains(t, err, "responses: ")
			return
		}
		sent := raw.Response.Header.String()
		lines := strings.Split(strings.TrimSuffix(sent, "\r\n\r\n"), "\r\n")
		require.LessOrEqual(t, len(lines), 5, "status, date, content type, X-First, and the one: %q", sent)
		for _, line := range lines {
			require.NotContains(t, line, "\n", "%q", sent)
			require.NotContains(t, line, "\r", "%q", sent)
			require.NotContains(t, line, "\x00", "%q", sent)
		}
		whole := raw.Response.String() // fasthttp reads no header that its buffer can't hold
		require.NoError(t, new(fasthttp.Response).Read(bufio.NewReaderSize(strings.NewReader(whole), len(whole))))
	})
}

// Each character of a token may be in the name of a header, and no other.
func TestHeaderNamesAreTokens(t *testing.T) {
	const others = "!#$%&'*+-.^_`|~"
	for c := range 256 {
		name := "X" + string([]byte{byte(c)})
		isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		var raw fasthttp.RequestCtx
		err := responses.TextResponse{Header: responses.Header{name: {"a"}}}.Write(&raw)
		assert.Equal(t, isLetter || '0' <= c && c <= '9' || c < 128 && strings.ContainsRune(others, rune(c)), err == nil, "%q", name)
	}
}
