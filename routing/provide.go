package routing

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Provide has a function make the values of type T, for the fields of that type with
// the tag `provide:""` of the inputs of the router's or group's routes, and of its inner
// groups' routes. A T of an inner group takes the place of this one there.
//
// In is an input as a handler's, but for the body: header, cookie, query, path and
// values that other providers make. The providers that a route needs run before the
// rest of its input is read, each once for a request, those that another one needs
// before that, and all of them behind the middleware and in the route's Timeout, on the
// handler's goroutine. ctx is the handler's. An error is answered as a handler's is, and
// nothing runs any more.
//
// A value belongs to the handler, as the rest of the input does, and may be kept.
// Nothing is done with it in the end, also if it is an [io.Closer]: it may be shared.
// What has to be given back is tied to ctx, which ends with the request: by
// [context.AfterFunc], or as [database/sql.DB.BeginTx] does.
//
// A route whose input has a field that nobody provides panics when it is added, and so
// does one whose providers need each other in a circle. Provide panics when the type has
// a provider in this router or group already, when a route was added before that would
// have another one, and when an option is wrong.
func Provide[In, T any](r *Router, provide func(ctx context.Context, in In) (T, error), options ...ProviderOption) {
	p := newProvider(provide)
	if err := r.group.provide(r.table, p, options); err != nil {
		panic(fmt.Sprintf("velithon: %s: %v", p, err))
	}
}

// Override has a function make the values of type T in place of all providers of T of
// the router or group and its inner groups: for tests, which call it when the service's
// routes are added, and before the app serves. Of two the later one counts. Nobody is
// asked for credentials that only a replaced provider has read, while [Route.Providers]
// and [Route.Security] tell of the service as it is without.
//
// It panics once the app has begun to serve, and [Build] does when there is nothing to
// replace.
func Override[In, T any](r *Router, provide func(ctx context.Context, in In) (T, error)) {
	p := newProvider(provide)
	if r.table.built != nil {
		panic(fmt.Sprintf("velithon: %s: Override was called after the app began to serve: call it first", p))
	}
	r.table.overrides = append(r.table.overrides, override{r.group, p})
}

// A ProviderOption sets something about a provider. Its error is a mistake in the
// program, and panics in [Provide].
type ProviderOption func(*provider) error

// Everywhere has the provider run for each route of its router or group, also for
// those that have no field for its value: so no route can forget to be guarded.
func Everywhere() ProviderOption {
	return func(p *provider) error {
		p.everywhere = true
		return nil
	}
}

// A provider makes values of one type. It knows no request.
type provider struct {
	typ, in  reflect.Type
	function string // its name
	place    string // where it was registered
	group    *group
	reusable bool // its input can be used again, see isReusable
	supply   func() supply

	everywhere bool
	anonymous  bool          // may be called without any credentials
	security   []Requirement // any one of them is enough
}

// String returns what a message says of the provider.
func (p *provider) String() string {
	return fmt.Sprintf("the provider of %s (%s, registered at %s)", p.typ, p.function, p.place)
}

func newProvider[In, T any](provide func(ctx context.Context, in In) (T, error)) *provider {
	if provide == nil {
		panic(fmt.Sprintf("velithon: the provider of %s is a nil function", reflect.TypeFor[T]()))
	}
	in := reflect.TypeFor[In]()
	return &provider{
		typ:      reflect.TypeFor[T](),
		in:       in,
		function: functionName(reflect.ValueOf(provide)),
		place:    caller(),
		reusable: !isInputSeen(in),
		supply:   func() supply { return &typedSupply[In, T]{provide: provide} },
	}
}

// A supply is the part of a provider that knows its types, and has room for one
// request at a time.
type supply interface {
	input() any // a pointer to the provider's input, to be filled
	aim(at any) // adds a *T, which the value goes to
	make(r *request) error
	clear() // forgets the input
}

type typedSupply[In, T any] struct {
	provide func(context.Context, In) (T, error)
	in      In
	targets []*T
}

func (s *typedSupply[In, T]) input() any { return &s.in }

func (s *typedSupply[In, T]) aim(at any) { s.targets = append(s.targets, at.(*T)) }

func (s *typedSupply[In, T]) make(r *request) error {
	value, err := s.provide(r, s.in)
	s.clear()
	if err != nil {
		return err
	}
	for _, target := range s.targets {
		*target = value
	}
	return nil
}

func (s *typedSupply[In, T]) clear() {
	var none In
	s.in = none
}

// provide adds a provider to a group.
func (g *group) provide(t *table, p *provider, options []ProviderOption) error {
	if t.built != nil {
		return errors.New("it was given after the app began to serve: give all providers first")
	}
	for i, option := range options {
		if option == nil {
			return fmt.Errorf("option %d is nil: leave it out", i+1)
		}
		if err := option(p); err != nil {
			return err
		}
	}
	if p.anonymous && len(p.security) == 0 {
		return errors.New("option OrAnonymous: without Secured nobody is asked for credentials: leave it out")
	}
	if i := slices.IndexFunc(g.providers, func(other *provider) bool { return other.typ == p.typ }); i >= 0 {
		return fmt.Errorf("the type has a provider already, %s: give each a type or a group of its own", g.providers[i].who())
	}
	if err := t.checkSchemes(p); err != nil {
		return err
	}
	for _, rt := range t.routes {
		if rt.group.isIn(g) && rt.provision.lacks(p, g) {
			return fmt.Errorf("the route %s was added before and would not have it: call Provide first", rt)
		}
	}
	p.group = g
	g.providers = append(g.providers, p)
	t.providers = append(t.providers, p)
	return nil
}

func (p *provider) who() string { return fmt.Sprintf("%s, registered at %s", p.function, p.place) }

// isIn reports whether a group is another one, or inside of it.
func (g *group) isIn(other *group) bool {
	for ; g != nil; g = g.parent {
		if g == other {
			return true
		}
	}
	return false
}

// provider returns what provides a type for the routes of a group: an override before
// all others, and then that of the innermost group that has one. nil is nothing.
func (g *group) provider(t reflect.Type, overrides []override) *provider {
	for _, o := range slices.Backward(overrides) {
		if o.provider.typ == t && g.isIn(o.group) {
			return o.provider
		}
	}
	for ; g != nil; g = g.parent {
		for _, p := range g.providers {
			if p.typ == t {
				return p
			}
		}
	}
	return nil
}

// everywhere returns the types that all routes of a group need, those of the
// outermost group first.
func (g *group) everywhere() (types []reflect.Type) {
	if g.parent != nil {
		types = g.parent.everywhere()
	}
	for _, p := range g.providers {
		if p.everywhere {
			types = append(types, p.typ)
		}
	}
	return types
}

// An override is a provider in place of those of a group.
type override struct {
	group    *group
	provider *provider
}
