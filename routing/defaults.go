package routing

import (
	"fmt"
	"slices"
)

// Defaults sets options of all routes that are added to the router and its groups from
// now on: of the whole app, or of a group. A route's own options come last and win, those
// of an inner group before those of the groups around it. It panics when an option is
// wrong or is [Name], which is for one route, and when a route was added before, which
// would be without them.
//
//	app.Defaults(routing.RejectUnknown(), routing.BodyLimit(64<<10))
func (r *Router) Defaults(options ...Option) {
	if err := r.addDefaults(options); err != nil {
		of := fmt.Sprintf("group %q", r.group.prefix)
		if r.group.parent == nil {
			of = "the router"
		}
		panic(fmt.Sprintf("velithon: Defaults was called on %s (at %s): %v", of, caller(), err))
	}
}

func (r *Router) addDefaults(options []Option) error {
	if r.table.built != nil {
		return fmt.Errorf("the app has begun to serve: set all defaults first")
	}
	if r.group.hasRoutes {
		return fmt.Errorf("a route was added to it before, which would be without them: call Defaults first")
	}
	var tried routeOptions
	if err := tried.apply(options); err != nil {
		return err
	}
	if tried.name != "" {
		return fmt.Errorf("option Name(%q): a name is for one route: give it to that", tried.name)
	}
	r.group.defaults = append(r.group.defaults, slices.Clone(options))
	return nil
}

// allDefaults returns the defaults of a group by the calls that set them, behind those of
// the groups around it.
func (g *group) allDefaults() (calls [][]Option) {
	for ; g != nil; g = g.parent {
		calls = slices.Concat(g.defaults, calls)
	}
	return calls
}

// apply applies the options of one call in their order.
func (o *routeOptions) apply(options []Option) error {
	o.annotated = nil
	for i, option := range options {
		if option == nil {
			return fmt.Errorf("option %d is nil: leave it out", i+1)
		}
		if err := option(o); err != nil {
			return err
		}
	}
	return nil
}

// RejectUnknown answers a request with 422 that has a name which its input does not
// have: a member of the JSON body, at any depth, a field of the form, or a parameter in
// the query. Each has a fault with the code "unknown". Without the option they are
// ignored. Headers and cookies are never refused. For all routes of an app or a group it
// goes to [Router.Defaults].
func RejectUnknown() Option {
	return func(o *routeOptions) error {
		o.rejectsUnknown = true
		return nil
	}
}

// IgnoreUnknown ignores names that the input does not have, on a route or in a group
// where [RejectUnknown] is a default: for webhooks, whose senders add members.
func IgnoreUnknown() Option {
	return func(o *routeOptions) error {
		o.rejectsUnknown = false
		return nil
	}
}
