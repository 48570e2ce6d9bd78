package openapi

import (
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// An Operation is what [Describe] says about a route. All of it may be left out.
type Operation struct {
	// ID names the operation, for clients that are generated; "" means the name of the
	// route, or else that of the handler's function.
	ID string

	Summary     string // one line; "" means the words of the ID
	Description string // CommonMark

	// Tags group operations; none means the first part of the path.
	Tags []string

	Deprecated bool
	Hidden     bool // leaves the route out of the document

	// Example is a value of the body that a client may send.
	Example any

	// Responses are answers besides those that are known, by their status, such as a
	// handler's own problems. Of a status that is known, the description and the example
	// are added, and a Content or ContentType takes the place of what is known.
	Responses map[int]Response

	// Problems are those of the service's own that the route is answered with, by its
	// handler or a provider: of each the status, the type, and the members of its
	// Extensions are told, as in
	//
	//	errNoCredit.WithExtensions(credit{Balance: 30, Costs: 50})
	//
	// where the values are an example.
	Problems []*responses.Problem

	// Work are the kinds of the background work that a response carries.
	Work []Kind

	Servers      []Server
	ExternalDocs ExternalDocs
}

// A Response is an answer of an operation.
type Response struct {
	Description string // "" means the words of the status

	// Content is a value of the type that is sent, of which only the type counts. nil
	// means a problem for a status of 400 or more, and otherwise no content, unless
	// there is a ContentType.
	Content any

	// ContentType is a media type without parameters; "" means application/json for a
	// Content.
	ContentType string

	Example any // a value that may be sent; nil for none
}

// A Kind is any [background.Kind].
type Kind interface {
	// Describe returns what the tasks of the kind do.
	Describe() background.KindDescription
}

// A Schemer is a type that says its schema itself, a JSON Schema of the draft 2020-12,
// since it has its own way into JSON. The method is called on a zero value, or on a pointer
// to one.
type Schemer interface {
	// OpenAPISchema returns the schema, as keywords with what encoding/json can write.
	OpenAPISchema() map[string]any
}

// annotation is the key under which a route has its Operation.
type annotation struct{}

// Describe says about a route what its types do not. Given to [routing.Router.Defaults] it
// holds for the routes that have none of their own, whose takes the place of all of it.
func Describe(o Operation) routing.Option { return routing.Annotate(annotation{}, o) }

// operationOf returns what was said about a route.
func operationOf(rt routing.Route) Operation {
	o, _ := rt.Annotation(annotation{}).(Operation)
	return o
}
