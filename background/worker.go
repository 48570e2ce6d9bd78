package background

import (
	"slices"
	"time"
)

// idleTime is how long a worker without a job stays, so that a steady flow of
// tasks does not start a goroutine for each.
const idleTime = time.Second

// worker is a goroutine that runs tasks, one at a time.
type worker struct {
	wake    chan struct{} // of size 1: there is a job, or the worker is to go
	job     job           // written with Runner.mu held; its task is nil if there is none
	outcome outcome       // of the job, written by the worker itself
	timer   *time.Timer   // of idleTime, made when first needed
}

// outcome is how a job ended. The zero value is a success.
type outcome struct {
	failure  *TaskError
	panicked bool
	again    bool          // the task is to be tried again,
	wait     time.Duration // after that time
}

// freeLocked returns how many more tasks could be started at once.
func (r *Runner) freeLocked() int {
	return r.options.Workers - len(r.crew) + len(r.idle)
}

// assignLocked gives j to an idle worker or a new one, of which there has to be
// room for one. It takes the worker that became idle last, so that those which
// are not needed go.
func (r *Runner) assignLocked(j job) {
	if last := len(r.idle) - 1; last >= 0 {
		w := r.idle[last]
		r.idle[last] = nil
		r.idle = r.idle[:last]
		w.job = j
		w.wake <- struct{}{}
		return
	}
	w := &worker{wake: make(chan struct{}, 1), job: j}
	r.crew[w] = struct{}{}
	go r.work(w)
}

// dismissLocked sends the idle workers away once nothing can come for them any
// more.
func (r *Runner) dismissLocked() {
	if !r.closed || !r.expired && r.outstandingLocked() > 0 {
		return
	}
	for _, w := range r.idle {
		w.wake <- struct{}{}
	}
	r.idle = nil
	if len(r.crew) > 0 {
		return
	}
	select {
	case <-r.drained: // closed before
	default:
		close(r.drained)
	}
}

// work is the life of a worker: it has a job from the start.
func (r *Runner) work(w *worker) {
	// Deferred, since a task may end the goroutine by runtime.Goexit.
	defer r.leave(w)
	defer r.settle(w)
	for {
		r.perform(w)
		if !r.next(w) {
			return
		}
	}
}

// perform makes the attempt that is w's job.
func (r *Runner) perform(w *worker) {
	ctx := r.contextOf(w.job)
	returned := false
	defer func() {
		if !returned {
			r.conclude(ctx, w, errGoexit)
		}
	}()
	timeout := orDefault(w.job.task.timeout, r.options.Timeout)
	err := w.job.task.attempt(ctx, timeout)
	returned = true
	if err != nil {
		r.conclude(ctx, w, err)
	}
}

// next books w's job and waits for another. It reports whether there is one.
func (r *Runner) next(w *worker) bool {
	r.mu.Lock()
	if todo := r.settleLocked(w); todo != nil {
		// Before w is free again, so that Shutdown waits for it.
		r.mu.Unlock()
		r.follow(todo)
		r.mu.Lock()
	}
	j, busy := r.takeLocked()
	if busy {
		w.job = j
	} else {
		r.idle = append(r.idle, w)
	}
	r.dispatchLocked()
	r.mu.Unlock()
	return busy || r.wait(w)
}

// wait waits until w has a job, and reports false if w is to go instead.
func (r *Runner) wait(w *worker) bool {
	if w.timer == nil {
		w.timer = time.NewTimer(idleTime)
	} else {
		w.timer.Reset(idleTime)
	}
	select {
	case <-w.wake:
		w.timer.Stop()
	case <-w.timer.C:
		if !r.retire(w) {
			<-w.wake // a job came at the same moment
		}
	}
	return w.job.task != nil
}

// retire takes w off the list of those who can be given a job, unless it has
// just been given one, and reports whether it did.
func (r *Runner) retire(w *worker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.idle, w)
	if i < 0 {
		return false
	}
	r.idle = slices.Delete(r.idle, i, i+1)
	return true
}

// settle books the job of a worker that was ended by it.
func (r *Runner) settle(w *worker) {
	if w.job.task == nil {
		return
	}
	r.mu.Lock()
	todo := r.settleLocked(w)
	r.mu.Unlock()
	r.follow(todo)
}

// leave strikes w, which is not on the list of the idle, off the crew.
func (r *Runner) leave(w *worker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.crew, w)
	r.dispatchLocked()
}
