package background

import (
	"cmp"
	"container/heap"
	"container/list"
	"time"
)

// waiter is a submitter who waits for room.
type waiter struct {
	submission
	number   uint64        // of its arrival
	since    time.Duration // when it came
	element  *list.Element // in waiters.byAge, nil once the wait is over
	index    int           // in waiters.bySize
	again    int           // 1 if its first task may have to be tried again
	admitted chan struct{} // closed when the wait is over
	err      error         // its outcome, readable from then on
}

// waiters are the submitters who wait for room. The oldest is served first. If it
// doesn't fit, because it is a large collection, others may overtake it, the
// smallest first, as long as that makes no difference: while what was accepted
// before holds so much that it would not fit without them either. From then on
// nobody overtakes. So small work does not wait for what a large collection waits
// for, and a stream of small work can't keep one out for ever.
//
// The methods are called with the runner's mutex held.
type waiters struct {
	byAge    list.List // of *waiter
	bySize   sizeHeap
	arrivals uint64

	mark time.Duration // when the oldest became the oldest
	old  int           // the room held by what had been accepted until then
}

func (l *waiters) len() int { return l.bySize.Len() }

func (l *waiters) oldest() *waiter { return l.byAge.Front().Value.(*waiter) }

func (l *waiters) smallest() *waiter { return l.bySize.all[0] }

func (l *waiters) add(w *waiter) {
	l.arrivals++
	w.number, w.again = l.arrivals, w.mayWaitAgain(1)
	w.element = l.byAge.PushBack(w)
	heap.Push(&l.bySize, w)
}

func (l *waiters) remove(w *waiter) {
	l.byAge.Remove(w.element)
	heap.Remove(&l.bySize, w.index)
	w.element = nil
}

// sizeHeap is the waiters with the smallest on top, those that came first among
// equals. A single task that will not be tried again comes before one that may be,
// since it needs no room if a worker is free.
type sizeHeap struct{ all []*waiter }

func (h *sizeHeap) Len() int { return len(h.all) }

func (h *sizeHeap) Less(i, j int) bool {
	a, b := h.all[i], h.all[j]
	return cmp.Or(
		cmp.Compare(a.tasks, b.tasks),
		cmp.Compare(a.again, b.again),
		cmp.Compare(a.number, b.number),
	) < 0
}

func (h *sizeHeap) Swap(i, j int) {
	h.all[i], h.all[j] = h.all[j], h.all[i]
	h.all[i].index, h.all[j].index = i, j
}

func (h *sizeHeap) Push(w any) {
	w.(*waiter).index = len(h.all)
	h.all = append(h.all, w.(*waiter))
}

func (h *sizeHeap) Pop() any {
	last := len(h.all) - 1
	w := h.all[last]
	h.all[last] = nil
	h.all = h.all[:last]
	return w
}
