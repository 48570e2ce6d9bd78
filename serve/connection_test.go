package serve

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// A deadlineConn knows its deadline.
type deadlineConn struct {
	net.Conn
	isSet atomic.Bool
	times atomic.Int64 // it was set
}

func (c *deadlineConn) SetDeadline(t time.Time) error {
	c.isSet.Store(!t.IsZero())
	if !t.IsZero() {
		c.times.Add(1)
	}
	return nil
}

// A phase may end at the moment at which it becomes overdue. Whatever the order,
// the deadline must not hit the next phase.
func TestADeadlineHitsNoOtherPhase(t *testing.T) {
	conn := new(deadlineConn)
	all := new(connections)
	c := &connection{Conn: conn, all: all}
	c.enter(handling)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			n := c.current()
			runtime.Gosched() // the phase may end here, with one processor too
			if n.phase() != handling {
				c.expire(n)
			}
		}
	}()
	yield := func(times uint64) {
		for range times {
			runtime.Gosched()
		}
	}
	for tick := uint64(1); tick < 20_000 || conn.times.Load() < 100; tick++ {
		all.now.Store(tick)
		c.enter(reading)
		yield(tick % 5)
		c.enter(handling)
		yield(tick / 5 % 5)
		require.False(t, conn.isSet.Load())
	}
	close(done)
	<-ended
	require.False(t, conn.isSet.Load() || c.overdue.Load())
}

// Once nothing is read any more that stays so: for connections of which a deadline
// is taken back, and for those that are new.
func TestReadsStayEnded(t *testing.T) {
	all := new(connections)
	all.limited.Store(true)
	before, after := new(readConn), new(readConn)
	all.add(before, writing)
	known := all.of(before)
	known.expire(known.current())
	all.endReads()
	known.enter(idling) // takes the deadline back
	require.True(t, before.isEnded)
	all.add(after, reading)
	require.True(t, after.isEnded)
}

// Whoever takes a connection over has no deadline of ours, also where the response
// before it was overdue.
func TestNoDeadlineForAHijackedConnection(t *testing.T) {
	all := new(connections)
	all.limited.Store(true)
	conn := new(deadlineConn)
	all.track(conn, fasthttp.StateNew)
	known := all.of(conn)
	known.enter(writing)
	seen := known.current()
	known.expire(seen)
	require.True(t, conn.isSet.Load())
	all.track(conn, fasthttp.StateHijacked)
	require.False(t, conn.isSet.Load())
	known.expire(seen) // by a timer that has looked at the connection before
	require.False(t, conn.isSet.Load())
	require.Nil(t, all.of(conn))
}

// A readConn knows whether reading has ended.
type readConn struct {
	net.Conn
	isEnded bool
}

func (c *readConn) SetDeadline(t time.Time) error     { return c.SetReadDeadline(t) }
func (c *readConn) SetReadDeadline(t time.Time) error { c.isEnded = !t.IsZero(); return nil }
