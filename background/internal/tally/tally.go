// Package tally counts up to a bound, until it is closed.
package tally

import "sync/atomic"

// Tally is a count that never exceeds Most, and rises no more once it is closed. It is
// safe for concurrent use, and takes no mutex.
type Tally struct {
	Most int64 // set before the first use; NoBound at most

	n atomic.Int64 // the count, and closed if it is closed
}

// NoBound is a Most that is never reached.
const NoBound int64 = closed

// closed is added to a count to close it: no count is as high. Were it a field of its
// own, one that comes while the tally is closed could be counted before it sees that it
// is late, and somebody who reads the count in between would take it for one in time.
const closed = 1 << 62

// Add counts one more and reports true, unless that is too many or the tally is closed.
func (t *Tally) Add() bool {
	for {
		n := t.n.Load()
		if n >= t.Most {
			return false
		}
		if t.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Remove takes back what Add has counted, also when the tally is closed.
func (t *Tally) Remove() { t.n.Add(-1) }

// Close has Add count no more. It may be called again.
func (t *Tally) Close() { t.n.Or(closed) }

// Count returns how many were added and not removed.
func (t *Tally) Count() int { return int(t.n.Load() &^ closed) }
