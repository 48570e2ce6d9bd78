// Package quota says when things may start of which only so many may run at once, or
// start in a second.
package quota

import (
	"math"
	"time"
)

// Quota lets things start. If so many may in a second, they start at equal distances,
// or some of them at once after a time in which fewer did: in no time more than can in
// a burst, and besides one for each distance that fits into it. The zero value lets all
// of them start. A Quota that was not used may be copied. It is not safe for concurrent
// use.
type Quota struct {
	concurrent int           // how many may run; 0 for any number
	spacing    time.Duration // between two starts; 0 for none
	burst      time.Duration // how far ahead of that they may be

	running int
	next    time.Time     // when the next one may start, were there no burst
	credit  time.Duration // how much too late some were, which is made up for
}

// New returns a quota of so many at once and so many in a second, between one in a year
// and a billion, of which so many may start without a distance, at least 1. With 0 at
// once or in a second there is no such bound.
func New(concurrent int, perSecond float64, burst int) Quota {
	q := Quota{concurrent: concurrent}
	if perSecond > 0 {
		q.spacing = time.Duration(math.Ceil(float64(time.Second) / perSecond))
		ahead := min(int64(burst-1), math.MaxInt64/4/int64(q.spacing)) // or the time would be too long for a Duration
		q.burst = time.Duration(ahead) * q.spacing
	}
	return q
}

// Take reports whether one may start now, which counts. Else it returns how long to wait
// before it may, or 0 if only an end of another one can decide that.
func (q *Quota) Take(now time.Time) (wait time.Duration, ok bool) {
	if q.concurrent > 0 && q.running == q.concurrent {
		return 0, false
	}
	if earliest := now.Add(-q.credit); q.next.Before(earliest) {
		q.next = earliest
	}
	if wait = q.next.Sub(now) - q.burst; wait > 0 {
		return wait, false
	}
	if q.next = q.next.Add(q.spacing); !q.next.Before(now) {
		q.credit = 0
	}
	q.running++
	return 0, true
}

// Give notes that one has ended.
func (q *Quota) Give() { q.running-- }

// Late notes that one which had to wait is so much too late, since a timer was. The
// next ones start the sooner, so that the rate is kept in the long run. What is late by
// more than a distance, and 10 ms, is not made up for.
func (q *Quota) Late(d time.Duration) { q.credit = min(d, max(q.spacing, 10*time.Millisecond)) }

// IsNew reports whether a new quota would do as well.
func (q *Quota) IsNew(now time.Time) bool { return q.running == 0 && !q.next.After(now) }
