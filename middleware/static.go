package middleware

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// StaticInput is the input of the handler of [Static].
type StaticInput struct {
	Path string `path:"path"`
}

// Static returns a handler that answers with the files below a directory, for a route with
// {path:*}. The path can't lead out of the directory, also not by a link ([os.Root]).
//
//	root, err := os.OpenRoot("public")
//	…
//	app.Get("/{path:*}", middleware.Static(root, nil))
//
// A path that is empty or ends with a slash has index.html of the directory; one of a directory
// without the slash is redirected to that, with its query, so that relative links work. There are no lists
// of files. Names that begin with a dot are not found, but for .well-known. Conditions and ranges
// are those of [responses.FileResponse], with an ETag.
//
// header is sent with each file; nil means Cache-Control: no-cache, which has browsers ask
// each time whether they have the current one. The root must stay open as long as the
// service runs.
func Static(root *os.Root, header responses.Header) func(context.Context, StaticInput) (responses.Response, error) {
	if root == nil {
		panic("velithon: Static: the root is nil: open it with os.OpenRoot")
	}
	if header == nil {
		header = responses.Header{fasthttp.HeaderCacheControl: {"no-cache"}}
	}
	return func(ctx context.Context, in StaticInput) (responses.Response, error) {
		name := in.Path
		if isHidden(name) {
			return nil, errNoFile
		}
		if name == "" || strings.HasSuffix(name, "/") {
			name += "index.html"
		} else if info, err := root.Stat(name); err == nil && info.IsDir() {
			// Relative to the directory it is in, and with a dot, so that no name can be
			// taken for a scheme or another host.
			last := name[strings.LastIndexByte(name, '/')+1:]
			return responses.Redirect("./" + url.PathEscape(last) + "/" + query(ctx)), nil
		}
		return responses.FileResponse{Path: name, Root: root, Tagged: true, Header: header}, nil
	}
}

// query returns the query of a request with its question mark, and "" for none.
func query(ctx context.Context) string {
	raw, err := routing.RequestCtx(ctx)
	if err != nil || len(raw.URI().QueryString()) == 0 {
		return ""
	}
	return "?" + string(raw.URI().QueryString())
}

var errNoFile = responses.NewProblem(fasthttp.StatusNotFound, "file not found")

// isHidden reports whether a part of a path begins with a dot, as .git does.
func isHidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return true
		}
	}
	return false
}
