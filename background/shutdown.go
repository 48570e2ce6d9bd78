package background

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/guard"
)

// errOwnShutdown is returned by a Shutdown that would wait for its caller.
var errOwnShutdown = errors.New("background: Shutdown was called with the context of a task, which it would wait for")

// lastMoment is what a Shutdown whose context is cancelled waits for the reports
// of what it gives up: the process ends after it, and nobody would be told.
const lastMoment = 100 * time.Millisecond

// Shutdown refuses new work, and waits until all work that was accepted or promised
// has ended, including tasks to be tried again and reservations not yet started. Tasks
// that run may go on submitting work with their own context. It returns nil if all of
// it ran, even if tasks failed.
//
// A task whose time has not come, see [Task.After], is given up at once, and so is one
// that can't be tried again in time. When nine tenths of the time until ctx's deadline
// are over, Shutdown gives up all that waits, and cancels the contexts of the tasks that
// run. The last tenth is for those to put things away, and for the log and the hooks,
// which are told of each submission that is given up. When ctx is done, or earlier if no
// task runs any more, Shutdown returns a [*DrainError] that names what did not finish.
// Tasks, hooks and log handlers which take longer go on.
//
// A ctx that is cancelled, or done from the start, leaves no such time: the tasks are
// told, and Shutdown returns as soon as log and hooks have been, after 100 ms at most.
//
// Shutdown may be called several times, also at once. Each call waits for what is still
// to be done; the first to run out of time gives up the rest for all, and what was given
// up is reported by all calls from then on. With the context of a task of the runner's,
// Shutdown returns an error at once and does nothing: it would wait for itself.
func (r *Runner) Shutdown(ctx context.Context) error {
	r.mustBeMade()
	if r.Owns(ctx) {
		return errOwnShutdown
	}
	drain, cancel := withReserve(ctx)
	defer cancel()
	r.close(drain)
	select {
	case <-r.drained:
	case <-drain.Done():
		reported, left := r.expire(context.Cause(drain))
		if ctx.Err() != nil {
			select {
			case <-reported:
			case <-time.After(lastMoment):
			}
			return left
		}
		select {
		case <-r.drained:
		case <-ctx.Done():
		}
	}
	ended, reason := ctx.Err() != nil, context.Cause(ctx) // code of the user may run, so before the mutex is held
	r.mu.Lock()
	defer r.unlock()
	switch {
	case ended:
	case r.reason != nil:
		reason = r.reason
	case r.scheduler.WasTooLate(): // no call has run out of time, but some retries would have
		reason = context.DeadlineExceeded
	default:
		reason = ErrDueLater
	}
	return r.drainErrorLocked(reason)
}

// withReserve returns a context that is done when nine tenths of ctx's time are
// over.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
}

// takesLocked reports whether work that is submitted with ctx is taken although a
// Shutdown has begun: a task's, as long as the drain goes on. It unlocks the mutex
// to look at ctx, which is the user's.
func (r *Runner) takesLocked(ctx context.Context) bool {
	r.mu.Unlock()
	own := r.Owns(ctx)
	r.mu.Lock()
	return own && !r.scheduler.IsExpired() && !r.over
}

// close refuses new work, and gives up what is to start later, and what can't be
// tried again before drain is done.
func (r *Runner) close(drain context.Context) {
	deadline, _ := drain.Deadline() // which may be code of the user
	r.mu.Lock()
	r.closed, r.pool.Paused = true, false
	for _, kind := range r.scheduler.PausedKinds() {
		r.scheduler.ResumeKind(kind)
	}
	for timer := range r.periodic {
		timer.Stop()
	}
	clear(r.periodic)
	r.reservations.Close()
	r.reportLocked(r.scheduler.Close(deadline))
	r.dispatchLocked() // there may be nothing to wait for
	r.unlock()
}

// dismissLocked has told what was lost since Shutdown has begun, and sends the idle
// workers away once nothing can come for them any more. The drain is over when the last
// has left.
func (r *Runner) dismissLocked() {
	r.reportLocked(r.scheduler.TakeLost())
	if !r.scheduler.IsExpired() && r.scheduler.Outstanding()+r.reservations.Count() > 0 {
		return
	}
	if r.pool.Dismiss() && r.reports == 0 && !r.over {
		r.over = true
		r.scheduler.StopTimers()
		close(r.drained)
	}
}

// expire gives up all work that is not running, and asks the tasks that run to
// end. It returns a channel that is closed when log and hooks have been told of all
// that was given up so far, and what was unfinished before that.
func (r *Runner) expire(reason error) (reported <-chan struct{}, left error) {
	r.mu.Lock()
	if !r.scheduler.IsExpired() {
		r.reason = reason
		r.reportLocked(r.abandonLocked())
		r.dispatchLocked()
	}
	reported, left = r.reported, r.drainErrorLocked(reason)
	r.unlock()
	r.cancel(ErrClosed)
	return reported, left
}

// reportLocked does what is left to do about work that was given up, on a
// goroutine of its own: log handlers and hooks may take longer than there is time.
// A drain waits for it.
func (r *Runner) reportLocked(todo []*aftermath) {
	if len(todo) == 0 {
		return
	}
	r.beginReportLocked()
	go func() {
		defer r.endReport()
		for _, t := range todo {
			endHandles(t)
		}
		guard.Each(todo, r.follow)
	}()
}

// beginReportLocked notes that log and hooks are about to be told of work that was
// given up. Drain and Idle wait for the endReport that has to follow.
func (r *Runner) beginReportLocked() {
	if r.reports == 0 {
		r.reported = make(chan struct{})
	}
	r.reports++
}

func (r *Runner) endReport() {
	r.mu.Lock()
	defer r.unlock()
	if r.reports--; r.reports == 0 {
		close(r.reported)
	}
	r.dispatchLocked()
}

// drainErrorLocked describes what has not finished, or returns nil if all has.
func (r *Runner) drainErrorLocked(reason error) error {
	stopped, abandoned := r.scheduler.Unfinished()
	e := &DrainError{
		Stopped:  slices.Clone(stopped),
		Waiting:  slices.Clone(abandoned),
		Reserved: r.reservations.Count(),
		Err:      reason,
	}
	for a := range r.pool.Works() {
		if a.Task != nil {
			e.Running = append(e.Running, a.Task.Name())
		}
	}
	slices.Sort(e.Running) // the pool has no order
	if len(e.Running) == 0 && len(e.Stopped) == 0 && len(e.Waiting) == 0 && e.Reserved == 0 {
		return nil
	}
	return e
}

// abandonLocked gives up all that waits, the submitters included.
func (r *Runner) abandonLocked() []*aftermath {
	s := &r.scheduler
	todo := s.Expire()
	for w := s.OldestWaiter(); w != nil; w = s.OldestWaiter() {
		s.EndWait(w)
		if w.Promised { // the answer that promised it is on its way
			todo = append(todo, s.Abandon(&w.Submission))
			r.release(w, nil)
		} else {
			s.Refuse(w.Tasks)
			r.release(w, ErrClosed)
		}
	}
	return todo
}
