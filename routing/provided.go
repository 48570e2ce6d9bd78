package routing

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/velithon-go/velithon/params"
)

// provided is the part of an exchange that fills the provided fields. A supply's input
// is empty but while it is in use, so that no request finds anything of another there.
type provided struct {
	supplies []supply // one for each step of the route's provision

	// On routes with a timeout the raw request is read on the handler's goroutine, which
	// must not go on with that when somebody else has answered.
	isTimed   bool
	path      *params.PathValues // for that goroutine
	abandoned atomic.Bool
	reading   sync.Mutex // held while the request is read
}

// newProvided makes room for what is provided, which goes to the input of an exchange.
func (rt *route) newProvided(x *exchange) *provided {
	steps := rt.provision.steps
	p := &provided{supplies: make([]supply, len(steps)), isTimed: rt.options.timeout > 0}
	for i := range steps {
		p.supplies[i] = steps[i].provider.supply()
	}
	for i := range steps {
		for _, t := range steps[i].targets {
			input, plan := x.call.input(), rt.plan
			if t.step != handlersInput {
				input, plan = p.supplies[t.step].input(), steps[t.step].plan
			}
			p.supplies[i].aim(plan.Place(input, t.field))
		}
	}
	return p
}

// serveProvided is serve for a route that needs providers.
func (x *exchange) serveProvided(path *params.PathValues) {
	rt := x.route
	if err := rt.provision.refusal(x.raw); err != nil {
		x.challenge(err)
		x.answer(nil, err)
		return
	}
	if rt.options.watchesClient {
		watchClient(x.raw, x.request)
	}
	if x.provided.isTimed {
		if path != nil { // a pattern without parameters has none
			kept := *path // which lies on this goroutine's stack
			x.provided.path = &kept
		}
		x.serveWithin()
		return
	}
	if err := x.prepare(path); err != nil {
		x.answer(nil, err)
		return
	}
	err := x.handle()
	x.answer(x.call.result().response(), err)
}

// prepare fills the input of the handler: what is provided, step by step, and then
// the rest of it.
func (x *exchange) prepare(path *params.PathValues) error {
	rt := x.route
	for i, s := range x.provided.supplies {
		plan := rt.provision.steps[i].plan
		err := x.decode(plan, path, s.input())
		if err == nil && plan.Validates() {
			err = plan.Validate(x.request, s.input())
		}
		if err == nil {
			err = s.make(x.request)
		}
		if err != nil {
			for _, s := range x.provided.supplies {
				s.clear() // also of what others have made for them
			}
			err = x.refused(err)
			x.challenge(err)
			return err
		}
	}
	return x.decode(rt.plan, path, x.call.input())
}

// decode reads an input from the request. Where another goroutine may answer that, it
// goes on only as long as the request is the exchange's, also if there is nothing to read:
// nobody should begin what is given up.
func (x *exchange) decode(plan *params.Plan, path *params.PathValues, input any) error {
	if x.provided.isTimed {
		return x.decodeTimed(plan, path, input)
	}
	if plan.IsEmpty() {
		return nil
	}
	return plan.DecodeWith(x.raw, path, input)
}

func (x *exchange) decodeTimed(plan *params.Plan, path *params.PathValues, input any) error {
	p := x.provided
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.abandoned.Load() {
		return fmt.Errorf("the input was not read to its end: %w", context.DeadlineExceeded)
	}
	return plan.DecodeWith(x.raw, path, input)
}

// abandon sees to it that nobody begins to read the request, and waits for who has. A
// nil one has no readers.
func (p *provided) abandon() {
	if p == nil {
		return
	}
	p.abandoned.Store(true)
	p.reading.Lock()
	p.reading.Unlock() //nolint:gocritic,staticcheck // nothing is done under it, it is waited for
}

// isInputSeen is isSeen for the decoders of an input. They are not called on what is
// provided.
func isInputSeen(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || decoders(reflect.PointerTo(t)) > decoders(t) {
		return isSeen(t, decoders)
	}
	for f := range t.Fields() {
		_, isProvided := f.Tag.Lookup("provide")
		_, isBody := f.Tag.Lookup("body")
		switch {
		case isProvided:
		case f.Anonymous && !isBody && isInputSeen(f.Type), (!f.Anonymous || isBody) && isSeen(f.Type, decoders):
			return true
		}
	}
	return false
}
