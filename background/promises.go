package background

import (
	"math"
	"sync/atomic"
)

// promises counts the reservations that are neither started nor cancelled, and
// the submitters who wait for room: a reservation may have to wait, too, once it
// is started. Each response with work makes one, and most need nothing else of
// the runner then, so that they don't wait for its mutex.
type promises struct {
	n    atomic.Int64 // twice the number, plus one if no more may be made
	most int64        // how many there may be
}

// mostOf is how many promises a runner makes.
func mostOf(o RunnerOptions) int64 {
	if o.Overflow == Reject {
		return math.MaxInt64 // each takes room
	}
	return min(int64(o.Workers), math.MaxInt64/2) + min(int64(o.Queue), math.MaxInt64/2)
}

// add counts one more and reports whether it may be made.
func (p *promises) add() bool {
	for {
		n := p.n.Load()
		if n&1 != 0 || n>>1 >= p.most {
			return false
		}
		if p.n.CompareAndSwap(n, n+2) {
			return true
		}
	}
}

// remove is called when one is kept or given up.
func (p *promises) remove() { p.n.Add(-2) }

// end refuses further ones.
func (p *promises) end() { p.n.Or(1) }

func (p *promises) count() int { return int(p.n.Load() >> 1) }
