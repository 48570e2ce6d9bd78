package background

import (
	"slices"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
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
	Limited   int // waiting in the line of their [Limit], for whichever attempt, also if only a worker is missing, or since their kind is paused
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
	n := r.scheduler.Numbers()
	return Stats{
		Accepted: n.Accepted, Succeeded: n.Succeeded, Failed: n.Failed, Panicked: n.Panicked,
		Retried: n.Retried, Rejected: n.Rejected, Skipped: n.Skipped, Abandoned: n.Abandoned,
		Queued: n.Queued, Running: n.Running, Scheduled: n.Scheduled, Limited: n.Limited,
		Retrying: n.Retrying, Blocked: n.Waiters, OldestWaiting: n.Oldest,
	}
}

// IsFull reports whether a task that was submitted now would have to wait for room or be
// refused: all workers are busy, and Queue tasks hold places, or somebody waits already. A
// runner that is full now and then works at its limit; one that stays so can't keep up.
func (r *Runner) IsFull() bool {
	r.mustBeMade()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scheduler.IsFull(r.pool.Free())
}

// Histogram counts durations, each among those up to twice as long: the first number
// of Counts is of those below a microsecond, the next of those below 2 µs, the third
// of those below 4, and so on; the last has all longer ones, too.
type Histogram struct {
	Counts [40]uint64
	Sum    float64 // of all, in seconds
}

// Add counts a duration, for a [Store] that times the attempts at its tasks. It is not
// safe for concurrent use.
func (h *Histogram) Add(d time.Duration) { (*schedule.Histogram)(h).Add(d) }

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

	Succeeded, Failed, Panicked, Retried, Rejected, Skipped, Abandoned uint64

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
	r.mu.Lock()
	counted := r.scheduler.ByKind()
	r.mu.Unlock()
	all := make(map[string]*KindStats)
	for name, k := range counted {
		all[name] = &KindStats{
			Kind: name, Succeeded: k.Succeeded, Failed: k.Failed, Panicked: k.Panicked,
			Retried: k.Retried, Skipped: k.Skipped, Abandoned: k.Abandoned,
			Waits: Histogram(k.Waits), Durations: Histogram(k.Durations),
		}
	}
	of := func(name string) *KindStats {
		stats := all[name]
		if stats == nil {
			stats = &KindStats{Kind: name}
			all[name] = stats
		}
		return stats
	}
	r.refusals.each(func(kind string, n uint64) { of(kind).Rejected = n })
	now := time.Now()
	for s := range r.sights() {
		of(s.Task.Kind()).count(s, now)
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

// count counts a task that has not ended.
func (k *KindStats) count(s *sight, now time.Time) {
	switch {
	case s.State == schedule.Waiting && s.Attempt == 0:
		k.Queued++
		since := s.Since
		if s.Due.After(since) {
			since = s.Due
		}
		k.OldestWaiting = max(k.OldestWaiting, now.Sub(since))
	case s.State == schedule.Scheduled:
		k.Scheduled++
	case s.State == schedule.Limited:
		k.Limited++
	case s.State == schedule.Running:
		k.Running++
	default:
		k.Retrying++
	}
}
