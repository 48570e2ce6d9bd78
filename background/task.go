package background

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Work can be run now or handed to a [Runner]: a [*Task], a [*Tasks], or a type of
// your own.
//
// To a Runner, a type of your own is one task without a timeout or retries of
// its own: one call of Run, on one worker, with one error.
type Work interface {
	// Run does the work and returns when it is done. It should return early
	// when ctx is done.
	Run(ctx context.Context) error
}

// Task is one call of a function, with its argument, a name for logs, and
// optionally a timeout and retries. It is made by [NewTask] or [Func]; the zero
// value is not usable.
//
// A task never changes, so it is safe for concurrent use, and one may be the
// pattern for others: Named, WithTimeout and WithRetry return a copy.
type Task struct {
	call    call
	name    string // empty: derived from the function when asked for
	timeout time.Duration
	retry   *Retry // nil: none; a pointer, because few tasks have one and many wait
}

// call is a function together with its argument.
type call interface {
	invoke(ctx context.Context) error
	name() string
}

// NewTask returns a task that calls f with arg. The argument is kept by value:
// what arg points to is shared with the caller, so do not reuse a buffer
// that it refers to. The task is named after f, see [Task.Name].
//
// NewTask panics if f is nil.
func NewTask[A any](f func(context.Context, A) error, arg A) *Task {
	if f == nil {
		panic("background: NewTask needs a function, got nil")
	}
	// The task lies inside its own call, so that both are one allocation.
	b := &bound[A]{f: f, arg: arg}
	b.task.call = b
	return &b.task
}

// bound is a function of one argument, its argument, and the task to call it.
type bound[A any] struct {
	task Task
	f    func(context.Context, A) error
	arg  A
}

func (b *bound[A]) invoke(ctx context.Context) error { return b.f(ctx, b.arg) }
func (b *bound[A]) name() string                     { return functionName(b.f) }

// Func returns a task with the given name that calls f. An empty name is
// replaced by one derived from f, see [Task.Name].
//
// Func panics if f is nil.
func Func(name string, f func(context.Context) error) *Task {
	if f == nil {
		panic(fmt.Sprintf("background: Func %q needs a function, got nil", name))
	}
	return &Task{call: plain(f), name: name}
}

// plain is a function without an argument.
type plain func(context.Context) error

func (f plain) invoke(ctx context.Context) error { return f(ctx) }
func (f plain) name() string                     { return functionName(f) }

// Name returns the task's name: the one that was set, or else the function's
// own, such as "shop.sendMail" or "shop.(*Shop).sendMail". It is worked out on
// each call, since most tasks are never asked for it.
func (t *Task) Name() string {
	if t.name != "" {
		return t.name
	}
	return t.call.name()
}

// mustBeMade panics on the zero Task, which has nothing to run.
func (t *Task) mustBeMade() {
	if t.call == nil {
		panic("background: the zero Task has no function: make tasks by NewTask or Func")
	}
}

// Named returns a copy of the task with that name. An empty name restores the
// function's own.
func (t *Task) Named(name string) *Task {
	c := *t
	c.name = name
	return &c
}

// WithTimeout returns a copy of the task, each attempt of which is limited to d:
// its context is done then. Zero means the default of the [Runner], and no timeout
// when the task is run without one. A function that ignores its context is not cut
// short.
//
// WithTimeout panics if d is negative.
func (t *Task) WithTimeout(d time.Duration) *Task {
	if d < 0 {
		panic(fmt.Sprintf("background: WithTimeout(%s) of task %q: a timeout cannot be negative", d, t.Name()))
	}
	c := *t
	c.timeout = d
	return &c
}

// WithRetry returns a copy of the task which is tried again when it fails, as r
// says. It panics if a field of r is negative.
func (t *Task) WithRetry(r Retry) *Task {
	if err := r.validate(); err != nil {
		panic(fmt.Sprintf("background: WithRetry of task %q: %v", t.Name(), err))
	}
	// The retry lies beside the copy, so that both are one allocation.
	c := &struct {
		task  Task
		retry Retry
	}{*t, r}
	c.task.retry = &c.retry
	return &c.task
}

// Run calls the task's function on this goroutine, with the task's timeout and
// retries, and returns nil or a [*TaskError] for the last attempt. Between
// attempts it waits on this goroutine too; when ctx is done it stops waiting
// and returns. The first attempt is made even if ctx is done already.
//
// A panic in the function comes back as an error, which wraps a [*PanicError].
func (t *Task) Run(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := t.attempt(ctx, t.timeout)
		if err == nil {
			return nil
		}
		failure, wait := t.failed(ctx, attempt, err)
		if failure.WillRetry && sleep(ctx, wait) {
			continue
		}
		failure.WillRetry = false
		return failure
	}
}

// attempt calls the function once and turns a panic into an error. It is the
// only place that recovers from one: the stack is still there, and whoever
// called attempt, worker or user, has a plain error to deal with.
//
// It does not return if the function calls runtime.Goexit, as t.FailNow of a
// test does; callers that have books to keep must do so in a defer.
func (t *Task) attempt(ctx context.Context, timeout time.Duration) (err error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return t.call.invoke(ctx)
}

// failed describes an attempt that ended with err, and says how long to wait
// before the next one if there is to be one.
func (t *Task) failed(ctx context.Context, attempt int, err error) (*TaskError, time.Duration) {
	failure := &TaskError{Name: t.Name(), Attempt: attempt, Err: err}
	if t.isLast(attempt) || ctx.Err() != nil {
		return failure, 0
	}
	failure.WillRetry, failure.Err = t.retry.wants(err)
	if !failure.WillRetry {
		return failure, 0
	}
	return failure, t.retry.wait(attempt)
}

// isLast reports whether no attempt follows the given one, however it ends.
func (t *Task) isLast(attempt int) bool { return t.retry == nil || attempt >= t.retry.Attempts }

// sleep waits for d and reports whether it did, rather than ctx being done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// functionName returns the name of the function f without the path of its
// package: "shop.sendMail" for "example.org/go/shop.sendMail".
func functionName(f any) string {
	return shortName(runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name())
}

// shortName cuts what a reader of logs does not need from a function's full
// name: the path before the package, and the "-fm" which marks a method value.
func shortName(full string) string {
	// Type arguments are printed as "[...]", so the last slash is the path's.
	short := full[strings.LastIndexByte(full, '/')+1:]
	return strings.TrimSuffix(short, "-fm")
}
