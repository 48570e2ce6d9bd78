package background

import "sync/atomic"

// promises counts the reservations that are neither started nor cancelled, until
// no more may be made. Each response with work makes one, and most need nothing
// else of the runner then, so that they don't wait for its mutex.
type promises struct {
	n atomic.Int64 // twice the number, plus one if no more may be made
}

// add counts one more and reports whether it may be made.
func (p *promises) add() bool {
	for {
		n := p.n.Load()
		if n&1 != 0 {
			return false
		}
		if p.n.CompareAndSwap(n, n+2) {
			return true
		}
	}
}

// remove is called when one is kept or given up.
func (p *promises) remove() { p.n.Add(-2) }

// end has no more be made.
func (p *promises) end() { p.n.Or(1) }

func (p *promises) count() int { return int(p.n.Load() >> 1) }
