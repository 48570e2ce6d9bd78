package serve_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// What proxies, middleware, routers and forms would not agree on is refused in front
// of them all.
func TestPathsThatAreRefused(t *testing.T) {
	const (
		slash = "the path has an encoded slash"
		dots  = "the path has a segment that is empty or made of dots"
		coded = "the path has an invalid percent-encoding"
	)
	address := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
		assert.Fail(t, "the handler is reached", string(raw.RequestURI()))
	}}).onSocket(t)
	for target, fault := range map[string]string{
		"/shops/..%2Fpublic%2F5": slash,
		"/public%2Fx":            slash,
		"/public%2fx":            slash,
		"/rest/a%2Fb":            slash,
		"http://x/public%2fx":    slash,
		"/admin/%2e%2e/public/x": dots,
		"/admin/%2E./public/x":   dots,
		"/admin/../public/x":     dots,
		"/admin/..":              dots,
		"/./admin":               dots,
		"/rest/%2e":              dots,
		"//admin":                dots,
		"/admin//x":              dots,
		"/rest//":                dots,
		"http://x/..":            dots,
		"http://x//":             dots,
		"/f/%2e%2e%2fetc":        slash,
		"/shops/%":               coded,
		"/shops/%4":              coded,
		"/shops/%zz":             coded,
		"/shops/%4z":             coded,
		"/shops/%+1":             coded,
		"/users/%6De%":           coded,
	} {
		response, body := send(t, address, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n"+request("GET", "/second", ""))
		assert.Equal(t, 400, response.StatusCode, target)
		assert.Equal(t, fault, detailOf(t, body), target)
	}
}
