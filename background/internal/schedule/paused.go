package schedule

import (
	"maps"
	"slices"
)

// PauseKind has the tasks of a kind that would start wait, until ResumeKind is called. Those
// that run go on.
func (s *Scheduler[T]) PauseKind(kind string) {
	if s.paused[kind] != nil {
		return
	}
	if s.paused == nil {
		s.paused = make(map[string]*limitLine[T])
	}
	s.paused[kind] = &limitLine[T]{ofKind: true}
	s.rankWaiters()
}

// ResumeKind ends a PauseKind. It reports whether there was one; something may be able to
// start then.
func (s *Scheduler[T]) ResumeKind(kind string) bool {
	line := s.paused[kind]
	if line == nil {
		return false
	}
	delete(s.paused, kind)
	s.lineUp(line)
	s.rankWaiters()
	return true
}

// PausedKinds returns the names of the kinds that are paused, in their order.
func (s *Scheduler[T]) PausedKinds() []string { return slices.Sorted(maps.Keys(s.paused)) }

// pauseOf returns the line in which tasks with such terms wait for the end of a pause; nil if
// their kind is not paused. One that was cancelled is let through, since it does not run.
func (s *Scheduler[T]) pauseOf(t *Terms) *limitLine[T] {
	if len(s.paused) == 0 || t == nil || t.Kind == "" {
		return nil
	}
	if line := s.paused[t.Kind]; line != nil && !t.isCanceled() {
		return line
	}
	return nil
}

// holdsBack reports whether j, whose turn it is, may not start since its kind is paused. It
// waits for the end of that then.
func (s *Scheduler[T]) holdsBack(j *Job[T]) bool {
	line := s.pauseOf(j.terms)
	if line == nil {
		return false
	}
	s.park(j, line)
	return true
}

// Advance lines up at once the task that somebody follows, if it waits for its time, and
// reports whether it does.
func (s *Scheduler[T]) Advance(f Follower) bool {
	h := s.held.followed[f]
	if h == nil || h.due || h.limit != nil {
		return false
	}
	s.held.hasten(f)
	return true
}
