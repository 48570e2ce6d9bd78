package middleware_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

var long = strings.Repeat("a text that is long enough. ", 100)

// plain returns a body as it was before it was compressed.
func plain(t *testing.T, response *http.Response, body string) string {
	t.Helper()
	var text []byte
	var err error
	switch coding := response.Header.Get("Content-Encoding"); coding {
	case "":
		return body
	case "br":
		text, err = fasthttp.AppendUnbrotliBytes(nil, []byte(body))
	case "zstd":
		text, err = fasthttp.AppendUnzstdBytes(nil, []byte(body))
	case "gzip":
		text, err = fasthttp.AppendGunzipBytes(nil, []byte(body))
	default:
		require.Fail(t, coding)
	}
	require.NoError(t, err)
	return string(text)
}

func compressedApp(t *testing.T) *velithon.App {
	app := newApp()
	app.Use(middleware.Compress)
	of := func(contentType, body string, header responses.Header) routing.Endpoint {
		return routing.NewEndpoint(func(context.Context, struct{}) (responses.BytesResponse, error) {
			answer := responses.Bytes(contentType, []byte(body))
			answer.Header = header
			return answer, nil
		})
	}
	app.Handle("GET", "/text", of("text/plain", long, responses.Header{"ETag": {`"a"`}}))
	app.Handle("GET", "/weak", of("text/plain", long, responses.Header{"ETag": {`W/"a"`}}))
	app.Handle("GET", "/json", of("application/json ; charset=utf-8", long, nil))
	app.Handle("GET", "/problem", of("application/problem+json", long, nil))
	app.Handle("GET", "/svg", of("image/svg+xml", long, nil))
	app.Handle("GET", "/short", of("text/plain", long[:1023], nil))
	app.Handle("GET", "/png", of("image/png", long, nil))
	app.Handle("GET", "/zip", of("application/zip", long, nil))
	app.Handle("GET", "/capitals", of("Text/Plain", long, nil))
	app.Handle("GET", "/coded", of("text/plain", long, responses.Header{"Content-Encoding": {"x"}}))
	app.Handle("GET", "/private", of("text/plain", long, responses.Header{"Cache-Control": {"private, No-Transform"}}))
	app.Handle("GET", "/varies", of("text/plain", long, responses.Header{"Vary": {"Cookie"}}))
	file := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(file, []byte(long), 0o600))
	app.Handle("GET", "/file", routing.NewEndpoint(func(context.Context, struct{}) (responses.FileResponse, error) {
		answer := responses.File(file)
		answer.Header = responses.Header{"ETag": {`"a"`}}
		return answer, nil
	}))
	late := make(chan struct{})
	t.Cleanup(func() { close(late) })
	get(app.Router, "/late", func() (responses.TextResponse, error) { <-late; return responses.Text(long), nil }, routing.Timeout(time.Millisecond))
	return app
}

func TestCompress(t *testing.T) {
	s := serve(t, compressedApp(t))
	for _, path := range []string{"/text", "/weak", "/json", "/problem", "/svg", "/file", "/varies"} {
		for _, coding := range []string{"br", "zstd", "gzip", ""} {
			response, body := s.do("GET", path, "Accept-Encoding: "+coding)
			require.Equal(t, 200, response.StatusCode, path)
			require.Equal(t, coding, response.Header.Get("Content-Encoding"), path)
			require.Equal(t, long, plain(t, response, body), path)
			require.Contains(t, strings.Join(response.Header["Vary"], ","), "Accept-Encoding", path)
			if coding != "" {
				require.Less(t, len(body), len(long)/10, path)
				require.NotContains(t, response.Header, "Accept-Ranges", path)
				if path == "/text" || path == "/weak" || path == "/file" {
					require.Equal(t, `W/"a"`, response.Header.Get("ETag"), path)
				}
			} else if path == "/text" || path == "/file" {
				require.Equal(t, `"a"`, response.Header.Get("ETag"), path)
			}
		}
	}
	response, _ := s.do("GET", "/varies", "Accept-Encoding: br")
	require.Equal(t, []string{"Cookie,Accept-Encoding"}, response.Header["Vary"])
	response, _ = s.do("GET", "/varies")
	require.Equal(t, []string{"Cookie", "Accept-Encoding"}, response.Header["Vary"])
}

func TestCompressLeavesAlone(t *testing.T) {
	s := serve(t, compressedApp(t))
	for _, path := range []string{"/short", "/png", "/zip", "/capitals", "/coded", "/private"} {
		response, body := s.do("GET", path, "Accept-Encoding: br, gzip, zstd")
		require.Equal(t, 200, response.StatusCode, path)
		require.NotContains(t, []string{"br", "gzip", "zstd"}, response.Header.Get("Content-Encoding"), path)
		require.True(t, strings.HasPrefix(long, body), path)
		require.Empty(t, response.Header["Vary"], path)
	}
	response, body := s.do("GET", "/file", "Accept-Encoding: br", "Range: bytes=0-1999")
	require.Equal(t, 206, response.StatusCode)
	require.Empty(t, response.Header["Content-Encoding"])
	require.Equal(t, long[:2000], body)
	require.Equal(t, `"a"`, response.Header.Get("ETag"))

	response, _ = s.do("GET", "/file", "Accept-Encoding: br", `If-None-Match: W/"a"`)
	require.Equal(t, 304, response.StatusCode)
	require.Equal(t, `W/"a"`, response.Header.Get("ETag"), "the tag of what the client has")
	require.Equal(t, []string{"Accept-Encoding"}, response.Header["Vary"])

	response, _ = s.do("GET", "/file", "Accept-Encoding: br", `If-None-Match: "a"`)
	require.Equal(t, 304, response.StatusCode)
	require.Equal(t, `"a"`, response.Header.Get("ETag"), "likewise: of what was not compressed, as an image is not")

	response, _ = s.do("GET", "/late", "Accept-Encoding: br")
	require.Equal(t, 503, response.StatusCode)
	require.Empty(t, response.Header["Content-Encoding"])
	response, _ = s.do("HEAD", "/text", "Accept-Encoding: br")
	require.Equal(t, "br", response.Header.Get("Content-Encoding"))
}

func TestCompressByWhatTheClientLikes(t *testing.T) {
	s := serve(t, compressedApp(t))
	for accepted, want := range map[string]string{
		"gzip, deflate, br, zstd":          "br",
		"gzip, deflate, zstd":              "zstd",
		"deflate, GZIP":                    "gzip",
		"br;q=0.5, gzip":                   "gzip",
		"br;q=0.5, gzip;q=0.5":             "br",
		"br;q=0, gzip;q=0.0001":            "gzip",
		"br ; x=1 ; Q = 0.1 , gzip; q=0.2": "gzip",
		"*":                                "br",
		"*;q=0":                            "",
		"br;q=0, *":                        "zstd",
		"br;q=0.1, *;q=0.2":                "zstd",
		"identity, br;q=0.5":               "",
		"identity;q=0.5, br;q=0.5":         "br",
		"br;q=2":                           "",
		"br;q=-1":                          "",
		"br;q=nan, gzip;q=x":               "",
		"brr, xgzip, gzip2":                "",
		"deflate":                          "",
		"identity":                         "",
		strings.Repeat(",", 7000):          "",
		strings.Repeat("gzip;q=0,", 700) + "gzip": "gzip",
		strings.Repeat("a;", 3000) + "q=1,gzip":   "gzip",
	} {
		response, body := s.do("GET", "/text", "Accept-Encoding: "+accepted)
		require.Equal(t, want, response.Header.Get("Content-Encoding"), "%.50s", accepted)
		require.Equal(t, long, plain(t, response, body))
	}
	response, _ := s.do("GET", "/text", "Accept-Encoding: deflate", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"), "lines are one list")
}

// What is around it finds the request as it was, and a late handler its response.
func TestCompressChangesNothingElse(t *testing.T) {
	app := newApp()
	var asked string
	var late *fasthttp.RequestCtx
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			asked = string(raw.Request.Header.Peek("Accept-Encoding"))
		}
	}, middleware.Compress)
	get(app.Router, "/", func() (responses.TextResponse, error) { return responses.Text(long), nil })
	slow := app.Group("/slow", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			raw.TimeoutError("late")
			late = raw
		}
	})
	get(slow, "", func() (responses.TextResponse, error) { return responses.Text(long), nil })
	s := serve(t, app)
	response, _ := s.do("GET", "/", "Accept-Encoding: gzip;q=1, br;q=0.5")
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	require.Equal(t, "gzip;q=1, br;q=0.5", asked)
	response, body := s.do("GET", "/slow", "Accept-Encoding: gzip")
	require.Equal(t, "late", body)
	require.Empty(t, response.Header["Content-Encoding"])
	s.end()
	require.Empty(t, late.Response.Header.ContentEncoding())
}

// An event is there before the next one is made.
func TestCompressFlushesEvents(t *testing.T) {
	app := newApp()
	app.Use(middleware.Compress)
	next := make(chan struct{})
	app.Handle("GET", "/events", routing.NewEndpoint(func(context.Context, struct{}) (*responses.EventStreamResponse, error) {
		return responses.EventStream(func(events *responses.EventWriter) error {
			for range 3 {
				if err := events.Send(responses.Event{Data: "x"}); err != nil {
					return err
				}
				<-next
			}
			return nil
		}), nil
	}))
	s := serve(t, app)
	request, err := http.NewRequest(http.MethodGet, "http://test/events", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := s.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	reader, err := gzip.NewReader(response.Body)
	require.NoError(t, err)
	lines := bufio.NewReader(reader)
	for range 3 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "data: x\n", line)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
		next <- struct{}{}
	}
	_, err = lines.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// Heartbeats are sent at once as well.
func TestCompressFlushesHeartbeats(t *testing.T) {
	app := newApp()
	app.Use(middleware.Compress)
	enough := make(chan struct{})
	app.Handle("GET", "/events", routing.NewEndpoint(func(context.Context, struct{}) (*responses.EventStreamResponse, error) {
		stream := responses.EventStream(func(*responses.EventWriter) error {
			<-enough
			return nil
		})
		stream.Heartbeat = time.Millisecond
		return stream, nil
	}))
	s := serve(t, app)
	request, err := http.NewRequest(http.MethodGet, "http://test/events", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := s.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	reader, err := gzip.NewReader(response.Body)
	require.NoError(t, err)
	beats := make([]byte, len(":\n\n:\n\n"))
	_, err = io.ReadFull(reader, beats)
	require.NoError(t, err)
	require.Equal(t, ":\n\n:\n\n", string(beats))
	close(enough)
	_, err = io.ReadAll(reader)
	require.NoError(t, err)
}

// A stream that breaks must not look whole to the client.
func TestCompressOfABrokenStream(t *testing.T) {
	app := newApp()
	app.Use(middleware.Compress)
	app.Handle("GET", "/stream", routing.NewEndpoint(func(context.Context, struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, _ = w.WriteString(long)
			return io.ErrClosedPipe
		}), nil
	}))
	s := serve(t, app)
	for _, coding := range []string{"br", "zstd", "gzip"} {
		request, err := http.NewRequest(http.MethodGet, "http://test/stream", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Accept-Encoding", coding)
		response, err := s.client.Do(request)
		require.NoError(t, err)
		_, err = io.ReadAll(response.Body)
		require.Error(t, err, coding)
		require.NoError(t, response.Body.Close())
	}
}
