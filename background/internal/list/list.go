// Package list is a doubly linked list whose links lie in the items, so that to add
// one does not allocate. Whoever goes through it by a [Cursor] may let it change
// meanwhile.
package list

import "slices"

// List is a list of items. The zero value is empty. It is not safe for concurrent use.
type List[T any] struct {
	first, last *Element[T]
	cursors     []*Cursor[T] // those that have begun, and not ended
}

// Element is the place of an item in a list, and a part of the item. It is in one list
// at most.
type Element[T any] struct {
	item           *T
	previous, next *Element[T]
}

// First returns the first item, or nil if the list is empty.
func (l *List[T]) First() *T { return l.first.of() }

// Last returns the last item, or nil if the list is empty.
func (l *List[T]) Last() *T { return l.last.of() }

// Previous returns the item before that of e, which is in a list; nil if it is the
// first.
func (e *Element[T]) Previous() *T { return e.previous.of() }

// of returns the item of e, or nil if e is.
func (e *Element[T]) of() *T {
	if e == nil {
		return nil
	}
	return e.item
}

// Push puts an item at the end, by its element e.
func (l *List[T]) Push(item *T, e *Element[T]) { l.Insert(item, e, l.last) }

// Insert puts an item behind that of another element, or at the beginning if that is
// nil.
func (l *List[T]) Insert(item *T, e, behind *Element[T]) {
	e.item, e.previous = item, behind
	if behind == nil {
		e.next, l.first = l.first, e
	} else {
		e.next, behind.next = behind.next, e
	}
	if e.next == nil {
		l.last = e
	} else {
		e.next.previous = e
	}
}

// Remove takes out the item of e. A cursor that is there goes on to the next one.
func (l *List[T]) Remove(e *Element[T]) {
	if e.previous == nil {
		l.first = e.next
	} else {
		e.previous.next = e.next
	}
	if e.next == nil {
		l.last = e.previous
	} else {
		e.next.previous = e.previous
	}
	for _, c := range l.cursors {
		if c.at == e {
			c.Next()
		}
		if c.last == e {
			c.last = e.previous
		}
	}
	*e = Element[T]{} // the item may live on, and must not keep others alive
}

// Cursor goes through a list, from the first item to the one that was the last when it
// began: what is put behind that meanwhile it doesn't come to.
type Cursor[T any] struct {
	list     *List[T]
	at, last *Element[T]
}

// Begin returns a cursor at the first item. The list keeps it until it is ended.
func (l *List[T]) Begin() *Cursor[T] {
	c := &Cursor[T]{list: l, at: l.first, last: l.last}
	l.cursors = append(l.cursors, c)
	return c
}

// Item returns the item where the cursor is, or nil if it has been at all.
func (c *Cursor[T]) Item() *T { return c.at.of() }

// Next goes on to the next item, and returns what Item does then. There has to be an
// item where the cursor is.
func (c *Cursor[T]) Next() *T {
	if c.at == c.last {
		c.at = nil
	} else {
		c.at = c.at.next
	}
	return c.Item()
}

// End is called when the cursor is not needed any more.
func (c *Cursor[T]) End() {
	c.list.cursors = slices.DeleteFunc(c.list.cursors, func(other *Cursor[T]) bool { return other == c })
}
