// Package pool has workers, which are goroutines that do one piece of work after the
// other. What that is, and which piece comes next, is the business of its user.
package pool

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// idleTime is how long a worker without work stays, at most, so that a steady flow of
// work does not start a goroutine for each piece. It stays for half of that at least.
const idleTime = time.Second

// Pool is some workers, of whom at most as many as it was made for have work. They start as work needs
// them, and leave when they have been idle for a while.
//
// The mutex that it was made with guards it. Methods other than Call, Begin and Wait
// need it held. Workers are linked by Worker.next, among the idle and among those that
// are taken: whoever takes one fetches no memory but the worker's, which it writes to
// anyway.
type Pool[W any] struct {
	Paused bool // no worker counts as free

	idle    *Worker[W] // those without work, the last to become so first
	resting int        // how many they are
	leaving int        // how many were sent away, and are not removed yet

	firstTaken, lastTaken *Worker[W] // a list of those that were since mu was locked
	lastCalled            *Worker[W] // the last that was called, or is to be; nil before the first

	all  map[*Worker[W]]struct{}
	size int

	sweeper  *time.Timer // calls sweep; made when first needed
	sweeping bool        // it is set, as long as workers are idle
	unneeded int         // how many were idle all the time since the last sweep

	mu  *sync.Mutex
	run func(*Worker[W])
}

// Worker is a goroutine, or is to be one.
type Worker[W any] struct {
	Work W // the piece in hand, of the user's; what others than the worker look at is guarded by the mutex

	wake    chan struct{} // of size 1; nil before the goroutine has started
	leaving bool          // it was woken to leave
	next    *Worker[W]    // among the idle; of one that was taken, whom it calls first of all

	// calls is whom the last one that was taken calls first of all: nil as long as it
	// knows of none, and itself once it has begun.
	calls atomic.Pointer[Worker[W]]
}

// New returns a pool of size workers that mu guards. A worker's goroutine runs run,
// which calls Begin first. When its work is done it rests, with mu held, waits, and does
// what it has got then. Where Wait returns false it is removed, and returns.
func New[W any](size int, mu *sync.Mutex, run func(*Worker[W])) Pool[W] {
	return Pool[W]{size: size, mu: mu, run: run, all: make(map[*Worker[W]]struct{})}
}

// Free returns how many workers could be taken.
func (p *Pool[W]) Free() int {
	if p.Paused {
		return 0
	}
	return p.size - p.Busy()
}

// Busy returns how many workers have work. One that was sent away has none.
func (p *Pool[W]) Busy() int { return len(p.all) - p.resting - p.leaving }

// Take returns a free worker, which there has to be, to be given work before mu is
// released: its Work is what it has left, or zero. It takes the one that rests since last,
// so that those which are not needed leave.
func (p *Pool[W]) Take() *Worker[W] {
	w := p.idle
	if w != nil {
		p.idle, w.next = w.next, nil
		p.resting--
		p.unneeded = min(p.unneeded, p.resting)
	} else {
		w = &Worker[W]{}
		p.all[w] = struct{}{}
	}
	if p.lastTaken == nil {
		p.firstTaken = w
	} else {
		p.lastTaken.next = w
	}
	p.lastTaken = w
	return w
}

// Taken returns the worker that is to be called once mu is released, if there is one. It
// has to be asked each time before that, if workers were taken.
func (p *Pool[W]) Taken() *Worker[W] {
	if p.firstTaken == nil {
		return nil
	}
	return p.endList()
}

// endList makes the list of those that were taken known to the last that was called, or
// returns the first of it. It is apart from Taken, so that the compiler inlines that.
func (p *Pool[W]) endList() *Worker[W] {
	first, last, called := p.firstTaken, p.lastTaken, p.lastCalled
	p.firstTaken, p.lastTaken, p.lastCalled = nil, nil, last
	last.calls.Store(nil) // before others can see it
	if called != nil && called != last && called.calls.CompareAndSwap(nil, first) {
		return nil
	}
	return first
}

// Call wakes or starts w.
//
// To wake a goroutine takes longer than all that is done with the mutex held, so it is
// done without, and by the workers: one that was called calls the next, before it turns
// to its own work. So whoever takes many is held up by one call, and by none as long as a
// called worker has not begun.
func (p *Pool[W]) Call(w *Worker[W]) {
	if w.wake != nil {
		w.wake <- struct{}{}
		return
	}
	w.wake = make(chan struct{}, 1)
	go p.run(w)
}

// Begin is called by w before it turns to its work.
func (p *Pool[W]) Begin(w *Worker[W]) {
	next := w.next
	if next != nil {
		w.next = nil
	} else {
		next = w.calls.Swap(w)
	}
	if next != nil {
		p.Call(next)
	}
}

// Rest makes w idle, which calls it.
func (p *Pool[W]) Rest(w *Worker[W]) {
	p.idle, w.next = w, p.idle
	p.resting++
	if !p.sweeping {
		p.unneeded = p.resting
		p.sweepLater()
	}
}

// Wait waits until w has work, and has begun, and reports false if w is to leave instead.
func (p *Pool[W]) Wait(w *Worker[W]) bool {
	<-w.wake
	if w.leaving {
		return false
	}
	p.Begin(w)
	return true
}

// Remove forgets w, which is leaving and does not rest.
func (p *Pool[W]) Remove(w *Worker[W]) {
	delete(p.all, w)
	if w.leaving {
		p.leaving--
	}
}

// Works yields what each worker has in hand, in no order; a worker that rests has what it
// left.
func (p *Pool[W]) Works() iter.Seq[*W] {
	return func(yield func(*W) bool) {
		for w := range p.all {
			if !yield(&w.Work) {
				return
			}
		}
	}
}

// sweepLater sets the timer that sends idle workers away. One for all costs less
// than one for each worker, which would be set and stopped with each piece of work.
func (p *Pool[W]) sweepLater() {
	p.sweeping = true
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(idleTime/2, p.sweep)
	} else {
		p.sweeper.Reset(idleTime / 2)
	}
}

// sweep sends away the workers that nobody needed since the last sweep: those at
// the end of the list.
func (p *Pool[W]) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := &p.idle
	for range p.resting - p.unneeded {
		end = &(*end).next
	}
	p.sendAway(end)
	p.resting -= p.unneeded
	p.unneeded = p.resting
	if p.sweeping = false; p.resting > 0 {
		p.sweepLater()
	}
}

// Dismiss sends all idle workers away, and reports whether no worker is left.
func (p *Pool[W]) Dismiss() bool {
	p.sendAway(&p.idle)
	p.resting, p.unneeded = 0, 0
	return len(p.all) == 0
}

// sendAway cuts a list at the given place and ends the workers from there on.
func (p *Pool[W]) sendAway(list **Worker[W]) {
	w := *list
	*list = nil
	for w != nil {
		next := w.next
		w.next, w.leaving = nil, true // before it is woken
		p.leaving++
		w.wake <- struct{}{}
		w = next
	}
}
