package background

import "iter"

// blockLen is chosen for the sizes of the allocator: with the link to the next
// block, 127 items of 32 bytes fill 4 KiB, of 16 bytes 2 KiB, and of 8 bytes 1 KiB.
const blockLen = 127

// queue is a first-in, first-out queue without a bound. It is a list of blocks
// and not a ring in one slice: growing copies nothing, so no push is slow, and
// after a burst the memory goes back block by block. The zero value is empty.
type queue[T any] struct {
	first, last *block[T] // nil: nothing was pushed yet
	head        int       // in first, of the next item to pop
	tail        int       // in last, of the next free slot
	length      int
	spare       *block[T] // kept, so that a queue in balance does not allocate
}

type block[T any] struct {
	items [blockLen]T
	next  *block[T]
}

func (q *queue[T]) push(item T) {
	if q.last == nil || q.tail == blockLen {
		q.grow()
	}
	q.last.items[q.tail] = item
	q.tail++
	q.length++
}

// grow appends an empty block.
func (q *queue[T]) grow() {
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

// pop removes and returns the item that was pushed first, if there is one.
func (q *queue[T]) pop() (item T, ok bool) {
	if q.length == 0 {
		return item, false
	}
	slot := &q.first.items[q.head]
	item, *slot = *slot, item // the queue must not keep alive what has left it
	q.head++
	q.length--
	if q.head == blockLen {
		q.shrink()
	}
	return item, true
}

// front returns the item that pop would return, if there is one.
func (q *queue[T]) front() (item T, ok bool) {
	if q.length == 0 {
		return item, false
	}
	return q.first.items[q.head], true
}

// shrink takes out the first block, which is used up.
func (q *queue[T]) shrink() {
	b := q.first
	q.first, q.head = b.next, 0
	if q.first == nil {
		q.last = nil
	}
	b.next = nil
	q.spare = b
}

// all yields the items in the order pop would return them.
func (q *queue[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		b, i := q.first, q.head
		for range q.length {
			if i == blockLen {
				b, i = b.next, 0
			}
			if !yield(b.items[i]) {
				return
			}
			i++
		}
	}
}
