package openapi

import (
	"maps"
	"slices"
	"strconv"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Document describes routes as an OpenAPI 3.1 document in JSON, for a file or a generator
// of clients. For the same routes and info it has the same bytes. It fails with an error
// if Info lacks a title or a version, if two operations have one ID or two security schemes
// one name, or if the example of a field is no value of its type.
func Document(routes []routing.Route, info Info) ([]byte, error) {
	if err := info.check(); err != nil {
		return nil, err
	}
	p := &paths{
		schemas: &builder{jsonschema.New(), make(map[string]bool), info.Problems}, schemes: newSchemes(routes),
		byShape: make(map[string]*pathItem), ids: make(map[string]string),
	}
	for _, rt := range routes {
		if err := p.add(rt); err != nil {
			return nil, err
		}
	}
	if len(info.Servers) == 0 {
		info.Servers = []Server{{URL: "/"}}
	}
	document := jsonschema.Obj("openapi", "3.1.1", "info", info.object(), "servers", servers(info.Servers), "paths", p.object())
	if tags := info.tags(p.tags); tags != nil {
		document.Set("tags", tags)
	}
	info.ExternalDocs.addTo(document)
	components, err := p.components()
	if err != nil {
		return nil, err
	}
	return jsonschema.Indented(document.Set("components", components))
}

// A builder makes the parts of a document that have schemas.
type builder struct {
	*jsonschema.Schemas
	used        map[string]bool // the components that no type of a service has
	appProblems []*responses.Problem
}

// components returns the schemas and security schemes that operations refer to.
func (p *paths) components() (*jsonschema.Object, error) {
	problems := p.schemas.problems()
	schemas, err := p.schemas.Finish(problemName, invalidName)
	if err != nil {
		return nil, err
	}
	schemas.Merge(problems)
	schemas.SortKeys()
	components := jsonschema.Obj("schemas", schemas)
	if schemes := p.schemes.object(); schemes != nil {
		components.Set("securitySchemes", schemes)
	}
	return components, nil
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }

func quote(text string) string { return strconv.Quote(text) }
