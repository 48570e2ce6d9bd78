package background

import "time"

// idleTime is how long a worker without a job stays, at most, so that a steady
// flow of tasks does not start a goroutine for each. It stays for half of that
// at least.
const idleTime = time.Second

// crew is the workers of a runner. Its fields are guarded by the runner's mutex.
// Its lists are linked by worker.next: who takes a worker from one of them has
// to fetch no memory but the worker, which it writes to anyway.
type crew struct {
	idle       *worker // those without a job, the last to become so first
	resting    int     // how many they are
	called     *worker // those given a job since the mutex was locked, for unlock to call
	lastCalled *worker
	all        map[*worker]struct{}

	sweeper  *time.Timer // calls sweep; made when first needed
	sweeping bool        // it is set, as long as workers are idle
	unneeded int         // how many were idle all the time since the last sweep
}

// freeLocked returns how many more tasks could be started at once.
func (r *Runner) freeLocked() int {
	return r.options.Workers - len(r.crew.all) + r.crew.resting
}

// assignLocked gives j to an idle worker or a new one, of which there has to be
// room for one, to be called by unlock. It takes the worker that became idle
// last, so that those which are not needed go.
func (r *Runner) assignLocked(j job) {
	c := &r.crew
	w := c.idle
	if w != nil {
		c.idle, w.next = w.next, nil
		c.resting--
		c.unneeded = min(c.unneeded, c.resting)
	} else {
		w = &worker{}
		c.all[w] = struct{}{}
	}
	w.job = j
	if c.called == nil {
		c.called = w
	} else {
		c.lastCalled.next = w
	}
	c.lastCalled = w
}

// unlock releases the mutex, and calls the workers that were given a job while
// it was held. To wake a goroutine takes longer than all that is done with the
// mutex, so it is done without, and only to the first of them, which calls the
// next one, and so on: who submits work with many tasks is held up by one.
func (r *Runner) unlock() {
	first := r.crew.called
	if first == nil {
		r.mu.Unlock()
		return
	}
	r.crew.called, r.crew.lastCalled = nil, nil
	r.mu.Unlock()
	r.call(first)
}

// call wakes or starts a worker which has a job.
func (r *Runner) call(w *worker) {
	if w.wake != nil {
		w.wake <- struct{}{}
		return
	}
	w.wake = make(chan struct{}, 1)
	go r.work(w)
}

// restLocked puts w, which has no job, on the list of the idle.
func (r *Runner) restLocked(w *worker) {
	c := &r.crew
	c.idle, w.next = w, c.idle
	c.resting++
	if !c.sweeping {
		c.unneeded = c.resting
		r.sweepLaterLocked()
	}
}

// sweepLaterLocked sets the timer that sends idle workers away. One for all costs
// less than one for each worker, which would be set and stopped with each task.
func (r *Runner) sweepLaterLocked() {
	c := &r.crew
	c.sweeping = true
	if c.sweeper == nil {
		c.sweeper = time.AfterFunc(idleTime/2, r.sweep)
	} else {
		c.sweeper.Reset(idleTime / 2)
	}
}

// sweep sends away the workers that were not needed since it was last called:
// those at the end of the list.
func (r *Runner) sweep() {
	r.mu.Lock()
	defer r.unlock()
	c := &r.crew
	end := &c.idle
	for range c.resting - c.unneeded {
		end = &(*end).next
	}
	sendAway(end)
	c.resting -= c.unneeded
	c.unneeded = c.resting
	if c.sweeping = false; c.resting > 0 {
		r.sweepLaterLocked()
	}
}

// dismissLocked sends the idle workers away, after Shutdown has begun, once
// nothing can come for them any more.
func (r *Runner) dismissLocked() {
	if !r.expired && r.outstandingLocked() > 0 {
		return
	}
	c := &r.crew
	sendAway(&c.idle)
	c.resting, c.unneeded = 0, 0
	if len(c.all) == 0 && r.reports == 0 && !r.over {
		r.over = true
		close(r.drained)
	}
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
