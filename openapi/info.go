package openapi

import (
	"errors"
	"fmt"
	"slices"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/responses"
)

// Info is what a document says about the service as a whole. Title and Version must be
// set.
type Info struct {
	Title       string
	Version     string // of the API, not of OpenAPI
	Summary     string
	Description string // CommonMark
	Terms       string // a URL of the terms of service
	Contact     Contact
	License     License

	// Servers are where the service is reached; without any it is where the document was
	// found.
	Servers []Server

	// Tags describes tags, and puts them in this order. Those of operations that are not
	// among them follow.
	Tags []Tag

	// Problems are what the app's Options.Problem makes of the problems that the framework
	// answers with, one for a status: their type, and the members of their Extensions, of
	// which the values are an example. One without a status has the members of all
	// problems. All of it may be missing in an answer, as it is after a panic.
	Problems []*responses.Problem

	ExternalDocs ExternalDocs
}

// A Contact is whom to ask. It is left out when it is empty.
type Contact struct{ Name, URL, Email string }

// A License is that of the API. It is left out when it has no Name.
type License struct {
	Name       string
	Identifier string // by SPDX; not together with URL
	URL        string
}

// A Server is a place where the service is reached.
type Server struct {
	URL         string // absolute, or relative to the place of the document
	Description string
}

// A Tag groups operations.
type Tag struct {
	Name         string
	Description  string
	ExternalDocs ExternalDocs
}

// ExternalDocs is documentation elsewhere. It is left out when it has no URL.
type ExternalDocs struct{ URL, Description string }

func (i *Info) check() error {
	switch {
	case i.Title == "":
		return errors.New("openapi: Info.Title is empty: name the service")
	case i.Version == "":
		return errors.New("openapi: Info.Version is empty: give the version of the API, such as 1.0.0")
	case i.License.Identifier != "" && i.License.URL != "":
		return errors.New("openapi: Info.License has an Identifier and a URL: keep one of them")
	}
	for n, server := range i.Servers {
		if server.URL == "" {
			return fmt.Errorf("openapi: Info.Servers[%d] has no URL", n)
		}
	}
	return i.checkProblems()
}

func (i *Info) object() *jsonschema.Object {
	o := jsonschema.Obj("title", i.Title, "version", i.Version)
	o.SetIf("summary", i.Summary)
	o.SetIf("description", i.Description)
	o.SetIf("termsOfService", i.Terms)
	contact := jsonschema.Obj()
	contact.SetIf("name", i.Contact.Name)
	contact.SetIf("url", i.Contact.URL)
	contact.SetIf("email", i.Contact.Email)
	if !contact.IsEmpty() {
		o.Set("contact", contact)
	}
	if i.License.Name != "" {
		license := jsonschema.Obj("name", i.License.Name)
		license.SetIf("identifier", i.License.Identifier)
		license.SetIf("url", i.License.URL)
		o.Set("license", license)
	}
	return o
}

// servers returns the objects of servers, nil without any.
func servers(all []Server) (list []any) {
	for _, server := range all {
		o := jsonschema.Obj("url", server.URL)
		o.SetIf("description", server.Description)
		list = append(list, o)
	}
	return list
}

// addDocs adds external documentation to o.
func (d ExternalDocs) addTo(o *jsonschema.Object) {
	if d.URL == "" {
		return
	}
	docs := jsonschema.Obj("url", d.URL)
	docs.SetIf("description", d.Description)
	o.Set("externalDocs", docs)
}

// tags returns the objects of the tags that are described, and of the names that operations
// have besides.
func (i *Info) tags(names []string) (list []any) {
	described := make([]string, 0, len(i.Tags))
	for _, tag := range i.Tags {
		o := jsonschema.Obj("name", tag.Name)
		o.SetIf("description", tag.Description)
		tag.ExternalDocs.addTo(o)
		list, described = append(list, o), append(described, tag.Name)
	}
	for _, name := range names {
		if !slices.Contains(described, name) {
			list = append(list, jsonschema.Obj("name", name))
		}
	}
	return list
}
