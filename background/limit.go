package background

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/velithon-go/velithon/background/internal/queue"
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
	options LimitOptions
	spacing time.Duration // between two starts
	burst   time.Duration // how far ahead of that they may be
}

// NewLimit returns a limit. It panics if an option is out of range, or nothing is
// limited.
func NewLimit(options LimitOptions) *Limit {
	if err := options.validate(); err != nil {
		panic("background: NewLimit: " + err.Error())
	}
	l := &Limit{options: options}
	if options.PerSecond > 0 {
		l.spacing = time.Duration(math.Ceil(float64(time.Second) / options.PerSecond))
		ahead := min(int64(cmp.Or(options.Burst, 1)-1), math.MaxInt64/4/int64(l.spacing))
		l.burst = time.Duration(ahead) * l.spacing
	}
	return l
}

const (
	minPerSecond = 1.0 / (24 * 60 * 60)
	maxPerSecond = 1e6
	maxBurst     = 1e6
)

func (o *LimitOptions) validate() error {
	switch {
	case o.Concurrent < 0:
		return fmt.Errorf("LimitOptions.Concurrent is %d, it cannot be negative", o.Concurrent)
	case o.PerSecond != 0 && (math.IsNaN(o.PerSecond) || o.PerSecond < minPerSecond || o.PerSecond > maxPerSecond):
		return fmt.Errorf("LimitOptions.PerSecond is %v, it has to be 0, or from one a day (1.0 / 86400) to a million", o.PerSecond)
	case o.Burst < 0 || o.Burst > maxBurst:
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
func (l *Limit) isMade() bool { return l != nil && l.options != LimitOptions{} }

// limitLine is a [Limit] as one runner keeps it, and the tasks that wait for it. The
// runner's mutex guards it.
type limitLine struct {
	*Limit
	running int                // how many of its tasks run
	next    time.Time          // when the next one may start, were there no Burst
	parked  queue.Queue[*held] // those who wait, and some that were taken out meanwhile
	waiting int                // how many wait
	inTurns bool               // it has a place in the line for a worker
	timed   bool               // a timer will give it one
	timer   *time.Timer
	rings   time.Time     // when it fires
	credit  time.Duration // how much later one did, which is made up for
}

// take takes what one start needs. It reports false if the limit is used up, and
// when it no longer will be, if time decides that.
func (l *limitLine) take(now time.Time) (wait time.Duration, ok bool) {
	if l.options.Concurrent > 0 && l.running == l.options.Concurrent {
		return 0, false
	}
	if l.spacing > 0 {
		if earliest := now.Add(-l.credit); l.next.Before(earliest) {
			l.next = earliest
		}
		if wait = l.next.Sub(now) - l.burst; wait > 0 {
			return wait, false
		}
		if l.next = l.next.Add(l.spacing); !l.next.Before(now) {
			l.credit = 0
		}
	}
	l.running++
	return 0, true
}

// isIdle reports whether a new line would do as well.
func (l *limitLine) isIdle(now time.Time) bool {
	return l.running == 0 && l.waiting == 0 && !l.inTurns && !l.timed && !l.next.After(now)
}

// park has a task wait in its line.
func (l *limitLine) park(h *held) {
	if l.parked.Len() > 2*l.waiting+queue.BlockLen { // most were taken out
		var rest queue.Queue[*held]
		for h := range l.parked.All() {
			if !h.out {
				rest.Push(h)
			}
		}
		l.parked = rest
	}
	l.parked.Push(h)
}

// lineOf returns the line of the tasks with a limit.
func (s *scheduler) lineOf(l *Limit) *limitLine {
	line := s.limits[l]
	if line == nil {
		if len(s.limits) >= s.limitsKept { // a limit may be made for each customer
			now := time.Now()
			maps.DeleteFunc(s.limits, func(_ *Limit, line *limitLine) bool { return line.isIdle(now) })
			s.limitsKept = 2*len(s.limits) + 16
		}
		line = &limitLine{Limit: l}
		s.limits[l] = line
	}
	return line
}

// admits reports whether j, whose turn it is, may start, as far as its limit goes. If
// it may not, the task waits for the limit.
func (s *scheduler) admits(j *job) bool {
	limit := j.task.limit()
	if limit == nil || j.takes != nil {
		return true
	}
	if line := s.lineOf(limit); line.waiting == 0 {
		wait, ok := line.take(time.Now())
		if ok {
			j.takes = line
			return true
		}
		s.wake(line, wait)
	}
	s.park(j, limit)
	return false
}

// park has j's task wait for its limit.
func (s *scheduler) park(j *job, limit *Limit) *limitLine {
	line := s.lineOf(limit)
	h := &held{job: *j, limit: line}
	line.park(h)
	s.held.add(h)
	return line
}

// nextLimited takes out the first task that waits for a limit, whose turn it is, and
// reports whether it may start.
func (s *scheduler) nextLimited(line *limitLine, j *job) bool {
	line.inTurns = false
	for line.waiting > 0 {
		h, _ := line.parked.Front()
		if h.out {
			line.parked.Pop()
			continue
		}
		wait, ok := line.take(time.Now())
		if !ok {
			s.wake(line, wait)
			return false
		}
		line.parked.Pop()
		s.held.remove(h)
		*j = h.job
		j.takes = line
		s.lineUp(line)
		return true
	}
	return false
}

// wake has a line take turns again after wait, unless that is 0.
func (s *scheduler) wake(line *limitLine, wait time.Duration) {
	if wait > 0 && !line.timed {
		line.timed, line.rings = true, time.Now().Add(wait)
		line.timer = time.AfterFunc(wait, func() { s.limitDue(line) })
	}
}

// wokenUp notes that the timer has given a line its turn.
func (s *scheduler) wokenUp(line *limitLine) {
	line.timed = false
	if line.waiting > 0 {
		line.credit = min(time.Since(line.rings), max(line.spacing, 10*time.Millisecond))
	}
	s.lineUp(line)
}

// lineUp has a line take turns, if a task waits in it.
func (s *scheduler) lineUp(line *limitLine) {
	if line.waiting > 0 && !line.inTurns {
		line.inTurns = true
		s.turns.push(turn{limit: line})
	}
}

// release gives back what a job has taken of its limit.
func (s *scheduler) release(j *job) {
	line := j.takes
	j.takes = nil
	line.running--
	s.lineUp(line)
}
