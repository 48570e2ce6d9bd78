package responses_test

import (
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

func TestStatusesOfARedirect(t *testing.T) {
	for status, isOne := range map[int]bool{299: false, 300: true, 303: true, 304: false, 305: true, 399: true, 400: false} {
		var raw fasthttp.RequestCtx
		err := responses.RedirectResponse{URL: "/", Status: status}.Write(&raw)
		assert.Equal(t, isOne, err == nil, "%d: %v", status, err)
	}
}

func TestLocationIsASCII(t *testing.T) {
	for given, want := range map[string]string{
		"/users/7":                          "/users/7",
		"https://x.test:8080/a?b=c&d=%20#e": "https://x.test:8080/a?b=c&d=%20#e",
		"//x.test/a;b=c,d/*!$'()+~":         "//x.test/a;b=c,d/*!$'()+~",
		"http://[::1]/":                     "http://[::1]/",
		"/users/é":                          "/users/%C3%A9",
		"/users/%c3%a9":                     "/users/%c3%a9",
		"/名?q=名#名":                          "/%E5%90%8D?q=%E5%90%8D#%E5%90%8D",
		"/\xff":                             "/%FF",
		" /a b\tc ":                         "/a%20b%09c",
		"/a ":                               "/a",
		`/\evil.test`:                       "/%5Cevil.test",
		"/a\"<>^`{|}":                       "/a%22%3C%3E%5E%60%7B%7C%7D",
		"/100%":                             "/100%25",
		"/100%/%2":                          "/100%25/%252",
		"/%zz%41":                           "/%25zz%41",
	} {
		for name, response := range map[string]responses.Response{
			"Location":         responses.Redirect(given),
			"location":         responses.TextResponse{Status: 201, Header: responses.Header{"location": {given}}},
			"Content-Location": responses.JSONResponse[string, *background.Task]{Header: responses.Header{"Content-Location": {given}}},
		} {
			var raw fasthttp.RequestCtx
			require.NoError(t, response.Write(&raw))
			assert.Equal(t, want, string(raw.Response.Header.Peek(name)), "%s of %T", given, response)
		}
	}
	for _, url := range []string{"/\r\nX: y", "/a\nb", "/\x00", "/\x7f"} {
		assert.Error(t, responses.Redirect(url).Write(new(fasthttp.RequestCtx)), "%q", url)
	}
	assert.EqualError(t, responses.Redirect(" \t").Write(new(fasthttp.RequestCtx)), "responses: redirect has no URL")

	text := responses.TextResponse{Header: responses.Header{"X-Name": {"é"}}}
	var raw fasthttp.RequestCtx
	require.NoError(t, text.Write(&raw))
	assert.Equal(t, "é", string(raw.Response.Header.Peek("X-Name")), "other fields are not URIs")
}

func TestASCIIURIKeepsItsMeaning(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	alphabet := []rune("/a%20é名 \t\"<>\\^`{|}?#&=\u00a0\U0001f600")
	for range 20_000 {
		runes := make([]rune, r.IntN(12))
		for i := range runes {
			runes[i] = alphabet[r.IntN(len(alphabet))]
		}
		given := string(runes)
		encoded := responses.ASCIIURI(given)
		for i := range len(encoded) {
			require.True(t, '!' <= encoded[i] && encoded[i] <= '~', "%q", encoded)
		}
		require.Equal(t, encoded, responses.ASCIIURI(encoded))
		got, err := url.PathUnescape(encoded)
		require.NoError(t, err, "%q", encoded)
		if want, err := url.PathUnescape(given); err == nil { // there was no lone %
			require.Equal(t, want, got)
		}
	}
}
