package openapi

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

const authorization = "Authorization"

// schemes are the security schemes of a document.
type schemes struct {
	byName map[string]routing.Scheme // those that operations ask for

	// plain is the name of the scheme of operations whose input has the header field
	// Authorization without any scheme: OpenAPI allows no parameter of this name.
	plain  string
	isUsed bool // there are such operations
}

func newSchemes(routes []routing.Route) schemes {
	s := schemes{byName: make(map[string]routing.Scheme), plain: "authorization"}
	isTaken := func(rt routing.Route) bool {
		return asks(rt.Security(), func(scheme routing.Scheme) bool { return scheme.Name == s.plain })
	}
	for slices.ContainsFunc(routes, isTaken) {
		s.plain += "Header"
	}
	return s
}

// asks reports whether any way asks for a scheme of which is holds.
func asks(ways [][]routing.Requirement, is func(routing.Scheme) bool) bool {
	return slices.ContainsFunc(ways, func(way []routing.Requirement) bool { return brings(way, is) })
}

// brings reports whether a way has a scheme of which is holds.
func brings(way []routing.Requirement, is func(routing.Scheme) bool) bool {
	return slices.ContainsFunc(way, func(r routing.Requirement) bool { return is(r.Scheme) })
}

// reads returns a function that reports whether a scheme has its credentials in a parameter.
func reads(in params.Source, name string) func(routing.Scheme) bool {
	return func(scheme routing.Scheme) bool {
		if scheme.Type != routing.SchemeAPIKey {
			return in == params.Header && strings.EqualFold(name, authorization)
		}
		return in == scheme.In && (name == scheme.Parameter || in == params.Header && strings.EqualFold(name, scheme.Parameter))
	}
}

// isCredential reports whether the security of an operation says of a parameter what there
// is to say. It does not if the parameter is needed even by those who get in otherwise.
func isCredential(ways [][]routing.Requirement, p params.Param) bool {
	isPlace := reads(p.In, p.Name)
	return asks(ways, isPlace) &&
		!(p.Required && slices.ContainsFunc(ways, func(way []routing.Requirement) bool { return !brings(way, isPlace) }))
}

// security returns what an operation asks of its client; nil for nothing. It fails with
// an error if another scheme has the name of one.
func (s *schemes) security(ways [][]routing.Requirement, plans []*params.Plan) (list []any, err error) {
	isPlace := reads(params.Header, authorization)
	isRead, isRequired := false, false
	for _, plan := range plans {
		for _, p := range plan.Params() {
			if p.In == params.Header && strings.EqualFold(p.Name, authorization) {
				isRead, isRequired = true, isRequired || p.Required
			}
		}
	}
	isPlain := isRead && !asks(ways, isPlace)
	if isPlain && len(ways) == 0 {
		ways = [][]routing.Requirement{nil}
	}
	for _, way := range ways {
		o := jsonschema.Obj()
		for _, r := range way {
			if other, known := s.byName[r.Scheme.Name]; known && !reflect.DeepEqual(other, r.Scheme) {
				return nil, fmt.Errorf("openapi: two security schemes are called %q: give each a name of its own", r.Scheme.Name)
			}
			s.byName[r.Scheme.Name] = r.Scheme
			o.Set(r.Scheme.Name, append([]string{}, r.Scopes...))
		}
		needsPlain := isRequired && !brings(way, isPlace)
		if !needsPlain {
			list = append(list, o)
		}
		if needsPlain || isPlain {
			s.isUsed = true
			list = append(list, o.Clone().Set(s.plain, []string{}))
		}
	}
	return list, nil
}

// object returns the schemes that operations ask for; nil without any.
func (s *schemes) object() *jsonschema.Object {
	o := jsonschema.Obj()
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		o.Set(name, schemeObject(s.byName[name]))
	}
	if s.isUsed {
		o.Set(s.plain, jsonschema.Obj("type", "apiKey", "in", "header", "name", authorization))
	}
	if o.IsEmpty() {
		return nil
	}
	o.SortKeys()
	return o
}

func schemeObject(s routing.Scheme) *jsonschema.Object {
	o := jsonschema.Obj("type", string(s.Type))
	o.SetIf("description", s.Description)
	switch s.Type {
	case routing.SchemeHTTP:
		o.Set("scheme", s.HTTPScheme)
		o.SetIf("bearerFormat", s.BearerFormat)
	case routing.SchemeAPIKey:
		o.Set("in", string(s.In)).Set("name", s.Parameter)
	case routing.SchemeOAuth2:
		flows := jsonschema.Obj()
		for _, f := range s.Flows {
			flow, scopes := jsonschema.Obj(), jsonschema.Obj()
			flow.SetIf("authorizationUrl", f.AuthorizationURL)
			flow.SetIf("tokenUrl", f.TokenURL)
			flow.SetIf("refreshUrl", f.RefreshURL)
			for _, name := range slices.Sorted(maps.Keys(f.Scopes)) {
				scopes.Set(name, f.Scopes[name])
			}
			flows.Set(f.Kind, flow.Set("scopes", scopes))
		}
		o.Set("flows", flows)
	case routing.SchemeOpenIDConnect:
		o.Set("openIdConnectUrl", s.OpenIDConnectURL)
	}
	return o
}

// secured adds what is answered to those who may not get in.
func (a *answers) secured(rt routing.Route) {
	if len(rt.Security()) == 0 {
		return
	}
	a.problem(http.StatusUnauthorized, "The credentials are missing or wrong")
	a.problem(http.StatusForbidden, "The credentials are not enough")
}

// challenged says that a 401 has a challenge (RFC 9110, section 15.5.2).
func (a *answers) challenged(rt routing.Route) {
	if len(rt.Security()) > 0 {
		a.byStatus[http.StatusUnauthorized].Set("headers", jsonschema.Obj("WWW-Authenticate",
			jsonschema.Obj("description", "the credentials that are asked for", "schema", jsonschema.Obj("type", "string"))))
	}
}
