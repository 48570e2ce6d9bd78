package background

import (
	"sync"
	"sync/atomic"
	"time"
)

// idleTime is how long a worker without a job stays, at most, so that a steady
// flow of tasks does not start a goroutine for each. It stays for half of that
// at least.
const idleTime = time.Second

// pool is the workers of a runner, at most size of them. Workers start as jobs
// need them, and leave when they have been idle for a while.
//
// The runner's mutex guards the fields. Methods other than call, wait, callNext and
// sweep need it held. The idle ones are linked by worker.next: whoever takes one
// fetches no memory but the worker's, which it writes to anyway.
type pool struct {
	idle       *worker // the workers without a job, the last to become so first
	resting    int     // how many they are
	toCall     *worker // got a job since the mutex was locked, and is to be called once it is released
	lastCalled *worker // the last that was called, or is to be; nil before the first
	all        map[*worker]struct{}
	size       int
	paused     bool // no job may start

	sweeper  *time.Timer // calls sweep; made when first needed
	sweeping bool        // it is set, as long as workers are idle
	unneeded int         // how many were idle all the time since the last sweep

	mu  *sync.Mutex
	run func(*worker) // what a worker's goroutine does
}

// worker is a goroutine that runs tasks, one at a time.
type worker struct {
	wake    chan struct{} // of size 1: there is a job, or the worker is to leave; nil before its goroutine has started
	job     job           // written with the mutex held; zero if there is none
	outcome outcome       // of the job, written by the worker itself
	made    bool          // the attempt was, and not given up before
	timed   bool          // its task has a kind, which counts how long attempts take
	began   time.Duration // when the attempt did, since the clock's epoch; as the next written by the worker itself
	took    time.Duration
	next    *worker // among the idle

	// calls is the worker that this one has to call when it was called itself: nil as
	// long as it knows of none, and itself once it has done so.
	calls atomic.Pointer[worker]
}

// newPool returns a pool whose workers run run, and whose fields mu guards.
func newPool(size int, mu *sync.Mutex, run func(*worker)) pool {
	return pool{size: size, mu: mu, run: run, all: make(map[*worker]struct{})}
}

// free returns how many more jobs could start at once.
func (p *pool) free() int {
	if p.paused {
		return 0
	}
	return p.size - p.busy()
}

// busy returns how many workers have a job, or have not put it away yet.
func (p *pool) busy() int { return len(p.all) - p.resting }

// take returns a free worker, which there has to be, to be given a job and to be sent. It
// takes the one that became idle last, so that those which are not needed leave.
func (p *pool) take() *worker {
	w := p.idle
	if w != nil {
		p.idle, w.next = w.next, nil
		p.resting--
		p.unneeded = min(p.unneeded, p.resting)
	} else {
		w = &worker{}
		p.all[w] = struct{}{}
	}
	return w
}

// send sees to it that w is called, which has got its job.
func (p *pool) send(w *worker) {
	last := p.lastCalled
	w.calls.Store(nil)
	p.lastCalled = w
	if last == nil || last == w || !last.calls.CompareAndSwap(nil, w) {
		p.toCall = w
	}
}

// takeCalled returns the worker to be called, if there is one.
func (p *pool) takeCalled() *worker {
	w := p.toCall
	if w != nil {
		p.toCall = nil
	}
	return w
}

// call wakes or starts w, which has a job.
//
// To wake a goroutine takes longer than all that is done with the mutex held, so
// it is done without, and by the workers: one that was called calls the next,
// before it turns to its own job. So whoever submits work with many tasks is held up
// by one call, and a burst of submissions by none as long as a called worker has
// not begun.
func (p *pool) call(w *worker) {
	if w.wake != nil {
		w.wake <- struct{}{}
		return
	}
	w.wake = make(chan struct{}, 1)
	go p.run(w)
}

// callNext is called by w when it was called itself, and has a job.
func (p *pool) callNext(w *worker) {
	if next := w.calls.Swap(w); next != nil {
		p.call(next)
	}
}

// rest makes w idle. It has no job.
func (p *pool) rest(w *worker) {
	p.idle, w.next = w, p.idle
	p.resting++
	if !p.sweeping {
		p.unneeded = p.resting
		p.sweepLater()
	}
}

// wait waits until w has a job, and reports false if w is to leave instead.
func (p *pool) wait(w *worker) bool {
	<-w.wake
	if w.job.task == nil {
		return false
	}
	p.callNext(w)
	return true
}

// remove forgets w, which is leaving and not idle.
func (p *pool) remove(w *worker) { delete(p.all, w) }

// sweepLater sets the timer that sends idle workers away. One for all costs less
// than one for each worker, which would be set and stopped with each task.
func (p *pool) sweepLater() {
	p.sweeping = true
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(idleTime/2, p.sweep)
	} else {
		p.sweeper.Reset(idleTime / 2)
	}
}

// sweep sends away the workers that nobody needed since the last sweep: those at
// the end of the list.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := &p.idle
	for range p.resting - p.unneeded {
		end = &(*end).next
	}
	sendAway(end)
	p.resting -= p.unneeded
	p.unneeded = p.resting
	if p.sweeping = false; p.resting > 0 {
		p.sweepLater()
	}
}

// dismiss sends all idle workers away, and reports whether no worker is left.
func (p *pool) dismiss() bool {
	sendAway(&p.idle)
	p.resting, p.unneeded = 0, 0
	return len(p.all) == 0
}

// sendAway cuts a list at the given place and ends the workers from there on.
func sendAway(list **worker) {
	w := *list
	*list = nil
	for w != nil {
		next := w.next
		w.next = nil // before it is woken, and may look at it
		w.wake <- struct{}{}
		w = next
	}
}
