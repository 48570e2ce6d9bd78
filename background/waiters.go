package background

import (
	"container/heap"
	"container/list"
	"slices"
	"time"
)

// waiter is a submitter who waits for room.
type waiter struct {
	submission
	came     time.Duration // when the wait began
	element  *list.Element // in waiters.byAge, nil once the wait is over
	bySize   place         // in waiters.bySize
	byRoom   place         // in waiters.byRoom
	admitted chan struct{} // closed when the wait is over
	err      error         // its outcome, readable from then on
}

// waiters are the submitters who wait for room. The oldest is served first. If it
// doesn't fit, because it is a large collection, others may overtake it, the
// smallest first, as long as that makes no difference: while what was accepted
// before holds so much that it would not fit without them either. From then on
// only those overtake that need no room. So small work does not wait for what a
// large collection waits for, and a stream of small work can't keep one out for
// ever.
//
// While no worker is free, each task needs room, and the smallest needs the least.
// But tasks that start at once and will not be tried again need none. So if the
// smallest doesn't fit, the one is tried that would hold the least room if all
// workers were free.
//
// The methods are called with the runner's mutex held.
type waiters struct {
	byAge    list.List // of *waiter
	bySize   order     // by the number of tasks
	byRoom   order     // by the room that they would hold if all workers were free
	arrivals int

	mark time.Duration // when the oldest became the oldest
	old  int           // the room held by what had been accepted until then
}

func (l *waiters) len() int { return l.byAge.Len() }

func (l *waiters) oldest() *waiter { return l.byAge.Front().Value.(*waiter) }

// add takes w in, whose tasks would hold so much room if all workers were free.
func (l *waiters) add(w *waiter, room int) {
	l.arrivals++
	w.element = l.byAge.PushBack(w)
	w.bySize = place{waiter: w, keys: [3]int{w.tasks, l.arrivals}}
	w.byRoom = place{waiter: w, keys: [3]int{room, w.tasks, l.arrivals}}
	heap.Push(&l.bySize, &w.bySize)
	heap.Push(&l.byRoom, &w.byRoom)
}

func (l *waiters) remove(w *waiter) {
	l.byAge.Remove(w.element)
	w.element = nil
	heap.Remove(&l.bySize, w.bySize.index)
	heap.Remove(&l.byRoom, w.byRoom.index)
}

// order is a heap of waiters, that with the smallest keys on top.
type order struct{ all []*place }

// place is a waiter's place in an order.
type place struct {
	waiter *waiter
	keys   [3]int // compared one after the other
	index  int    // in the order
}

func (o *order) first() *waiter { return o.all[0].waiter }

func (o *order) Len() int { return len(o.all) }

func (o *order) Less(i, j int) bool { return slices.Compare(o.all[i].keys[:], o.all[j].keys[:]) < 0 }

func (o *order) Swap(i, j int) {
	o.all[i], o.all[j] = o.all[j], o.all[i]
	o.all[i].index, o.all[j].index = i, j
}

func (o *order) Push(p any) {
	p.(*place).index = len(o.all)
	o.all = append(o.all, p.(*place))
}

func (o *order) Pop() any {
	last := len(o.all) - 1
	p := o.all[last]
	o.all[last] = nil
	o.all = o.all[:last]
	return p
}
