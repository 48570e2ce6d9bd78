package serve

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// connections are those of a server, with their time limits: see timelimits.go.
type connections struct {
	limited atomic.Bool    // the limits are kept here
	limits  [phases]uint64 // in ticks; 0 for none
	tick    time.Duration
	now     atomic.Uint64 // the current tick
	all     sync.Map      // of *connection, by net.Conn

	readsEnded atomic.Bool // nothing is read any more

	mu    sync.Mutex    // guards what follows
	open  int           // how many there are
	none  chan struct{} // closed when there are none; see gone
	timer *time.Timer
}

// track is fasthttp's connection hook.
func (c *connections) track(conn net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateNew:
		c.add(conn, reading)
		c.count(1)
	case fasthttp.StateActive:
		// The time for the first request began with the connection.
		if known := c.of(conn); known != nil && known.current().phase() == idling {
			known.enter(reading)
		}
	case fasthttp.StateIdle:
		c.of(conn).enter(idling)
	case fasthttp.StateHijacked:
		c.of(conn).enter(handling) // by somebody who sets no limits with us
		c.remove(conn)
	case fasthttp.StateClosed:
		c.notHandedOver(conn)
		c.remove(conn)
	}
}

// hijack notes the request that takes its connection over.
func (c *connections) hijack(raw *fasthttp.RequestCtx) {
	if known, ok := c.all.Load(raw.Conn()); ok {
		known.(*connection).hijacking = raw
	}
}

// notHandedOver closes the user values of a request that would have taken its connection
// over, if that was closed instead: its response could not be written, for instance. Then
// fasthttp lets go of the request without a reset, which is what closes them.
func (c *connections) notHandedOver(conn net.Conn) {
	if known, ok := c.all.Load(conn); ok {
		if raw := known.(*connection).hijacking; raw != nil {
			raw.ResetUserValues()
		}
	}
}

func (c *connections) add(conn net.Conn, p phase) {
	known := &connection{Conn: conn, all: c}
	known.enter(p)
	c.all.Store(conn, known)
	if c.readsEnded.Load() {
		known.endReads()
	}
}

// of returns what is known of a connection, nil when its time is not kept here.
func (c *connections) of(conn net.Conn) *connection {
	if !c.limited.Load() {
		return nil
	}
	known, _ := c.all.Load(conn)
	found, _ := known.(*connection)
	return found
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
	if c.open == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
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

func (c *connections) each(yield func(*connection) bool) {
	c.all.Range(func(_, known any) bool { return yield(known.(*connection)) })
}

// gone returns a channel that is closed when there are no connections.
func (c *connections) gone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	none := make(chan struct{})
	if c.open == 0 {
		close(none)
	} else {
		c.none = none
	}
	return none
}

// endReads ends all that wait for a client. A connection whose handler runs does
// not read, so it is not disturbed.
func (c *connections) endReads() {
	c.readsEnded.Store(true) // first, for those that begin a phase meanwhile
	for conn := range c.each {
		conn.endReads()
	}
}

// endIdle ends the connections that wait for a further request. fasthttp would only
// do so if it had a listener.
func (c *connections) endIdle() {
	for conn := range c.each {
		if n := conn.current(); n.phase() == idling {
			conn.expire(n)
		}
	}
}

// close closes all of them, and returns how many they were.
func (c *connections) close() (n int) {
	for conn := range c.each {
		_ = conn.Close()
		n++
	}
	return n
}
