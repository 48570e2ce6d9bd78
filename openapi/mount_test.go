package openapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.yaml.in/yaml/v3"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/routing"
)

// get sends a GET request with fields of the header, given as names and values.
func get(t *testing.T, r *routing.Router, path string, header ...string) *fasthttp.Response {
	t.Helper()
	var req fasthttp.Request
	req.SetRequestURI(path)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	raw := &fasthttp.RequestCtx{}
	raw.Init(&req, nil, nil)
	routing.Build(r).ServeRequest(raw)
	return &raw.Response
}

func TestMount(t *testing.T) {
	r := torture.New()
	openapi.Mount(r, openapi.Options{Info: torture.Info})
	r.Handle("GET", "/later", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", nil }))
	want, err := openapi.Document(r.Routes(), torture.Info)
	require.NoError(t, err)
	assert.Nil(t, parse(t, want).at("paths /docs"))
	assert.NotNil(t, parse(t, want).at("paths /later"))

	for range 2 {
		response := get(t, r, "/openapi.json")
		assert.Equal(t, 200, response.StatusCode())
		assert.Equal(t, "application/json", string(response.Header.ContentType()))
		assert.Equal(t, string(want), string(response.Body()))
	}
	response := get(t, r, "/openapi.yaml")
	assert.Equal(t, 200, response.StatusCode())
	assert.Equal(t, "application/yaml", string(response.Header.ContentType()))
	assert.True(t, bytes.HasPrefix(response.Body(), []byte("openapi: 3.1.1\ninfo:\n  title: Torture\n")), "%.100s", response.Body())
	var document any
	require.NoError(t, yaml.Unmarshal(response.Body(), &document))
	text, err := json.Marshal(document)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(text))
}

// On a group all is below its prefix, and describes the whole app.
func TestMountOnAGroup(t *testing.T) {
	r := newRouter(t)
	r.Handle("GET", "/outside", answer[struct{}, string]())
	refused := 0
	g := r.Group("/internal", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if refused++; string(raw.Request.Header.Peek("X-Token")) != "secret" {
				raw.SetStatusCode(403)
				return
			}
			next(raw)
		}
	})
	openapi.Mount(g, openapi.Options{Info: info})
	assert.Equal(t, 403, get(t, r, "/internal/openapi.json").StatusCode())
	assert.Equal(t, 404, get(t, r, "/openapi.json").StatusCode())
	response := get(t, r, "/internal/openapi.json", "X-Token", "secret")
	assert.Equal(t, []string{"/outside"}, keys(parse(t, response.Body()).at("paths")))
}

// A mistake in a route is an error of the document, and of nothing else.
func TestMountWithAMistake(t *testing.T) {
	r := newRouter(t, routing.Options{Logger: slog.New(slog.DiscardHandler)})
	r.Handle("GET", "/", answer[struct {
		N int `query:"n" example:"x"`
	}, string]())
	openapi.Mount(r, openapi.Options{Info: info})
	assert.Equal(t, 500, get(t, r, "/openapi.json").StatusCode())
	assert.Equal(t, 500, get(t, r, "/openapi.yaml").StatusCode())
	assert.Equal(t, 200, get(t, r, "/").StatusCode())
}

func TestPage(t *testing.T) {
	r := newRouter(t)
	openapi.Mount(r, openapi.Options{Info: openapi.Info{
		Title: "Pens & <ink>", Version: "1",
		Servers: []openapi.Server{{URL: "/v1"}, {URL: "https://api.example.org/v1"}, {URL: "https://api.example.org/v2"}, {URL: "http://localhost:8080"}},
	}})
	response := get(t, r, "/docs")
	assert.Equal(t, "text/html; charset=utf-8", string(response.Header.ContentType()))
	assert.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"connect-src 'self' https://api.example.org http://localhost:8080; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		string(response.Header.Peek("Content-Security-Policy")))
	text := string(response.Body())
	assert.Contains(t, text, "<title>Pens &amp; &lt;ink&gt;</title>")
	assert.NotRegexp(t, `<script>|<style|\sstyle=|\son\w+=|https?://`, text, "nothing inline, and nothing of others")

	// What the page asks for is there, and relative.
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(text, -1)
	require.Len(t, links, 6)
	for _, link := range links {
		assert.Equal(t, 200, get(t, r, "/"+link[1]).StatusCode(), link[1])
	}
	assert.Contains(t, string(get(t, r, "/docs/init.js").Body()), `url: "openapi.json"`)
	for _, licence := range []string{"LICENSE.txt", "NOTICE.txt", "swagger-ui-bundle.js.LICENSE.txt"} {
		assert.NotEmpty(t, get(t, r, "/docs/"+licence).Body(), licence)
	}
}

// Files are sent as they are stored, gzipped, and unpacked to those who don't take that.
func TestFilesOfThePage(t *testing.T) {
	r := newRouter(t)
	openapi.Mount(r, openapi.Options{Info: info})
	for path, contentType := range map[string]string{
		"/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"/docs/swagger-ui.css":       "text/css; charset=utf-8",
	} {
		var plain []byte
		for accepted, isGzipped := range map[string]bool{
			"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip;q=x": false, "identity": false, "x-gzip": false, "deflate , gzip": true,
		} {
			response := get(t, r, path, "Accept-Encoding", accepted)
			require.Equal(t, 200, response.StatusCode())
			assert.Equal(t, contentType, string(response.Header.ContentType()))
			assert.Equal(t, "Accept-Encoding", string(response.Header.Peek("Vary")))
			body := response.Body()
			assert.Equal(t, map[bool]string{true: "gzip"}[isGzipped], string(response.Header.ContentEncoding()), accepted)
			if isGzipped {
				reader, err := gzip.NewReader(bytes.NewReader(body))
				require.NoError(t, err)
				body, err = io.ReadAll(reader)
				require.NoError(t, err)
			}
			if plain == nil {
				plain = bytes.Clone(body)
			}
			assert.True(t, bytes.Equal(plain, body), accepted)
		}
		assert.NotContains(t, strings.ToLower(string(plain[:200])), "<html")
	}
	assert.True(t, bytes.HasPrefix(get(t, r, "/docs/favicon-32x32.png").Body(), []byte("\x89PNG")))
	assert.Contains(t, string(get(t, r, "/docs/swagger-ui-bundle.js").Body()), "SwaggerUIBundle")
}

// YAML keeps texts apart from what they look like.
func TestYAMLOfUnusualTexts(t *testing.T) {
	r := newRouter(t)
	texts := []string{"yes", "null", "1.0", "2001-01-01", "a: b", "# no", "\"", "two\nlines", " blank ", "~", "é", "<&>", "0x1F", "=", "- x"}
	tags := make([]openapi.Tag, len(texts))
	for i, text := range texts {
		tags[i] = openapi.Tag{Name: text, Description: text}
	}
	openapi.Mount(r, openapi.Options{Info: openapi.Info{Title: "no", Version: "1.0", Tags: tags}})
	var document struct {
		Info struct{ Title, Version any }
		Tags []struct{ Name, Description any }
	}
	require.NoError(t, yaml.Unmarshal(get(t, r, "/openapi.yaml").Body(), &document))
	assert.Equal(t, "1.0", document.Info.Version)
	assert.Equal(t, "no", document.Info.Title)
	for i, text := range texts {
		assert.Equal(t, fmt.Sprint(text), document.Tags[i].Description)
	}
}

// What the command velithon prints is what the app serves.
func TestTheDocumentCanBeHadWithoutServing(t *testing.T) {
	r := torture.New()
	openapi.Mount(r.Group("/admin"), openapi.Options{Info: torture.Info})
	var documents []string
	for _, route := range r.Routes() {
		if document, ok := route.Annotation(routing.DocumentKey{}).(func() ([]byte, error)); ok {
			text, err := document()
			require.NoError(t, err)
			documents = append(documents, string(text))
		}
	}
	require.Equal(t, []string{string(get(t, r, "/admin/openapi.json").Body())}, documents)
}
