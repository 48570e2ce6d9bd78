// Package room counts places that work takes, and keeps guests who wait until there are
// enough for theirs.
//
// The guest who has waited longest is served first. If its work doesn't fit, because it
// is large, others may overtake it as long as that makes no difference: while what had
// places before it was the first holds so many that its work would not fit without
// others either. From then on only those overtake that need no places. So small work
// does not wait for what large work waits for, and a stream of small work can't keep
// large one out for ever.
package room

import (
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/heap"
	"github.com/velithon-go/velithon/background/internal/list"
)

// Room has places, and guests who wait for some. It is made by [New], and not safe for
// concurrent use. It is not copied once a guest has waited.
type Room[T any] struct {
	byAge          list.List[T] // the guests
	bySize, byNeed heap.Heap[*rank[T]]
	came           int // how many guests ever did

	// What is looked at for all work comes last, where it can be near to what else its
	// owner changes then.

	old     int           // how many places what had some until mark has left
	mark    time.Duration // when the oldest became the oldest
	size    int
	waiting int

	Free int // how many places are
}

// New returns a room with so many places.
func New[T any](size int) Room[T] { return Room[T]{size: size, Free: size} }

// Weight returns how many places work takes that needs n: never more than there are, so
// that it can have them when nobody else has any.
func (r *Room[T]) Weight(n int) int { return min(n, r.size) }

// Give gives n places back, of work that came in at a time.
func (r *Room[T]) Give(n int, since time.Duration) {
	r.Free += n
	if since <= r.mark {
		r.old -= n
	}
}

// Spared returns how many places others than the oldest guest may take, whose work
// needs so many.
func (r *Room[T]) Spared(need int) int {
	if r.old+r.Weight(need) > r.size {
		return r.Free
	}
	return 0
}

// Waiting returns how many guests there are.
func (r *Room[T]) Waiting() int { return r.waiting }

// Oldest returns the guest who has waited longest, or nil if there is none.
func (r *Room[T]) Oldest() *T { return r.byAge.First() }

// Candidates returns whom to try if there is a guest: the oldest, the smallest, and the
// one who needs the least. Of two who need the same it is the smaller, and of two of one
// size the older.
func (r *Room[T]) Candidates() [3]*T {
	return [...]*T{r.Oldest(), r.bySize.First().guest, r.byNeed.First().guest}
}

// Guest is the part of a guest by which a room keeps it.
type Guest[T any] struct {
	age        list.Element[T]
	size, need rank[T]
}

// rank is a guest in one of the orders.
type rank[T any] struct {
	guest *T
	keys  [3]int // compared one after the other
	place int    // in the heap
}

// Before compares the keys.
func (r *rank[T]) Before(other *rank[T]) bool { return slices.Compare(r.keys[:], other.keys[:]) < 0 }

// Moved notes the place.
func (r *rank[T]) Moved(place int) { r.place = place }

// Wait lets a guest wait until it leaves. If there is another oldest then, mark is
// called, and has to return a time that work came in at the latest which did before,
// and that all that comes later is after.
func (r *Room[T]) Wait(guest *T, part *Guest[T], size, need int, mark func() time.Duration) {
	r.waiting++
	r.came++
	part.size = rank[T]{guest: guest, keys: [3]int{size, r.came}}
	part.need = rank[T]{guest: guest, keys: [3]int{need, size, r.came}}
	r.byAge.Push(guest, &part.age)
	r.bySize.Push(&part.size)
	r.byNeed.Push(&part.need)
	if r.waiting == 1 {
		r.mark, r.old = mark(), r.size-r.Free
	}
}

// Needs notes that the work of a guest needs so many places by now.
func (r *Room[T]) Needs(part *Guest[T], need int) {
	r.byNeed.Remove(part.need.place)
	part.need.keys[0] = need
	r.byNeed.Push(&part.need)
}

// All returns the guests, in no order.
func (r *Room[T]) All() []*T {
	guests := make([]*T, 0, r.waiting)
	for _, rank := range r.byNeed.All() {
		guests = append(guests, rank.guest)
	}
	return guests
}

// Leave ends the wait of a guest, whether it has got places before or not. It calls mark
// as Wait does.
func (r *Room[T]) Leave(part *Guest[T], mark func() time.Duration) {
	first := part.age.Previous() == nil
	r.waiting--
	r.byAge.Remove(&part.age)
	r.bySize.Remove(part.size.place)
	r.byNeed.Remove(part.need.place)
	if first {
		r.mark, r.old = mark(), r.size-r.Free
	}
}
