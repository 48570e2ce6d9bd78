package background

import (
	"container/list"
	"context"
	"slices"
	"time"
)

// group is a submission of more than a bare task: a collection, or a task whose
// end someone wants to know. It is either in the queue for its next turn, or
// parked, or has no task left that waits.
type group struct {
	// These are not changed once the group is accepted.

	taskContext                         // of its tasks, unless stopOnError
	stop        context.Context         // of its tasks if stopOnError
	cancel      context.CancelCauseFunc // ends stop
	limit       int                     // how many may be active
	stopOnError bool
	done        func() // called when all tasks have ended; may be nil

	// These are guarded by the runner's mutex.

	waiting []*Task       // not started yet
	since   time.Duration // when it was accepted
	held    int           // how many tasks hold room: those, and the active ones that may wait again
	active  int           // started, and not ended: running, or to be tried again
	parked  bool          // as many are active as may be, so it takes no turns
	stopped bool          // a task has failed, and the others are not to run
	retries *list.Element // the last of its retries in Runner.retries, or nil
	lastDue *retry        // the last of its retries that are in line, or nil

	previous, following *group // in Runner.groups, as long as tasks wait
}

// context returns what the group's tasks run with.
func (g *group) context() context.Context {
	if g.stopOnError {
		return g.stop
	}
	return &g.taskContext
}

// acceptGroupLocked starts so many tasks of a new group, and has the others wait
// in the room that was taken for them.
func (r *Runner) acceptGroupLocked(g *group, start int) {
	if g.stopOnError {
		// Not before: had the group been refused, the runner's context would
		// keep this one.
		g.stop, g.cancel = context.WithCancelCause(&g.taskContext)
	}
	g.active = start
	for _, task := range g.waiting[:start] {
		r.pool.assign(job{single: single{task: task}, group: g, attempt: 1, holds: !task.isLast(1)})
	}
	g.waiting = g.waiting[start:]
	if len(g.waiting) == 0 {
		g.waiting = nil // the slice is the user's, and may be large
		return
	}
	r.groups.push(g)
	if g.parked = start == g.limit; !g.parked {
		r.turns.pushGroup(g)
	}
}

// takeFromLocked takes the group's next task, and makes it j if there is one.
// There is none if the group was stopped after it got in line.
func (r *Runner) takeFromLocked(g *group, j *job) bool {
	if len(g.waiting) == 0 {
		return false
	}
	*j = job{single: single{task: g.waiting[0]}, group: g, attempt: 1, holds: true}
	g.active++
	r.shortenLocked(g, g.waiting[1:])
	r.begunLocked(j)
	switch {
	case len(g.waiting) == 0:
	case g.active < g.limit:
		r.turns.pushGroup(g)
	default:
		g.parked = true
	}
	return true
}

// shortenLocked makes rest what still waits of the group. The room of the others
// is the caller's to give back.
func (r *Runner) shortenLocked(g *group, rest []*Task) {
	before := len(g.waiting)
	r.stats.Queued -= before - len(rest)
	g.waiting = rest
	if len(rest) == 0 && before > 0 {
		g.waiting = nil // the slice is the user's, and may be large
		g.parked = false
		r.groups.remove(g)
	}
}

// dropWaitingLocked gives up the tasks of the group that have not started, and
// returns them.
func (r *Runner) dropWaitingLocked(g *group) []*Task {
	dropped := g.waiting
	r.shortenLocked(g, nil)
	r.giveBackOfLocked(g, len(dropped))
	return dropped
}

// endedLocked notes that j has ended, and adds what is to be done about its group
// to todo.
func (r *Runner) endedLocked(j job, todo *followUp) *followUp {
	r.giveBackLocked(&j)
	g := j.group
	if g == nil {
		return todo
	}
	g.active--
	if g.parked {
		g.parked = false
		r.turns.pushGroup(g)
	}
	return r.finishLocked(g, todo)
}

// stopLocked keeps the group from starting another task or attempt. It returns
// the tasks that this concerns, and ends the contexts of those which run.
func (r *Runner) stopLocked(g *group, cause error) *followUp {
	g.stopped = true
	lost := slices.Concat(r.dropWaitingLocked(g), r.dropRetriesLocked(g))
	return &followUp{ctx: g.context(), lost: lost, how: ErrAbandoned, cancel: g.cancel, cause: cause}
}

// finishLocked adds to todo what is to be done if the group has ended.
func (r *Runner) finishLocked(g *group, todo *followUp) *followUp {
	if g.active > 0 || len(g.waiting) > 0 || g.done == nil && g.cancel == nil {
		return todo
	}
	if todo == nil {
		todo = &followUp{ctx: g.context()}
	}
	todo.cancel, todo.done = g.cancel, g.done
	g.done = nil // the group may live as long as the user's Tasks
	return todo
}
