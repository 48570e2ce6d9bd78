package background

import "iter"

// turns is the line for the next free worker: of single tasks, and of groups that
// may have one more task started. Who comes first is served first.
//
// Single tasks are most of the work, and a place for one takes four words and
// no more. So groups wait in a queue of their own, and a place there says how
// many single tasks are in front of it.
type turns struct {
	singles queue[single]
	groups  queue[groupTurn]
	served  uint64 // how many single tasks have had their turn
}

// groupTurn is a group's place in the line.
type groupTurn struct {
	group *group
	after uint64 // it is served when so many single tasks have been
}

func (t *turns) pushSingle(s single) { t.singles.push(s) }

func (t *turns) pushGroup(g *group) {
	t.groups.push(groupTurn{g, t.served + uint64(t.singles.length)})
}

// pop returns whose turn it is: a group's, or a single task's if g is nil. It
// reports false if nobody is in line.
func (t *turns) pop() (s single, g *group, ok bool) {
	if first, any := t.groups.front(); any && first.after <= t.served {
		t.groups.pop()
		return s, first.group, true
	}
	if s, ok = t.singles.pop(); ok {
		t.served++
	}
	return s, nil, ok
}

// tasks yields the single tasks, in their order.
func (t *turns) tasks() iter.Seq[single] { return t.singles.all() }
