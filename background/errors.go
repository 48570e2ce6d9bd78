package background

import (
	"errors"
	"fmt"
	"strings"

	"github.com/velithon-go/velithon/background/internal/guard"
	"github.com/velithon-go/velithon/background/internal/wording"
)

var (
	// ErrFull is returned by a [Runner] with [Reject] that has no room left, and
	// by one with [Block] to a task, or when too many wait for room.
	ErrFull = errors.New("background: queue full")

	// ErrClosed is returned by a [Runner] that is shutting down or has shut
	// down.
	ErrClosed = errors.New("background: runner closed")

	// ErrSkipped is why a task of a collection with StopOnError did not run, or
	// not again: another one had failed. OnFailure is told.
	ErrSkipped = errors.New("background: task skipped after a failure")

	// ErrDueLater is the reason of a [DrainError] if nothing was given up but tasks
	// whose time had not come, see [Task.After].
	ErrDueLater = errors.New("background: tasks are due later, and are not waited for")

	// ErrAbandoned is why a task did not run, or not again: a Shutdown had run
	// out of time, or would have before the next attempt, or the time of the first had
	// not come. OnFailure is told.
	ErrAbandoned = errors.New("background: task given up by a shutdown")
)

// errGoexit stands for the error of a task which ended its goroutine: it has
// neither returned nor panicked, and must not pass for a success.
var errGoexit = Permanent(errors.New("task called runtime.Goexit"))

// TaskError says which task failed, in which attempt, and why.
type TaskError struct {
	// Name is the task's name, or the type, such as "*shop.Report", of [Work]
	// which is not a Task.
	Name string

	// Task is the task itself, with its argument: it can be submitted again or, if
	// it is of a [Kind], be stored, see [Task.Record].
	Task *Task

	// Attempt counts from 1. It is 0 for a task that was given up while it
	// waited; see RunnerOptions.OnFailure.
	Attempt int

	// WillRetry reports whether the task will be tried again. It is false in an
	// error returned by a Run method.
	WillRetry bool

	// Err is what the task's function returned, or a [*PanicError].
	Err error
}

// Error names the task, the attempt and the cause.
func (e *TaskError) Error() string {
	attempt := ""
	if e.Attempt > 1 {
		attempt = fmt.Sprintf(", attempt %d", e.Attempt)
	}
	return fmt.Sprintf("background: task %q%s: %s", e.Name, attempt, unprefixed(e.Err))
}

// Unwrap returns Err.
func (e *TaskError) Unwrap() error { return e.Err }

// A PanicError is a panic of a service's code, recovered: of a task, or of the
// function of a stream.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as written by debug.Stack
}

// Error gives the value that was passed to panic, without the stack, as a process
// does that ends by it.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value if that is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicOf returns the panic that err is or wraps, or nil. A nil *PanicError in err
// is none.
func panicOf(err error) *PanicError {
	p, _ := guard.As[*PanicError](err)
	return p
}

// SkippedError names the tasks of a [Tasks] that never ran, in their order.
type SkippedError struct {
	Names []string

	// Err is the reason: the cause of the context that was done, or nil if an
	// earlier task failed and the collection has StopOnError.
	Err error
}

// Error names the first ten tasks and counts the others.
func (e *SkippedError) Error() string {
	s := fmt.Sprintf("background: %s never ran: %s", wording.Count(len(e.Names), "task"), wording.Quoted(e.Names))
	if e.Err != nil {
		s += ": " + unprefixed(e.Err)
	}
	return s
}

// Unwrap returns Err, which may be nil.
func (e *SkippedError) Unwrap() error { return e.Err }

// DrainError says what had not finished when the time of a [Runner.Shutdown]
// was up.
type DrainError struct {
	// Running names the tasks that have been asked to end and still run, in
	// alphabetical order.
	Running []string

	// Stopped names the tasks that failed after they had been asked to end.
	Stopped []string

	// Waiting names the tasks that were given up: they had not started, or were
	// to be tried again.
	Waiting []string

	// Reserved counts the reservations that had been neither started nor
	// cancelled. Their work is given up when they are started.
	Reserved int

	// Err is why work was given up: the cause of Shutdown's context, context.DeadlineExceeded
	// if there was no time for further attempts, or [ErrDueLater].
	Err error
}

// Error names the first ten tasks of each kind and counts the others.
func (e *DrainError) Error() string {
	s := "background: drain ended early: " + unprefixed(e.Err) +
		wording.Clause("still running", e.Running) +
		wording.Clause("stopped", e.Stopped) +
		wording.Clause("given up", e.Waiting)
	if e.Reserved > 0 {
		s += "; " + wording.Count(e.Reserved, "reservation") + " not started"
	}
	return s
}

// Unwrap returns Err, the reason why the wait ended.
func (e *DrainError) Unwrap() error { return e.Err }

// unprefixed returns err's message without this package's prefix, which belongs
// to the outermost error only.
func unprefixed(err error) string {
	if err == nil {
		return "unknown error"
	}
	return strings.TrimPrefix(err.Error(), "background: ")
}
