package openapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"html"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The page is Swagger UI 5.35.0 (Apache-2.0): three files of the npm package
// swagger-ui-dist, of which two are stored gzipped, with its licences. What is ours is the
// page around, its script and a rule for narrow windows, which are files so that the page
// needs nothing inline.
//
//go:embed page
var page embed.FS

// A pageFile is a file that the page asks for.
type pageFile struct {
	name        string
	contentType string
	stored      string // its name in the folder page; those that end in .gz are gzipped
}

var pageFiles = []pageFile{
	{"swagger-ui-bundle.js", "text/javascript; charset=utf-8", "swagger-ui-bundle.js.gz"},
	{"swagger-ui.css", "text/css; charset=utf-8", "swagger-ui.css.gz"},
	{"favicon-32x32.png", "image/png", "favicon-32x32.png"},
	{"page.css", "text/css; charset=utf-8", "page.css"},
	{"init.js", "text/javascript; charset=utf-8", "init.js"},
	{"LICENSE.txt", "text/plain; charset=utf-8", "LICENSE"},
	{"NOTICE.txt", "text/plain; charset=utf-8", "NOTICE"},
	{"swagger-ui-bundle.js.LICENSE.txt", "text/plain; charset=utf-8", "swagger-ui-bundle.js.LICENSE.txt"},
}

const pageTemplate = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/page.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. What it shows is in <a href="openapi.yaml">openapi.yaml</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/init.js"></script>
</body>
</html>
`

// servePage answers with the page. Its links are relative, so that it can be anywhere.
func servePage(info Info) routing.Endpoint {
	text := strings.Replace(pageTemplate, "TITLE", html.EscapeString(info.Title), 1)
	header := responses.Header{
		"Content-Security-Policy": {policy(info)},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}
	return routing.NewEndpoint(func(context.Context, struct{}) (responses.HTMLResponse, error) {
		return responses.HTMLResponse{Content: text, Header: header}, nil
	})
}

// fileRequest is what a client says about the files that it takes.
type fileRequest struct {
	AcceptEncoding string `header:"Accept-Encoding"`
}

// serveFile answers with a file of the page. A client that does not take gzip gets it
// unpacked, which is done once.
func serveFile(file pageFile) routing.Endpoint {
	stored, err := page.ReadFile("page/" + file.stored)
	if err != nil {
		panic("openapi: " + err.Error()) // the program was not built with the folder
	}
	isGzipped := strings.HasSuffix(file.stored, ".gz")
	unpacked := sync.OnceValues(func() ([]byte, error) { return unpack(stored) })
	return routing.NewEndpoint(func(_ context.Context, in fileRequest) (responses.BytesResponse, error) {
		r := responses.Bytes(file.contentType, stored)
		r.Header = responses.Header{"Cache-Control": {"public, max-age=3600"}, "X-Content-Type-Options": {"nosniff"}}
		if !isGzipped {
			return r, nil
		}
		r.Header["Vary"] = []string{"Accept-Encoding"}
		if takesGzip(in.AcceptEncoding) {
			r.Header["Content-Encoding"] = []string{"gzip"}
			return r, nil
		}
		var err error
		r.Content, err = unpacked()
		return r, err
	})
}

func unpack(gzipped []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// takesGzip reads the field Accept-Encoding (RFC 9110, 12.5.3): gzip must be named, with a
// weight that is not 0.
func takesGzip(field string) bool {
	for part := range strings.SplitSeq(field, ",") {
		coding, weight, weighted := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		_, text, _ := strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		return !weighted || err == nil && q > 0
	}
	return false
}
