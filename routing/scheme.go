package routing

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

// A Scheme is a way in which a client proves who it is: a Security Scheme Object of
// OpenAPI 3.1.1. [Bearer], [Basic], [APIKey], [OAuth2] and [OpenIDConnect] make one. It
// is given to [Secured], and must not be changed then.
type Scheme struct {
	Name        string // by which documents refer to it: letters, digits, ".", "_" and "-"
	Description string // for people; may be empty
	Type        SchemeType

	In               params.Source // with SchemeAPIKey: Header, Query or Cookie
	Parameter        string        // with SchemeAPIKey: its name there
	HTTPScheme       string        // with SchemeHTTP: "bearer" or "basic"
	BearerFormat     string        // with "bearer", for people: such as "JWT"; may be empty
	Flows            []OAuthFlow   // with SchemeOAuth2
	OpenIDConnectURL string        // with SchemeOpenIDConnect
}

// A SchemeType is the kind of a [Scheme], as OpenAPI calls it.
type SchemeType string

// The kinds of schemes.
const (
	SchemeHTTP          SchemeType = "http"
	SchemeAPIKey        SchemeType = "apiKey"
	SchemeOAuth2        SchemeType = "oauth2"
	SchemeOpenIDConnect SchemeType = "openIdConnect"
)

// An OAuthFlow is one way to get a token of [OAuth2] (RFC 6749, section 4).
type OAuthFlow struct {
	Kind             string            // "implicit", "password", "clientCredentials" or "authorizationCode"
	AuthorizationURL string            // with "implicit" and "authorizationCode"
	TokenURL         string            // with all but "implicit"
	RefreshURL       string            // may be empty
	Scopes           map[string]string // what can be asked for, and what that is
}

// Bearer is a token in the header Authorization: Bearer TOKEN (RFC 6750). format says for
// people what the token is, such as "JWT"; it may be empty.
func Bearer(name, format string) Scheme {
	return Scheme{Name: name, Type: SchemeHTTP, HTTPScheme: "bearer", BearerFormat: format}
}

// Basic is a name with a password in the header Authorization: Basic (RFC 7617).
func Basic(name string) Scheme {
	return Scheme{Name: name, Type: SchemeHTTP, HTTPScheme: "basic"}
}

// APIKey is a key in a header, in the query or in a cookie, as that of a session is. in
// is [params.Header], [params.Query] or [params.Cookie].
func APIKey(name string, in params.Source, parameter string) Scheme {
	return Scheme{Name: name, Type: SchemeAPIKey, In: in, Parameter: parameter}
}

// OAuth2 is a token as [Bearer], which clients get by a flow of OAuth 2.0.
func OAuth2(name string, flows ...OAuthFlow) Scheme {
	return Scheme{Name: name, Type: SchemeOAuth2, Flows: flows}
}

// OpenIDConnect is a token as [Bearer], which clients get as the document at a URL says
// (OpenID Connect Discovery 1.0).
func OpenIDConnect(name, url string) Scheme {
	return Scheme{Name: name, Type: SchemeOpenIDConnect, OpenIDConnectURL: url}
}

var schemeName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// check returns what is wrong with a scheme, or with what is asked of it.
func (s Scheme) check(scopes []string) error {
	if !schemeName.MatchString(s.Name) {
		return errors.New("the name of a scheme has letters, digits, \".\", \"_\" and \"-\" only, such as \"token\"")
	}
	switch s.Type {
	case SchemeHTTP:
		if s.HTTPScheme != "bearer" && s.HTTPScheme != "basic" {
			return fmt.Errorf("the HTTP scheme %q is not known: want \"bearer\" or \"basic\"", s.HTTPScheme)
		}
	case SchemeAPIKey:
		if s.In != params.Header && s.In != params.Query && s.In != params.Cookie {
			return fmt.Errorf("an API key comes from params.Header, params.Query or params.Cookie, not from %q", s.In)
		}
		if s.Parameter == "" {
			return errors.New("the parameter of the API key has no name")
		}
	case SchemeOAuth2:
		return s.checkFlows(scopes)
	case SchemeOpenIDConnect:
		if s.OpenIDConnectURL == "" {
			return errors.New("the URL of OpenID Connect is empty: want that of its discovery document")
		}
	default:
		return fmt.Errorf("the type %q is not known: make the scheme by routing.Bearer, Basic, APIKey, OAuth2 or OpenIDConnect", s.Type)
	}
	return nil
}

func (s Scheme) checkFlows(scopes []string) error {
	if len(s.Flows) == 0 {
		return errors.New("OAuth2 has no flows: say how a client gets a token")
	}
	for _, f := range s.Flows {
		switch {
		case !slices.Contains([]string{"implicit", "password", "clientCredentials", "authorizationCode"}, f.Kind):
			return fmt.Errorf("the flow %q is not known: want \"implicit\", \"password\", \"clientCredentials\" or \"authorizationCode\"", f.Kind)
		case f.AuthorizationURL == "" && (f.Kind == "implicit" || f.Kind == "authorizationCode"):
			return fmt.Errorf("the flow %q has no AuthorizationURL", f.Kind)
		case f.TokenURL == "" && f.Kind != "implicit":
			return fmt.Errorf("the flow %q has no TokenURL", f.Kind)
		}
		for _, scope := range scopes {
			if _, ok := f.Scopes[scope]; !ok {
				return fmt.Errorf("the flow %q does not have the scope %q: add it to its Scopes", f.Kind, scope)
			}
		}
	}
	return nil
}

// checkSchemes returns an error where two schemes have one name.
func (t *table) checkSchemes(p *provider) error {
	for _, other := range t.providers {
		for _, a := range other.security {
			for _, b := range p.security {
				if a.Scheme.Name == b.Scheme.Name && !reflect.DeepEqual(a.Scheme, b.Scheme) {
					return fmt.Errorf("another scheme is called %q, that of %s: make the scheme once, or give each a name of its own", b.Scheme.Name, other)
				}
			}
		}
	}
	return nil
}

// credentials is where those of a scheme are in a request.
type credentials struct {
	in     params.Source
	name   string
	prefix string // in front of them, in any case, and a space; empty for none
}

func (s Scheme) credentials() credentials {
	switch {
	case s.Type == SchemeAPIKey && s.In == params.Header:
		return credentials{in: s.In, name: string(fasthttp.AppendNormalizedHeaderKey(nil, s.Parameter))}
	case s.Type == SchemeAPIKey:
		return credentials{in: s.In, name: s.Parameter}
	case s.HTTPScheme == "basic":
		return credentials{params.Header, fasthttp.HeaderAuthorization, "Basic"}
	default:
		return credentials{params.Header, fasthttp.HeaderAuthorization, "Bearer"}
	}
}

// challenge is how a 401 asks for the credentials (RFC 9110, section 11.6.1). Bearer and
// Basic want a realm. There is no scheme for keys, but a 401 has to have some.
func (s Scheme) challenge() string {
	kind := s.credentials().prefix
	if kind == "" {
		kind = "APIKey"
	}
	return fmt.Sprintf("%s realm=%q", kind, s.Name)
}

// tell says for people what a client has to send.
func (c *credentials) tell() string {
	place := map[params.Source]string{params.Header: "header", params.Query: "query parameter", params.Cookie: "cookie"}[c.in]
	if c.prefix != "" {
		return fmt.Sprintf("%s credentials in the %s %s", c.prefix, place, c.name)
	}
	return fmt.Sprintf("a key in the %s %s", place, c.name)
}
