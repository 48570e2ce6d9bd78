package velithon

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// connections are those of a server, and keep their time limits.
//
// fasthttp has deadlines for that. It sets three for each request, which takes as
// long as all the rest of a small one. So each connection has a note here of what
// it does and since when, which costs an atomic store, and a timer looks at all
// notes and sets a deadline where something takes too long.
type connections struct {
	limited atomic.Bool    // the limits are kept here
	limits  [phases]uint64 // in ticks; 0 for none
	tick    time.Duration
	now     atomic.Uint64 // the current tick
	all     sync.Map      // of *watch, by net.Conn

	mu    sync.Mutex // guards what follows
	open  int        // how many there are
	timer *time.Timer
}

// ticksPerLimit is into how many ticks the shortest limit is divided. No limit
// is exceeded by more than two of them.
const ticksPerLimit = 16

// limit has the time limits kept from now on.
func (c *connections) limit(o Options) {
	c.tick = max(min(o.IdleTimeout, o.ReadTimeout, o.WriteTimeout)/ticksPerLimit, time.Millisecond)
	for p, limit := range map[phase]time.Duration{idling: o.IdleTimeout, reading: o.ReadTimeout, writing: o.WriteTimeout} {
		c.limits[p] = uint64((limit + c.tick - 1) / c.tick)
	}
	c.limited.Store(true)
}

// track is fasthttp's connection hook.
func (c *connections) track(conn net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateNew:
		w := &watch{conn: conn}
		w.enter(reading, c.now.Load())
		c.all.Store(conn, w)
		c.count(1)
	case fasthttp.StateActive:
		// The time for the first request began with the connection.
		if w := c.of(conn); w != nil && w.current().phase() == idling {
			c.enter(w, reading)
		}
	case fasthttp.StateIdle:
		c.enter(c.of(conn), idling)
	case fasthttp.StateHijacked:
		c.enter(c.of(conn), handling) // by somebody who sets no limits with us
		c.remove(conn)
	case fasthttp.StateClosed:
		c.remove(conn)
	}
}

// of returns the watch of a connection, nil when its time is not kept here.
func (c *connections) of(conn net.Conn) *watch {
	if !c.limited.Load() {
		return nil
	}
	w, _ := c.all.Load(conn)
	known, _ := w.(*watch)
	return known
}

// enter begins a phase of a connection, which may be nil.
func (c *connections) enter(w *watch, p phase) {
	if w != nil {
		w.enter(p, c.now.Load())
	}
}

func (c *connections) remove(conn net.Conn) {
	if _, known := c.all.LoadAndDelete(conn); known {
		c.count(-1)
	}
}

// count keeps the timer going as long as there are connections.
func (c *connections) count(more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += more
	switch {
	case !c.limited.Load():
	case c.timer == nil:
		c.timer = time.AfterFunc(c.tick, c.look)
	case c.open == 0:
		c.timer.Stop()
	case c.open == more: // the first one
		c.timer.Reset(c.tick)
	}
}

// look begins a tick.
func (c *connections) look() {
	now := c.now.Add(1)
	for w := range c.each {
		n := w.current()
		if limit := c.limits[n.phase()]; limit > 0 && now > n.tick()+limit {
			w.expire(n)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open > 0 {
		c.timer.Reset(c.tick)
	}
}

func (c *connections) each(yield func(*watch) bool) {
	c.all.Range(func(_, w any) bool { return yield(w.(*watch)) })
}

// len returns how many there are.
func (c *connections) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// shortenReads lets no connection wait for the client beyond deadline. A
// connection whose handler runs does not read, so it is not disturbed.
func (c *connections) shortenReads(deadline time.Time) {
	for w := range c.each {
		_ = w.conn.SetReadDeadline(deadline)
	}
}

// close closes all of them, and returns how many they were.
func (c *connections) close() (n int) {
	for w := range c.each {
		_ = w.conn.Close()
		n++
	}
	return n
}
