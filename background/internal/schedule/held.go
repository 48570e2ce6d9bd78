package schedule

import (
	"cmp"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/heap"
	"github.com/velithon-go/velithon/background/internal/list"
	"github.com/velithon-go/velithon/background/internal/queue"
)

// held is a task that waits for more than a worker: for its time, be it that of a
// further attempt or the one that the task says, or for its limit. Far fewer do than
// wait for a worker, so it may be larger than a place in the line.
type held[T any] struct {
	Job[T]
	at     time.Time             // when its time comes
	seq    uint64                // how many were added before it
	place  int                   // in heldQueue.byTime, or -1
	due    bool                  // its time has come
	out    bool                  // it was taken out
	limit  *limitLine[T]         // where it waits for its limit, else nil
	behind *held[T]              // of the same group, and due after this one
	links  list.Element[held[T]] // in heldQueue.all
}

// state returns what the task waits for.
func (h *held[T]) state() State {
	switch {
	case h.limit != nil:
		return Limited
	case h.Attempt > 1:
		return Retrying
	case h.due:
		return Waiting
	}
	return Scheduled
}

// Before orders tasks by their times, and those with one time as they were added.
func (h *held[T]) Before(other *held[T]) bool {
	if c := h.at.Compare(other.at); c != 0 {
		return c < 0
	}
	return h.seq < other.seq
}

// Moved notes where h is in heldQueue.byTime.
func (h *held[T]) Moved(place int) { h.place = place }

func (h *held[T]) isOut() bool { return h.out }

// heldQueue holds the tasks that wait for their time, those whose time has come and
// who wait for their turn, and those who wait for their limits. Of a group, one that
// is due is in line, with the others behind it, so that the tasks of a large one are
// no more than a turn to others.
type heldQueue[T any] struct {
	all      list.List[held[T]]    // those of a group stand together, and a stop takes these only
	byTime   heap.Heap[*held[T]]   // those whose time has not come
	alarm    alarm.Alarm           // at the first of these times
	due      queue.Queue[*held[T]] // those in line, and some that were taken out meanwhile
	firsts   queue.Queue[*held[T]] // those of them who wait for their first attempt, likewise but not in front
	followed map[Follower]*held[T] // those that somebody follows
	added    uint64                // how many ever were
	length   int                   // how many there are
	counts   [Retrying + 1]int     // how many of them in each state
}

// count adds n to the numbers of tasks that h is among.
func (q *heldQueue[T]) count(h *held[T], n int) {
	q.length += n
	q.counts[h.state()] += n
	if h.limit != nil {
		h.limit.waiting += n
	}
}

// add takes in a task that waits for its limit or, if it has none, for its time.
func (q *heldQueue[T]) add(h *held[T]) {
	h.seq, h.place = q.added, -1
	q.added++
	if g := h.group; g != nil && g.lastHeld != nil {
		q.all.Insert(h, &h.links, &g.lastHeld.links)
	} else {
		q.all.Push(h, &h.links)
	}
	if h.group != nil {
		h.group.lastHeld = h
	}
	q.count(h, +1)
	if f := h.terms.follower(); f != nil {
		if q.followed == nil {
			q.followed = make(map[Follower]*held[T])
		}
		q.followed[f] = h
		f.Become(h.state())
	}
	if h.limit == nil {
		q.byTime.Push(h)
		q.alarm.Set(q.byTime.First().at)
	}
}

// mostAtOnce is how many tasks are lined up with the mutex held, if many are due.
const mostAtOnce = 256

// lineUpDue lines up tasks whose time has come.
func (q *heldQueue[T]) lineUpDue() {
	q.alarm.Rang()
	now := time.Now()
	for range mostAtOnce {
		if q.byTime.Len() == 0 || q.byTime.First().at.After(now) {
			break
		}
		q.lineUp(q.byTime.Pop())
	}
	if q.byTime.Len() > 0 {
		q.alarm.Set(q.byTime.First().at)
	}
}

// lineUp puts h in line, whose time has come.
func (q *heldQueue[T]) lineUp(h *held[T]) {
	q.count(h, -1)
	h.due = true
	q.count(h, +1)
	if h.Attempt == 1 {
		q.firsts.Trim(q.counts[Waiting], (*held[T]).isOut)
		q.firsts.Push(h)
	}
	h.terms.become(Waiting)
	if g := h.group; g != nil {
		last := g.lastDue
		g.lastDue = h
		if last != nil {
			last.behind = h
			return
		}
	}
	q.due.Push(h)
}

// next takes out the task whose turn it is, and makes its job j. It reports false
// if there is none.
func (q *heldQueue[T]) next(j *Job[T]) bool {
	for h, ok := q.due.Pop(); ok; h, ok = q.due.Pop() {
		if h.behind != nil {
			q.due.Push(h.behind)
		} else if g := h.group; g != nil && g.lastDue == h {
			g.lastDue = nil
		}
		if q.remove(h) {
			*j = h.Job
			return true
		}
	}
	return false
}

// remove takes h out, and reports false if it was out already. If h is in a line,
// whose turn it is passes over it.
func (q *heldQueue[T]) remove(h *held[T]) bool {
	if h.out {
		return false
	}
	h.out = true
	if h.place >= 0 {
		q.byTime.Remove(h.place)
	}
	if g := h.group; g != nil && g.lastHeld == h {
		g.lastHeld = nil
		if previous := h.links.Previous(); previous != nil && previous.group == g {
			g.lastHeld = previous
		}
	}
	q.all.Remove(&h.links)
	q.count(h, -1)
	q.firsts.Skip((*held[T]).isOut)
	if line := h.limit; line != nil {
		line.parked.Skip((*held[T]).isOut)
		if line.waiting == 0 {
			line.parked = queue.Queue[*held[T]]{} // which gives its memory back
		}
	}
	if f := h.terms.follower(); f != nil {
		delete(q.followed, f)
		if len(q.followed) == 0 {
			q.followed = nil // a map keeps the memory of what was in it
		}
	}
	return true
}

// hasten lines up at once what somebody follows, unless it is in line or not here.
func (q *heldQueue[T]) hasten(f Follower) {
	if h := q.followed[f]; h != nil && !h.due && q.remove(h) {
		q.add(&held[T]{Job: h.Job, at: time.Now()})
		q.lineUpDue()
	}
}

// removeAll takes out the tasks of g, and returns them in their order.
func (q *heldQueue[T]) removeAll(g *Group[T]) (removed []*held[T]) {
	for g.lastHeld != nil {
		h := g.lastHeld
		q.remove(h)
		h.behind = nil
		removed = append(removed, h)
	}
	slices.Reverse(removed)
	g.lastDue = nil
	return removed
}

// later returns the tasks whose first time has not come, and those that are to be
// tried again after t, unless that is zero, in the order in which they were added.
func (q *heldQueue[T]) later(t time.Time) (late []*held[T]) {
	now := time.Now()
	for _, h := range q.byTime.All() {
		if h.Attempt == 1 && h.at.After(now) || !t.IsZero() && h.at.After(t) {
			late = append(late, h)
		}
	}
	slices.SortFunc(late, func(a, b *held[T]) int { return cmp.Compare(a.seq, b.seq) })
	return late
}
