package openapi

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// toYAML writes JSON as YAML, with its members in their order.
func toYAML(text []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil { // JSON is YAML
		return nil, err
	}
	unquote(&document)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&document); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// unquote removes the style of JSON. The encoder quotes what would be read as something
// else.
func unquote(n *yaml.Node) {
	n.Style = 0
	for _, inner := range n.Content {
		unquote(inner)
	}
}
