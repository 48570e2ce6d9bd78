package openapi

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/velithon-go/velithon/routing"
)

// Document describes routes as an OpenAPI 3.1 document in JSON, for a file or a generator
// of clients. For the same routes and info it has the same bytes. It fails with an error
// if Info lacks a title or a version, if two operations have one ID, or if the example of
// a field is no value of its type.
func Document(routes []routing.Route, info Info) ([]byte, error) {
	if err := info.check(); err != nil {
		return nil, err
	}
	s := newSchemas()
	p := &paths{schemas: s, byShape: make(map[string]*pathItem), ids: make(map[string]string)}
	for _, rt := range routes {
		if err := p.add(rt); err != nil {
			return nil, err
		}
	}
	if len(info.Servers) == 0 {
		info.Servers = []Server{{URL: "/"}}
	}
	document := obj("openapi", "3.1.1", "info", info.object(), "servers", servers(info.Servers), "paths", p.object())
	if tags := info.tags(p.tags); tags != nil {
		document.set("tags", tags)
	}
	info.ExternalDocs.addTo(document)
	document.set("components", p.components())
	text, err := indented(document)
	return text, cmp.Or(s.err, err)
}

// components returns the schemas and security schemes that operations refer to.
func (p *paths) components() *object {
	s := p.schemas
	problems := obj()
	s.problems(problems)
	schemas := s.finish()
	for _, m := range problems.members {
		schemas.set(m.key, m.value)
	}
	slices.SortFunc(schemas.members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	components := obj("schemas", schemas)
	if schemes := p.securitySchemes(); schemes != nil {
		components.set("securitySchemes", schemes)
	}
	return components
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }

func quote(text string) string { return strconv.Quote(text) }
