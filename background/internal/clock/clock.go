// Package clock tells the time to a millisecond, for next to nothing.
package clock

import (
	"sync/atomic"
	"time"
)

// tick is how long a reading of the clock is used again.
const tick = time.Millisecond

// Clock tells when a task began to wait. To look at the time for each task would
// take a third of a submission, so it is done once in a millisecond at most: a
// timer, which is set then, says when that was too long ago. (One that ticks on
// its own would tick in vain most of the time.)
//
// Its methods are not safe for concurrent use.
type Clock struct {
	Epoch time.Time     // a time that is past; set before the first reading
	last  time.Duration // the latest reading, since Epoch
	fresh atomic.Bool   // it may be used again
	timer *time.Timer   // made when first needed
}

// Now returns the time since Epoch, which is never 0, or what it was less than a
// tick ago.
func (c *Clock) Now() time.Duration {
	if c.fresh.Load() {
		return c.last
	}
	c.last = time.Since(c.Epoch)
	c.fresh.Store(true)
	if c.timer == nil {
		c.timer = time.AfterFunc(tick, func() { c.fresh.Store(false) })
	} else {
		c.timer.Reset(tick)
	}
	return c.last
}

// Mark returns what Now does, and makes all later readings later than that.
func (c *Clock) Mark() time.Duration {
	t := c.Now()
	c.last++
	return t
}

// Since returns how long ago a time was that Now returned. Marks may have made that
// some nanoseconds late.
func (c *Clock) Since(t time.Duration) time.Duration { return max(0, time.Since(c.Epoch)-t) }
