package schedule

import (
	"maps"
	"time"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/queue"
	"github.com/velithon-go/velithon/background/internal/quota"
)

// Limit is what tasks share that may not all run at once. Each scheduler keeps it for
// its own tasks. The zero Limit limits nothing.
type Limit struct {
	quota quota.Quota // as it is at first
}

// NewLimit returns a limit as quota.New does a quota.
func NewLimit(concurrent int, perSecond float64, burst int) Limit {
	return Limit{quota.New(concurrent, perSecond, burst)}
}

// limitLine is a [Limit] as one scheduler keeps it, and the tasks that wait for it.
type limitLine[T any] struct {
	quota   quota.Quota
	parked  queue.Queue[*held[T]] // those who wait and, except in front, some that were taken out meanwhile
	waiting int                   // how many wait
	ofKind  bool                  // it is that of a paused kind, and limits nothing once it takes turns
	inTurns bool                  // it has a place in the line for a worker
	alarm   alarm.Alarm           // gives it one
}

// lineOf returns the line of the tasks with a limit.
func (s *Scheduler[T]) lineOf(l *Limit) *limitLine[T] {
	if line := s.limits[l]; line != nil {
		return line
	}
	if len(s.limits) >= s.limitsKept { // a limit may be made for each customer
		now := time.Now()
		maps.DeleteFunc(s.limits, func(_ *Limit, line *limitLine[T]) bool { // if a new one would do as well
			return line.waiting == 0 && line.quota.IsNew(now)
		})
		s.limitsKept = 2*len(s.limits) + 16
	}
	line := &limitLine[T]{quota: l.quota}
	line.alarm.Call = func() { s.due(func() { s.wokenUp(line) }) }
	s.limits[l] = line
	return line
}

// take takes for j what one start needs. It reports false if the limit is used up, and
// sets the alarm if time decides when it no longer will be.
func (l *limitLine[T]) take(j *Job[T]) bool {
	if l.ofKind {
		return true
	}
	now := time.Now()
	wait, ok := l.quota.Take(now)
	if ok {
		j.takes = true
	} else if wait > 0 {
		l.alarm.Set(now.Add(wait))
	}
	return ok
}

// admits reports whether j, whose turn it is, may start, as far as its limit goes. If
// it may not, the task waits for the limit.
func (s *Scheduler[T]) admits(j *Job[T]) bool {
	limit := j.terms.limit()
	if limit == nil || j.takes {
		return true
	}
	line := s.lineOf(limit)
	if line.waiting == 0 && line.take(j) {
		return true
	}
	s.park(j, line)
	return false
}

// park has j's task wait in a line, which it returns.
func (s *Scheduler[T]) park(j *Job[T], line *limitLine[T]) *limitLine[T] {
	line.parked.Trim(line.waiting, (*held[T]).isOut)
	h := &held[T]{Job: *j, limit: line}
	line.parked.Push(h)
	s.held.add(h)
	return line
}

// nextLimited takes out the first task of a line whose turn it is, and makes it j. It
// reports false if none waits, or may start.
func (s *Scheduler[T]) nextLimited(line *limitLine[T], j *Job[T]) bool {
	line.inTurns = false
	h, ok := line.parked.Front()
	if !ok {
		return false
	}
	if pause := s.pauseOf(h.terms); pause != nil { // before it takes a part of the limit
		s.held.remove(h)
		s.park(&h.Job, pause)
		s.lineUp(line)
		return false
	}
	if !line.take(&h.Job) {
		return false
	}
	s.held.remove(h)
	*j = h.Job
	s.lineUp(line)
	return true
}

// lineUp has a line take turns, if a task waits in it.
func (s *Scheduler[T]) lineUp(line *limitLine[T]) {
	if line.waiting > 0 && !line.inTurns {
		line.inTurns = true
		s.turns.push(turn[T]{limit: line})
	}
}

// wokenUp notes that the alarm has given a line its turn.
func (s *Scheduler[T]) wokenUp(line *limitLine[T]) {
	if late := line.alarm.Rang(); line.waiting > 0 {
		line.quota.Late(late)
	}
	s.lineUp(line)
}

// release gives back what a job has taken of its limit, which is kept until then.
func (s *Scheduler[T]) release(j *Job[T]) {
	j.takes = false
	line := s.limits[j.terms.Limit]
	line.quota.Give()
	s.lineUp(line)
}
