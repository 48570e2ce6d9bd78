package velithon_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

// The numbers are promised in the documentation.
func TestDefaults(t *testing.T) {
	assert.Equal(t, 4*1024*1024, velithon.DefaultBodyLimit)
	assert.Equal(t, 8*1024, velithon.DefaultHeaderLimit)
	assert.Equal(t, 10*time.Second, velithon.DefaultReadTimeout)
	assert.Equal(t, 30*time.Second, velithon.DefaultWriteTimeout)
	assert.Equal(t, time.Minute, velithon.DefaultIdleTimeout)
	assert.Equal(t, 30*time.Second, velithon.DefaultShutdownTimeout)
	assert.Equal(t, 262_144, velithon.DefaultMaxConnections)
}

// Values that are meant to become something else on their way arrive as what
// they are, or not at all: percent-encodings are decoded once, what is not
// UTF-8 is refused, and nothing is a path of its own accord.
func TestHostileValues(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	type value struct {
		Value string `json:"value"`
	}
	app.Get("/path/{value}", func(_ context.Context, in struct {
		Value string `path:"value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Get("/rest/{value:*}", func(_ context.Context, in struct {
		Value string `path:"value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Get("/query", func(_ context.Context, in struct {
		Value string `query:"value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Get("/header", func(_ context.Context, in struct {
		Value string `header:"X-Value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Get("/cookie", func(_ context.Context, in struct {
		Value string `cookie:"value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Post("/form", func(_ context.Context, in struct {
		Value string `form:"value"`
	},
	) (value, error) {
		return value(in), nil
	})
	app.Get("/secret", func(context.Context, struct{}) (value, error) { return value{"secret"}, nil })
	address := serve(t, app)

	const urlencoded = "Content-Type: application/x-www-form-urlencoded"
	for _, test := range []struct {
		name   string
		send   string
		status int
		value  string
	}{
		{"dots as a segment", request("GET", "/path/..", ""), 400, ""},
		{"encoded dots as a segment", request("GET", "/path/%2e%2E", ""), 400, ""},
		{"dots that lead to another route", request("GET", "/path/../secret", ""), 400, ""},
		{"encoded dots that lead to another route", request("GET", "/path/%2e%2e/secret", ""), 400, ""},
		{"dots and an encoded slash", request("GET", "/path/..%2fsecret", ""), 400, ""},
		{"dots and an encoded backslash", request("GET", "/path/..%5csecret", ""), 200, `..\secret`},
		{"dots and a backslash", request("GET", `/path/..\secret`, ""), 200, `..\secret`},
		{"dots that are encoded twice", request("GET", "/path/%252e%252e%252fsecret", ""), 200, "%2e%2e%2fsecret"},
		{"dots in the rest of a path", request("GET", "/rest/a/../../secret", ""), 400, ""},
		{"encoded dots in the rest of a path", request("GET", "/rest/%2e%2e/secret", ""), 400, ""},
		{"two slashes before a path", request("GET", "//secret", ""), 400, ""},
		{"two slashes in a path", request("GET", "/path//secret", ""), 400, ""},
		{"a slash after a path", request("GET", "/secret/", ""), 404, ""},
		{"a dot as a segment", request("GET", "/./secret", ""), 400, ""},
		{"a path in capitals", request("GET", "/SECRET", ""), 404, ""},
		{"a parameter of a segment", request("GET", "/secret;a=b", ""), 404, ""},
		{"a NUL after a path", request("GET", "/secret%00", ""), 404, ""},

		{"a NUL", request("GET", "/path/a%00b", ""), 200, "a\x00b"},
		{"CR and LF", request("GET", "/path/a%0d%0aX:%20y", ""), 200, "a\r\nX: y"},
		{"half an encoding", request("GET", "/path/a%2", ""), 400, ""},
		{"a percent sign alone", request("GET", "/path/a%", ""), 400, ""},
		{"an encoding of no digits", request("GET", "/path/%zz", ""), 400, ""},
		{"an encoding of IIS", request("GET", "/path/%u002e", ""), 400, ""},
		{"a dot in two bytes", request("GET", "/path/%c0%ae", ""), 422, ""},
		{"a slash in two bytes", request("GET", "/path/%c0%af", ""), 422, ""},
		{"a slash in three bytes", request("GET", "/path/%e0%80%af", ""), 422, ""},
		{"a slash in four bytes", request("GET", "/path/%f0%80%80%af", ""), 422, ""},
		{"a surrogate", request("GET", "/path/%ed%a0%80", ""), 422, ""},
		{"half a character", request("GET", "/path/%c3", ""), 422, ""},
		{"a byte of no character", request("GET", "/path/%ff", ""), 422, ""},
		{"a byte that is not encoded", request("GET", "/path/\xff", ""), 422, ""},
		{"a character that is not encoded", request("GET", "/path/ü", ""), 200, "ü"},
		{"a plus sign in a path", request("GET", "/path/a+b", ""), 200, "a+b"},

		{"a NUL in a query", request("GET", "/query?value=a%00b", ""), 200, "a\x00b"},
		{"CR and LF in a query", request("GET", "/query?value=a%0d%0aX:%20y", ""), 200, "a\r\nX: y"},
		{"half an encoding in a query", request("GET", "/query?value=a%2", ""), 200, "a%2"},
		{"an encoding of no digits in a query", request("GET", "/query?value=%zz", ""), 200, "%zz"},
		{"an encoding within an encoding in a query", request("GET", "/query?value=%2541", ""), 200, "%41"},
		{"a slash in two bytes in a query", request("GET", "/query?value=%c0%af", ""), 422, ""},
		{"a byte of no character in a query", request("GET", "/query?value=%ff", ""), 422, ""},
		{"a surrogate in a query", request("GET", "/query?value=%ed%a0%80", ""), 422, ""},
		{"a parameter twice", request("GET", "/query?value=a&value=b", ""), 422, ""},
		{"a parameter twice, once encoded", request("GET", "/query?value=a&%76alue=b", ""), 422, ""},
		{"a semicolon is no separator", request("GET", "/query?value=a;value=b", ""), 200, "a;value=b"},
		{"a parameter with brackets is another", request("GET", "/query?value[]=a", ""), 200, ""},
		{"a parameter with a NUL is another", request("GET", "/query?value%00=a", ""), 200, ""},
		{"a name in capitals is another", request("GET", "/query?VALUE=a", ""), 200, ""},
		{"many parameters", request("GET", "/query?value=a"+strings.Repeat("&x=y", 1_000), ""), 200, "a"},
		{"nothing but separators", request("GET", "/query?"+strings.Repeat("&=", 1_000), ""), 200, ""},

		{"a byte of no character in a field", request("GET", "/header", "", "X-Value: \xff"), 422, ""},
		{"an overlong character in a field", request("GET", "/header", "", "X-Value: \xc0\xaf"), 422, ""},
		{"a field twice", request("GET", "/header", "", "X-Value: a", "x-value: b"), 200, "a, b"},
		{"an underscore does not make a field", request("GET", "/header", "", "X_Value: a"), 200, ""},
		{"a percent-encoding in a field", request("GET", "/header", "", "X-Value: %0d%0a"), 200, "%0d%0a"},
		{"a byte of no character in a cookie", request("GET", "/cookie", "", "Cookie: value=\xff"), 422, ""},
		{"a percent-encoding in a cookie", request("GET", "/cookie", "", "Cookie: value=%0d%0a"), 200, "%0d%0a"},
		{"a cookie twice", request("GET", "/cookie", "", "Cookie: value=a; value=b"), 200, "a"},
		{"a NUL in a form", request("POST", "/form", "value=a%00b", urlencoded), 200, "a\x00b"},
		{"a slash in two bytes in a form", request("POST", "/form", "value=%c0%af", urlencoded), 422, ""},
		{"a NUL in a form that is not encoded", request("POST", "/form", "value=a\x00b", urlencoded), 200, "a\x00b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, body := send(t, address, test.send)
			require.Equal(t, test.status, response.StatusCode, body)
			assert.NotContains(t, body, `"secret"`)
			assert.Empty(t, response.Header.Get("X"))
			if test.status == 200 {
				var got value
				require.NoError(t, json.Unmarshal([]byte(body), &got))
				assert.Equal(t, test.value, got.Value)
			}
		})
	}
}
