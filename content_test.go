package velithon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// withStatus is a middleware that changes the status of what follows.
func withStatus(status int) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			raw.SetStatusCode(status)
		}
	}
}

// A response whose status has no content has none, whoever sets the status: the
// client reads no content, so it would take it for the next response.
func TestStatusesWithoutContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
	for _, status := range []int{204, 205, 304} {
		app := velithon.New(velithon.Options{Logger: quiet})
		targets := map[string]struct{}{}
		add := func(target string, to *routing.Router, endpoint routing.Endpoint, options ...routing.Option) {
			to.Handle("GET", target, endpoint, options...)
			to.Handle("HEAD", target, endpoint, options...)
			targets[target] = struct{}{}
		}
		of := routing.Status(status)
		changed := app.Group("/changed", withStatus(status))
		each := func(name string, ofRoute, ofResponse routing.Endpoint) {
			add("/route/"+name, app.Router, ofRoute, of)
			add("/late/"+name, app.Router, ofRoute, of, routing.Timeout(time.Hour))
			add("/own/"+name, app.Router, ofResponse)
			changed.Handle("GET", "/"+name, ofRoute)
			changed.Handle("HEAD", "/"+name, ofRoute)
			targets["/changed/"+name] = struct{}{}
		}
		write := func(w *responses.StreamWriter) error { _, err := w.WriteString("content"); return err }
		stream := func(status int) routing.Endpoint {
			return routing.NewEndpoint(func(context.Context, struct{}) (*responses.StreamResponse, error) {
				stream := responses.Stream("text/plain", write)
				stream.Status = status
				return stream, nil
			})
		}
		each("json", constant("content"), constant(responses.JSONStatus(status, "content")))
		each("text", constant(responses.Text("content")), constant(responses.TextResponse{Content: "content", Status: status}))
		each("html", constant(responses.HTML("content")), constant(responses.HTMLResponse{Content: "content", Status: status}))
		each("bytes", constant(responses.Bytes("", []byte("content"))), constant(responses.BytesResponse{Content: []byte("content"), Status: status}))
		each("file", constant(responses.File(path)), constant(responses.FileResponse{Path: path, Status: status}))
		each("stream", stream(0), stream(status))
		each("none", constant(responses.NoContentResponse{Status: status}), constant(responses.NoContentResponse{Status: status}))
		changed.Get("/problem", func(context.Context, struct{}) (any, error) { return nil, responses.NewProblem(409, "content") })
		targets["/changed/problem"] = struct{}{}

		conn := dial(t, serve(t, app))
		reader := bufio.NewReader(conn)
		for target := range targets {
			for _, method := range []string{"GET", "HEAD"} {
				if method == "HEAD" && target == "/changed/problem" {
					continue
				}
				write := request(method, target, "")
				_, err := io.WriteString(conn, write)
				require.NoError(t, err)
				// The reader goes on right behind the header.
				response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodHead})
				require.NoError(t, err, "%d %s %s", status, method, target)
				require.Equal(t, status, response.StatusCode, "%s %s", method, target)
				if status == 205 {
					assert.Equal(t, []string{"0"}, response.Header["Content-Length"], target)
					assert.Empty(t, response.Header.Get("Content-Type"), target)
					assert.Empty(t, response.TransferEncoding, target)
				}
				assert.Zero(t, reader.Buffered(), "%d %s %s", status, method, target)
			}
		}
	}
}

func constant[Out any](out Out) routing.Endpoint {
	return routing.NewEndpoint(func(context.Context, struct{}) (Out, error) { return out, nil })
}

// After an informational response the client waits for the final one, which does
// not come, or takes the next request's for it.
func TestStatusesThatEndNoRequest(t *testing.T) {
	for _, status := range []int{-1, 1, 99, 100, 101, 103, 199, 1000} {
		var log logBuffer
		app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ran := false
		app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			changed := withStatus(status)(next)
			return func(raw *fasthttp.RequestCtx) {
				if string(raw.Path()) == "/healthy" {
					next(raw)
				} else {
					changed(raw)
				}
			}
		})
		app.Get("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
			return responses.JSON("content", background.Func("never", func(context.Context) error { ran = true; return nil })), nil
		})
		app.Get("/healthy", func(context.Context, struct{}) (string, error) { return "ok", nil })
		conn := dial(t, serve(t, app))
		reader := bufio.NewReader(conn)
		write(t, conn, request("GET", "/", ""))
		response, body := receive(t, reader)
		assert.Equal(t, 500, response.StatusCode, status)
		assert.JSONEq(t, internalProblem, body)
		assertHealthy(t, conn, reader)
		shutdown(t, app)
		assert.False(t, ran, "its response was not sent")
		assert.Contains(t, log.String(), fmt.Sprintf(`msg="a response has the status %d, which ends no request, and is answered with 500"`, status))
	}
}
