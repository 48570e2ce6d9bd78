package schedule

import "github.com/velithon-go/velithon/background/internal/queue"

// turns is the line for the next free worker: of single tasks, and of groups and
// limits that may have one more task started. Who comes first is served first.
//
// Single tasks are most of the work, and a place for one takes four words and
// no more. So the others wait in a queue of their own, and a place there says how
// many single tasks are in front of it.
type turns[T any] struct {
	singles queue.Queue[Single[T]]
	others  queue.Queue[turn[T]]
	served  uint64 // how many single tasks have had their turn
}

// turn is the place in the line of a group, or of the tasks that wait for a limit.
type turn[T any] struct {
	group *Group[T]
	limit *limitLine[T]
	after uint64 // it is served when so many single tasks have been
}

// push puts a group or a limit in line; single tasks are put in singles.
func (t *turns[T]) push(of turn[T]) {
	of.after = t.served + uint64(t.singles.Len())
	t.others.Push(of)
}

// pop returns whose turn it is: a single task's, if it is neither a group's nor a
// limit's. It reports false if nobody is in line.
func (t *turns[T]) pop() (s Single[T], of turn[T], ok bool) {
	if first, waits := t.others.Front(); waits && first.after <= t.served {
		t.others.Pop()
		return s, first, true
	}
	if s, ok = t.singles.Pop(); ok {
		t.served++
	}
	return s, of, ok
}
