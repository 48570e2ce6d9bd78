package background

import (
	"context"
	"slices"
)

// Shutdown refuses new work, and waits until all work that was accepted or
// promised has ended, including tasks to be tried again and reservations not yet
// started. It returns nil if all of it ran, even if tasks failed.
//
// When ctx is done first, Shutdown cancels the contexts of the tasks that run,
// gives up all that wait, and returns a [*DrainError] that names both. It does
// not wait for tasks which ignore their context. Each submission that is given
// up is logged, and the hooks are called for it before that call returns: one that
// may block has to look at its context, which is done by then.
//
// Shutdown may be called several times, also at once. Each call waits for what
// is still to be done; the first to run out of time gives up the rest for all,
// and what was given up is reported by all calls from then on. To call Shutdown
// from a task is a mistake: it would wait for itself.
func (r *Runner) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.promises.end()
	r.dispatchLocked() // there may be nothing to wait for
	r.unlock()
	select {
	case <-r.drained:
		r.mu.Lock()
		defer r.unlock()
		return r.drainErrorLocked(r.reason)
	case <-ctx.Done():
		return r.expire(context.Cause(ctx))
	}
}

// drainErrorLocked describes what has not finished, or returns nil if all has.
func (r *Runner) drainErrorLocked(reason error) error {
	e := &DrainError{
		Waiting:  slices.Clone(r.abandoned),
		Reserved: r.promises.count(),
		Err:      reason,
	}
	for w := range r.crew.all {
		if w.job.task != nil {
			e.Running = append(e.Running, w.job.task.Name())
		}
	}
	slices.Sort(e.Running) // the crew has no order
	if len(e.Running) == 0 && len(e.Waiting) == 0 && e.Reserved == 0 {
		return nil
	}
	return e
}

// expire gives up all work that is not running, asks the tasks that run to end,
// and returns what was unfinished before it did.
func (r *Runner) expire(reason error) error {
	r.mu.Lock()
	var turns queue[turn] // with the single tasks, which have no followUp yet
	var todo []*followUp
	if !r.expired {
		r.expired, r.reason = true, reason
		turns = r.turns
		todo = r.abandonLocked()
		r.dispatchLocked()
	}
	err := r.drainErrorLocked(reason)
	r.unlock()

	r.cancel(ErrClosed)
	for next, ok := turns.pop(); ok; next, ok = turns.pop() {
		if next.task != nil {
			r.follow(&followUp{ctx: r.context(next.ctx), lost: []*Task{next.task}, how: ErrAbandoned})
		}
	}
	for _, t := range todo {
		r.follow(t)
	}
	return err
}

// abandonLocked empties all queues, and returns what is to be done about groups
// and retries.
func (r *Runner) abandonLocked() (todo []*followUp) {
	giveUp := func(tasks ...*Task) {
		r.stats.Abandoned += uint64(len(tasks))
		r.abandoned = append(r.abandoned, names(tasks)...)
	}
	for next := range r.turns.all() {
		if next.task != nil {
			giveUp(next.task)
			r.stats.Queued--
		}
	}
	r.turns, r.due = queue[turn]{}, queue[*retry]{}

	for g := r.groups.first; g != nil; g = r.groups.first {
		lost := g.waiting
		giveUp(lost...)
		r.shortenLocked(g, nil)
		todo = append(todo, r.finishLocked(g, &followUp{ctx: g.context(), lost: lost, how: ErrAbandoned}))
	}
	for e := r.retries.Front(); e != nil; e = r.retries.Front() {
		again := e.Value.(*retry)
		giveUp(again.task)
		r.dropLocked(again)
		f := &followUp{ctx: r.contextOf(again.job), lost: []*Task{again.task}, how: ErrAbandoned}
		if again.group != nil {
			f = r.finishLocked(again.group, f)
		}
		todo = append(todo, f)
	}
	for e := r.blocked.Front(); e != nil; e = r.blocked.Front() {
		w := e.Value.(*waiter)
		if !w.promised {
			r.stats.Rejected += uint64(w.tasks)
			r.releaseLocked(w, ErrClosed)
			continue
		}
		// The answer that promised it is on its way, so nobody can be refused
		// any more.
		f := r.giveUpLocked(w.turn)
		r.stats.Accepted += uint64(w.tasks)
		giveUp(f.lost...)
		todo = append(todo, f)
		r.releaseLocked(w, nil)
	}
	return todo
}

// giveUpLocked gives up what is not in the queue yet, and returns what is to be
// done about it.
func (r *Runner) giveUpLocked(t turn) *followUp {
	g := t.group()
	if g == nil {
		return &followUp{ctx: r.context(t.ctx), lost: []*Task{t.task}, how: ErrAbandoned}
	}
	lost := g.waiting
	g.waiting = nil
	return r.finishLocked(g, &followUp{ctx: &g.taskContext, lost: lost, how: ErrAbandoned})
}
