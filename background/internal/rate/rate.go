// Package rate says when things may start of which only so many may in a second.
package rate

import (
	"math"
	"time"
)

// Rate lets things start at equal distances, or some of them at once after a time in
// which fewer did: in no time more than can in a burst, and besides one for each
// distance that fits into it. The zero value lets all of them start. It is not safe
// for concurrent use.
type Rate struct {
	spacing time.Duration // between two starts
	burst   time.Duration // how far ahead of that they may be
	next    time.Time     // when the next one may start, were there no burst
	credit  time.Duration // how much too late some were, which is made up for
}

// New returns a rate of so many in a second, between one in a year and a billion, of
// which so many may start at once, at least 1. With 0 in a second it is the zero value.
func New(perSecond float64, burst int) Rate {
	if perSecond == 0 {
		return Rate{}
	}
	spacing := time.Duration(math.Ceil(float64(time.Second) / perSecond))
	ahead := min(int64(burst-1), math.MaxInt64/4/int64(spacing)) // or the time would be too long for a Duration
	return Rate{spacing: spacing, burst: time.Duration(ahead) * spacing}
}

// Take returns 0 if one may start now, which counts. Else it returns how long to wait.
func (r *Rate) Take(now time.Time) (wait time.Duration) {
	if earliest := now.Add(-r.credit); r.next.Before(earliest) {
		r.next = earliest
	}
	if wait = r.next.Sub(now) - r.burst; wait > 0 {
		return wait
	}
	if r.next = r.next.Add(r.spacing); !r.next.Before(now) {
		r.credit = 0
	}
	return 0
}

// Late notes that one which had to wait is so much too late, since a timer was. The
// next ones start the sooner, so that the rate is kept in the long run. What is late by
// more than a distance, and 10 ms, is not made up for.
func (r *Rate) Late(d time.Duration) { r.credit = min(d, max(r.spacing, 10*time.Millisecond)) }

// IsNew reports whether a new rate would do as well.
func (r *Rate) IsNew(now time.Time) bool { return !r.next.After(now) }
