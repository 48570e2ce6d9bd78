package background

import (
	"cmp"
	"context"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// attempt is what a worker has in hand, and how that has ended. The worker itself writes
// it, but for the job.
type attempt struct {
	schedule.Job[*Task] // written with the mutex held; zero if there is none
	outcome             schedule.Outcome
	made                bool          // it was, and not given up before
	timed               bool          // its task has a kind, which counts how long attempts take
	began               time.Duration // by the scheduler, if it is timed
	took                time.Duration
}

// performAsSet makes an attempt at a task with settings, or with an [Around].
func (r *Runner) performAsSet(a *attempt) {
	a.made, a.timed = false, a.Task.kind() != nil
	if a.timed {
		a.began = r.scheduler.Elapsed()
	}
	outer := r.contextOf(a)
	ctx, h := outer, a.Task.handle()
	if last := a.TooLate(); last != nil && h.canceled() == nil {
		r.conclude(outer, a, last) // there is no time for it
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
		a.took = r.scheduler.Elapsed() - a.began
	}
}

// contextOf returns the context of the attempt.
func (r *Runner) contextOf(a *attempt) context.Context {
	ctx := a.Context(r.base)
	if a.Attempt > 1 {
		ctx = withAttempt(ctx, a.Attempt)
	}
	return ctx
}

// conclude decides what becomes of a task whose attempt failed, and tells those
// who want to know.
func (r *Runner) conclude(ctx context.Context, a *attempt, err error) {
	number := a.Attempt
	if !a.made {
		number--
	}
	if !a.made || a.Task.handle().canceled() != nil { // it is final
		err = Permanent(err)
	}
	failure, wait := a.Task.failed(ctx, number, a.Until(), err)
	a.Failed(failure.Err)
	// Set before the hook runs, which may end the goroutine.
	a.outcome = schedule.Outcome{
		Err:      failure,
		Again:    failure.WillRetry,
		Wait:     wait,
		Panicked: !failure.WillRetry && panicOf(failure.Err) != nil,
		Stopped:  r.base.Err() != nil,
	}
	// Neither a hook nor who asks the handle may be able to change what was decided.
	state := failure.state(a.Task.handle().canceled() != nil)
	if h := a.Task.handle(); h != nil {
		told := *failure
		h.set(state, &told)
	}
	told := *failure
	defer r.tell(ctx, a.Task.handleID(), state, &told) // also if the log handler ends the goroutine by runtime.Goexit
	r.logFailure(ctx, failure, wait)
}

// concludeExit concludes an attempt whose task called runtime.Goexit. If a hook did,
// after the task, it is concluded already.
func (r *Runner) concludeExit(a *attempt) {
	if a.Task != nil && a.outcome.Err == nil {
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
	if r.scheduler.Numbers().Accepted > 0 || len(r.periodic) > 0 {
		panic("background: Use comes too late, the runner has work already: call it before")
	}
	r.arounds = append(r.arounds, around)
}

// attempt makes an attempt, inside of the runner's arounds.
func (r *Runner) attempt(ctx context.Context, a *attempt) error {
	return attemptInside(ctx, r.arounds, a.Task, cmp.Or(a.Task.timeout(), r.options.Timeout), a.Until())
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
