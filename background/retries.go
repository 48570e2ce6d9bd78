package background

import (
	"container/list"
	"slices"
	"time"
)

// retry is a task that waits to be tried again. Far fewer do than wait for their
// first attempt, so a retry may be larger than a turn.
type retry struct {
	job
	at      time.Time // when it is due
	timer   *time.Timer
	element *list.Element // in Runner.retries; nil once it has started or was dropped
	next    *retry        // of the same group, and due after this one
}

// retryLocked has j, whose attempt failed, tried again after wait. If the runner
// or the task's group has given up in the meantime, or a shutdown will have by
// then, it returns what is to be done about that instead.
func (r *Runner) retryLocked(j job, wait time.Duration) *followUp {
	at := time.Now().Add(wait)
	switch {
	case r.expired || r.isTooLateLocked(at):
		return r.abandonRetryLocked(j)
	case j.group != nil && j.group.stopped:
		r.stats.Skipped++
		return r.endedLocked(j, &followUp{ctx: j.group.context(), lost: []*Task{j.task}, how: ErrSkipped})
	}
	j.attempt++
	again := &retry{job: j, at: at}
	r.listLocked(again)
	r.stats.Retried++
	again.timer = time.AfterFunc(wait, func() {
		r.mu.Lock()
		defer r.unlock()
		if again.element != nil {
			r.dueLocked(again)
			r.dispatchLocked()
		}
	})
	return nil
}

// dueLocked puts again in line. Of a group one retry is in line, with the others
// behind it, so that the tasks of a large one are no more than a turn to others.
func (r *Runner) dueLocked(again *retry) {
	if g := again.group; g != nil {
		last := g.lastDue
		g.lastDue = again
		if last != nil {
			last.next = again
			return
		}
	}
	r.due.push(again)
}

// takeRetryLocked removes the retry whose turn it is, and makes it j if there is
// one.
func (r *Runner) takeRetryLocked(j *job) bool {
	for again, ok := r.due.pop(); ok; again, ok = r.due.pop() {
		if again.element == nil {
			continue
		}
		if again.next != nil {
			r.due.push(again.next)
		} else if again.group != nil {
			again.group.lastDue = nil
		}
		r.unlistLocked(again)
		*j = again.job
		r.begunLocked(j)
		return true
	}
	return false
}

// dropRetriesLocked gives up the retries of the group, and returns their tasks.
func (r *Runner) dropRetriesLocked(g *group) []*Task {
	var dropped []*Task
	for g.retries != nil {
		again := g.retries.Value.(*retry)
		r.unlistLocked(again)
		g.active--
		r.giveBackLocked(&again.job)
		dropped = append(dropped, again.task)
	}
	slices.Reverse(dropped)
	g.lastDue = nil
	return dropped
}

// listLocked puts again on the list of retries. Those of a group stand together
// there, since the list may be long, and to stop the group takes its own only.
func (r *Runner) listLocked(again *retry) {
	r.stats.Retrying++
	again.element = r.retries.PushBack(again)
	if g := again.group; g != nil {
		if g.retries != nil {
			r.retries.MoveAfter(again.element, g.retries)
		}
		g.retries = again.element
	}
}

// unlistLocked takes again off the list, since it starts or is given up. If it is
// given up in the queue of those that are due, that passes over it.
func (r *Runner) unlistLocked(again *retry) {
	again.timer.Stop()
	r.stats.Retrying--
	if g := again.group; g != nil && g.retries == again.element {
		g.retries = again.element.Prev()
		if g.retries != nil && g.retries.Value.(*retry).group != g {
			g.retries = nil
		}
	}
	r.retries.Remove(again.element)
	again.element = nil
}

// isTooLateLocked reports whether a shutdown will have run out of time at t.
func (r *Runner) isTooLateLocked(t time.Time) bool {
	return !r.deadline.IsZero() && t.After(r.deadline)
}

// dropLateRetriesLocked gives up the tasks that can't be tried again before a
// shutdown runs out of time, and returns what is to be done about it.
func (r *Runner) dropLateRetriesLocked() (todo []*followUp) {
	var late []*retry
	for e := r.retries.Front(); e != nil; e = e.Next() {
		if again := e.Value.(*retry); r.isTooLateLocked(again.at) {
			late = append(late, again)
		}
	}
	for _, again := range late {
		if again.element != nil { // else dropped together with one before it
			r.unlistLocked(again)
			todo = append(todo, r.abandonRetryLocked(again.job))
		}
	}
	return todo
}

// abandonRetryLocked gives up a task whose attempt failed, for want of time. That
// is its failure, so with StopOnError the others of its group are given up, too.
func (r *Runner) abandonRetryLocked(j job) *followUp {
	todo := &followUp{ctx: r.contextOf(j), lost: []*Task{j.task}, how: ErrAbandoned}
	if g := j.group; g != nil && g.stopOnError && !g.stopped {
		todo = r.stopLocked(g, ErrAbandoned)
		todo.lost = append([]*Task{j.task}, todo.lost...)
	}
	r.abandonedLocked(todo.lost)
	return r.endedLocked(j, todo)
}
