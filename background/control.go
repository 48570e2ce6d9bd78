package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/velithon-go/velithon/background/internal/periodic"
)

// Pause lets no further task start, until Resume is called or Shutdown begins. Those
// that run go on, and work is accepted as long as there is room.
func (r *Runner) Pause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pool.Paused = !r.closed
}

// Resume ends a Pause.
func (r *Runner) Resume() {
	r.mu.Lock()
	defer r.unlock()
	r.pool.Paused = false
	r.dispatchLocked()
}

// errOwnIdle is returned by an Idle that would wait for its caller.
var errOwnIdle = errors.New("background: Idle was called with the context of a task, which it would wait for")

// Idle waits until nothing is left to do: no work that was promised or waits, runs or
// is to be tried again, and no hook that is to be told of it. What is due later, see
// [Task.After], is not waited for. A test calls it before it looks at what a task has
// done. When ctx is done Idle returns an error that wraps the cause; with the context
// of a task of the runner's it returns one at once.
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
	return r.scheduler.IsIdle() && r.reservations.Count() == 0 && r.pool.Busy() == 0 && r.reports == 0
}

// Every submits the task again and again, until stop is called or Shutdown begins:
// the first time after a random part of d, so that processes which start together do
// not work together, and then every d. It has the values of no request.
//
// A time that comes while the task still waits, runs or is to be tried again is passed
// over, and so is one at which the queue has no room, which the log is told. What was
// submitted before stop goes on; a Shutdown waits for that only.
//
// A task of a kind that the runner's [Store] holds is left to it, so that one of several
// processes stores it. Every panics if the store is no [Repeater] or can't keep the task.
//
// Every panics if d is not above zero, or on a task that Submit panics on.
func (r *Runner) Every(d time.Duration, task *Task) (stop func()) {
	u := r.meet(task)
	if d <= 0 {
		panic(fmt.Sprintf("background: Every(%s) of task %q: the time has to be above zero", d, task.Name()))
	}
	if r.options.Store != nil && r.isHeld(task) {
		return r.everyStored(d, task)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return func() {}
	}
	if r.periodic == nil {
		r.periodic = make(map[*periodic.Timer]*Task)
	}
	timer := periodic.Start(d, func(timer *periodic.Timer) { r.submitAgain(timer, u) })
	r.periodic[timer] = task
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.periodic, timer)
		timer.Stop()
	}
}

// submitAgain submits a periodic task, unless its timer, which has fired, was stopped.
func (r *Runner) submitAgain(timer *periodic.Timer, u unit) {
	u = r.followWork(u)
	var s submission
	r.prepare(r.base, &s, u, timer.Next)
	r.mu.Lock()
	if _, goesOn := r.periodic[timer]; !goesOn {
		r.mu.Unlock()
		u.refused(ErrCanceled)
		return
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		err = r.withdraw(w, ErrFull)
	}
	if err != nil {
		r.refused(u, err)
		defer timer.Next() // the log may end the goroutine
		r.hooks.Log(r.base, slog.LevelWarn, "periodic task was not started", slog.String("task", u.task.Name()), slog.Any("error", err))
	}
}
