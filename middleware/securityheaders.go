package middleware

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/routing"
)

// field is one of a header, its name in fasthttp's form.
type field struct{ name, value []byte }

// careful is what an API tells browsers.
var careful = map[string]string{
	"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":           "no-referrer",
	"Strict-Transport-Security": "max-age=31536000",
	"X-Content-Type-Options":    "nosniff",
}

// SecurityHeaders sets fields that tell browsers to be careful, on all answers:
//
//	Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
//	Referrer-Policy: no-referrer
//	Strict-Transport-Security: max-age=31536000
//	X-Content-Type-Options: nosniff
//
// changes has other values, more fields, and "" for one that is to be left out; nil changes
// nothing. What the handler has set stays, such as the policy of a page, which needs one of
// its own. The third has an effect where the client speaks TLS, to a proxy mostly, and then
// for a year, for the host as a whole.
func SecurityHeaders(changes map[string]string) routing.Middleware {
	var fields []field
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, field{fasthttp.AppendNormalizedHeaderKey(nil, name), []byte(value)})
		}
	}
	for name, value := range changes {
		if !isToken([]byte(name)) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			panic(fmt.Sprintf("velithon: SecurityHeaders: %q: %q is no header field", name, value))
		}
		add(name, value)
	}
	for name, value := range careful {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(changes)), func(other string) bool { return strings.EqualFold(other, name) }) {
			add(name, value)
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return bytes.Compare(a.name, b.name) })
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			defer func() { setMissing(sentHeader(raw), fields) }() // also behind a panic
			next(raw)
		}
	}
}

// setMissing sets the fields that a header does not have.
func setMissing(header *fasthttp.ResponseHeader, fields []field) {
	for i := range fields {
		if f := &fields[i]; len(header.PeekCanonical(f.name)) == 0 {
			header.SetCanonical(f.name, f.value)
		}
	}
}
