package conform_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/internal/torture"
)

// lint returns what another library finds wrong about a document.
func lint(document []byte) error {
	loader := openapi3.NewLoader()
	read, err := loader.LoadFromData(document)
	if err != nil {
		return err
	}
	return read.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation(), openapi3.EnableSchemaFormatValidation())
}

func tortured(t *testing.T) []byte {
	t.Helper()
	document, err := openapi.Document(torture.New().Routes(), torture.Info)
	require.NoError(t, err)
	return document
}

func TestNothingIsFoundInTheTorture(t *testing.T) {
	document := tortured(t)
	keep(t, "torture", document)
	require.NoError(t, lint(document))
}

// node returns what stands at a path of a document.
func node(document map[string]any, path ...string) map[string]any {
	for _, key := range path {
		document = document[key].(map[string]any)
	}
	return document
}

// faulty are faults of a document, which each linter has to find.
var faulty = map[string]func(document map[string]any){
	"no-title": func(d map[string]any) { delete(node(d, "info"), "title") },
	"no-schema-there": func(d map[string]any) {
		node(d, "paths", "/echo/node", "post", "requestBody", "content", "application/json")["schema"] = map[string]any{"$ref": "#/components/schemas/Nobody"}
	},
	"same-id": func(d map[string]any) { node(d, "paths", "/echo/node", "post")["operationId"] = "echo_tree" },
	"unknown-type": func(d map[string]any) {
		node(d, "components", "schemas", "TortureItem", "properties", "sku")["type"] = "text"
	},
	"no-description": func(d map[string]any) {
		delete(node(d, "paths", "/echo/node", "post", "responses", "200"), "description")
	},
	"parameter-of-the-path-is-missing": func(d map[string]any) { delete(node(d, "paths", "/shops/{shop}/items/{id}", "get"), "parameters") },
	"parameter-nowhere": func(d map[string]any) {
		list := node(d, "paths", "/query", "get")["parameters"].([]any)
		list[0].(map[string]any)["in"] = "body"
	},
	"example-is-none": func(d map[string]any) {
		node(d, "paths", "/described/order", "post", "requestBody", "content", "application/json")["example"] = map[string]any{"sku": 1, "quantity": "2"}
	},
	"required-is-no-list": func(d map[string]any) { node(d, "components", "schemas", "TortureItem")["required"] = "sku" },
}

func TestFaultsOfDocumentsAreFound(t *testing.T) {
	for name, plant := range faulty {
		var document map[string]any
		require.NoError(t, json.Unmarshal(tortured(t), &document))
		plant(document)
		text, err := json.Marshal(document)
		require.NoError(t, err)
		keep(t, "faulty/"+name, text)
		require.Error(t, lint(text), name)
	}
}
