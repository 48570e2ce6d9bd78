// Package periodic calls a function again and again, and not while what it has begun
// goes on.
package periodic

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Timer calls a function at equal distances. It is safe for concurrent use.
type Timer struct {
	every time.Duration

	mu      sync.Mutex // guards the rest
	at      time.Time  // when the next call is, or the last one was to be
	timer   *time.Timer
	stopped bool
}

// Start returns a timer that calls f, on a goroutine of its own, with itself: the first
// time after a random part of d, so that those who start together do not work together,
// and then every d, if Next says so in time. d is above zero.
func Start(d time.Duration, f func(*Timer)) *Timer {
	first := rand.N(d)
	t := &Timer{every: d, at: time.Now().Add(first)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(first, func() { f(t) })
	return t
}

// At returns when the next call is, or when the one was to be that goes on.
func (t *Timer) At() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// Next is to be called once for each call of f, when what that has begun has ended. The
// times that have come before that are passed over. After Stop it does nothing.
func (t *Timer) Next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	now := time.Now()
	t.at = t.at.Add(now.Sub(t.at).Truncate(t.every) + t.every)
	t.timer.Reset(t.at.Sub(now))
}

// Stop keeps f from being called again. A call that is about to begin is made.
func (t *Timer) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.timer.Stop()
}
