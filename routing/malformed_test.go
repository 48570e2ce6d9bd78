package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"
)

// The tests of the whole app have all messages; these are about what this package
// itself refuses.
func TestMalformedMessagesDoNotReachMiddleware(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			assert.NotContains(t, string(raw.RequestURI()), "refused")
			next(raw)
		}
	})
	r.Post("/taken", hello)
	server := &fasthttp.Server{Handler: behindServer(r), NoDefaultServerHeader: true}
	const end = "Host: x\r\nConnection: close\r\n\r\n"
	const chunks = "\r\n1\r\nx\r\n0\r\n\r\n"
	for _, test := range []struct{ message, detail string }{
		{"POST /refused HTTP/1.2\r\n" + end, "the version is neither HTTP/1.1 nor HTTP/1.0"},
		{"POST /refused#x HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST http://x/refused#x HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST http://user@x/refused HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST /refused HTTP/1.1\r\nHost: user@x\r\nConnection: close\r\n\r\n", "the field Host is malformed"},
		{"POST /refused HTTP/1.1\r\nTransfer-Encoding: identity\r\n" + end, "the fields Transfer-Encoding and Content-Length leave it open where the body ends"},
		{"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nX: a\nTransfer-Encoding: chunked\r\n" + chunks, "the fields Transfer-Encoding and Content-Length leave it open where the body ends"},
		{"POST /refused HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\nHost: x\r\n" + chunks, "the fields Transfer-Encoding and Content-Length leave it open where the body ends"},
		{"POST /taken HTTP/1.0\r\n" + end, ""},
		{"POST /taken HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\nConnection: close\r\n" + chunks, ""},
		{"POST http://x/taken?y@z HTTP/1.1\r\n" + end, ""},
	} {
		sent := talk(t, server, test.message)
		if test.detail == "" {
			assert.Contains(t, sent, "HTTP/1.1 200 OK\r\n", test.message)
			continue
		}
		assert.Contains(t, sent, "HTTP/1.1 400 Bad Request\r\n", test.message)
		assert.Contains(t, sent, "Connection: close\r\n", test.message)
		assert.Contains(t, sent, `"detail":"`+test.detail+`"`, test.message)
	}
}

func TestTrailersDoNotChangeTheHeader(t *testing.T) {
	r := newRouter(t)
	r.Post("/", func(_ context.Context, in struct {
		User []string `header:"X-User"`
		Late string   `header:"X-Late"`
	},
	) (any, error) {
		return in, nil
	})
	server := &fasthttp.Server{Handler: behindServer(r)}
	sent := talk(t, server, "POST / HTTP/1.1\r\nHost: x\r\nX-User: ada\r\nConnection: close\r\n"+
		"Transfer-Encoding: chunked\r\nTrailer: X-User, X-Late\r\n\r\n0\r\nX-User: root\r\nX-Late: late\r\n\r\n")
	assert.Contains(t, sent, `{"User":["ada"],"Late":""}`)
}
