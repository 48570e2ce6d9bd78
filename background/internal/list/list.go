// Package list is a doubly linked list whose links lie in the items, so that to add
// one does not allocate. Whoever goes through it by a [Cursor] may let it change
// meanwhile.
package list

import "slices"

// List is a list of items. The zero value is empty. It is not copied once it has been
// used, and not safe for concurrent use.
type List[T any] struct {
	root    Element[T]   // between the last item and the first; its links are nil before the first use
	cursors []*Cursor[T] // those that have begun, and not ended
}

// Element is the place of an item in a list, and a part of the item. It is in one list
// at most.
type Element[T any] struct {
	item           *T // nil for the root
	previous, next *Element[T]
}

// First returns the first item, or nil if the list is empty.
func (l *List[T]) First() *T {
	if l.root.next == nil {
		return nil
	}
	return l.root.next.item
}

// Last returns the last item, or nil if the list is empty.
func (l *List[T]) Last() *T {
	if l.root.previous == nil {
		return nil
	}
	return l.root.previous.item
}

// Previous returns the item before that of e, which is in a list; nil if it is the
// first.
func (e *Element[T]) Previous() *T { return e.previous.item }

// Push puts an item at the end, by its element e.
func (l *List[T]) Push(item *T, e *Element[T]) { l.Insert(item, e, l.root.previous) }

// Insert puts an item behind that of another element, or at the beginning if that is
// nil.
func (l *List[T]) Insert(item *T, e, behind *Element[T]) {
	if behind == nil {
		l.use()
		behind = &l.root
	}
	e.item, e.previous, e.next = item, behind, behind.next
	e.previous.next, e.next.previous = e, e
}

// use links the root, unless it was before.
func (l *List[T]) use() {
	if l.root.next == nil {
		l.root.previous, l.root.next = &l.root, &l.root
	}
}

// Remove takes out the item of e. A cursor that is there goes on to the next one.
func (l *List[T]) Remove(e *Element[T]) {
	for _, c := range l.cursors {
		c.leave(e)
	}
	e.previous.next, e.next.previous = e.next, e.previous
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
	l.use()
	c := &Cursor[T]{list: l, at: l.root.next, last: l.root.previous}
	l.cursors = append(l.cursors, c)
	return c
}

// Item returns the item where the cursor is, or nil if it has been at all.
func (c *Cursor[T]) Item() *T { return c.at.item }

// Next goes on to the next item, and returns what Item does then. There has to be an
// item where the cursor is.
func (c *Cursor[T]) Next() *T {
	if c.at == c.last {
		c.at = &c.list.root
	} else {
		c.at = c.at.next
	}
	return c.at.item
}

// leave is called before e is removed.
func (c *Cursor[T]) leave(e *Element[T]) {
	if c.at == e {
		c.Next()
	}
	if c.last == e {
		c.last = e.previous
	}
}

// End is called when the cursor is not needed any more.
func (c *Cursor[T]) End() {
	c.list.cursors = slices.DeleteFunc(c.list.cursors, func(other *Cursor[T]) bool { return other == c })
}
