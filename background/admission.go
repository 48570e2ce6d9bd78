package background

import (
	"context"
	"fmt"
	"time"
)

// enterLocked accepts s, or refuses it with an error, or returns the waiter for
// whom the caller has to await room.
func (r *Runner) enterLocked(s *submission) (*waiter, error) {
	if s.tasks == 0 {
		r.fulfilLocked(s)
		r.dispatchLocked() // an empty reservation may be what a drain waits for
		return nil, nil
	}
	if d := r.demandLocked(s); r.weight(d.holding) <= r.sparedLocked() {
		r.acceptLocked(s, d)
		return nil, nil
	}
	if r.options.Overflow == Reject || !s.counted && !r.reservations.add() {
		r.stats.Rejected += uint64(s.tasks)
		r.fulfilLocked(s)
		return nil, ErrFull
	}
	s.counted = true
	w := &waiter{submission: *s, came: r.clock.now(), admitted: make(chan struct{})}
	r.blocked.add(w, w.demand(r.options.Workers).holding)
	if r.blocked.len() == 1 {
		r.markLocked()
	}
	return w, nil
}

// fulfilLocked takes s off the reservations, if it is counted there.
func (r *Runner) fulfilLocked(s *submission) {
	if s.counted {
		s.counted = false
		r.reservations.remove()
	}
}

// await waits until w has been admitted or refused, or ctx is done. A task does
// not wait, whichever runner it is of: it has a worker, and if all workers waited
// for room, there would never be any.
func (r *Runner) await(ctx context.Context, w *waiter) error {
	if ctx.Value(runnerKey{}) != nil {
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
	r.dispatchLocked() // another one may fit now
	return err
}

// admitLocked accepts the work of a submitter who waits, if there is room for it,
// and reports whether it did.
func (r *Runner) admitLocked() bool {
	l := &r.blocked
	return l.len() > 0 && (r.letInLocked(l.oldest(), r.room) ||
		r.letInLocked(l.bySize.first(), r.sparedLocked()) ||
		r.letInLocked(l.byRoom.first(), r.sparedLocked()))
}

// letInLocked accepts w's work if it fits into so much room, and reports whether
// it did.
func (r *Runner) letInLocked(w *waiter, room int) bool {
	d := r.demandLocked(&w.submission)
	if r.weight(d.holding) > room {
		return false
	}
	r.acceptLocked(&w.submission, d)
	r.releaseLocked(w, nil)
	return true
}

// releaseLocked ends the wait of w.
func (r *Runner) releaseLocked(w *waiter, err error) {
	first := w == r.blocked.oldest()
	r.blocked.remove(w)
	if first {
		r.markLocked()
	}
	r.fulfilLocked(&w.submission)
	w.err = err
	close(w.admitted)
}

// acceptLocked starts those tasks of s that find a free worker, and puts the
// others, which fit, into the queue.
func (r *Runner) acceptLocked(s *submission, d demand) {
	r.room -= r.weight(d.holding)
	r.stats.Accepted += uint64(s.tasks)
	r.stats.Running += d.start
	r.stats.Queued += s.tasks - d.start
	r.fulfilLocked(s)
	var since time.Duration
	if d.holding > 0 {
		since = r.clock.now()
	}
	s.since = since
	if g := s.group; g != nil {
		g.since, g.held = since, d.holding
		r.acceptGroupLocked(g, d.start)
		return
	}
	if d.start == 1 {
		r.pool.assign(job{single: s.single, attempt: 1, holds: d.holding > 0})
		return
	}
	r.turns.pushSingle(s.single)
}
