package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A Requirement is a scheme that a request has to keep to, with what it has to be
// allowed. The scopes are those of OAuth 2.0 or OpenID Connect, or else roles of the
// service's own; mostly there are none.
type Requirement struct {
	Scheme Scheme
	Scopes []string
}

// Secured says that a provider asks for the credentials of a scheme. Given more than
// once, any one of the schemes is enough.
//
// A request without credentials is answered with a 401 problem, before any provider of
// the route runs; so is one whose credentials break a rule of the field that they are
// in, where other faults are a 422. Whether they are right is for the provider to say,
// which returns a 401 or, if they are not enough, as a scope may be missing, a 403. Each
// 401 of a provider has the field WWW-Authenticate, if its problem has none.
//
// The provider's input, or that of a provider that it needs, has to have a field for the
// credentials, such as `header:"Authorization"`, or the route panics.
func Secured(scheme Scheme, scopes ...string) ProviderOption {
	return func(p *provider) error {
		if err := scheme.check(scopes); err != nil {
			return fmt.Errorf("option Secured(%q): %w", scheme.Name, err)
		}
		if slices.ContainsFunc(p.security, func(r Requirement) bool { return r.Scheme.Name == scheme.Name }) {
			return fmt.Errorf("option Secured(%q): the scheme is given twice: give it once, with all scopes", scheme.Name)
		}
		p.security = append(p.security, Requirement{scheme, scopes})
		return nil
	}
}

// OrAnonymous has a provider that is [Secured] also called for requests without any
// credentials, of which its input tells it.
func OrAnonymous() ProviderOption {
	return func(p *provider) error {
		p.anonymous = true
		return nil
	}
}

// Guarded says of a route that nobody gets to the handler without the credentials of a
// scheme and what scopes allow; given more than once, without those of one of them. The
// route panics when its providers do not ask for that.
func Guarded(scheme Scheme, scopes ...string) Option {
	return func(o *routeOptions) error {
		o.guarded = append(o.guarded, Requirement{scheme, scopes})
		return nil
	}
}

// A guard is what one provider asks for: any one of the ways.
type guard struct {
	ways    []credentials
	fields  [][]byte // their names
	refusal *responses.Problem
}

// secure says what the schemes of the providers ask for.
func (r *resolver) secure(p *provision) error {
	p.security = [][]Requirement{nil}
	for i, s := range p.steps {
		if len(s.provider.security) == 0 {
			continue
		}
		g := guard{refusal: responses.NewProblem(fasthttp.StatusUnauthorized, "")}
		var told []string
		for _, requirement := range s.provider.security {
			c := requirement.Scheme.credentials()
			if !r.reads(i, c) && len(r.overrides) > 0 {
				continue // who has read them is replaced
			}
			if !r.reads(i, c) {
				return fmt.Errorf("%s is secured by %q, but neither its input %s nor a provider that it needs has a field for the %s %s: add one with the tag `%[4]s:%[5]q`",
					s.provider, requirement.Scheme.Name, s.provider.in, c.in, c.name)
			}
			g.ways, g.fields, told = append(g.ways, c), append(g.fields, []byte(c.name)), append(told, c.tell())
			if challenge := requirement.Scheme.challenge(); !slices.Contains(p.challenges, challenge) {
				p.challenges = append(p.challenges, challenge)
			}
		}
		p.security = both(p.security, s.provider)
		p.ways = append(p.ways, g.ways...)
		g.refusal.Detail = "credentials are needed: " + strings.Join(told, ", or ")
		if len(g.ways) > 0 && !s.provider.anonymous && !slices.ContainsFunc(p.guards, func(other guard) bool { return slices.Equal(other.ways, g.ways) }) {
			p.guards = append(p.guards, g)
		}
	}
	if len(p.ways) == 0 {
		p.security = nil
	}
	return nil
}

// both returns the ways to satisfy what was asked for so far, and a provider too. A way
// that asks for all that another one asks for is left out, but for those who need nothing.
func both(ways [][]Requirement, p *provider) (all [][]Requirement) {
	for _, way := range ways {
		for _, requirement := range p.security {
			all = append(all, with(way, requirement))
		}
		if p.anonymous {
			all = append(all, way)
		}
	}
	for i := 0; i < len(all); {
		way := all[i]
		all = slices.Delete(all, i, i+1)
		if !slices.ContainsFunc(all, func(other []Requirement) bool {
			return satisfies(way, other) && (len(other) > 0 || len(way) == 0)
		}) {
			all = slices.Insert(all, i, way)
			i++
		}
	}
	return all
}

// with returns a way that asks for one more requirement.
func with(way []Requirement, more Requirement) []Requirement {
	way = slices.Clone(way)
	for i, r := range way {
		if r.Scheme.Name == more.Scheme.Name {
			for _, scope := range more.Scopes {
				if !slices.Contains(r.Scopes, scope) {
					way[i].Scopes = append(slices.Clip(way[i].Scopes), scope)
				}
			}
			return way
		}
	}
	return append(way, more)
}

// satisfies reports whether who satisfies all of way also satisfies all of other.
func satisfies(way, other []Requirement) bool {
	return !slices.ContainsFunc(other, func(wanted Requirement) bool { return !asksFor(way, wanted) })
}

// asksFor reports whether a way has a scheme and its scopes.
func asksFor(way []Requirement, wanted Requirement) bool {
	return slices.ContainsFunc(way, func(r Requirement) bool {
		return r.Scheme.Name == wanted.Scheme.Name &&
			!slices.ContainsFunc(wanted.Scopes, func(scope string) bool { return !slices.Contains(r.Scopes, scope) })
	})
}

// checkGuarded returns an error if a route can be got into without what it claims.
func (rt *route) checkGuarded() error {
	claims := rt.options.guarded
	if len(claims) == 0 {
		return nil
	}
	for _, claim := range claims {
		if err := claim.Scheme.check(claim.Scopes); err != nil {
			return fmt.Errorf("option Guarded(%q): %w", claim.Scheme.Name, err)
		}
	}
	ways := rt.Security()
	open := slices.ContainsFunc(ways, func(way []Requirement) bool {
		return !slices.ContainsFunc(claims, func(claim Requirement) bool { return asksFor(way, claim) })
	})
	if len(ways) > 0 && !open {
		return nil
	}
	remedy := "add a field for what a provider secured by it provides, such as `provide:\"\"`, or provide that with Everywhere"
	if len(ways) > 0 {
		remedy = "its providers also let in who has less: give them the scheme and the scopes by Secured"
	}
	return fmt.Errorf("option Guarded(%q): the route is not guarded: %s", claims[0].Scheme.Name, remedy)
}

// refusal returns the problem of a request that lacks credentials, nil if it has some
// for each guard.
func (p *provision) refusal(raw *fasthttp.RequestCtx) error {
	for i := range p.guards {
		if g := &p.guards[i]; !g.lets(raw) {
			return g.refusal
		}
	}
	return nil
}

func (g *guard) lets(raw *fasthttp.RequestCtx) bool {
	for i := range g.ways {
		if g.ways[i].areIn(raw, g.fields[i]) {
			return true
		}
	}
	return false
}

// areIn reports whether a request has such credentials, right or wrong. field is their
// name.
func (c *credentials) areIn(raw *fasthttp.RequestCtx, field []byte) bool {
	var value []byte
	switch c.in {
	case params.Query:
		value = raw.QueryArgs().PeekBytes(field)
	case params.Cookie:
		value = raw.Request.Header.CookieBytes(field)
	default:
		value = raw.Request.Header.PeekCanonical(field)
	}
	n := len(c.prefix)
	if n == 0 || len(value) <= n+1 {
		return n == 0 && len(value) > 0
	}
	isScheme := string(value[:n]) == c.prefix || strings.EqualFold(view(value[:n]), c.prefix)
	return isScheme && value[n] == ' ' && value[len(value)-1] != ' '
}

// refused returns the error that is answered for one of a provider, or of its input.
func (x *exchange) refused(err error) error {
	p := x.route.provision
	if len(p.ways) == 0 {
		return err
	}
	if invalid, ok := errors.AsType[*params.Error](err); ok {
		for _, fault := range invalid.Faults {
			for _, way := range p.ways {
				if fault.In == way.in && (fault.Name == way.name || way.in == params.Header && strings.EqualFold(fault.Name, way.name)) {
					return responses.NewProblem(fasthttp.StatusUnauthorized, "the credentials are malformed")
				}
			}
		}
	}
	return err
}

// challenge sees to it that a 401 says how to do better (RFC 9110, section 15.5.2).
func (x *exchange) challenge(err error) {
	problem := responses.ProblemFor(err)
	if problem.StatusCode() != fasthttp.StatusUnauthorized {
		return
	}
	for name := range problem.Header {
		if strings.EqualFold(name, fasthttp.HeaderWWWAuthenticate) {
			return
		}
	}
	if x.provided.abandoned.Load() {
		return // nobody is told of it
	}
	for _, challenge := range x.route.provision.challenges {
		x.raw.Response.Header.Add(fasthttp.HeaderWWWAuthenticate, challenge)
	}
}
