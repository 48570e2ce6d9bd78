package schedule

import (
	"time"

	"github.com/velithon-go/velithon/background/internal/room"
)

// Room is what bounds the tasks that are accepted and have not finished: one that
// waits, for its first or its next attempt, holds one of so many places, and so does
// one that runs and may have to wait again, since a retry is never refused. A task
// that runs its last attempt holds none.

// Waiter is a submitter who waits for room. As long as no worker is free each task needs
// some, and the waiter with the fewest tasks the least. But tasks that start at once and
// will not be tried again need none. So what a waiter needs is, for the order in which
// they are tried, what it would hold if all workers were free.
type Waiter[T any] struct {
	Submission[T]
	guest room.Guest[Waiter[T]]
	came  time.Duration // when the wait began, by the clock
	over  bool          // the wait is

	// These are for the user, who wakes the submitter up.

	Ended chan struct{} // to be closed when Err is there
	Err   error         // why the work was not accepted; nil if it was
}

// Wait lines a submission up for room.
func (s *Scheduler[T]) Wait(sub *Submission[T]) *Waiter[T] {
	w := &Waiter[T]{Submission: *sub, came: s.clock.Now(), Ended: make(chan struct{})}
	s.room.Wait(w, &w.guest, w.Tasks, s.holding(&w.Submission, s.workers), s.clock.Mark)
	return w
}

// rankWaiters notes what the waiters need since a pause has begun or ended: who needed none
// before would be tried in vain before others that still do not.
func (s *Scheduler[T]) rankWaiters() {
	for _, w := range s.room.All() {
		s.room.Needs(&w.guest, s.holding(&w.Submission, s.workers))
	}
}

// EndWait takes w out of the waiters. It reports false if its wait is over already.
func (s *Scheduler[T]) EndWait(w *Waiter[T]) bool {
	if w.over {
		return false
	}
	s.room.Leave(&w.guest, s.clock.Mark)
	w.over = true
	return true
}

// Waiters returns how many wait for room.
func (s *Scheduler[T]) Waiters() int { return s.room.Waiting() }

// OldestWaiter returns the waiter who came first, or nil if there is none.
func (s *Scheduler[T]) OldestWaiter() *Waiter[T] { return s.room.Oldest() }

// Admit accepts the work of a waiter, as Accept does, if there is room for it, and
// returns the waiter, who waits no longer. It returns nil if none fits.
func (s *Scheduler[T]) Admit(free int) *Waiter[T] {
	if s.room.Waiting() == 0 {
		return nil
	}
	most := s.room.Free
	for _, w := range s.room.Candidates() {
		if s.accept(&w.Submission, free, most) {
			s.EndWait(w)
			return w
		}
		most = s.spared(free)
	}
	return nil
}

// spared returns how much room there is for those who are not the oldest of the
// waiters, of whom there is one, while so many workers are free.
func (s *Scheduler[T]) spared(free int) int {
	return s.room.Spared(s.holding(&s.room.Oldest().Submission, free))
}

// Reserve takes the room of so many tasks, as much as that is, if there is so much.
func (s *Scheduler[T]) Reserve(tasks int) (held int, ok bool) {
	if held = s.room.Weight(tasks); held > s.room.Free {
		return 0, false
	}
	s.room.Free -= held
	return held, true
}

// Return gives back what Reserve has taken.
func (s *Scheduler[T]) Return(held int) { s.room.Free += held }

// giveBack returns the room of j's task, if it holds any.
func (s *Scheduler[T]) giveBack(j *Job[T]) {
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
func (s *Scheduler[T]) giveBackOf(g *Group[T], n int) {
	before := s.room.Weight(g.held)
	g.held -= n
	s.room.Give(before-s.room.Weight(g.held), g.since)
}
