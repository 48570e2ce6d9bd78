package schedule

import (
	"math"
	"math/bits"
	"time"
)

// Counts are how many tasks have ended which way, the panicked among the failed, and how
// many attempts were retried.
type Counts struct {
	Succeeded, Failed, Panicked, Retried, Skipped, Abandoned uint64
}

// KindCounts are those of the tasks of one kind, and how long they took. The tasks
// without a kind are not timed.
type KindCounts struct {
	Counts
	Waits     Histogram // from when they were accepted until the first attempt began
	Durations Histogram // of all attempts
}

// Histogram counts durations by their powers of two, from a microsecond on.
type Histogram struct {
	Counts [40]uint64
	Sum    float64 // of all, in seconds
}

// Add counts a duration. One below zero counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.Counts[min(bits.Len64(uint64(d/time.Microsecond)), len(h.Counts)-1)]++
	h.Sum += d.Seconds()
}

// Numbers are what the scheduler has done, and has now. Accepted is the sum of what has
// ended, and of Queued, Running, Scheduled, Limited and Retrying.
type Numbers struct {
	Counts
	Accepted, Rejected                            uint64
	Queued, Running, Scheduled, Limited, Retrying int
	Waiters                                       int
	Oldest                                        time.Duration // how long the oldest of the queued or the waiters has waited
}

// Numbers returns the numbers of now.
func (s *Scheduler[T]) Numbers() Numbers {
	counts := &s.held.counts
	n := Numbers{
		Accepted: s.accepts, Rejected: s.rejects,
		Queued: s.queued + counts[Waiting], Running: s.running,
		Scheduled: counts[Scheduled], Limited: counts[Limited], Retrying: counts[Retrying],
		Waiters: s.room.Waiting(),
	}
	for _, k := range s.byKind {
		n.Succeeded += k.Succeeded
		n.Failed += k.Failed
		n.Panicked += k.Panicked
		n.Retried += k.Retried
		n.Skipped += k.Skipped
		n.Abandoned += k.Abandoned
	}
	if n.Queued+n.Waiters > 0 {
		n.Oldest = s.clock.Since(s.oldest())
	}
	return n
}

// oldest returns when the oldest of the waiting tasks was accepted, or the oldest
// of the waiters came.
func (s *Scheduler[T]) oldest() time.Duration {
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

// Outstanding returns how many tasks have not ended.
func (s *Scheduler[T]) Outstanding() int { return s.queued + s.running + s.held.length }

// IsIdle reports whether there are no tasks but such that are due later, and nobody who
// waits for room.
func (s *Scheduler[T]) IsIdle() bool {
	return s.Outstanding() == s.held.counts[Scheduled] && s.room.Waiting() == 0
}

// IsFull reports whether there is no room for one more task, or others wait for some, when
// so many workers are free.
func (s *Scheduler[T]) IsFull(free int) bool {
	return s.room.Waiting() > 0 || free == 0 && s.room.Free <= 0
}

// ByKind returns what is counted by kind; under the empty name, of the tasks without.
func (s *Scheduler[T]) ByKind() map[string]KindCounts {
	all := make(map[string]KindCounts, len(s.byKind))
	for kind, counts := range s.byKind {
		all[kind] = *counts
	}
	return all
}

// countsOf returns what is counted of tasks with such terms.
func (s *Scheduler[T]) countsOf(t *Terms) *KindCounts {
	if t == nil || t.Kind == "" {
		return s.plain
	}
	counts := s.byKind[t.Kind]
	if counts == nil {
		counts = new(KindCounts)
		s.byKind[t.Kind] = counts
	}
	return counts
}

// Timed counts an attempt at a task of a kind which began then, by Elapsed, and took
// that long.
func (s *Scheduler[T]) Timed(j *Job[T], began, took time.Duration) {
	k := s.countsOf(j.terms)
	k.Durations.Add(took)
	switch {
	case j.Attempt > 1:
	case j.atOnce:
		k.Waits.Add(0)
	default:
		k.Waits.Add(began - j.accepted())
	}
}
