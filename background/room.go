package background

import (
	"context"
	"fmt"
	"time"

	"github.com/velithon-go/velithon/background/internal/lobby"
)

// Room is what bounds the tasks that are accepted and have not finished: one that
// waits, for its first or its next attempt, holds one of Queue places, and so does
// one that runs and may have to wait again, since a retry is never refused. A task
// that runs its last attempt holds none.

// holding returns how many of s's tasks would hold room if it were accepted while
// so many workers are free: those that find no worker, and those that may have to
// wait again.
func (s *submission) holding(free int) int {
	if s.group == nil {
		if free > 0 && s.task.neverWaits() {
			return 0
		}
		return 1
	}
	start := min(s.tasks, s.group.limit, free)
	holding := s.tasks - start
	for _, task := range s.group.waiting[:start] {
		if !task.neverWaits() {
			holding++
		}
	}
	return holding
}

// weight is how much room n tasks take: a collection larger than the queue takes
// all of it, since it would never be accepted otherwise.
func (s *scheduler) weight(n int) int { return min(n, s.queue) }

// spared returns how much room there is for those who are not the oldest of the
// waiters, while so many workers are free.
func (s *scheduler) spared(free int) int {
	if w := s.waiters.Oldest(); w == nil || s.waiters.old+s.weight(w.holding(free)) > s.queue {
		return s.room
	}
	return 0
}

// reserve takes the room of n tasks, and reports false if there is too little.
func (s *scheduler) reserve(n int) (held int, ok bool) {
	if held = s.weight(n); held > s.room {
		return 0, false
	}
	s.room -= held
	return held, true
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
		s.freeRoom(j.since, 1)
	}
}

// giveBackOf returns the room of n tasks of the group.
func (s *scheduler) giveBackOf(g *group, n int) {
	before := s.weight(g.held)
	g.held -= n
	s.freeRoom(g.since, before-s.weight(g.held))
}

// freeRoom notes that there is room for n more tasks, which was held by what had
// been accepted at that time.
func (s *scheduler) freeRoom(since time.Duration, n int) {
	s.room += n
	if since <= s.waiters.mark {
		s.waiters.old -= n
	}
}

// waiter is a submitter who waits for room.
type waiter struct {
	submission
	came     time.Duration // when the wait began
	place    lobby.Place[waiter]
	admitted chan struct{} // closed when the wait is over
	over     bool          // it is
	err      error         // its outcome, readable once admitted is closed
}

// waiters are the submitters who wait for room. The oldest is served first. If it
// doesn't fit, because it is a large collection, others may overtake it as long as that
// makes no difference: while what was accepted before holds so much that it would not
// fit without them either. From then on only those overtake that need no room. So small
// work does not wait for what a large collection waits for, and a stream of small work
// can't keep one out for ever.
//
// Of the others the one with the fewest tasks is tried, which needs the least while no
// worker is free, and then the one that would hold the least room if all were: tasks
// that start at once and will not be tried again need none. What it would hold is
// known as it was when the wait began, though tasks become due.
//
// The runner's mutex guards them.
type waiters struct {
	lobby.Lobby[waiter]
	mark time.Duration // when the oldest became the oldest
	old  int           // the room held by what had been accepted until then
}

// wait lines a submission up for room.
func (s *scheduler) wait(sub *submission) *waiter {
	w := &waiter{submission: *sub, came: s.clock.Now(), admitted: make(chan struct{})}
	s.waiters.Add(w, &w.place, w.tasks, w.holding(s.workers))
	if s.waiters.Len() == 1 {
		s.markOldest()
	}
	return w
}

// admit accepts the work of a waiter, if there is room for it, and returns the
// waiter, who waits no longer. It returns nil if none fits.
func (s *scheduler) admit(free int) *waiter {
	if s.waiters.Len() == 0 {
		return nil
	}
	room := s.room
	for _, w := range s.waiters.Candidates() {
		if s.accept(&w.submission, free, room) {
			s.endWait(w)
			return w
		}
		room = s.spared(free)
	}
	return nil
}

// endWait takes w out of the waiters.
func (s *scheduler) endWait(w *waiter) {
	first := w == s.waiters.Oldest()
	s.waiters.Remove(&w.place)
	w.over = true
	if first {
		s.markOldest()
	}
}

// markOldest notes that another waiter is the oldest now.
func (s *scheduler) markOldest() {
	s.waiters.mark, s.waiters.old = s.clock.Mark(), s.queue-s.room
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
