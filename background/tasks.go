package background

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/velithon-go/velithon/background/internal/runall"
	"github.com/velithon-go/velithon/background/internal/schedule"
	"github.com/velithon-go/velithon/background/internal/wording"
)

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
	first schedule.Group[*Task]
}

// Add appends tasks to the collection. It panics if one of them is nil, or was not
// made by a [Kind], [NewTask] or [Func].
func (t *Tasks) Add(tasks ...*Task) {
	for i, task := range tasks {
		if task == nil {
			panic(fmt.Sprintf("background: Tasks.Add needs tasks, argument %d is nil", i+1))
		}
		task.mustBeMade()
		t.anySet = t.anySet || task.settings != nil
	}
	if t.tasks == nil {
		t.tasks = t.few[:0]
	}
	t.tasks = append(t.tasks, tasks...)
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
// in the order of the tasks.
//
// When ctx is done no further task starts, and those which run see it. With
// StopOnError the same happens after the first failure. The joined error ends with
// a [*SkippedError] then, which names those that never ran.
//
// The caller's goroutine does its share of the work, and all of it if
// MaxConcurrent is 1.
func (t *Tasks) Run(ctx context.Context) error {
	if t.Len() == 0 {
		return nil
	}
	failures, skipped, cause := runall.Run(forFirstAttempt(ctx), t.tasks, runall.Calls[*Task]{
		Call: (*Task).run,
		Goexit: func(task *Task) error {
			return &TaskError{Name: task.Name(), Task: task, Attempt: 1, Err: errGoexit}
		},
		Limit:       t.limit(),
		StopOnError: t.StopOnError,
	})
	if len(skipped) > 0 {
		failures = append(failures, &SkippedError{Names: wording.Names(skipped), Err: cause})
	}
	return errors.Join(failures...)
}

// newGroup returns a group for a submission of the collection.
func (t *Tasks) newGroup() *schedule.Group[*Task] {
	g := &t.first
	if t.submitted.Swap(true) {
		g = new(schedule.Group[*Task])
	}
	g.Waiting, g.Limit, g.StopOnError = t.tasks, t.limit(), t.StopOnError
	return g
}

// limit returns how many tasks may run at once.
func (t *Tasks) limit() int {
	switch {
	case t.MaxConcurrent < 0:
		panic(fmt.Sprintf("background: Tasks.MaxConcurrent is %d, it cannot be negative", t.MaxConcurrent))
	case t.MaxConcurrent == 0:
		return 10
	default:
		return t.MaxConcurrent
	}
}
