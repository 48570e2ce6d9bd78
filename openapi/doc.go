// Package openapi describes an app as an OpenAPI 3.1 document, and serves it with a page
// to try it.
//
//	app.Post("/order", createOrder, routing.Status(201), openapi.Describe(openapi.Operation{
//		Summary: "Take an order",
//		Tags:    []string{"orders"},
//	}))
//	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Shop", Version: "1.0.0"}})
//
// Nothing is written twice: parameters, bodies, rules, defaults, statuses and content
// types are those by which requests are decoded and answered. [Describe] adds what Go
// types don't say, and so do two tags of a field: doc for a description, example for a
// value.
//
// # Schemas
//
// A struct with a name is a component. What is read and what is written differ: of what is
// read, that is required which is refused when it is absent, and rules are keywords; what
// is written has all members but those that may be left out, and no rules, since nothing
// judges it. A type that is used both ways has one schema if they are equal, and otherwise
// a second one whose name ends in Input.
//
// A rule without a keyword stands in x-validate, word for word. A type that has its own
// way into JSON is anything, unless it says its schema itself; see [Schemer].
//
// The package costs nothing unless it is imported, and requests of other routes cost the
// same with it.
package openapi
