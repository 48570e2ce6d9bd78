// Package heap is a heap of items that know their places in it, so that each can be
// taken out.
package heap

import (
	"container/heap"
	"slices"
)

// Item is what a [Heap] holds.
type Item[T any] interface {
	// Before reports whether the item comes before another one.
	Before(other T) bool

	// Moved tells the item its place, and that it was taken out by -1.
	Moved(place int)
}

// Heap is a heap of items, with the one that comes before all others on top. The zero
// value is empty. It is not safe for concurrent use.
type Heap[T Item[T]] struct{ items items[T] }

// Len returns how many items there are.
func (h *Heap[T]) Len() int { return len(h.items) }

// First returns the item on top of a heap that is not empty.
func (h *Heap[T]) First() T { return h.items[0] }

// All returns the items, in no order. The slice is the heap's.
func (h *Heap[T]) All() []T { return h.items }

// Push adds an item.
func (h *Heap[T]) Push(item T) { heap.Push(&h.items, item) }

// Pop takes out the item on top.
func (h *Heap[T]) Pop() T { return heap.Pop(&h.items).(T) }

// Remove takes out the item at a place.
func (h *Heap[T]) Remove(place int) { heap.Remove(&h.items, place) }

// items is what the standard library's heap works on.
type items[T Item[T]] []T

func (s *items[T]) Len() int { return len(*s) }

func (s *items[T]) Less(i, j int) bool { return (*s)[i].Before((*s)[j]) }

func (s *items[T]) Swap(i, j int) {
	(*s)[i], (*s)[j] = (*s)[j], (*s)[i]
	(*s)[i].Moved(i)
	(*s)[j].Moved(j)
}

func (s *items[T]) Push(item any) {
	item.(T).Moved(len(*s))
	*s = append(*s, item.(T))
}

func (s *items[T]) Pop() any {
	last := (*s)[len(*s)-1]
	*s = slices.Delete(*s, len(*s)-1, len(*s)) // which clears the place
	last.Moved(-1)
	return last
}
