package background

import (
	"math"
	"time"
)

// Stats is what a [Runner] has done and is doing. Numbers are of tasks, but for
// Blocked: each of a collection counts, and [Work] of the user's own kind
// counts as one.
//
// At any time, Accepted is the sum of Succeeded, Failed, Skipped, Abandoned,
// Queued, Running and Retrying.
type Stats struct {
	Accepted  uint64 // taken into the queue
	Succeeded uint64 // ended without an error, in whichever attempt
	Failed    uint64 // ended with an error, a panic included, and not to be tried again
	Panicked  uint64 // those of the failed whose error is or wraps a [*PanicError]
	Retried   uint64 // failed attempts after which the task was to be tried again
	Rejected  uint64 // refused: no room, no room in time, or runner closed
	Skipped   uint64 // given up after a failure in a collection with StopOnError
	Abandoned uint64 // given up by a Shutdown that ran out of time

	Queued   int // waiting for their first attempt
	Running  int // running now
	Retrying int // waiting to be tried again
	Blocked  int // submitters who wait for room; their tasks are not accepted yet

	// OldestWaiting is how long the oldest of the queued tasks has waited since
	// it was accepted, or the oldest of the blocked submitters for room, or about
	// a millisecond more; zero if there are none.
	OldestWaiting time.Duration
}

// Stats returns the numbers of this moment.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.scheduler
	stats := s.stats
	stats.Retrying, stats.Blocked = s.retries.len(), s.waiters.len()
	if stats.Queued+stats.Blocked > 0 {
		stats.OldestWaiting = s.clock.since(s.oldest())
	}
	return stats
}

// oldest returns when the oldest of the waiting tasks was accepted, or the oldest
// of the waiters came.
func (s *scheduler) oldest() time.Duration {
	oldest := time.Duration(math.MaxInt64)
	if s.waiters.len() > 0 {
		oldest = s.waiters.oldest().came
	}
	if g := s.groups.first; g != nil {
		oldest = min(oldest, g.since)
	}
	if first, ok := s.turns.singles.front(); ok {
		oldest = min(oldest, first.since)
	}
	return oldest
}

// outstanding returns how many tasks a drain waits for.
func (s *scheduler) outstanding() int {
	return s.stats.Queued + s.stats.Running + s.retries.len()
}
