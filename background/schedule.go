package background

import "context"

// job is one attempt at a task.
type job struct {
	single         // of a group's task, just the task
	group   *group // nil for a single task
	attempt int
	holds   bool // it holds room: it may have to wait again
}

// dispatchLocked gives tasks to free workers, and lets in those who wait for
// room, until nothing more can be done. It has to be called after every change
// that gives work, workers or room, so that at all other times either no worker
// is free or no turn is due.
func (r *Runner) dispatchLocked() {
	for r.startLocked() || r.admitLocked() {
	}
	if r.closed {
		r.dismissLocked()
	}
}

// dismissLocked sends the idle workers away, after Shutdown has begun, once
// nothing can come for them any more.
func (r *Runner) dismissLocked() {
	if !r.expired && r.outstandingLocked() > 0 {
		return
	}
	if r.pool.dismiss() && r.reports == 0 && !r.over {
		r.over = true
		close(r.drained)
	}
}

// startLocked starts the next task, if there is one and a worker for it, and
// reports whether it did.
func (r *Runner) startLocked() bool {
	if r.pool.free() == 0 {
		return false
	}
	var j job
	ok := r.takeLocked(&j)
	if ok {
		r.pool.assign(j)
	}
	return ok
}

// takeLocked removes the next task from the queue, to be run, and makes it j if
// there is one. Tasks to be tried again and fresh ones take turns: neither waits
// for more than one of the other kind, however many there are.
func (r *Runner) takeLocked(j *job) bool {
	retry := r.due.length > 0 && !r.retried
	ok := retry && r.takeRetryLocked(j) || r.takeTurnLocked(j) || r.takeRetryLocked(j)
	if ok {
		r.retried = j.attempt > 1
		r.stats.Running++
	}
	return ok
}

// takeTurnLocked removes the fresh task whose turn it is, and makes it j if there
// is one.
func (r *Runner) takeTurnLocked(j *job) bool {
	for {
		s, g, ok := r.turns.pop()
		switch {
		case !ok:
			return false
		case g == nil:
			r.stats.Queued--
			*j = job{single: s, attempt: 1, holds: true}
			r.begunLocked(j)
			return true
		case r.takeFromLocked(g, j):
			return true
		}
	}
}

// begunLocked notes that j, which has waited, is about to run: its room is given
// back unless it may have to wait again.
func (r *Runner) begunLocked(j *job) {
	if j.task.isLast(j.attempt) {
		r.giveBackLocked(j)
	}
}

// settleLocked books the end of w's job, and returns what is to be done about it
// once the mutex is released, or nil.
func (r *Runner) settleLocked(w *worker) *followUp {
	r.stats.Running--
	g, failure := w.job.group, w.outcome.failure
	if failure == nil {
		r.stats.Succeeded++
		return r.endedLocked(w.job, nil)
	}
	out := w.outcome
	w.outcome = outcome{}
	if out.again {
		return r.retryLocked(w.job, out.wait)
	}
	r.stats.Failed++
	if out.panicked {
		r.stats.Panicked++
	}
	if out.stopped {
		r.stopped = append(r.stopped, failure.Name)
	}
	var todo *followUp
	if g != nil && g.stopOnError && !g.stopped {
		todo = r.stopLocked(g, failure)
		todo.how = ErrSkipped
		r.stats.Skipped += uint64(len(todo.lost))
	}
	return r.endedLocked(w.job, todo)
}

// contextOf returns the context of j's task.
func (r *Runner) contextOf(j job) context.Context {
	if j.group != nil {
		return j.group.context()
	}
	return r.context(j.values)
}
