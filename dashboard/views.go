package dashboard

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
)

// fresh is how long what was made for one page is good for others. What took longer to make
// than half of that is good for twice as long as it took: a source that is slow is not asked
// all the time.
const fresh = time.Second - 50*time.Millisecond

// mostViews is how many are kept.
const mostViews = 256

// views makes what pages show, each at most once in a second: who asks meanwhile gets what
// was made, or waits for it. A view that nobody asks for costs nothing.
type views struct {
	mu  sync.Mutex // guards all
	all map[string]*view
}

// view is one thing that pages show.
type view struct {
	turn  chan struct{} // has room for whoever may read and change the rest
	until time.Time     // made is good; zero before it was made
	made  any
	err   error
}

// get returns what ask returns, or has returned within a second. ctx ends the wait for others
// who ask; the context that ask is given ends with no request.
func (v *views) get(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	one := v.of(key)
	select {
	case one.turn <- struct{}{}:
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if begun := time.Now(); !begun.Before(one.until) {
		one.made, one.err = within(context.WithoutCancel(ctx), ask)
		one.until = begun.Add(max(fresh, 2*time.Since(begun)))
	}
	return one.made, one.err
}

// sourceTime is how long a source may take.
const sourceTime = 10 * time.Second

// within calls f, which may take as long as a source may. A panic is an error of the source's:
// also the timer of the samples asks, and must not end the process.
func within[T any](ctx context.Context, f func(context.Context) (T, error)) (result T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &background.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	limited, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	return f(limited)
}

// unasked is how long a view is kept for which nobody asks.
const unasked = 10 * time.Second

// of returns the view of a key.
func (v *views) of(key string) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.all[key]
	if one == nil {
		v.forgetOldLocked()
		for other := range v.all { // any one
			if len(v.all) < mostViews {
				break
			}
			delete(v.all, other)
		}
		if v.all == nil {
			v.all = make(map[string]*view)
		}
		one = &view{turn: make(chan struct{}, 1)}
		v.all[key] = one
	}
	return one
}

// forgetOld forgets what nobody has asked for lately.
func (v *views) forgetOld() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forgetOldLocked()
}

func (v *views) forgetOldLocked() {
	now := time.Now()
	for key, one := range v.all {
		select {
		case one.turn <- struct{}{}:
			if !one.until.IsZero() && now.Sub(one.until) > unasked {
				delete(v.all, key)
			}
			<-one.turn
		default: // it is being made
		}
	}
}

// forget has all be made anew, since something was changed.
func (v *views) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = nil
}
