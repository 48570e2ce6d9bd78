// Package histogram counts durations.
package histogram

import (
	"math/bits"
	"time"
)

// Histogram counts durations, each among those up to twice as long: the first number
// of Counts is of those below a microsecond, the next of those below 2 µs, and so on; the
// last has all longer ones, too. The zero value is empty. It is not safe for concurrent
// use.
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
