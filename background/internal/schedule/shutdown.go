package schedule

import (
	"time"

	"github.com/velithon-go/velithon/background/internal/queue"
)

// Close notes that a shutdown has begun, and when it runs out of time unless that is
// zero. It gives up the tasks whose time has not come, and the retries that are due
// later than that.
func (s *Scheduler[T]) Close(deadline time.Time) (todo []*Aftermath[T]) {
	if s.closing && (deadline.IsZero() || !s.deadline.IsZero() && !deadline.Before(s.deadline)) {
		return nil
	}
	s.closing = true
	s.deadline = deadline
	for _, h := range s.held.later(deadline) {
		if s.held.remove(h) { // else one before it took it along
			todo = append(todo, s.abandonHeld(&h.Job))
		}
	}
	return todo
}

// TakeLost returns what is left to do about the tasks that were given up by the way since
// a shutdown has begun, each once.
func (s *Scheduler[T]) TakeLost() []*Aftermath[T] {
	lost := s.lost
	s.lost = nil
	return lost
}

// abandonHeld gives up a task whose time has not come, for want of time. That is its
// failure, so with StopOnError the others of its group are given up, too; if it has
// not begun, only those whose turn has not come.
func (s *Scheduler[T]) abandonHeld(j *Job[T]) *Aftermath[T] {
	begun, lost := j.Attempt > 1, []T{j.Task}
	s.tooLate = s.tooLate || begun
	if g := j.group; g != nil && g.StopOnError && !g.stopped {
		if begun {
			return s.ended(j, s.stop(g, ErrAbandoned, ErrAbandoned, lost...))
		}
		lost = append(lost, s.dropWaiting(g)...)
	}
	return s.ended(j, s.giveUp(j.Context(s.base), ErrAbandoned, lost...))
}

// Expire gives up all that waits, but for the submitters who wait for room: a
// shutdown has run out of time.
func (s *Scheduler[T]) Expire() (todo []*Aftermath[T]) {
	s.expired = true
	for first := range s.turns.singles.All() {
		s.queued--
		s.room.Free++
		todo = append(todo, s.giveUp(first.context(s.base), ErrAbandoned, first.Task))
	}
	for g := s.groups.First(); g != nil; g = s.groups.First() {
		todo = append(todo, s.finish(g, s.giveUp(g.context(), ErrAbandoned, s.dropWaiting(g)...)))
	}
	for h := s.held.all.First(); h != nil; h = s.held.all.First() {
		s.held.remove(h)
		todo = append(todo, s.ended(&h.Job, s.giveUp(h.Context(s.base), ErrAbandoned, h.Task)))
	}
	s.turns, s.held.due = turns[T]{}, queue.Queue[*held[T]]{}
	return todo
}

// Abandon accepts work that was promised, which is not empty, and gives it up.
func (s *Scheduler[T]) Abandon(sub *Submission[T]) *Aftermath[T] {
	s.accepts += uint64(sub.Tasks)
	g := sub.Group
	if g == nil {
		return s.giveUp(sub.context(s.base), ErrAbandoned, sub.Task)
	}
	lost := g.Waiting
	g.Waiting = nil
	return s.finish(g, s.giveUp(g.context(), ErrAbandoned, lost...))
}

// IsExpired reports whether a shutdown has run out of time.
func (s *Scheduler[T]) IsExpired() bool { return s.expired }

// WasTooLate reports whether some tasks were not tried again for want of time.
func (s *Scheduler[T]) WasTooLate() bool { return s.tooLate }

// Unfinished returns the names of the tasks that failed after they were asked to end, and
// of those that were given up for want of time. The slices are the scheduler's.
func (s *Scheduler[T]) Unfinished() (stopped, abandoned []string) { return s.stopped, s.abandoned }

// StopTimers stops all timers, since nobody waits for anything any more.
func (s *Scheduler[T]) StopTimers() {
	s.held.alarm.Stop()
	for _, line := range s.limits {
		line.alarm.Stop()
	}
}
