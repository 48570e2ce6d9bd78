package background

import (
	"context"
	"fmt"
	"time"

	"github.com/velithon-go/velithon/background/internal/room"
)

// Room is what bounds the tasks that are accepted and have not finished: one that
// waits, for its first or its next attempt, holds one of Queue places, and so does
// one that runs and may have to wait again, since a retry is never refused. A task
// that runs its last attempt holds none.

// holding returns how many of s's tasks would hold room if it were accepted while
// so many workers are free: those that find no worker, and those that may have to
// wait again.
func (s *submission) holding(free int) int {
	start := s.most(free)
	switch {
	case s.plain:
		return s.tasks - start
	case s.group == nil:
		if start > 0 && s.task.neverWaits() {
			return 0
		}
		return 1
	}
	holding := s.tasks - start
	for _, task := range s.group.waiting[:start] {
		if !task.neverWaits() {
			holding++
		}
	}
	return holding
}

// spared returns how much room there is for those who are not the oldest of the
// waiters, while so many workers are free.
func (s *scheduler) spared(free int) int {
	if s.room.Waiting() == 0 {
		return s.room.Free
	}
	return s.room.Spared(s.room.Oldest().holding(free))
}

// giveBack returns the room of j's task, if it holds any.
func (s *scheduler) giveBack(j *job) {
	if !j.holds {
		return
	}
	j.holds = false
	if j.group != nil {
		s.giveBackOf(j.group, 1)
	} else {
		s.room.Give(1, j.since)
	}
}

// giveBackOf returns the room of n tasks of the group.
func (s *scheduler) giveBackOf(g *group, n int) {
	before := s.room.Weight(g.held)
	g.held -= n
	s.room.Give(before-s.room.Weight(g.held), g.since)
}

// waiter is a submitter who waits for room. As long as no worker is free each task needs
// some, and the waiter with the fewest tasks the least. But tasks that start at once and
// will not be tried again need none. So what a waiter needs is, for the order in which
// they are tried, what it would hold if all workers were free.
type waiter struct {
	submission
	room.Guest[waiter]
	came     time.Duration // when the wait began
	admitted chan struct{} // closed when the wait is over
	over     bool          // it is
	err      error         // its outcome, readable once admitted is closed
}

// wait lines a submission up for room.
func (s *scheduler) wait(sub *submission) *waiter {
	w := &waiter{submission: *sub, came: s.clock.Now(), admitted: make(chan struct{})}
	s.room.Wait(w, &w.Guest, w.tasks, w.holding(s.workers), s.clock.Mark)
	return w
}

// endWait takes w out of the waiters.
func (s *scheduler) endWait(w *waiter) {
	s.room.Leave(&w.Guest, s.clock.Mark)
	w.over = true
}

// admit accepts the work of a waiter, if there is room for it, and returns the
// waiter, who waits no longer. It returns nil if none fits.
func (s *scheduler) admit(free int) *waiter {
	if s.room.Waiting() == 0 {
		return nil
	}
	most := s.room.Free
	for _, w := range s.room.Candidates() {
		if s.accept(&w.submission, free, most) {
			s.endWait(w)
			return w
		}
		most = s.spared(free)
	}
	return nil
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
	if w.over { // what was accepted stays so
		return w.err
	}
	r.scheduler.refuse(&w.submission)
	r.scheduler.endWait(w)
	r.release(w, err)
	r.dispatchLocked() // another one may fit now
	return err
}

// release tells w, who waits no longer, how the wait ended.
func (r *Runner) release(w *waiter, err error) {
	r.fulfil(&w.submission)
	w.err = err
	close(w.admitted)
}
