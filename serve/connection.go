package serve

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// A phase is what a connection does.
type phase uint64

const (
	idling   phase = iota // waits for the first byte of a request
	reading               // a request
	handling              // a request, for which there is no limit
	writing               // a response
	phases
)

// A note says what a connection does, and in which tick that has begun.
type note uint64

func newNote(p phase, tick uint64) note { return note(tick*uint64(phases) + uint64(p)) }

func (n note) phase() phase { return phase(n % note(phases)) }
func (n note) tick() uint64 { return uint64(n / note(phases)) }

// A connection is what the server knows of one. Its goroutine begins the phases,
// and any other may end one that takes too long.
type connection struct {
	net.Conn
	all     *connections
	note    atomic.Uint64
	overdue atomic.Bool // a deadline is being set, or is

	// The request that takes the connection over, until fasthttp has handed that over.
	// Only the connection's goroutine uses it.
	hijacking *fasthttp.RequestCtx

	mu sync.Mutex // held while the deadline is set or taken back
}

func (c *connection) current() note { return note(c.note.Load()) }

// enter begins a phase. It does nothing for nil, a connection whose time is not
// kept here.
func (c *connection) enter(p phase) {
	if c != nil {
		c.begin(p)
	}
}

// begin is apart from enter, so that the compiler inlines that.
//
// If the phase before has become overdue as it ended, that is taken back: expire
// sets overdue before it looks at the note, and this sets the note before it looks
// at overdue, so one of them sees the other.
func (c *connection) begin(p phase) {
	c.note.Store(uint64(newNote(p, c.all.now.Load())))
	if !c.overdue.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.overdue.Swap(false) {
		_ = c.SetDeadline(time.Time{})
		if c.all.readsEnded.Load() {
			_ = c.SetReadDeadline(longAgo)
		}
	}
}

// expire ends the phase of a note, unless it has ended by itself.
func (c *connection) expire(n note) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.overdue.Swap(true) {
		return
	}
	if c.current() != n {
		c.overdue.Store(false)
		return
	}
	if c.SetDeadline(longAgo) != nil {
		// It is closed, and fasthttp has not told: the goroutine was ended in the
		// middle of a stream.
		c.all.remove(c.Conn)
	}
}

// endReads lets the connection read no more.
func (c *connection) endReads() {
	c.mu.Lock() // or else enter could take it back
	defer c.mu.Unlock()
	_ = c.SetReadDeadline(longAgo)
}

var longAgo = time.Unix(1, 0)
