// Package jsonschema makes JSON Schemas, of the draft 2020-12, of Go types and their rules
// as the codec and the validator see them, and of parameters as their texts are read.
//
// [Schemas] are those of a document: types with a name are its components. It knows nothing
// of routes and operations.
package jsonschema
