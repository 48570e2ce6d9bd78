package background

import "time"

// worker is a goroutine that runs tasks, one at a time.
type worker struct {
	wake    chan struct{} // of size 1: there is a job, or the worker is to go; nil before its goroutine has started
	job     job           // written with Runner.mu held; its task is nil if there is none
	outcome outcome       // of the job, written by the worker itself
	next    *worker       // on a list of the crew, or the one that this one has to call
}

// outcome is how a job ended. The zero value is a success.
type outcome struct {
	failure  *TaskError
	panicked bool
	stopped  bool          // the task had been asked to end by a shutdown
	again    bool          // the task is to be tried again,
	wait     time.Duration // after that time
}

// work is the life of a worker: it has a job from the start.
func (r *Runner) work(w *worker) {
	// Each deferred by itself, since a task may end the goroutine by
	// runtime.Goexit, and then a hook as well.
	defer r.leave(w)
	defer r.settle(w)
	defer r.concludeExit(w)
	for {
		r.callNext(w)
		r.perform(w)
		if !r.next(w) {
			return
		}
	}
}

// callNext calls the worker that was given its job together with w, before w
// turns to its own, which may take long.
func (r *Runner) callNext(w *worker) {
	if next := w.next; next != nil {
		w.next = nil
		r.call(next)
	}
}

// perform makes the attempt that is w's job.
func (r *Runner) perform(w *worker) {
	task, ctx := w.job.task, r.contextOf(w.job)
	if err := task.attempt(ctx, orDefault(task.timeout, r.options.Timeout)); err != nil {
		r.conclude(ctx, w, err)
	}
}

// concludeExit concludes the job by which w is ended, unless it was a hook that
// did it, after the task.
func (r *Runner) concludeExit(w *worker) {
	if w.job.task != nil && w.outcome.failure == nil {
		r.conclude(r.contextOf(w.job), w, errGoexit)
	}
}

// next books w's job and waits for another. It reports whether there is one.
func (r *Runner) next(w *worker) bool {
	r.mu.Lock()
	if todo := r.settleLocked(w); todo != nil {
		// Before w is free again, so that Shutdown waits for it.
		w.job = job{}
		r.dispatchLocked()
		r.unlock()
		r.follow(todo)
		r.mu.Lock()
	}
	busy := r.takeLocked(&w.job)
	if !busy {
		w.job = job{}
		r.restLocked(w)
	}
	r.dispatchLocked()
	r.unlock()
	return busy || w.wait()
}

// wait waits until w has a job, and reports false if w is to go instead.
func (w *worker) wait() bool {
	<-w.wake
	return w.job.task != nil
}

// settle books the job of a worker that was ended by it.
func (r *Runner) settle(w *worker) {
	if w.job.task == nil {
		return
	}
	r.mu.Lock()
	todo := r.settleLocked(w)
	w.job = job{}
	r.dispatchLocked()
	r.unlock()
	r.follow(todo)
}

// leave strikes w, which is not on the list of the idle, off the crew.
func (r *Runner) leave(w *worker) {
	r.mu.Lock()
	defer r.unlock()
	delete(r.crew.all, w)
	r.dispatchLocked()
}
