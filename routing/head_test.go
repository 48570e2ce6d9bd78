package routing_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A GET route answers HEAD with the same fields and without a body: RFC 9110,
// section 9.3.2. The request that follows on the connection shows that nothing
// else was sent.
func TestAGetRouteAnswersHead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(file, []byte("a file"), 0o600))
	ran := make(chan string, 10)
	leave := make(chan struct{})
	defer close(leave)
	r := newRouter(t)
	r.Get("/json", hello)
	r.Get("/json/{id}", hello)
	r.Get("/work", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.TextResponse{Content: "work", Background: background.Func("work", func(context.Context) error {
			ran <- "work"
			return nil
		})}, nil
	})
	r.Get("/file", func(context.Context, struct{}) (responses.FileResponse, error) { return responses.File(file), nil })
	r.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, err := w.WriteString("a stream")
			return err
		}), nil
	})
	r.Get("/fails", func(context.Context, struct{}) (string, error) {
		return "", responses.NewProblem(409, "on purpose")
	})
	r.Get("/panics", func(context.Context, struct{}) (string, error) { panic("on purpose") })
	r.Get("/late", func(context.Context, struct{}) (string, error) {
		<-leave
		return "", nil
	}, routing.Timeout(time.Millisecond))
	server := &fasthttp.Server{Handler: routing.Build(r).ServeRequest}

	for path, status := range map[string]string{
		"/json": "200", "/json/7": "200", "/work": "200", "/file": "200", "/stream": "200", "/fails": "409", "/panics": "500", "/late": "503", "/nowhere": "404",
	} {
		const last = "GET /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		sent := talk(t, server, "HEAD "+path+" HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2\r\n\r\n"+last)
		head, rest, _ := strings.Cut(sent, "\r\n\r\n")
		assert.True(t, strings.HasPrefix(head, "HTTP/1.1 "+status+" "), "%s: %s", path, head)
		assert.True(t, strings.HasPrefix(rest, "HTTP/1.1 200 OK\r\n"), "%s: a body: %q", path, rest)
		assert.True(t, strings.HasSuffix(rest, `"hello"`), path)
	}
	assert.Equal(t, "work", await(t, ran, "the work"))
	assert.Empty(t, ran, "it ran once")
	assert.Contains(t, talk(t, server, "HEAD /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "\r\nContent-Length: 7\r\n")
	for _, route := range r.Routes() {
		assert.Equal(t, "GET", route.Method)
	}
}

func TestAHeadRouteGoesBeforeTheGetRoute(t *testing.T) {
	own := func(context.Context, struct{}) (responses.NoContentResponse, error) {
		return responses.NoContentResponse{}, nil
	}
	for name, add := range map[string]func(*routing.Router){
		"before": func(r *routing.Router) {
			r.Head("/x", own)
			r.Head("/p/{a}", own)
			r.Get("/x", hello)
			r.Get("/p/{b}", hello)
		},
		"after": func(r *routing.Router) {
			r.Get("/x", hello)
			r.Get("/p/{b}", hello)
			r.Head("/x", own)
			r.Head("/p/{a}", own)
		},
	} {
		r := newRouter(t)
		add(r)
		r.Get("/p/new", hello) // the more particular one is HEAD's, too
		for path, status := range map[string]int{"/x": 204, "/p/1": 204, "/p/new": 200} {
			assert.Equal(t, status, do(t, routing.Build(r).ServeRequest, "HEAD", path).StatusCode(), name+" "+path)
			assert.Equal(t, 200, do(t, routing.Build(r).ServeRequest, "GET", path).StatusCode(), name+" "+path)
		}
		assert.Contains(t, panicOf(func() {
			other := newRouter(t)
			add(other)
			other.Head("/x", own)
		}), `pattern "HEAD /x" conflicts with pattern "HEAD /x"`)
	}
}

// What is known when the header is read is what the route says that answers.
func TestHeadIsReadAsItsRouteSays(t *testing.T) {
	r := newRouter(t)
	r.Get("/a", hello, routing.BodyLimit(1))
	r.Get("/b/{x}", hello, routing.BodyLimit(2))
	r.Head("/b/{x}", hello, routing.BodyLimit(3))
	config, _ := routing.Build(r).RequestConfig()
	for target, limit := range map[string]int{"/a": 1, "/%61": 1, "/b/1": 3, "/c": 0, "/a%2Fb": 0, "http://x/a?q": 1, "*": 0} {
		header := new(fasthttp.RequestHeader)
		header.SetMethod("HEAD")
		header.SetHost("x")
		header.SetRequestURI(target)
		assert.Equal(t, limit, config(header).MaxRequestBodySize, target)
	}
}
