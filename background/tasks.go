package background

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// defaultMaxConcurrent is how many tasks of a [Tasks] run at once if it does
// not say.
const defaultMaxConcurrent = 10

// Tasks is a collection of tasks that belong together. The zero value is ready
// to use, and a nil *Tasks is an empty collection: Add panics on it.
//
// A Tasks is built by one goroutine, and not copied once it has tasks. From the
// moment it is run, reserved for or submitted until all its tasks have ended,
// leave it alone.
type Tasks struct {
	// MaxConcurrent is how many tasks run at once: 0 means 10; with 1 they run
	// strictly one after the other, in the order they were added. Running or
	// submitting tasks with a negative number panics.
	MaxConcurrent int

	// StopOnError starts no further task once one has failed for good, after
	// its retries, and cancels the contexts of those which run.
	StopOnError bool

	submitted atomic.Bool // first is in use
	anySet    bool        // some of tasks have settings

	tasks []*Task
	few   [4]*Task // where tasks lie as long as they fit, since most collections are small

	// first is what the Runner needs for the first submission, which is mostly
	// the only one: handing over a collection allocates nothing then. It is not
	// used again, since a task may have kept its context, which is part of it.
	first group
}

// Add appends tasks to the collection. It panics if one of them is nil, or was not
// made by a [Kind], [NewTask] or [Func].
func (t *Tasks) Add(tasks ...*Task) {
	if t.tasks == nil {
		t.tasks = t.few[:0]
	}
	for i, task := range tasks {
		if task == nil {
			panic(fmt.Sprintf("background: Tasks.Add needs tasks, argument %d is nil", i+1))
		}
		task.mustBeMade()
		t.tasks = append(t.tasks, task)
		t.anySet = t.anySet || task.settings != nil
	}
}

// Len returns the number of tasks in the collection.
func (t *Tasks) Len() int {
	if t == nil {
		return 0
	}
	return len(t.tasks)
}

// Clear removes all tasks from the collection.
func (t *Tasks) Clear() {
	if t != nil {
		t.tasks, t.few, t.anySet = nil, [len(t.few)]*Task{}, false
	}
}

// Run runs all tasks, at most MaxConcurrent at once, and returns when they have
// ended: nil if none failed, or else every failure, each a [*TaskError], joined
// in the order of the tasks, for errors.Is and errors.As to look through.
//
// When ctx is done no further task starts, and those which run see it. With
// StopOnError the same happens after the first failure. In both cases Run still
// waits for the tasks which run, and the joined error ends with a
// [*SkippedError] that names those which never did.
//
// The caller's goroutine does its share of the work, and all of it if
// MaxConcurrent is 1.
func (t *Tasks) Run(ctx context.Context) error {
	if t.Len() == 0 {
		return nil
	}
	return runAll(forFirstAttempt(ctx), t.tasks, t.limit(), t.StopOnError)
}

// newGroup returns a group for a submission of the collection.
func (t *Tasks) newGroup() *group {
	g := &t.first
	if t.submitted.Swap(true) {
		g = new(group)
	}
	g.waiting, g.limit, g.stopOnError = t.tasks, t.limit(), t.StopOnError
	return g
}

// limit returns how many tasks may run at once.
func (t *Tasks) limit() int {
	if t.MaxConcurrent < 0 {
		panic(fmt.Sprintf("background: Tasks.MaxConcurrent is %d, it cannot be negative", t.MaxConcurrent))
	}
	return cmp.Or(t.MaxConcurrent, defaultMaxConcurrent)
}

// collectionRun is one run of a collection, by goroutines which share its tasks.
type collectionRun struct {
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
	r := &collectionRun{ctx: ctx, tasks: tasks, limit: limit}
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
func (r *collectionRun) work(nth int) {
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
func (r *collectionRun) run(i int) {
	returned := false
	defer func() {
		if !returned {
			r.fail(i, &TaskError{Name: r.tasks[i].Name(), Task: r.tasks[i], Attempt: 1, Err: errGoexit})
		}
	}()
	err := r.tasks[i].run(r.ctx)
	returned = true
	if err != nil {
		r.fail(i, err)
	}
}

// fail notes the failure of the task with index i and, if asked to, stops.
func (r *collectionRun) fail(i int, err error) {
	r.note(i, err)
	if r.cancel != nil {
		r.stop(nil) // before cancel, which others would take for the reason
		r.cancel(err)
	}
}

// stop prevents further tasks from starting. Starting a task and stopping are one
// atomic step each on the same number, so exactly the tasks from there on are
// skipped, and only the first call finds any.
func (r *collectionRun) stop(cause error) {
	end := len(r.tasks)
	if start := int(r.next.Swap(int64(end))); start < end {
		r.note(end, &SkippedError{Names: names(r.tasks[start:]), Err: cause})
	}
}

// note keeps err at index i, which is past the tasks' for what was skipped.
func (r *collectionRun) note(i int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errs == nil {
		r.errs = make([]error, len(r.tasks)+1)
	}
	r.errs[i] = err
}
