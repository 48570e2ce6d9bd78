package serve

import "time"

// The limits are Options.ReadTimeout, WriteTimeout and IdleTimeout. fasthttp has
// deadlines for them. It sets three for each request, which takes as long as all
// the rest of a small one. So each connection has a note here of what it does and
// since when, which costs an atomic store (connection.enter), and a timer looks at
// all notes and sets a deadline where something takes too long. Where a route has a
// time limit of its own, fasthttp keeps them: see Server.prepare.

// ticksPerLimit is into how many ticks the shortest limit is divided. No limit
// is exceeded by more than two of them.
const ticksPerLimit = 16

// limit starts enforcing the time limits.
func (c *connections) limit(o Options) {
	c.tick = max(min(o.IdleTimeout, o.ReadTimeout, o.WriteTimeout)/ticksPerLimit, time.Millisecond)
	for p, limit := range map[phase]time.Duration{idling: o.IdleTimeout, reading: o.ReadTimeout, writing: o.WriteTimeout} {
		c.limits[p] = uint64((limit + c.tick - 1) / c.tick)
	}
	c.limited.Store(true)
}

// look begins a tick.
func (c *connections) look() {
	now := c.now.Add(1)
	for conn := range c.each {
		n := conn.current()
		if limit := c.limits[n.phase()]; limit > 0 && now > n.tick()+limit {
			conn.expire(n)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open > 0 {
		c.timer.Reset(c.tick)
	}
}
