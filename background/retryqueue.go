package background

import (
	"container/list"
	"slices"
	"time"
)

// retry is a task that waits to be tried again. Far fewer do than wait for their
// first attempt, so a retry may be larger than a place in the line.
type retry struct {
	job
	at      time.Time // when it is due
	timer   *time.Timer
	element *list.Element // in retryQueue.all; nil once it was taken out
	next    *retry        // of the same group, and due after this one
}

// retryQueue holds the retries: those whose time has yet to come, and those that
// are due and wait for their turn. Of a group, one that is due is in line, with
// the others behind it, so that the tasks of a large one are no more than a turn
// to others.
type retryQueue struct {
	all  list.List     // of *retry; those of a group stand together
	due  queue[*retry] // those in line, and some that were taken out meanwhile
	fire func(*retry)  // called by a timer, without the mutex, when a retry is due
}

func (q *retryQueue) len() int { return q.all.Len() }

// add takes in a retry that becomes due after wait.
func (q *retryQueue) add(again *retry, wait time.Duration) {
	again.element = q.all.PushBack(again)
	if g := again.group; g != nil {
		// The list may be long, and to stop the group takes its own only.
		if g.retries != nil {
			q.all.MoveAfter(again.element, g.retries)
		}
		g.retries = again.element
	}
	again.timer = time.AfterFunc(wait, func() { q.fire(again) })
}

// lineUp puts again in line, whose time has come. It reports false if again was
// taken out meanwhile.
func (q *retryQueue) lineUp(again *retry) bool {
	if again.element == nil {
		return false
	}
	if g := again.group; g != nil {
		last := g.lastDue
		g.lastDue = again
		if last != nil {
			last.next = again
			return true
		}
	}
	q.due.push(again)
	return true
}

// anyDue reports whether a retry is in line.
func (q *retryQueue) anyDue() bool { return q.due.length > 0 }

// next takes out the retry whose turn it is, and makes its job j. It reports false
// if there is none.
func (q *retryQueue) next(j *job) bool {
	for again, ok := q.due.pop(); ok; again, ok = q.due.pop() {
		if again.next != nil {
			q.due.push(again.next)
		} else if g := again.group; g != nil && g.lastDue == again {
			g.lastDue = nil
		}
		if !q.remove(again) {
			continue
		}
		*j = again.job
		return true
	}
	return false
}

// remove takes again out, and reports false if it was out already. If again is in
// line, next passes over it.
func (q *retryQueue) remove(again *retry) bool {
	if again.element == nil {
		return false
	}
	again.timer.Stop()
	if g := again.group; g != nil && g.retries == again.element {
		g.retries = again.element.Prev()
		if g.retries != nil && g.retries.Value.(*retry).group != g {
			g.retries = nil
		}
	}
	q.all.Remove(again.element)
	again.element = nil
	return true
}

// removeAll takes out the retries of g, and returns them in their order.
func (q *retryQueue) removeAll(g *group) (removed []*retry) {
	for g.retries != nil {
		again := g.retries.Value.(*retry)
		q.remove(again)
		again.next = nil
		removed = append(removed, again)
	}
	slices.Reverse(removed)
	g.lastDue = nil
	return removed
}

// oldest returns the retry that was added first, but for groups, which stand
// together; nil if there is none.
func (q *retryQueue) oldest() *retry {
	if e := q.all.Front(); e != nil {
		return e.Value.(*retry)
	}
	return nil
}

// dueAfter returns the retries that are due later than t.
func (q *retryQueue) dueAfter(t time.Time) (late []*retry) {
	for e := q.all.Front(); e != nil; e = e.Next() {
		if again := e.Value.(*retry); again.at.After(t) {
			late = append(late, again)
		}
	}
	return late
}
