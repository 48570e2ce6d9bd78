package background

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

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

// attempt makes an attempt at j, inside of the runner's arounds.
func (r *Runner) attempt(ctx context.Context, j *job) error {
	timeout := cmp.Or(j.task.timeout(), r.options.Timeout)
	if len(r.arounds) == 0 {
		return j.task.attemptUntil(ctx, timeout, j.until())
	}
	task, until := j.task, j.until()
	run := func(ctx context.Context) error { return task.attemptUntil(ctx, timeout, until) }
	for _, around := range slices.Backward(r.arounds) {
		inner := run
		run = func(ctx context.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = newPanicError(v)
				}
			}()
			return around(ctx, task.original(), inner)
		}
	}
	return run(ctx)
}

// Pause lets no further task start, until Resume is called or Shutdown begins. Those
// that run go on, and work is accepted as long as there is room.
func (r *Runner) Pause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pool.paused = !r.closed
}

// Resume ends a Pause.
func (r *Runner) Resume() {
	r.mu.Lock()
	defer r.unlock()
	r.pool.paused = false
	r.dispatchLocked()
}

// errOwnIdle is returned by an Idle that would wait for its caller.
var errOwnIdle = errors.New("background: Idle was called with the context of a task, which it would wait for")

// Idle waits until nothing is left to do: no work that was promised or waits, runs or
// is to be tried again, and no hook that is to be told of it. What is due later, see
// [Task.After], is not waited for. A test calls it before it looks at what a task has
// done. When ctx is done Idle returns an error that wraps the cause.
//
// With the context of a task of the runner's, Idle returns an error at once.
func (r *Runner) Idle(ctx context.Context) error {
	r.mustBeMade()
	if r.Owns(ctx) {
		return errOwnIdle
	}
	r.mu.Lock()
	if r.isIdleLocked() {
		r.mu.Unlock()
		return nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("background: the runner is not idle: %w", context.Cause(ctx))
	}
}

func (r *Runner) isIdleLocked() bool {
	s := &r.scheduler
	return s.outstanding() == s.held.counts[Scheduled] && s.room.Waiting() == 0 && r.reservations.count() == 0 && r.pool.busy() == 0 && r.reports == 0
}

// notInTimeMessage is that of a periodic task which found no room.
const notInTimeMessage = "periodic task was not started"

// Every submits the task again and again, until stop is called or Shutdown begins:
// the first time after a random part of d, so that processes which start together do
// not work together, and then every d. It has the values of no request.
//
// The task never overlaps itself: a time that comes while it still waits, runs or is
// to be tried again is passed over. One at which there is no room in the queue is
// passed over too, and told to the log. After stop no further one starts; one that
// was submitted goes on. A Shutdown waits for that one only.
//
// Every panics if d is not above zero, or on a task that Submit panics on.
func (r *Runner) Every(d time.Duration, task *Task) (stop func()) {
	r.mustBeMade()
	r.size(task) // panics
	if d <= 0 {
		panic(fmt.Sprintf("background: Every(%s) of task %q: the time has to be above zero", d, task.Name()))
	}
	wait := rand.N(d)
	p := &periodic{runner: r, task: task, every: d, next: time.Now().Add(wait)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		if r.periodic == nil {
			r.periodic = make(map[*periodic]struct{})
		}
		r.periodic[p] = struct{}{}
		p.timer = time.AfterFunc(wait, p.submit)
	}
	return p.stop
}

// periodic is a task that is submitted again and again.
type periodic struct {
	runner *Runner
	task   *Task
	every  time.Duration
	next   time.Time   // when it is submitted next
	timer  *time.Timer // of that; the runner's mutex guards it
}

// submit is called when its time has come.
func (p *periodic) submit() {
	r := p.runner
	var s submission
	r.prepare(r.base, &s, p.task, p.ended)
	r.mu.Lock()
	if _, goesOn := r.periodic[p]; !goesOn {
		r.mu.Unlock()
		return
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		err = r.withdraw(w, ErrFull)
	}
	if err != nil {
		defer p.ended() // the log may end the goroutine
		r.log(r.base, slog.LevelWarn, notInTimeMessage, slog.String("task", p.task.Name()), slog.Any("error", err))
	}
}

// ended is called when the task has ended, or was not submitted.
func (p *periodic) ended() {
	r := p.runner
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, goesOn := r.periodic[p]; goesOn {
		now := time.Now()
		passed := int64(now.Sub(p.next)/p.every) + 1
		p.next = p.next.Add(time.Duration(passed) * p.every)
		p.timer.Reset(p.next.Sub(now))
	}
}

func (p *periodic) stop() {
	p.runner.mu.Lock()
	defer p.runner.mu.Unlock()
	p.runner.endPeriodicLocked(p)
}

// endPeriodicLocked has a periodic task not be submitted again.
func (r *Runner) endPeriodicLocked(p *periodic) {
	if _, goesOn := r.periodic[p]; goesOn {
		p.timer.Stop()
		delete(r.periodic, p)
	}
}
