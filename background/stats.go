package background

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Stats is what a [Runner] has done and is doing. Numbers are of tasks, but for
// Blocked: each of a collection counts, and [Work] of the user's own kind
// counts as one.
//
// At any time, Accepted is the sum of Succeeded, Failed, Skipped, Abandoned,
// Queued, Running, Scheduled, Limited and Retrying.
type Stats struct {
	Accepted  uint64 // taken into the queue
	Succeeded uint64 // ended without an error, in whichever attempt
	Failed    uint64 // ended with an error, a panic or a Cancel included, and not to be tried again
	Panicked  uint64 // those of the failed whose error is or wraps a [*PanicError]
	Retried   uint64 // failed attempts after which the task was to be tried again
	Rejected  uint64 // refused: no room, no room in time, or runner closed
	Skipped   uint64 // given up after a failure in a collection with StopOnError
	Abandoned uint64 // given up by a Shutdown: it ran out of time, or their time had not come

	Queued    int // waiting for a worker or their turn in a collection, for their first attempt
	Running   int // running now
	Scheduled int // waiting for the time of their first attempt
	Limited   int // waiting in the line of their [Limit], for whichever attempt, also if only a worker is missing
	Retrying  int // waiting to be tried again
	Blocked   int // submitters who wait for room; their tasks are not accepted yet

	// OldestWaiting is how long the oldest of the queued tasks has waited since it
	// was accepted or its time had come, or the oldest of the blocked submitters for
	// room, or about a millisecond more; zero if there are none.
	OldestWaiting time.Duration
}

// Stats returns the numbers of this moment.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.scheduler
	stats := s.counted()
	counts := &s.held.counts
	stats.Queued += counts[Waiting]
	stats.Scheduled, stats.Limited, stats.Retrying = counts[Scheduled], counts[Limited], counts[Retrying]
	stats.Blocked = s.room.Waiting()
	if stats.Queued+stats.Blocked > 0 {
		stats.OldestWaiting = s.clock.Since(s.oldest())
	}
	return stats
}

// counted returns s.stats, with what is counted by kind.
func (s *scheduler) counted() Stats {
	stats := s.stats
	for _, k := range s.byKind {
		stats.Succeeded += k.Succeeded
		stats.Failed += k.Failed
		stats.Panicked += k.Panicked
		stats.Retried += k.Retried
		stats.Skipped += k.Skipped
		stats.Abandoned += k.Abandoned
	}
	return stats
}

// oldest returns when the oldest of the waiting tasks was accepted, or the oldest
// of the waiters came.
func (s *scheduler) oldest() time.Duration {
	oldest := time.Duration(math.MaxInt64)
	if w := s.room.Oldest(); w != nil {
		oldest = w.came
	}
	if g := s.groups.First(); g != nil {
		oldest = min(oldest, g.since)
	}
	if h, ok := s.held.firsts.Front(); ok {
		oldest = min(oldest, h.at.Sub(s.clock.Epoch))
	}
	if first, ok := s.turns.singles.Front(); ok {
		oldest = min(oldest, first.since)
	}
	return oldest
}

// outstanding returns how many tasks a drain waits for.
func (s *scheduler) outstanding() int { return s.stats.Queued + s.stats.Running + s.held.length }

// Histogram counts durations, each among those up to twice as long: the first number
// of Counts is of those below a microsecond, the next of those below 2 µs, the third
// of those below 4, and so on; the last has all longer ones, too.
type Histogram struct {
	Counts [40]uint64
	Sum    float64 // of all, in seconds
}

func (h *Histogram) add(d time.Duration) {
	d = max(d, 0)
	h.Counts[min(bits.Len64(uint64(d/time.Microsecond)), len(h.Counts)-1)]++
	h.Sum += d.Seconds()
}

// Count returns how many durations were counted.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile returns a time that the part q of the durations, such as 0.99, were shorter
// than. It is a microsecond, or at most twice as long as need be. Durations of more than
// six days count as six. Without any it is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	below, want := uint64(0), min(q, 1)*float64(h.Count())
	for i, c := range h.Counts {
		if below += c; c > 0 && float64(below) >= want {
			return time.Microsecond << i
		}
	}
	return 0
}

// KindStats is what a [Runner] has done and is doing with the tasks of one [Kind], or
// with all that have none. The numbers mean what those of [Stats] do.
type KindStats struct {
	Kind string // its name; empty for the tasks that have none

	Succeeded, Failed, Panicked, Retried, Skipped, Abandoned uint64

	Queued, Running, Scheduled, Limited, Retrying int
	OldestWaiting                                 time.Duration // of the queued ones

	// Waits are from when tasks were accepted until their first attempt began, be it for
	// a worker, their time or a limit, to a millisecond; one that found a free worker
	// counts as zero. Durations are those of all attempts. Both are empty for the tasks
	// without a kind, which are not timed.
	Waits, Durations Histogram
}

// Kinds returns the numbers by kind, in the order of their names. It looks at each
// task that has not ended, as [Runner.Tasks] does, while the runner goes on: numbers
// of one moment are those of [Runner.Stats].
func (r *Runner) Kinds() []KindStats {
	r.mustBeMade()
	all := make(statsByKind)
	r.mu.Lock()
	for k, stats := range r.scheduler.byKind {
		copied := *stats
		all[k] = &copied
	}
	r.mu.Unlock()
	now := time.Now()
	for s := range r.sights() {
		stats := all.of(s.task.kind())
		switch {
		case s.state == Waiting && s.attempt == 0:
			stats.Queued++
			since := s.since
			if s.due.After(since) {
				since = s.due
			}
			stats.OldestWaiting = max(stats.OldestWaiting, now.Sub(since))
		case s.state == Scheduled:
			stats.Scheduled++
		case s.state == Limited:
			stats.Limited++
		case s.state == Running:
			stats.Running++
		default:
			stats.Retrying++
		}
	}
	kinds := make([]KindStats, 0, len(all))
	for _, stats := range all {
		if *stats != (KindStats{}) { // there may be no tasks without a kind
			kinds = append(kinds, *stats)
		}
	}
	slices.SortFunc(kinds, func(a, b KindStats) int { return strings.Compare(a.Kind, b.Kind) })
	return kinds
}

// statsOf returns what is counted of tasks like t.
func (s *scheduler) statsOf(t *Task) *KindStats {
	if t.settings == nil || t.settings.kind == nil {
		return s.plain
	}
	return s.byKind.of(t.settings.kind)
}

// statsByKind has the numbers of each kind, and under nil those of the tasks without.
type statsByKind map[*kind]*KindStats

func (all statsByKind) of(k *kind) *KindStats {
	stats := all[k]
	if stats == nil {
		stats = &KindStats{Kind: k.name}
		all[k] = stats
	}
	return stats
}

// attempted counts an attempt at j, which began then, since the clock's epoch, and took
// that long.
func (k *KindStats) attempted(j *job, began, took time.Duration) {
	k.Durations.add(took)
	switch {
	case j.attempt > 1:
	case j.atOnce:
		k.Waits.add(0)
	default:
		k.Waits.add(began - j.accepted())
	}
}
