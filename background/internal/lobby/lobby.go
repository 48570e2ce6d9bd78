// Package lobby keeps guests who wait to be let in, and says whom to try first.
package lobby

import (
	"slices"

	"github.com/velithon-go/velithon/background/internal/heap"
	"github.com/velithon-go/velithon/background/internal/list"
)

// Lobby holds guests. The zero value is empty. It is not safe for concurrent use.
type Lobby[T any] struct {
	byAge          list.List[T]
	bySize, byNeed heap.Heap[*rank[T]]
	length         int
	came           int // how many ever did
}

// Place is the place of a guest in a lobby, and a part of the guest.
type Place[T any] struct {
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

// Len returns how many guests wait.
func (l *Lobby[T]) Len() int { return l.length }

// Oldest returns the guest who has waited longest, or nil if there is none.
func (l *Lobby[T]) Oldest() *T { return l.byAge.First() }

// Candidates returns the oldest guest, the smallest, and the one who needs the least.
// Of two who need the same it is the smaller, and of two of one size the older. There
// has to be one.
func (l *Lobby[T]) Candidates() [3]*T {
	return [...]*T{l.Oldest(), l.bySize.First().guest, l.byNeed.First().guest}
}

// Add lets a guest wait at that place, until it is removed.
func (l *Lobby[T]) Add(guest *T, at *Place[T], size, need int) {
	l.length++
	l.came++
	at.size = rank[T]{guest: guest, keys: [3]int{size, l.came}}
	at.need = rank[T]{guest: guest, keys: [3]int{need, size, l.came}}
	l.byAge.Push(guest, &at.age)
	l.bySize.Push(&at.size)
	l.byNeed.Push(&at.need)
}

// Remove takes out the guest who waits at that place.
func (l *Lobby[T]) Remove(at *Place[T]) {
	l.length--
	l.byAge.Remove(&at.age)
	l.bySize.Remove(at.size.place)
	l.byNeed.Remove(at.need.place)
}
