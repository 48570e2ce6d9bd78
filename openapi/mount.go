package openapi

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Options configures [Mount].
type Options struct {
	// Info is what the document says about the service as a whole. Its Title and Version
	// must be set.
	Info Info
}

// A Router is what [Mount] adds its routes to: an app, a [routing.Router], or a group of
// one.
type Router interface {
	// Handle adds a route.
	Handle(method, pattern string, endpoint routing.Endpoint, options ...routing.Option)

	// Routes returns all routes, also those outside of a group.
	Routes() []routing.Route
}

// Mount serves a description of all routes of a router, also those that are added later,
// as /openapi.json and /openapi.yaml, and a page to read and try it as /docs. On a group
// these are below its prefix and behind its middleware, and describe the routes of the whole
// app all the same. None of them is in the document.
//
// The document is made once, when it is first asked for; a mistake of which [Document]
// tells is answered with 500 then, and logged. A test that calls Document finds it earlier.
// Mount panics if Info lacks a title or a version.
//
// The page is Swagger UI, whose files are a part of the program: a browser asks nobody else
// for anything, and the page allows it by its Content-Security-Policy.
func Mount(router Router, options Options) {
	if err := options.Info.check(); err != nil {
		panic(err.Error())
	}
	document := sync.OnceValues(func() ([]byte, error) { return Document(router.Routes(), options.Info) })
	yaml := sync.OnceValues(func() ([]byte, error) {
		text, err := document()
		if err != nil {
			return nil, err
		}
		return toYAML(text)
	})
	get := func(pattern string, endpoint routing.Endpoint, options ...routing.Option) {
		router.Handle("GET", pattern, endpoint, append(options, Describe(Operation{Hidden: true}))...)
	}
	get("/openapi.json", serve(mediaJSON, document), routing.Annotate(routing.DocumentKey{}, document))
	get("/openapi.yaml", serve("application/yaml", yaml))
	get("/docs", servePage(options.Info))
	for _, file := range pageFiles {
		get("/docs/"+file.name, serveFile(file))
	}
}

// serve answers with a document, once it can be made.
func serve(contentType string, text func() ([]byte, error)) routing.Endpoint {
	return routing.NewEndpoint(func(context.Context, struct{}) (responses.BytesResponse, error) {
		content, err := text()
		return responses.Bytes(contentType, content), err
	})
}

// policy returns the Content-Security-Policy of the page: everything is its own, but the
// servers that requests are tried on.
func policy(info Info) string {
	connect := []string{"'self'"}
	for _, server := range info.Servers {
		u, err := url.Parse(server.URL)
		if err != nil || u.Host == "" || strings.ContainsAny(u.Host, " ;,'") {
			continue // relative, and so our own
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(connect, origin) {
			connect = append(connect, origin)
		}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src " +
		strings.Join(connect, " ") + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
