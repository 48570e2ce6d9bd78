package background

import (
	"sync/atomic"
	"time"
)

// tick is how long a reading of the clock is used again.
const tick = time.Millisecond

// clock tells when a task began to wait. To look at the time for each task would
// take a third of a submission, so it is done once in a millisecond at most: a
// timer, which is set then, says when that was too long ago. (One that ticks on
// its own would tick in vain most of the time.)
//
// Its methods are called with the runner's mutex held.
type clock struct {
	epoch time.Time
	last  time.Duration // the latest reading, since epoch
	fresh atomic.Bool   // it may be used again
	timer *time.Timer   // made when first needed
}

// now returns the time since epoch, which is never 0, or what it was less than a
// tick ago.
func (c *clock) now() time.Duration {
	if c.fresh.Load() {
		return c.last
	}
	c.last = time.Since(c.epoch)
	c.fresh.Store(true)
	if c.timer == nil {
		c.timer = time.AfterFunc(tick, func() { c.fresh.Store(false) })
	} else {
		c.timer.Reset(tick)
	}
	return c.last
}

// mark returns now, and makes all later readings later than that.
func (c *clock) mark() time.Duration {
	t := c.now()
	c.last++
	return t
}

// since returns how long ago a time was that now returned. Marks may have made that
// some nanoseconds late.
func (c *clock) since(t time.Duration) time.Duration { return max(0, time.Since(c.epoch)-t) }
