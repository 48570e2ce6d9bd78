package background

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// together is one run of a collection, by goroutines which share its tasks.
type together struct {
	ctx    context.Context
	cancel context.CancelCauseFunc // nil: a failure does not stop the others
	tasks  []*Task
	limit  int
	next   atomic.Int64 // index of the task to start next; at or past the end, nothing is
	others sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error    // made at the first failure: one for each task, and one for those skipped
}

func runAll(ctx context.Context, tasks []*Task, limit int, stopOnError bool) error {
	r := &together{ctx: ctx, tasks: tasks, limit: limit}
	if stopOnError {
		r.ctx, r.cancel = context.WithCancelCause(ctx)
		defer r.cancel(nil)
	}
	func() {
		// Deferred, because a task may end this goroutine by runtime.Goexit,
		// and the others must not outlive the call then either.
		defer r.others.Wait()
		r.work(1)
	}()
	return errors.Join(r.errs...)
}

// work runs tasks until none is left to start. Of the goroutines that do so it
// is the nth, and starts the next one if there is more to do: a chain, so that
// no goroutines are started in vain for tasks which are done before they would
// get to run.
func (r *together) work(nth int) {
	for first := true; ; first = false {
		if r.ctx.Err() != nil {
			r.stop(context.Cause(r.ctx))
		}
		i := int(r.next.Add(1) - 1)
		if i >= len(r.tasks) {
			return
		}
		if first && nth < r.limit && i+1 < len(r.tasks) {
			r.others.Go(func() { r.work(nth + 1) })
		}
		r.run(i)
	}
}

// run runs the task with index i and notes its failure.
func (r *together) run(i int) {
	returned := false
	defer func() {
		if !returned {
			r.fail(i, &TaskError{Name: r.tasks[i].Name(), Attempt: 1, Err: errGoexit})
		}
	}()
	err := r.tasks[i].Run(r.ctx)
	returned = true
	if err != nil {
		r.fail(i, err)
	}
}

// fail notes the failure of the task with index i and, if asked to, stops.
func (r *together) fail(i int, err error) {
	r.note(i, err)
	if r.cancel != nil {
		r.stop(nil) // before cancel, which others would take for the reason
		r.cancel(err)
	}
}

// stop has no further task start. Since starting a task and stopping are one
// atomic step each on the same number, exactly the tasks from there on are
// skipped, and only the first call finds any.
func (r *together) stop(cause error) {
	end := len(r.tasks)
	if start := int(r.next.Swap(int64(end))); start < end {
		r.note(end, &SkippedError{Names: names(r.tasks[start:]), Err: cause})
	}
}

// note keeps err at index i, which is past the tasks' for what was skipped.
func (r *together) note(i int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errs == nil {
		r.errs = make([]error, len(r.tasks)+1)
	}
	r.errs[i] = err
}
