package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/velithon-go/velithon/params"
)

// This file tells what a route is, for those who describe an API. Nothing of it is called
// while requests are served.

// Annotate attaches a value to a route, for those who read [Router.Routes]: see
// [Route.Annotation]. As with the values of a context, a package uses a key of a type of
// its own. A key can be given once to a route, where it
// takes the place of what [Router.Defaults] gave.
func Annotate(key, value any) Option {
	return func(o *routeOptions) error {
		if slices.Contains(o.annotated, key) {
			return fmt.Errorf("option Annotate(%T): the route has a value for this key: give it once", key)
		}
		if o.annotations == nil {
			o.annotations = make(map[any]any)
		}
		o.annotations[key] = value
		o.annotated = append(o.annotated, key)
		return nil
	}
}

// DocumentKey is the key of the annotation that a route has which serves a description of
// all routes: a func() ([]byte, error) that makes it, which the command velithon calls.
// openapi.Mount gives it to /openapi.json.
type DocumentKey struct{}

// Annotation returns what [Annotate] has attached to the route, nil for nothing.
func (r Route) Annotation(key any) any { return r.of.options.annotations[key] }

// Hidden leaves a route out of descriptions of the service, as package openapi makes one: a
// page for people is no operation of an API.
func Hidden() Option {
	return func(o *routeOptions) error {
		o.hidden = true
		return nil
	}
}

// IsHidden reports whether the route has the option [Hidden].
func (r Route) IsHidden() bool { return r.of.options.hidden }

// Plan returns how the route's input is read; nil for a Route that no router has made.
func (r Route) Plan() *params.Plan {
	if r.of == nil {
		return nil
	}
	return r.of.plan
}

// Status returns the status of an answer that does not say its own, see the
// option [Status].
func (r Route) Status() int { return r.of.options.status }

// Timeout returns how long the handler may take, see the option [Timeout]; 0 means no
// limit.
func (r Route) Timeout() time.Duration { return r.of.options.timeout }

// BodyLimit returns the largest body in bytes, see the option [BodyLimit]; 0 means that
// of the application.
func (r Route) BodyLimit() int { return r.of.options.reading.MaxRequestBodySize }

// ReadTimeout returns the time within which a request must have arrived, see the option
// [ReadTimeout]; 0 means that of the application.
func (r Route) ReadTimeout() time.Duration { return r.of.options.reading.ReadTimeout }

// A PathTemplate is a path that a pattern has: /order/{id} with its parameters.
type PathTemplate struct {
	Path   string // with {name} for each parameter; the rest is as in the pattern
	Params []PathParam
}

// A PathParam is a parameter of a pattern.
type PathParam struct {
	Name string
	Form string // a regular expression for the whole value; empty without
	Rest bool   // {name:*}: it may have slashes, and be empty
}

// Templates returns the paths that the route's pattern has: one, and another one for each
// optional parameter at its end, the shortest first.
func (r Route) Templates() []PathTemplate {
	var all []PathTemplate
	var t PathTemplate
	rest := r.Pattern
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			t.Path += rest
			return append(all, t)
		}
		t.Path += rest[:open]
		end := open + 1 + closingBrace(rest[open+1:])
		name, form, _ := strings.Cut(rest[open+1:end], ":")
		name, optional := strings.CutSuffix(name, "?")
		if optional {
			without := PathTemplate{strings.TrimSuffix(t.Path, "/"), slices.Clone(t.Params)}
			without.Path = cmp.Or(without.Path, "/")
			all = append(all, without)
		}
		p := PathParam{Name: name, Form: form}
		if form == "*" {
			p.Form, p.Rest = "", true
		}
		t.Path += "{" + name + "}"
		t.Params = append(t.Params, p)
		rest = rest[end+1:]
	}
}
