package velithon

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
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

// A watch keeps the time of a connection. Its goroutine begins the phases, and
// any other may end one that takes too long.
type watch struct {
	conn    net.Conn
	note    atomic.Uint64
	overdue atomic.Bool // a deadline is being set, or is

	mu sync.Mutex // held while the deadline is set or taken back
}

func (w *watch) current() note { return note(w.note.Load()) }

// enter begins a phase. If the one before has become overdue as it ended, that is
// taken back: expire sets overdue before it looks at the note, and this sets the
// note before it looks at overdue, so one of them sees the other.
func (w *watch) enter(p phase, tick uint64) {
	w.note.Store(uint64(newNote(p, tick)))
	if !w.overdue.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.overdue.Swap(false) {
		_ = w.conn.SetDeadline(time.Time{})
	}
}

// expire ends the phase of a note, unless it has ended by itself.
func (w *watch) expire(n note) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.overdue.Swap(true) {
		return
	}
	if w.current() != n {
		w.overdue.Store(false)
		return
	}
	_ = w.conn.SetDeadline(longAgo)
}

var longAgo = time.Unix(1, 0)
