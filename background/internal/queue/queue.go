// Package queue has the line that tasks wait in.
package queue

import "iter"

// BlockLen is chosen for the sizes of the allocator: with the link to the next
// block, 127 items of 32 bytes fill 4 KiB, of 16 bytes 2 KiB, and of 8 bytes 1 KiB.
const BlockLen = 127

// Queue is a first-in, first-out queue without a bound. It is a list of blocks
// and not a ring in one slice: growing copies nothing, so no Push is slow, and
// after a burst the memory goes back block by block. The zero value is empty.
type Queue[T any] struct {
	first, last *block[T] // nil: nothing was Pushed yet
	head        int       // in first, of the next item to Pop
	tail        int       // in last, of the next free slot
	length      int
	spare       *block[T] // kept, so that a queue in balance does not allocate
}

type block[T any] struct {
	items [BlockLen]T
	next  *block[T]
}

// Push adds an item at the end.
func (q *Queue[T]) Push(item T) {
	if q.last == nil || q.tail == BlockLen {
		q.grow()
	}
	q.last.items[q.tail] = item
	q.tail++
	q.length++
}

// grow appends an empty block.
func (q *Queue[T]) grow() {
	b := q.spare
	if b == nil {
		b = new(block[T])
	}
	q.spare = nil
	if q.last == nil {
		q.first = b
	} else {
		q.last.next = b
	}
	q.last, q.tail = b, 0
}

// Pop removes and returns the item that was Pushed first, if there is one.
func (q *Queue[T]) Pop() (item T, ok bool) {
	if q.length == 0 {
		return item, false
	}
	slot := &q.first.items[q.head]
	item, *slot = *slot, item // the queue must not keep alive what has left it
	q.head++
	q.length--
	if q.head == BlockLen {
		q.shrink()
	}
	return item, true
}

// Front returns the item that Pop would return, if there is one.
func (q *Queue[T]) Front() (item T, ok bool) {
	if q.length == 0 {
		return item, false
	}
	return q.first.items[q.head], true
}

// Skip removes the items at the front that are gone.
func (q *Queue[T]) Skip(gone func(T) bool) {
	for first, ok := q.Front(); ok && gone(first); first, ok = q.Front() {
		q.Pop()
	}
}

// Trim removes all items that are gone if they are most of the queue: there are so many
// others. Called before each Push, it costs a few steps each time.
func (q *Queue[T]) Trim(others int, gone func(T) bool) {
	if q.length <= 2*others+BlockLen {
		return
	}
	var rest Queue[T]
	for item := range q.All() {
		if !gone(item) {
			rest.Push(item)
		}
	}
	*q = rest
}

// shrink takes out the first block, which is used up.
func (q *Queue[T]) shrink() {
	b := q.first
	q.first, q.head = b.next, 0
	if q.first == nil {
		q.last = nil
	}
	b.next = nil
	q.spare = b
}

// All yields the items in the order Pop would return them.
func (q *Queue[T]) All() iter.Seq[T] { return q.From(0) }

// From yields the items behind the first n, in the order Pop would return them.
func (q *Queue[T]) From(n int) iter.Seq[T] {
	return func(yield func(T) bool) {
		b, i := q.first, q.head+n
		for range q.length - n {
			for i >= BlockLen {
				b, i = b.next, i-BlockLen
			}
			if !yield(b.items[i]) {
				return
			}
			i++
		}
	}
}

// Len returns how many items there are.
func (q *Queue[T]) Len() int { return q.length }
