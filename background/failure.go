package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background/internal/guard"
	"github.com/velithon-go/velithon/background/internal/schedule"
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
	ErrSkipped = schedule.ErrSkipped

	// ErrDueLater is the reason of a [DrainError] if nothing was given up but tasks
	// whose time had not come, see [Task.After].
	ErrDueLater = errors.New("background: tasks are due later, and are not waited for")

	// ErrAbandoned is why a task did not run, or not again: a Shutdown had run
	// out of time, or would have before the next attempt, or the time of the first had
	// not come. OnFailure is told.
	ErrAbandoned = schedule.ErrAbandoned
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

	Attempt   int   // from 1, or 0 for a task that was given up while it waited, see [RunnerOptions].OnFailure
	WillRetry bool  // it will be tried again; false in what a Run method returns
	Err       error // what the task's function returned, or a [*PanicError]
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

func newPanicError(value any) *PanicError { return &PanicError{Value: value, Stack: debug.Stack()} }

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
	Running []string // tasks that have been asked to end and still run, in alphabetical order
	Stopped []string // tasks that failed after they had been asked to end
	Waiting []string // tasks that were given up: they had not started, or were to be tried again

	// Reserved counts the reservations that had been neither started nor
	// cancelled. Their work is given up when they are started.
	Reserved int

	// Err is why work was given up: the cause of Shutdown's context,
	// context.DeadlineExceeded if there was no time for further attempts, or
	// [ErrDueLater].
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

func (r *Runner) logFailure(ctx context.Context, failure *TaskError, wait time.Duration) {
	level := slog.LevelError
	attrs := []slog.Attr{
		slog.String("task", failure.Name),
		slog.Int("attempt", failure.Attempt),
		slog.Any("error", failure.Err),
	}
	if failure.WillRetry {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Duration("retry_in", wait))
	}
	if p := panicOf(failure.Err); p != nil {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	r.hooks.Log(ctx, level, "background task failed", attrs...)
}

// aftermath is what is left to do when a task has ended or was given up.
type aftermath = schedule.Aftermath[*Task]

// follow does what is left to do.
func (r *Runner) follow(todo *aftermath) {
	endHandles(todo)
	// Deferred, so that not even a log handler that ends the goroutine can keep
	// the hook from being told, and done from being called.
	defer r.hooks.Call(todo.Context, "done", todo.Done)
	defer guard.Each(todo.Lost, func(t *Task) { r.tell(todo.Context, t.handleID(), GivenUp, lossOf(t, todo.Why)) })
	if todo.Cancel != nil {
		todo.Cancel(todo.Cause)
	}
	if len(todo.Lost) > 0 {
		r.logLost(todo)
	}
}

// lossOf returns what is told of a lost task: each time another one, which a hook may
// change.
func lossOf(t *Task, why error) *TaskError {
	return &TaskError{Name: t.Name(), Task: t.original(), Err: why}
}

// endHandles has the handles of lost tasks end before log and hooks are told, which
// may take long.
func endHandles(todo *aftermath) {
	for _, t := range todo.Lost {
		if h := t.handle(); h != nil {
			h.set(GivenUp, lossOf(t, todo.Why))
		}
	}
}

// logLost writes one record for all tasks that were lost together.
func (r *Runner) logLost(todo *aftermath) {
	names, more := wording.Summary(todo.Lost)
	attrs := []slog.Attr{slog.Any("tasks", names)}
	if more > 0 {
		attrs = append(attrs, slog.Int("more", more))
	}
	r.hooks.Log(todo.Context, slog.LevelError, todo.Why.Error(), attrs...)
}

// Summary names the tasks of some work for a log record: their first 50 different
// names, each with how often it is there if that is more than once, and how many
// tasks have other names. [Work] of the user's own kind has the name of its
// type, such as "*shop.Report". Work that is nil has none.
func Summary(work Work) (names []string, more int) {
	switch work := work.(type) {
	case nil:
	case *Tasks:
		if work != nil {
			return wording.Summary(work.tasks)
		}
	case *Handle:
		if work != nil && work.original != nil {
			return []string{work.original.Name()}, 0
		}
	case *Task:
		if work != nil {
			return []string{work.Name()}, 0
		}
	default:
		return []string{fmt.Sprintf("%T", work)}, 0
	}
	return nil, 0
}

// tell remembers a failure of the task with that id, which has come into a state by it, and
// calls the hook for failures.
func (r *Runner) tell(ctx context.Context, id string, state State, failure *TaskError) {
	if hook := r.options.OnFailure; hook != nil {
		// Deferred, so that not even an error that ends the goroutine can keep it from being called.
		defer r.hooks.Call(ctx, "OnFailure", func() { hook(ctx, failure) })
	}
	r.remember(ctx, id, state, failure)
}
