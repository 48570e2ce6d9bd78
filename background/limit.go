package background

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/queue"
	"github.com/velithon-go/velithon/background/internal/quota"
)

// LimitOptions say what a [Limit] allows: Concurrent, PerSecond, or both.
type LimitOptions struct {
	// Concurrent is how many of its tasks run at once. Zero means no limit.
	Concurrent int

	// PerSecond is how many attempts start in a second, in the long run, as
	// 0.5 for one in two seconds. Zero means no limit.
	PerSecond float64

	// Burst is how many of these may start at once, after a time in which fewer
	// did. Zero means 1: they start at equal distances.
	Burst int
}

// A Limit is what tasks share that may not all run at once, such as those of one
// kind, or all that call one service. It is given to [Define] or [Task.WithLimit].
// Each [Runner] keeps it for its own tasks. A Limit is made by [NewLimit], and safe
// for concurrent use.
//
// A task whose limit is used up holds no worker, and is in nobody's way: those who
// wait for a limit start in their order, and take turns with other work as a
// collection does. Each attempt counts. A task keeps its place in the queue until it
// starts, and in a collection it is one of the MaxConcurrent. A Shutdown waits for it
// as long as there is time.
type Limit struct {
	quota quota.Quota // as it is at first
}

// NewLimit returns a limit. It panics if an option is out of range, or nothing is
// limited.
func NewLimit(options LimitOptions) *Limit {
	if err := options.validate(); err != nil {
		panic("background: NewLimit: " + err.Error())
	}
	return &Limit{quota: quota.New(options.Concurrent, options.PerSecond, cmp.Or(options.Burst, 1))}
}

func (o *LimitOptions) validate() error {
	switch {
	case o.Concurrent < 0:
		return fmt.Errorf("LimitOptions.Concurrent is %d, it cannot be negative", o.Concurrent)
	case o.PerSecond != 0 && (math.IsNaN(o.PerSecond) || o.PerSecond < 1.0/86400 || o.PerSecond > 1e6):
		return fmt.Errorf("LimitOptions.PerSecond is %v, it has to be 0, or from one a day (1.0 / 86400) to a million", o.PerSecond)
	case o.Burst < 0 || o.Burst > 1e6:
		return fmt.Errorf("LimitOptions.Burst is %d, it has to be from 0 to a million", o.Burst)
	case o.Burst > 0 && o.PerSecond == 0:
		return errors.New("LimitOptions.Burst goes with PerSecond, which is 0")
	case o.Concurrent == 0 && o.PerSecond == 0:
		return errors.New("set LimitOptions.Concurrent or PerSecond: nothing is limited")
	}
	return nil
}

func (l *Limit) applyTo(s *settings) error {
	if !l.isMade() {
		return errors.New("a limit is nil or zero: make it by NewLimit")
	}
	s.limit = l
	return nil
}

// isMade reports whether l is neither nil nor zero.
func (l *Limit) isMade() bool { return l != nil && l.quota != quota.Quota{} }

// limitLine is a [Limit] as one runner keeps it, and the tasks that wait for it. The
// runner's mutex guards it.
type limitLine struct {
	quota   quota.Quota
	parked  queue.Queue[*held] // those who wait and, except in front, some that were taken out meanwhile
	waiting int                // how many wait
	inTurns bool               // it has a place in the line for a worker
	alarm   alarm.Alarm        // gives it one
}

// lineOf returns the line of the tasks with a limit.
func (s *scheduler) lineOf(l *Limit) *limitLine {
	if line := s.limits[l]; line != nil {
		return line
	}
	if len(s.limits) >= s.limitsKept { // a limit may be made for each customer
		now := time.Now()
		maps.DeleteFunc(s.limits, func(_ *Limit, line *limitLine) bool { // if a new one would do as well
			return line.waiting == 0 && line.quota.IsNew(now)
		})
		s.limitsKept = 2*len(s.limits) + 16
	}
	line := &limitLine{quota: l.quota}
	line.alarm.Call = func() { s.limitDue(line) }
	s.limits[l] = line
	return line
}

// take takes for j what one start needs. It reports false if the limit is used up, and
// sets the alarm if time decides when it no longer will be.
func (l *limitLine) take(j *job) bool {
	now := time.Now()
	wait, ok := l.quota.Take(now)
	if ok {
		j.takes = l
	} else if wait > 0 {
		l.alarm.Set(now.Add(wait))
	}
	return ok
}

// admits reports whether j, whose turn it is, may start, as far as its limit goes. If
// it may not, the task waits for the limit.
func (s *scheduler) admits(j *job) bool {
	limit := j.task.limit()
	if limit == nil || j.takes != nil {
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
func (s *scheduler) park(j *job, line *limitLine) *limitLine {
	line.parked.Trim(line.waiting, (*held).isOut)
	h := &held{job: *j, limit: line}
	line.parked.Push(h)
	s.held.add(h)
	return line
}

// nextLimited takes out the first task of a line whose turn it is, and makes it j. It
// reports false if none waits, or may start.
func (s *scheduler) nextLimited(line *limitLine, j *job) bool {
	line.inTurns = false
	h, ok := line.parked.Front()
	if !ok || !line.take(&h.job) {
		return false
	}
	s.held.remove(h)
	*j = h.job
	s.lineUp(line)
	return true
}

// lineUp has a line take turns, if a task waits in it.
func (s *scheduler) lineUp(line *limitLine) {
	if line.waiting > 0 && !line.inTurns {
		line.inTurns = true
		s.turns.push(turn{limit: line})
	}
}

// wokenUp notes that the alarm has given a line its turn.
func (s *scheduler) wokenUp(line *limitLine) {
	if late := line.alarm.Rang(); line.waiting > 0 {
		line.quota.Late(late)
	}
	s.lineUp(line)
}

// release gives back what a job has taken of its limit.
func (s *scheduler) release(j *job) {
	line := j.takes
	j.takes = nil
	line.quota.Give()
	s.lineUp(line)
}
