package background

import "context"

// job is one attempt at a task.
type job struct {
	task    *Task
	values  context.Context // of a single task
	group   *group          // nil for a single task
	attempt int
}

// dispatchLocked gives tasks to free workers, and lets in those who wait for
// room, until nothing more can be done. It has to be called after every change
// that gives work, workers or room, so that at all other times either no worker
// is free or no turn is due.
func (r *Runner) dispatchLocked() {
	for r.startLocked() || r.unblockLocked() {
	}
	if r.closed {
		r.dismissLocked()
	}
}

// startLocked starts the next task, if there is one and a worker for it, and
// reports whether it did.
func (r *Runner) startLocked() bool {
	if r.freeLocked() == 0 {
		return false
	}
	var j job
	ok := r.takeLocked(&j)
	if ok {
		r.assignLocked(j)
	}
	return ok
}

// takeLocked removes the next task from the queue, to be run, and makes it j if
// there is one. Tasks to be tried again go first: they are the oldest, and their
// number of attempts is limited.
func (r *Runner) takeLocked(j *job) bool {
	ok := r.due.length > 0 && r.takeRetryLocked(j) || r.takeTurnLocked(j)
	if ok {
		r.stats.Running++
	}
	return ok
}

func (r *Runner) takeTurnLocked(j *job) bool {
	for next, ok := r.turns.pop(); ok; next, ok = r.turns.pop() {
		if g := next.group(); g != nil {
			if r.takeFromLocked(g, j) {
				return true
			}
			continue
		}
		r.stats.Queued--
		r.room++
		*j = job{task: next.task, values: next.ctx, attempt: 1}
		return true
	}
	return false
}

// settleLocked books the end of w's job, and returns what is to be done about it
// once the mutex is released, or nil.
func (r *Runner) settleLocked(w *worker) *followUp {
	r.stats.Running--
	g, failure := w.job.group, w.outcome.failure
	if failure != nil {
		out := w.outcome
		w.outcome = outcome{}
		if out.again {
			return r.retryLocked(w.job, out.wait)
		}
		r.stats.Failed++
		if out.panicked {
			r.stats.Panicked++
		}
	} else {
		r.stats.Succeeded++
	}
	if g == nil {
		return nil
	}
	return r.endedLocked(g, failure)
}

// contextOf returns the context of j's task.
func (r *Runner) contextOf(j job) context.Context {
	if j.group != nil {
		return j.group.context()
	}
	return r.context(j.values)
}
