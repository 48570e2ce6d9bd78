package background

import "time"

// clock tells when a task began to wait.
type clock struct{ epoch time.Time }

// now returns the time since epoch.
func (c *clock) now() time.Duration { return time.Since(c.epoch) }

// since returns how long ago a time was that now returned.
func (c *clock) since(t time.Duration) time.Duration { return time.Since(c.epoch) - t }
