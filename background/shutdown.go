package background

import (
	"context"
	"errors"
	"slices"
	"time"
)

// errOwnShutdown is returned by a Shutdown that would wait for its caller.
var errOwnShutdown = errors.New("background: Shutdown was called with the context of a task, which it would wait for")

// lastMoment is what a Shutdown whose context is cancelled waits for the reports
// of what it gives up: the process ends after it, and nobody would be told.
const lastMoment = 100 * time.Millisecond

// Shutdown refuses new work, and waits until all work that was accepted or
// promised has ended, including tasks to be tried again and reservations not yet
// started. Tasks that run may go on submitting work with their own context. It
// returns nil if all of it ran, even if tasks failed.
//
// When nine tenths of the time until ctx's deadline are over, Shutdown cancels the
// contexts of the tasks that run, and gives up all that waits. The last tenth is
// for those tasks to put things away, and for the log and the hooks, which are
// told of each submission that is given up. A task that can't be tried again
// before that is given up at once, and holds nothing up. When ctx is done, or
// earlier if no task runs any more, Shutdown returns a [*DrainError] that names
// what did not finish. It does not wait for tasks, hooks and log handlers which
// take longer; they go on.
//
// A ctx that is cancelled, or done from the start, leaves no such time: the tasks
// are told, and Shutdown returns as soon as log and hooks have been, after 100 ms at
// most.
//
// Shutdown may be called several times, also at once. Each call waits for what
// is still to be done; the first to run out of time gives up the rest for all,
// and what was given up is reported by all calls from then on. With the context of
// a task of the runner's, Shutdown returns an error at once and does nothing: it
// would wait for itself.
func (r *Runner) Shutdown(ctx context.Context) error {
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
	r.mu.Lock()
	defer r.unlock()
	if ctx.Err() != nil {
		return r.drainErrorLocked(context.Cause(ctx))
	}
	return r.drainErrorLocked(r.reason)
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

// Owns reports whether ctx is the context of one of the runner's tasks, or was
// made from one.
func (r *Runner) Owns(ctx context.Context) bool { return ctx.Value(runnerKey{}) == r }

// takesLocked reports whether work that is submitted with ctx is taken although a
// Shutdown has begun: a task's, as long as the drain goes on. It unlocks the mutex
// to look at ctx, which is the user's.
func (r *Runner) takesLocked(ctx context.Context) bool {
	r.mu.Unlock()
	own := r.Owns(ctx)
	r.mu.Lock()
	return own && !r.expired && !r.over
}

// close refuses new work, and gives up what can't be tried again before drain is
// done.
func (r *Runner) close(drain context.Context) {
	r.mu.Lock()
	r.closed = true
	r.reservations.close()
	if at, ok := drain.Deadline(); ok && (r.deadline.IsZero() || at.Before(r.deadline)) {
		r.deadline = at
	}
	r.reportLocked(r.dropLateRetriesLocked())
	r.dispatchLocked() // there may be nothing to wait for
	r.unlock()
}

// expire gives up all work that is not running, and asks the tasks that run to
// end. It returns a channel that is closed when log and hooks have been told, and
// what was unfinished before that.
func (r *Runner) expire(reason error) (reported <-chan struct{}, left error) {
	r.mu.Lock()
	if !r.expired {
		r.expired, r.reason = true, reason
		r.reported = r.reportLocked(r.abandonLocked())
		r.dispatchLocked()
	}
	reported, left = r.reported, r.drainErrorLocked(reason)
	r.unlock()
	r.cancel(ErrClosed)
	return reported, left
}

// reportLocked does what is left to do about work that was given up, on a
// goroutine of its own: log handlers and hooks may take longer than there is time.
// A drain waits for it. The channel is closed when all is done.
func (r *Runner) reportLocked(todo []*followUp) <-chan struct{} {
	done := make(chan struct{})
	if len(todo) == 0 {
		close(done)
		return done
	}
	r.reports++
	go func() {
		defer func() {
			r.mu.Lock()
			r.reports--
			r.dispatchLocked()
			r.unlock()
			close(done)
		}()
		each(todo, r.follow)
	}()
	return done
}

// drainErrorLocked describes what has not finished, or returns nil if all has.
func (r *Runner) drainErrorLocked(reason error) error {
	e := &DrainError{
		Stopped:  slices.Clone(r.stopped),
		Waiting:  slices.Clone(r.abandoned),
		Reserved: r.reservations.count(),
		Err:      reason,
	}
	for w := range r.pool.all {
		if w.job.task != nil {
			e.Running = append(e.Running, w.job.task.Name())
		}
	}
	slices.Sort(e.Running) // the pool has no order
	if len(e.Running) == 0 && len(e.Stopped) == 0 && len(e.Waiting) == 0 && e.Reserved == 0 {
		return nil
	}
	return e
}

// abandonLocked empties all queues, and returns what is to be done about it.
func (r *Runner) abandonLocked() (todo []*followUp) {
	giveUp := func(ctx context.Context, g *group, lost ...*Task) {
		r.abandonedLocked(lost)
		f := &followUp{ctx: ctx, lost: lost, how: ErrAbandoned}
		if g != nil {
			f = r.finishLocked(g, f)
		}
		todo = append(todo, f)
	}
	for next := range r.turns.tasks() {
		r.stats.Queued--
		r.room++
		giveUp(r.context(next.values), nil, next.task)
	}
	for g := r.groups.first; g != nil; g = r.groups.first {
		giveUp(g.context(), g, r.dropWaitingLocked(g)...)
	}
	for e := r.retries.Front(); e != nil; e = r.retries.Front() {
		again := e.Value.(*retry)
		r.unlistLocked(again)
		r.abandonedLocked([]*Task{again.task})
		todo = append(todo, r.endedLocked(again.job, &followUp{
			ctx: r.contextOf(again.job), lost: []*Task{again.task}, how: ErrAbandoned,
		}))
	}
	r.turns, r.due = turns{}, queue[*retry]{}
	for r.blocked.len() > 0 {
		w := r.blocked.oldest()
		if !w.started {
			r.stats.Rejected += uint64(w.tasks)
			r.releaseLocked(w, ErrClosed)
			continue
		}
		// The answer that promised it is on its way, so nobody can be refused
		// any more.
		todo = append(todo, r.giveUpLocked(&w.submission))
		r.releaseLocked(w, nil)
	}
	return todo
}

// giveUpLocked gives up what was promised and is not in the queue yet, and returns
// what is to be done about it.
func (r *Runner) giveUpLocked(s *submission) *followUp {
	if s.tasks == 0 {
		return nil
	}
	r.stats.Accepted += uint64(s.tasks)
	g := s.group
	if g == nil {
		lost := []*Task{s.task}
		r.abandonedLocked(lost)
		return &followUp{ctx: r.context(s.values), lost: lost, how: ErrAbandoned}
	}
	lost := g.waiting
	g.waiting = nil
	r.abandonedLocked(lost)
	return r.finishLocked(g, &followUp{ctx: &g.taskContext, lost: lost, how: ErrAbandoned})
}

// abandonedLocked books tasks that are given up for want of time.
func (r *Runner) abandonedLocked(tasks []*Task) {
	r.stats.Abandoned += uint64(len(tasks))
	r.abandoned = append(r.abandoned, names(tasks)...)
	if r.reason == nil {
		r.reason = context.DeadlineExceeded
	}
}
