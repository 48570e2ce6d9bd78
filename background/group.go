package background

import (
	"context"
	"slices"
	"time"
)

// group is a submission of more than a bare task: a collection, or a task whose
// end someone wants to know. It is either in the queue for its next turn, or
// parked, or has no task left that waits.
type group struct {
	// These are not changed once the group is accepted.
	own         taskContext             // part of ctx, kept here to be one allocation with the group
	ctx         context.Context         // of its tasks
	cancel      context.CancelCauseFunc // ends ctx; nil unless stopOnError
	limit       int                     // how many may be active
	stopOnError bool
	done        func() // called when all tasks have ended; may be nil

	// These are guarded by the runner's mutex.

	waiting []*Task       // not started yet
	since   time.Duration // when they were accepted
	held    int           // the room they take in the queue
	active  int           // started, and not ended: running, or to be tried again
	parked  bool          // as many are active as may be, so it takes no turns
	stopped bool          // a task has failed, and the others are not to run

	previous, following *group // in Runner.groups, as long as tasks wait
}

// newGroup returns a group of tasks with the values of ctx, for which the
// caller sets limit, stopOnError and done.
func (r *Runner) newGroup(ctx context.Context, tasks []*Task) *group {
	g := &group{own: taskContext{Context: r.base, values: ctx}, waiting: tasks}
	g.ctx = &g.own
	return g
}

// takeFromLocked takes the group's next task. There is none if the group was
// stopped after it got in line.
func (r *Runner) takeFromLocked(g *group) (job, bool) {
	if len(g.waiting) == 0 {
		return job{}, false
	}
	j := job{task: g.waiting[0], group: g, attempt: 1}
	g.active++
	r.shortenLocked(g, g.waiting[1:])
	switch {
	case len(g.waiting) == 0:
	case g.active < g.limit:
		r.turns.push(turn{group: g})
	default:
		g.parked = true
	}
	return j, true
}

// shortenLocked makes rest what still waits of the group, and gives back the
// room of the others.
func (r *Runner) shortenLocked(g *group, rest []*Task) {
	before := len(g.waiting)
	r.stats.Queued -= before - len(rest)
	g.waiting = rest
	if free := g.held - len(rest); free > 0 {
		g.held -= free
		r.room += free
	}
	if len(rest) == 0 && before > 0 {
		g.waiting = nil // the slice is the user's, and may be large
		g.parked = false
		r.groups.remove(g)
	}
}

// endedLocked notes that an active task of the group has ended, with the given
// failure or nil, and returns what is to be done about it.
func (r *Runner) endedLocked(g *group, failure *TaskError) *followUp {
	g.active--
	var todo *followUp
	if failure != nil && g.stopOnError && !g.stopped {
		todo = r.stopLocked(g, failure)
	}
	if g.parked {
		g.parked = false
		r.turns.push(turn{group: g})
	}
	return r.finishLocked(g, todo)
}

// stopLocked keeps the group from starting another task or attempt.
func (r *Runner) stopLocked(g *group, failure *TaskError) *followUp {
	g.stopped = true
	skipped := slices.Concat(g.waiting, r.dropRetriesLocked(g))
	r.shortenLocked(g, nil)
	r.stats.Skipped += uint64(len(skipped))
	return &followUp{ctx: g.ctx, lost: skipped, how: ErrSkipped, cancel: g.cancel, cause: failure}
}

// finishLocked adds to todo what is to be done if the group has ended.
func (r *Runner) finishLocked(g *group, todo *followUp) *followUp {
	if g.active > 0 || len(g.waiting) > 0 || g.done == nil && g.cancel == nil {
		return todo
	}
	if todo == nil {
		todo = &followUp{ctx: g.ctx}
	}
	todo.cancel, todo.done = g.cancel, g.done
	return todo
}
