package background

import (
	"container/list"
	"context"
	"fmt"
)

// waiter is a submitter who waits for room.
type waiter struct {
	submission
	promised bool          // it is a reservation that was started
	element  *list.Element // in Runner.blocked, nil once the wait is over
	admitted chan struct{} // closed when the wait is over
	err      error         // its outcome, readable from then on
}

// enterLocked accepts s, or refuses it with an error, or returns the waiter for
// whom the caller has to await room.
func (r *Runner) enterLocked(s *submission) (*waiter, error) {
	if s.tasks == 0 {
		r.dispatchLocked() // an empty reservation may be what a drain waits for
		return nil, nil
	}
	// Those who came first are served first, even if this one would fit: a
	// large collection would never find enough room at once otherwise.
	if r.blocked.Len() == 0 && r.fitsLocked(s) {
		r.acceptLocked(s)
		return nil, nil
	}
	if r.options.Overflow == Reject {
		r.stats.Rejected += uint64(s.tasks)
		return nil, ErrFull
	}
	w := &waiter{submission: *s, admitted: make(chan struct{})}
	w.element = r.blocked.PushBack(w)
	return w, nil
}

// await waits until w has been admitted or refused, or ctx is done. A task of the
// runner's own does not wait: it has a worker, and if all workers waited for room,
// there would never be any.
func (r *Runner) await(ctx context.Context, w *waiter) error {
	if ctx.Value(runnerKey{}) == r {
		return r.withdraw(w, ErrFull)
	}
	select {
	case <-w.admitted:
		return w.err
	case <-ctx.Done():
		return r.withdraw(w, fmt.Errorf("background: no room in the queue: %w", context.Cause(ctx)))
	}
}

// withdraw ends the wait of w with err, if it has not ended already.
func (r *Runner) withdraw(w *waiter, err error) error {
	r.mu.Lock()
	defer r.unlock()
	if w.element == nil { // both at once: what was accepted stays so
		return w.err
	}
	r.stats.Rejected += uint64(w.tasks)
	r.releaseLocked(w, err)
	r.dispatchLocked() // a smaller one behind it may fit
	return err
}

// unblockLocked admits the waiter who came first, if there is room for it, and
// reports whether it did.
func (r *Runner) unblockLocked() bool {
	e := r.blocked.Front()
	if e == nil {
		return false
	}
	w := e.Value.(*waiter)
	if !r.fitsLocked(&w.submission) {
		return false
	}
	r.acceptLocked(&w.submission)
	r.releaseLocked(w, nil)
	return true
}

// releaseLocked ends the wait of w.
func (r *Runner) releaseLocked(w *waiter, err error) {
	r.blocked.Remove(w.element)
	w.element, w.err = nil, err
	close(w.admitted)
}

// fitsLocked reports whether there is room for those tasks of s that would have
// to wait.
func (r *Runner) fitsLocked(s *submission) bool {
	return s.held+r.room >= r.weight(s.tasks-r.startableLocked(s))
}

// startableLocked returns how many tasks of s find a free worker. If there is
// one, nothing else is due that could claim it; see dispatchLocked.
func (r *Runner) startableLocked(s *submission) int {
	return min(s.tasks, s.limit, r.freeLocked())
}

// weight is how much room n waiting tasks take: a collection larger than the
// queue takes all of it, since it would never be accepted otherwise.
func (r *Runner) weight(n int) int { return min(n, r.options.Queue) }

// acceptLocked starts those tasks of s that find a free worker, and puts the
// others, which fit, into the queue.
func (r *Runner) acceptLocked(s *submission) {
	start := r.startableLocked(s)
	wait := s.tasks - start
	held := r.weight(wait)
	r.room -= held - s.held
	r.stats.Accepted += uint64(s.tasks)
	r.stats.Running += start
	r.stats.Queued += wait
	if g := s.turn.group(); g != nil {
		r.acceptGroupLocked(g, start, held)
		return
	}
	if start == 1 {
		r.assignLocked(job{task: s.turn.task, values: s.turn.ctx, attempt: 1})
		return
	}
	s.turn.since = r.clock.now()
	r.turns.push(s.turn)
}
