package background

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// Work can be run now or handed to a [Runner]: a [*Task], a [*Tasks], a [*Handle],
// or a type of your own.
//
// To a Runner, a type of your own is one task without a timeout or retries of
// its own: one call of Run, on one worker, with one error.
type Work interface {
	// Run does the work and returns when it is done. It should return early
	// when ctx is done.
	Run(ctx context.Context) error
}

// Task is one call of a function, with its argument, a name for logs, and
// optionally a timeout and retries. It is made by a [Kind], [NewTask] or [Func];
// the zero value is not usable.
//
// A task never changes, so it is safe for concurrent use, and one may be the
// pattern for others: Named, WithTimeout, WithRetry, WithLimit, After and At return a copy.
type Task struct {
	call     call
	name     string    // empty: that of the call, when asked for
	settings *settings // nil without any, as most tasks are
}

// settings are what a task says, or its kind for all of its tasks. They never
// change.
type settings struct {
	schedule.Terms       // what the scheduler has to know
	kind           *kind // nil for a task that was not made by one
	timeout        time.Duration
	retry          Retry
	hasFunctions   bool   // retry has one that is not the kind's
	limit          *Limit // nil for none
	showArgument   bool   // of a kind, see ShowArgument
	followed       bool   // see Followed
}

// setRetry sets retry, and what the terms have of it.
func (s *settings) setRetry(r Retry) {
	s.retry, s.Attempts, s.MaxElapsed = r, r.Attempts, r.MaxElapsed
}

// setLimit sets limit, which may be nil, and what the terms have of it.
func (s *settings) setLimit(l *Limit) {
	s.limit, s.Limit = l, nil
	if l != nil {
		s.Limit = &l.limit
	}
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

// Name returns the task's name: the one that was set, or else that of its kind, or the
// function's own, such as "shop.sendMail" or "shop.(*Shop).sendMail". It is worked out on
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
		panic("background: the zero Task has no function: make tasks by a Kind, NewTask or Func")
	}
}

// Named returns a copy of the task with that name. An empty name restores that of
// its kind or function.
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
	c := t.copy()
	c.settings.timeout = d
	return &c.task
}

// WithRetry returns a copy of the task which is tried again when it fails, as r
// says; where r has no If or Delay, that of the task's kind counts. It panics if a field of r
// is negative.
func (t *Task) WithRetry(r Retry) *Task {
	if err := r.validate(); err != nil {
		panic(fmt.Sprintf("background: WithRetry of task %q: %v", t.Name(), err))
	}
	c := t.copy()
	c.settings.hasFunctions = r.If != nil || r.Delay != nil
	if k := c.settings.kind; k != nil {
		r = r.withFunctionsOf(k.retry)
	}
	c.settings.setRetry(r)
	return &c.task
}

// WithLimit returns a copy of the task that has a limit, in place of that of its kind;
// nil means none. [Task.Run] does not look at it: limits are a [Runner]'s.
//
// WithLimit panics on the zero Limit.
func (t *Task) WithLimit(l *Limit) *Task {
	if l != nil && !l.isMade() {
		panic(fmt.Sprintf("background: WithLimit of task %q: a limit is zero: make it by NewLimit", t.Name()))
	}
	c := t.copy()
	c.settings.setLimit(l)
	return &c.task
}

// After returns a copy of the task that a [Runner] starts no sooner than d after it
// was accepted; in a collection, d after its turn has come: with a MaxConcurrent of 1
// that is the pause before it. [Task.Run] does not wait.
//
// Until then the task holds its place in the queue, and no worker. A Shutdown does
// not wait for it, but gives it up.
//
// After panics if d is negative.
func (t *Task) After(d time.Duration) *Task {
	if d < 0 {
		panic(fmt.Sprintf("background: After(%s) of task %q: a wait cannot be negative", d, t.Name()))
	}
	c := t.copy()
	c.settings.After, c.settings.At = d, time.Time{}
	return &c.task
}

// At returns a copy of the task that starts no sooner than at, as After has it, and in
// its place. A
// time that is past, and the zero time, mean at once.
func (t *Task) At(at time.Time) *Task {
	c := t.copy()
	c.settings.After, c.settings.At = 0, at
	return &c.task
}

// A taskCopy is a task with settings of its own, so that both are one allocation.
type taskCopy struct {
	task     Task
	settings settings
}

func (t *Task) copy() *taskCopy {
	c := &taskCopy{task: *t}
	if t.settings != nil {
		c.settings = *t.settings
	}
	c.task.settings = &c.settings
	return c
}

// terms returns what the task asks of the scheduler; nil if it has no settings.
func (t *Task) terms() *schedule.Terms {
	if t.settings == nil {
		return nil
	}
	return &t.settings.Terms
}

// limit returns the task's limit, nil for none.
func (t *Task) limit() *Limit {
	if t.settings == nil {
		return nil
	}
	return t.settings.limit
}

func (t *Task) timeout() time.Duration {
	if t.settings == nil {
		return 0
	}
	return t.settings.timeout
}

// Run calls the task's function on this goroutine, with the task's timeout and
// retries, and returns nil or a [*TaskError] for the last attempt. Between
// attempts it waits on this goroutine too; when ctx is done it stops waiting
// and returns. The first attempt is made even if ctx is done already.
//
// A panic in the function comes back as an error, which wraps a [*PanicError].
func (t *Task) Run(ctx context.Context) error { return t.run(forFirstAttempt(ctx)) }

// run is Run with a context in which no other attempt's number is.
func (t *Task) run(ctx context.Context) error {
	if t.settings != nil {
		return t.runAsSet(ctx)
	}
	err := t.attempt(ctx, 0)
	if err == nil {
		return nil
	}
	failure, _ := t.failed(ctx, 1, time.Time{}, err)
	return failure
}

// runAsSet is run for a task with settings.
func (t *Task) runAsSet(ctx context.Context) error {
	until := t.terms().Until()
	for attempt := 1; ; attempt++ {
		numbered := ctx
		if attempt > 1 {
			numbered = withAttempt(ctx, attempt)
		}
		err := t.attemptUntil(numbered, t.timeout(), until)
		if err == nil {
			return nil
		}
		failure, wait := t.failed(ctx, attempt, until, err)
		if failure.WillRetry && sleep(ctx, wait) {
			continue
		}
		failure.WillRetry = false
		return failure
	}
}

// attempt calls the function once and turns a panic into an error. It does so here,
// since the stack is still there, and whoever called attempt, worker or user, has a
// plain error to deal with.
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
			err = newPanicError(v)
		}
	}()
	return t.call.invoke(ctx)
}

// attemptUntil is an attempt that ends at a time at the latest, unless that is zero.
func (t *Task) attemptUntil(ctx context.Context, timeout time.Duration, end time.Time) error {
	if !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	return t.attempt(ctx, timeout)
}

// handle returns the task's handle, or nil.
func (t *Task) handle() *Handle {
	if t.settings == nil {
		return nil
	}
	f, _ := t.settings.Follower.(follower)
	return f.Handle
}

// handleID returns the id of the task's handle; empty without.
func (t *Task) handleID() string {
	if h := t.handle(); h != nil {
		return h.ID()
	}
	return ""
}

// Kind returns the name of the kind that has made the task; empty for a task of
// [NewTask] or [Func].
func (t *Task) Kind() string {
	if k := t.kind(); k != nil {
		return k.Kind
	}
	return ""
}

// kind returns the task's kind, or nil.
func (t *Task) kind() *kind {
	if t.settings == nil {
		return nil
	}
	return t.settings.kind
}

// original returns the task without its handle, which is of one submission.
func (t *Task) original() *Task {
	if h := t.handle(); h != nil {
		return h.original
	}
	return t
}

// failed describes an attempt that ended with err, and says how long to wait
// before the next one if there is to be one.
func (t *Task) failed(ctx context.Context, attempt int, until time.Time, err error) (*TaskError, time.Duration) {
	failure := &TaskError{Name: t.Name(), Task: t.original(), Attempt: attempt, Err: err}
	if t.terms().IsLast(attempt) || ctx.Err() != nil {
		return failure, 0
	}
	wait, again, err := t.settings.retry.next(attempt, err)
	failure.WillRetry = again && (until.IsZero() || time.Now().Add(wait).Before(until))
	failure.Err = err
	return failure, wait
}

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
