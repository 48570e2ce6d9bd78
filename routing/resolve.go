package routing

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// A provision is what a route needs of providers. It does not change.
type provision struct {
	steps    []step // in the order in which they are done
	security [][]Requirement

	guards     []guard
	ways       []credentials // of all guards, and of what may be left out
	challenges []string      // that a 401 has
}

// A step is one provider of a route.
type step struct {
	provider *provider
	plan     *params.Plan // of its input
	needs    []int        // the steps whose values are in its input
	targets  []target     // where its own goes
}

// A target is a field of the input of a step, or of the handler's.
type target struct {
	step  int // handlersInput for the handler's
	field params.Provided
}

const handlersInput = -1

// lacks reports whether a new provider of a group around the route should be in this
// provision: in the place of one from further outside, or since it runs everywhere. A nil
// provision is empty.
func (p *provision) lacks(added *provider, g *group) bool {
	if p != nil {
		for _, s := range p.steps {
			if s.provider.typ == added.typ {
				return g.isIn(s.provider.group)
			}
		}
	}
	return added.everywhere
}

// isReusable reports whether the inputs of all providers can be used again.
func (p *provision) isReusable() bool {
	return !slices.ContainsFunc(p.steps, func(s step) bool { return !s.provider.reusable })
}

// resolve finds the providers of a route, nil if it needs none.
func (rt *route) resolve(t *table, overrides []override) (*provision, error) {
	r := resolver{table: t, route: rt, overrides: overrides}
	for _, t := range rt.group.everywhere() {
		if _, err := r.need(t); err != nil {
			return nil, err
		}
	}
	if _, err := r.fill(handlersInput, rt.plan); err != nil {
		return nil, err
	}
	if len(r.steps) == 0 {
		return nil, nil //nolint:nilnil // no provision is none
	}
	p := &provision{steps: r.steps}
	return p, r.secure(p)
}

// A resolver finds the steps of a route: those that another one needs come first.
type resolver struct {
	table     *table
	route     *route
	overrides []override
	steps     []step
	path      []*provider // whose needs are being looked for
}

// fill finds what the provided fields of an input need, and aims it at them. reader is
// the step that has the input.
func (r *resolver) fill(reader int, plan *params.Plan) (needs []int, err error) {
	for _, f := range plan.Provided() {
		i, err := r.need(f.Type)
		if err != nil {
			return nil, &params.TypeError{Type: plan.Input().String(), Field: f.Name, Detail: err.Error()}
		}
		needs = append(needs, i)
		r.steps[i].targets = append(r.steps[i].targets, target{reader, f})
	}
	return needs, nil
}

// need returns the step that provides a type.
func (r *resolver) need(t reflect.Type) (int, error) {
	if i := slices.IndexFunc(r.steps, func(s step) bool { return s.provider.typ == t }); i >= 0 {
		return i, nil
	}
	p := r.route.group.provider(t, r.overrides)
	if p == nil {
		return 0, r.missing(t)
	}
	if i := slices.Index(r.path, p); i >= 0 {
		return 0, circle(r.path[i:])
	}
	plan, err := params.Compile(p.in, params.Options{
		IsProvider: true, Method: r.route.Method, PathParams: r.route.pathParams, Validator: r.route.engine.Validator,
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p, err)
	}
	r.path = append(r.path, p)
	// The step has a number only behind those that it needs.
	for _, f := range plan.Provided() {
		if _, err := r.need(f.Type); err != nil {
			return 0, fmt.Errorf("%s: %w", p, &params.TypeError{Type: p.in.String(), Field: f.Name, Detail: err.Error()})
		}
	}
	r.path = r.path[:len(r.path)-1]
	r.steps = append(r.steps, step{provider: p, plan: plan})
	i := len(r.steps) - 1
	needs, err := r.fill(i, plan) // all of them are there
	r.steps[i].needs = needs
	return i, err
}

// circle says that providers need each other.
func circle(providers []*provider) error {
	var names strings.Builder
	for _, p := range providers {
		fmt.Fprintf(&names, "%s → ", p.typ)
	}
	return fmt.Errorf("the providers need each other in a circle, %s%s: take the field out of one of them, or give it a type of its own",
		names.String(), providers[0].typ)
}

// missing says that nothing provides a type, and what may have been meant.
func (r *resolver) missing(t reflect.Type) error {
	remedy := fmt.Sprintf(": give routing.Provide a function that returns (%s, error), before the route is added", t)
	other := reflect.PointerTo(t)
	if t.Kind() == reflect.Pointer {
		other = t.Elem()
	}
	for _, p := range r.table.providers {
		switch {
		case p.typ == t:
			remedy = fmt.Sprintf(" for this route, but for another group (%s): give it to a group around both", p.who())
		case p.typ == other && r.route.group.provider(other, nil) != nil:
			remedy = fmt.Sprintf(", but a %s is (%s): change the type of the field", other, p.who())
		}
	}
	return fmt.Errorf("no %s is provided%s", t, remedy)
}

// reads reports whether the input of a step, or of one that it needs, has a parameter.
func (r *resolver) reads(i int, c credentials) bool {
	s := r.steps[i]
	return s.plan.Reads(c.in, c.name) || slices.ContainsFunc(s.needs, func(need int) bool { return r.reads(need, c) })
}

// override resolves all routes again, where tests replace providers.
func (t *table) override() {
	if len(t.overrides) == 0 {
		return
	}
	for _, o := range t.overrides {
		if !slices.ContainsFunc(t.providers, func(p *provider) bool { return p.typ == o.provider.typ }) {
			panic(fmt.Sprintf("velithon: %s: Override replaces nothing, since no %s is provided: call routing.Provide in its place, or leave it out",
				o.provider, o.provider.typ))
		}
	}
	for _, rt := range t.routes {
		p, err := rt.resolve(t, t.overrides)
		if err != nil {
			panic(fmt.Sprintf("velithon: %s, with what Override was given: %v", rt, err))
		}
		rt.provideBy(p)
	}
}

// findProviders finds what a new route needs.
func (rt *route) findProviders(t *table) error {
	p, err := rt.resolve(t, nil)
	if err != nil {
		return err
	}
	rt.described = p
	rt.provideBy(p)
	return rt.checkGuarded()
}

// provideBy has a route use a provision, nil for none.
func (rt *route) provideBy(p *provision) {
	rt.provision = p
	rt.plan.AlsoReadBy(p.plans()...)
	rt.reusable = rt.endpoint.reusable && (p == nil || p.isReusable())
}

// plans returns what is read from a request for what is provided.
func (p *provision) plans() (all []*params.Plan) {
	if p != nil {
		for _, s := range p.steps {
			all = append(all, s.plan)
		}
	}
	return all
}
