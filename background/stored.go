package background

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// A Definition is a [Kind] for whoever does not know its argument, as a [Store] does not.
type Definition interface {
	// Name returns the name of the kind.
	Name() string

	// Restore returns the task of a record.
	Restore(r Record) (*Task, error)

	// Limit returns what limits the kind's tasks; nil for nothing.
	Limit() *Limit
}

// Limit returns the limit that was given to [Define]; nil if there was none.
func (k Kind[A]) Limit() *Limit { return k.kind.limit }

// Options returns what [NewLimit] was given.
func (l *Limit) Options() LimitOptions { return l.options }

// A StoredTask is a task that a [Store] has kept, and whose turn it is.
type StoredTask struct {
	Task    *Task             // as its kind has restored it
	Values  map[string]string // of its [Record]
	Attempt int               // from 1
	Began   time.Time         // when the first attempt began; zero if this is the first

	// Progress is told what the task says by [Progress], on any goroutine; nil for
	// nobody.
	Progress func(value any)
}

// Attempt makes one attempt at a stored task and returns how it has ended: it has the
// timeout of the task or the runner's, its Arounds, a context with what the task's own
// would have, and its failure goes to the log and OnFailure. The error is nil or a
// [*TaskError], which says in WillRetry whether another attempt is to follow, after wait.
//
// When ctx is done with a cause that is [ErrCanceled] the failure is final. When it is
// done for another reason the attempt was interrupted: nobody is told, it does not count,
// and the error is no TaskError. Neither the task's limit nor its time is looked at, and
// the runner does not count the task: all of that is the store's. Attempt waits for the
// function, on whose goroutine nothing else runs, and may be called during a Shutdown.
func (r *Runner) Attempt(ctx context.Context, s StoredTask) (wait time.Duration, err error) {
	r.mustBeMade()
	s.Task.mustBeMade()
	a := storedAttempt{StoredTask: s, runner: r}
	ctx = withAttempt(context.WithValue(ctx, runnerKey, r), s.Attempt)
	ctx = context.WithValue(ctx, OriginKey{}, &Origin{Values: s.Values})
	a.ctx = context.WithValue(ctx, handleKey, s.Progress)
	if a.until = s.Task.terms().Until(); !a.until.IsZero() && !s.Began.IsZero() {
		a.until = s.Began.Add(s.Task.settings.retry.MaxElapsed)
	}
	done := make(chan struct{})
	go func() { // the function may call runtime.Goexit, and so may a hook
		defer close(done)
		defer a.conclude()
		a.err = errGoexit
		a.err = attemptInside(a.ctx, r.arounds, s.Task, cmp.Or(s.Task.timeout(), r.options.Timeout), a.until)
	}()
	<-done
	return a.wait, a.err
}

// storedAttempt is an attempt that is under way.
type storedAttempt struct {
	StoredTask

	runner *Runner
	ctx    context.Context
	until  time.Time // zero for no end

	wait time.Duration
	err  error
}

// conclude decides what becomes of the task, and tells those who want to know.
func (a *storedAttempt) conclude() {
	if a.err == nil {
		return
	}
	if a.ctx.Err() != nil && !isCanceled(context.Cause(a.ctx)) {
		return // interrupted
	}
	failure, wait := a.Task.failed(a.ctx, a.Attempt, a.until, a.err)
	a.wait, a.err = wait, failure
	told := *failure // which a hook may change
	defer a.runner.tell(a.ctx, "", told.state(a.ctx.Err() != nil), &told)
	a.runner.logFailure(a.ctx, failure, wait)
}

// isCanceled reports whether a cause, which may be the user's and panic, is ErrCanceled.
func isCanceled(cause error) bool {
	defer func() { _ = recover() }()
	return errors.Is(cause, ErrCanceled)
}
