package background

import (
	"cmp"
	"context"
	"time"
)

// attempt is what a worker has in hand, and how that has ended. The worker itself writes
// it, but for the job.
type attempt struct {
	job     // written with the mutex held; zero if there is none
	outcome outcome
	made    bool          // it was, and not given up before
	timed   bool          // its task has a kind, which counts how long attempts take
	began   time.Duration // since the clock's epoch, if it is timed
	took    time.Duration
}

// outcome is how a job ended. The zero value is a success.
type outcome struct {
	failure  *TaskError
	wait     time.Duration // before the next attempt, if failure says that there is one
	panicked bool
	stopped  bool // the task had been asked to end by a shutdown
}

// performAsSet makes an attempt at a task with settings, or with an [Around].
func (r *Runner) performAsSet(a *attempt) {
	a.made, a.timed = false, a.task.kind() != nil
	if a.timed {
		a.began = time.Since(r.scheduler.clock.Epoch)
	}
	outer := r.contextOf(a)
	ctx, h := outer, a.task.handle()
	if span := a.span; span != nil && span.last != nil && !time.Now().Before(span.end) && h.canceled() == nil {
		r.conclude(outer, a, span.last) // there is no time for it
		return
	}
	if h != nil {
		inner, end, cause := h.begin(ctx)
		defer end()
		if cause != nil {
			r.conclude(outer, a, cause)
			return
		}
		ctx = inner
	}
	a.made = true
	err := r.attempt(ctx, a)
	r.took(a)
	if err != nil {
		r.conclude(outer, a, err)
		return
	}
	h.set(Succeeded, nil)
}

// took notes how long the attempt took, if somebody asks for it.
func (r *Runner) took(a *attempt) {
	if a.timed {
		a.took = time.Since(r.scheduler.clock.Epoch) - a.began
	}
}

// contextOf returns the context of the attempt.
func (r *Runner) contextOf(a *attempt) context.Context {
	ctx := a.context(r.base)
	if a.attempt > 1 {
		ctx = withAttempt(ctx, a.attempt)
	}
	return ctx
}

// conclude decides what becomes of a task whose attempt failed, and tells those
// who want to know.
func (r *Runner) conclude(ctx context.Context, a *attempt, err error) {
	number := a.attempt
	if !a.made {
		number--
	}
	if !a.made || a.task.handle().canceled() != nil { // it is final
		err = Permanent(err)
	}
	failure, wait := a.task.failed(ctx, number, a.until(), err)
	if a.span != nil {
		a.span.last = failure.Err
	}
	// Set before the hook runs, which may end the goroutine.
	a.outcome = outcome{
		failure:  failure,
		stopped:  r.base.Err() != nil,
		panicked: !failure.WillRetry && panicOf(failure.Err) != nil,
		wait:     wait,
	}
	// Neither a hook nor who asks the handle may be able to change what was decided.
	if h := a.task.handle(); h != nil {
		told := *failure
		h.fail(&told)
	}
	told := *failure
	defer r.tell(ctx, &told) // also if the log handler ends the goroutine by runtime.Goexit
	r.logFailure(ctx, failure, wait)
}

// concludeExit concludes an attempt whose task called runtime.Goexit. If a hook did,
// after the task, it is concluded already.
func (r *Runner) concludeExit(a *attempt) {
	if a.task != nil && a.outcome.failure == nil {
		r.took(a)
		r.conclude(r.contextOf(a), a, errGoexit)
	}
}

// An Around is called around each attempt at a runner's tasks, outside of its
// timeout, on the goroutine that runs it: for a trace, a metric, a transaction. What
// run returns is how the attempt ended, a panic of the task included; what Around
// returns counts for the runner in its place. It calls run once, or not at all, with
// ctx or a context made from it. [Attempt] has the number of the attempt. A task that
// calls runtime.Goexit does not return from run, so what has to be closed is deferred.
type Around func(ctx context.Context, task *Task, run func(context.Context) error) error

// Use adds an Around to those that the runner has, which are further outside. It
// panics if around is nil, or if the runner has been given work already.
func (r *Runner) Use(around Around) {
	r.mustBeMade()
	if around == nil {
		panic("background: Use needs a function, got nil")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scheduler.stats.Accepted > 0 || len(r.periodic) > 0 {
		panic("background: Use comes too late, the runner has work already: call it before")
	}
	r.arounds = append(r.arounds, around)
}

// attempt makes an attempt, inside of the runner's arounds.
func (r *Runner) attempt(ctx context.Context, a *attempt) error {
	return attemptInside(ctx, r.arounds, a.task, cmp.Or(a.task.timeout(), r.options.Timeout), a.until())
}

// attemptInside makes an attempt at a task inside of some arounds.
func attemptInside(ctx context.Context, arounds []Around, task *Task, timeout time.Duration, until time.Time) (err error) {
	if len(arounds) == 0 {
		return task.attemptUntil(ctx, timeout, until)
	}
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return arounds[0](ctx, task.original(), func(ctx context.Context) error {
		return attemptInside(ctx, arounds[1:], task, timeout, until)
	})
}
