package background

// work is the life of a worker: it has a job from the start.
func (r *Runner) work(w *worker) {
	// Each deferred by itself, since a task may end the goroutine by
	// runtime.Goexit, and then a hook as well.
	defer r.leave(w)
	defer r.settle(w)
	defer r.concludeExit(w)
	for {
		r.pool.callNext(w)
		r.perform(w)
		if !r.next(w) {
			return
		}
	}
}

// perform makes the attempt that is w's job.
func (r *Runner) perform(w *worker) {
	task, ctx := w.job.task, w.job.context(r.base)
	if err := task.attempt(ctx, orDefault(task.timeout, r.options.Timeout)); err != nil {
		r.conclude(ctx, w, err)
	}
}

// concludeExit concludes the job by which w is ended, unless it was a hook that
// did it, after the task.
func (r *Runner) concludeExit(w *worker) {
	if w.job.task != nil && w.outcome.failure == nil {
		r.conclude(w.job.context(r.base), w, errGoexit)
	}
}

// next books w's job and waits for another. It reports whether there is one.
func (r *Runner) next(w *worker) bool {
	r.mu.Lock()
	if todo := r.scheduler.settle(&w.job, &w.outcome); todo != nil {
		// Before w is free again, so that Shutdown waits for it.
		w.job = job{}
		r.dispatchLocked()
		r.unlock()
		r.follow(todo)
		r.mu.Lock()
	}
	busy := r.scheduler.next(&w.job)
	if !busy {
		w.job = job{}
		r.pool.rest(w)
	}
	r.dispatchLocked()
	r.unlock()
	return busy || w.wait()
}

// settle books the job of a worker that was ended by it.
func (r *Runner) settle(w *worker) {
	if w.job.task == nil {
		return
	}
	r.mu.Lock()
	todo := r.scheduler.settle(&w.job, &w.outcome)
	w.job = job{}
	r.dispatchLocked()
	r.unlock()
	r.follow(todo)
}

// leave strikes w, which is not idle, off the pool.
func (r *Runner) leave(w *worker) {
	r.mu.Lock()
	defer r.unlock()
	r.pool.remove(w)
	r.dispatchLocked()
}
