package background

import (
	"container/list"
	"time"
)

// retry is a task that waits to be tried again. Far fewer do than wait for their
// first attempt, so a retry may be larger than a turn.
type retry struct {
	job
	timer   *time.Timer
	element *list.Element // in Runner.retries, until it starts or is dropped
	dropped bool
}

// retryLocked has j, whose attempt failed, tried again after wait, unless the
// runner or the task's group has given up in the meantime.
func (r *Runner) retryLocked(j job, wait time.Duration) *followUp {
	todo := &followUp{ctx: r.contextOf(j), lost: []*Task{j.task}}
	switch {
	case r.expired:
		todo.how = ErrAbandoned
		r.stats.Abandoned++
		r.abandoned = append(r.abandoned, j.task.Name())
	case j.group != nil && j.group.stopped:
		todo.how = ErrSkipped
		r.stats.Skipped++
	default:
		r.waitLocked(j, wait)
		return nil
	}
	if j.group == nil {
		return todo
	}
	j.group.active--
	return r.finishLocked(j.group, todo)
}

// waitLocked puts j's next attempt on the list of retries.
func (r *Runner) waitLocked(j job, wait time.Duration) {
	j.attempt++
	again := &retry{job: j}
	again.element = r.retries.PushBack(again)
	r.stats.Retried++
	r.stats.Retrying++
	again.timer = time.AfterFunc(wait, func() {
		r.mu.Lock()
		defer r.unlock()
		if !again.dropped {
			r.due.push(again)
			r.dispatchLocked()
		}
	})
}

// takeRetryLocked removes the retry that came due first, and makes it j if there
// is one.
func (r *Runner) takeRetryLocked(j *job) bool {
	for again, ok := r.due.pop(); ok; again, ok = r.due.pop() {
		if !again.dropped {
			r.retries.Remove(again.element)
			r.stats.Retrying--
			*j = again.job
			return true
		}
	}
	return false
}

// dropRetriesLocked gives up the retries of the group, and returns their tasks.
func (r *Runner) dropRetriesLocked(g *group) []*Task {
	var dropped []*Task
	if g.active == 0 {
		return nil // the list may be long, and none on it is the group's
	}
	for e := r.retries.Front(); e != nil; {
		again := e.Value.(*retry)
		e = e.Next()
		if again.group == g {
			r.dropLocked(again)
			dropped = append(dropped, again.task)
		}
	}
	return dropped
}

// dropLocked takes again off the list of retries, and out of its group. If its
// time has come it stays in the queue, which passes over it.
func (r *Runner) dropLocked(again *retry) {
	again.dropped = true
	again.timer.Stop()
	r.retries.Remove(again.element)
	r.stats.Retrying--
	if again.group != nil {
		again.group.active--
	}
}
