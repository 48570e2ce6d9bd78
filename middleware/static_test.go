package middleware_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// files makes a directory with files that are old enough to be dated, beside a secret.
func files(t *testing.T, names ...string) *os.Root {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "public")
	past := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	for _, name := range append(names, "../secret.txt") {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("content of "+name), 0o600))
		require.NoError(t, os.Chtimes(path, past, past))
	}
	root, err := os.OpenRoot(folder)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	return root
}

func staticServer(t *testing.T, root *os.Root, header responses.Header) *server {
	t.Helper()
	app := newApp()
	app.Handle("GET", "/{path:*}", routing.NewEndpoint(middleware.Static(root, header)))
	app.Group("/assets").Handle("GET", "/{path:*}", routing.NewEndpoint(middleware.Static(root, header)))
	return serve(t, app)
}

func TestStatic(t *testing.T) {
	root := files(t, "index.html", "a b.css", "sub/index.html", "sub/deep/x.js", ".well-known/security.txt", ".git/config", "sub/.env", "a:b/index.html")
	require.NoError(t, os.Symlink("../secret.txt", filepath.Join(root.Name(), "link.txt")))
	s := staticServer(t, root, nil)
	for path, want := range map[string]string{
		"/":                         "index.html",
		"/index.html":               "index.html",
		"/a%20b.css":                "a b.css",
		"/sub/":                     "sub/index.html",
		"/assets/":                  "index.html",
		"/assets/sub/deep/x.js":     "sub/deep/x.js",
		"/.well-known/security.txt": ".well-known/security.txt",
	} {
		response, body := s.do("GET", path)
		require.Equal(t, 200, response.StatusCode, path)
		require.Equal(t, "content of "+want, body, path)
		require.Equal(t, "no-cache", response.Header.Get("Cache-Control"), path)
		require.Regexp(t, `^"[0-9a-f]+-[0-9a-f]+"$`, response.Header.Get("ETag"), path)
		require.Equal(t, "Fri, 02 Jan 2026 03:04:05 GMT", response.Header.Get("Last-Modified"), path)
	}
	for path, want := range map[string]string{"/sub": "./sub/", "/sub/deep": "./deep/", "/assets/sub": "./sub/", "/a:b": "./a:b/", "/sub?a=b%26c": "./sub/?a=b%26c"} {
		response, _ := s.do("GET", path)
		require.Equal(t, 307, response.StatusCode, path)
		require.Equal(t, want, response.Header.Get("Location"), path)
	}
	for _, path := range []string{
		"/nothing", "/sub/deep/", "/index.html/", "/link.txt", "/.git/config", "/.git", "/sub/.env", "/.well-known/../x", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
		"/../secret.txt", "/sub/..%5c..%5csecret.txt", "/a%00b", "/sub%00", "//evil.example", "//evil.example/%2e%2e", "/" + strings.Repeat("n", 5000), "/" + strings.Repeat("n/", 2000),
	} {
		response, body := s.do("GET", path)
		require.Contains(t, []int{400, 404}, response.StatusCode, "%.60s", path)
		require.NotContains(t, body, "content of", "%.60s", path)
		require.Empty(t, response.Header["Location"], "%.60s", path)
	}
}

func TestStaticKnowsConditions(t *testing.T) {
	root := files(t, "a.txt")
	s := staticServer(t, root, responses.Header{"Cache-Control": {"max-age=60"}})
	response, _ := s.do("GET", "/a.txt")
	tag := response.Header.Get("ETag")
	require.Equal(t, "max-age=60", response.Header.Get("Cache-Control"))
	for _, test := range []struct {
		header string
		status int
	}{
		{"If-None-Match: " + tag, 304},
		{"If-None-Match: W/" + tag, 304},
		{`If-None-Match: "other"`, 200},
		{"If-Match: " + tag, 200},
		{`If-Match: "other"`, 412},
		{"Range: bytes=0-2", 206},
	} {
		response, _ := s.do("GET", "/a.txt", test.header)
		require.Equal(t, test.status, response.StatusCode, test.header)
		if test.status < 400 {
			require.Equal(t, tag, response.Header.Get("ETag"), test.header)
		}
	}
	// A file of before, put back with its date and its length, is another version.
	path := filepath.Join(root.Name(), "a.txt")
	before := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, os.WriteFile(path, []byte("CONTENT of a.txt"), 0o600))
	require.NoError(t, os.Chtimes(path, before, before))
	response, body := s.do("GET", "/a.txt", "If-None-Match: "+tag, "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT")
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, "CONTENT of a.txt", body)

	require.NoError(t, os.WriteFile(path, []byte("content of now"), 0o600))
	response, _ = s.do("GET", "/a.txt")
	require.Empty(t, response.Header["Etag"], "it may change once more within its date")
}

func TestMistakesWithStatic(t *testing.T) {
	require.Equal(t, "velithon: Static: the root is nil: open it with os.OpenRoot", panicOf(func() { middleware.Static(nil, nil) }))
}
