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
	r.dismissLocked()
}

// startLocked starts the next task, if there is one and a worker for it, and
// reports whether it did.
func (r *Runner) startLocked() bool {
	if r.freeLocked() == 0 {
		return false
	}
	j, ok := r.takeLocked()
	if ok {
		r.assignLocked(j)
	}
	return ok
}

// takeLocked removes the next task from the queue, to be run. Tasks to be tried
// again go first: they are the oldest, and their number of attempts is limited.
func (r *Runner) takeLocked() (j job, ok bool) {
	if j, ok = r.takeRetryLocked(); !ok {
		j, ok = r.takeTurnLocked()
	}
	if ok {
		r.stats.Running++
	}
	return j, ok
}

func (r *Runner) takeTurnLocked() (job, bool) {
	for next, ok := r.turns.pop(); ok; next, ok = r.turns.pop() {
		if next.group == nil {
			r.singles.pop()
			r.stats.Queued--
			r.room++
			return job{task: next.task, values: next.values, attempt: 1}, true
		}
		if j, ok := r.takeFromLocked(next.group); ok {
			return j, true
		}
	}
	return job{}, false
}

// settleLocked books the end of w's job, and returns what is to be done about it
// once the mutex is released, or nil.
func (r *Runner) settleLocked(w *worker) *followUp {
	j, out := w.job, w.outcome
	w.job, w.outcome = job{}, outcome{}
	r.stats.Running--
	if out.again {
		return r.retryLocked(j, out.wait)
	}
	if out.failure == nil {
		r.stats.Succeeded++
	} else {
		r.stats.Failed++
	}
	if out.panicked {
		r.stats.Panicked++
	}
	if j.group == nil {
		return nil
	}
	return r.endedLocked(j.group, out.failure)
}

// contextOf returns the context of j's task.
func (r *Runner) contextOf(j job) context.Context {
	if j.group != nil {
		return j.group.ctx
	}
	return r.context(j.values)
}
