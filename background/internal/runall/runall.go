// Package runall calls a function with each of some items, several at once.
package runall

import (
	"context"
	"sync"
	"sync/atomic"
)

// Calls says what [Run] calls, and how. Functions are set once and called on several
// goroutines.
type Calls[T any] struct {
	Call   func(T, context.Context) error
	Goexit func(T) error // returns the failure of a Call that ended its goroutine by runtime.Goexit

	Limit       int  // how many run at once, at least 1
	StopOnError bool // after a failure none starts, and the context of those that run is done, with the failure as its cause
}

// Run makes the calls, which start in the order of the items, and returns when they
// have ended. It returns the failures, each at its item's place, or nil if there are
// none; and the items that had no call, because ctx was done or another one had
// failed, with the cause of ctx or with nil. Run does not change items.
//
// The caller's goroutine does its share of the calls, and all of them if Limit is 1.
// If one ends it, the others have ended before its deferred functions run.
func Run[T any](ctx context.Context, items []T, calls Calls[T]) (failures []error, skipped []T, cause error) {
	r := &run[T]{Calls: calls, ctx: ctx, items: items}
	if r.StopOnError {
		r.ctx, r.cancel = context.WithCancelCause(ctx)
		defer r.cancel(nil)
	}
	func() {
		defer r.others.Wait() // also if a call ends this goroutine
		r.work(1)
	}()
	return r.failures, r.skipped, r.cause
}

type run[T any] struct {
	Calls[T]
	ctx    context.Context
	cancel context.CancelCauseFunc // if StopOnError
	items  []T
	next   atomic.Int64 // index of the item whose call starts next; at or past the end, none does
	others sync.WaitGroup

	// Written by whoever finds some.
	skipped []T
	cause   error

	mu       sync.Mutex // guards failures
	failures []error    // made at the first one
}

// work makes calls until none is left to start. Of the goroutines that do so it is
// the nth, and starts the next one if there is more to do: a chain, so that no
// goroutines are started in vain for calls that are done before they would get to
// run.
func (r *run[T]) work(nth int) {
	for first := true; ; first = false {
		if r.ctx.Err() != nil {
			r.stop(context.Cause(r.ctx))
		}
		i := int(r.next.Add(1) - 1)
		if i >= len(r.items) {
			return
		}
		if first && nth < r.Limit && i+1 < len(r.items) {
			r.others.Go(func() { r.work(nth + 1) })
		}
		r.call(i)
	}
}

// call makes the call with the item at index i, and notes its failure.
func (r *run[T]) call(i int) {
	returned := false
	defer func() {
		if !returned {
			r.fail(i, r.Goexit(r.items[i]))
		}
	}()
	err := r.Call(r.items[i], r.ctx)
	returned = true
	if err != nil {
		r.fail(i, err)
	}
}

func (r *run[T]) fail(i int, err error) {
	r.mu.Lock()
	if r.failures == nil {
		r.failures = make([]error, len(r.items))
	}
	r.failures[i] = err
	r.mu.Unlock()
	if r.StopOnError {
		r.stop(nil) // before cancel, which others would take for the cause
		r.cancel(err)
	}
}

// stop keeps further calls from starting. To start one and to stop are one atomic
// step each on the same number, so exactly the items from there on are skipped, and
// only the first call of stop finds any.
func (r *run[T]) stop(cause error) {
	end := len(r.items)
	if start := int(r.next.Swap(int64(end))); start < end {
		r.skipped, r.cause = r.items[start:], cause
	}
}
