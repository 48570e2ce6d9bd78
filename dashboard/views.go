package dashboard

import (
	"context"
	"sync"
	"time"
)

// fresh is how long what was made for one page is good for others.
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
	mu   sync.Mutex // guards the rest; held while it is made
	at   time.Time  // when it was made; zero before
	made any
	err  error
}

// get returns what ask returns, or has returned within a second. The context that it is given
// ends with no request.
func (v *views) get(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	one := v.of(key)
	one.mu.Lock()
	defer one.mu.Unlock()
	if now := time.Now(); one.at.IsZero() || now.Sub(one.at) >= fresh {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), sourceTime)
		defer cancel()
		one.made, one.err = ask(limited)
		one.at = now
	}
	return one.made, one.err
}

// sourceTime is how long a source may take.
const sourceTime = 10 * time.Second

// unasked is how long a view is kept for which nobody asks.
const unasked = 10 * time.Second

// of returns the view of a key.
func (v *views) of(key string) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.all[key]
	if one == nil {
		v.forgetOldLocked()
		if v.all == nil || len(v.all) >= mostViews {
			v.all = make(map[string]*view)
		}
		one = new(view)
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
		if !one.mu.TryLock() { // it is being made
			continue
		}
		if !one.at.IsZero() && now.Sub(one.at) > unasked {
			delete(v.all, key)
		}
		one.mu.Unlock()
	}
}

// forget has all be made anew, since something was changed.
func (v *views) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = nil
}
