package routing

import (
	"reflect"
	"slices"

	"github.com/velithon-go/velithon/params"
)

// A Provider describes what one provider of a route does, for those who document it.
type Provider struct {
	Type      reflect.Type  // of what it provides
	In        reflect.Type  // its input
	Plan      *params.Plan  // how the input is read: the request has these parameters, too
	Function  string        // the name of its function
	Security  []Requirement // any one of them is enough; empty when nobody is asked for credentials
	Anonymous bool          // those who have no credentials are let in, too
}

// Providers returns what the route needs of providers, in the order in which they run:
// those that [Provide] was given, also where [Override] replaces them.
func (r Route) Providers() []Provider {
	if r.described == nil {
		return nil
	}
	providers := make([]Provider, len(r.described.steps))
	for i, s := range r.described.steps {
		p := s.provider
		providers[i] = Provider{p.typ, p.in, s.plan, p.function, slices.Clone(p.security), p.anonymous}
	}
	return providers
}

// Security returns the ways to get into the route, each with all that it asks for: the
// Security Requirement Objects of OpenAPI 3.1.1, whose scheme and scopes its providers
// are [Secured] by. A way that is empty asks for nothing. It is empty when no provider
// asks for credentials.
func (r Route) Security() [][]Requirement {
	if r.described == nil {
		return nil
	}
	return slices.Clone(r.described.security)
}
