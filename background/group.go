package background

import (
	"context"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/list"
)

// group is a submission of more than a bare task: a collection, or a task whose
// end someone wants to know. It is either in line for its next turn, or parked,
// or has no task left that waits.
type group struct {
	// These are not changed once the group is accepted.

	taskContext                         // of its tasks, unless stopOnError
	stop        context.Context         // of its tasks if stopOnError, from when it is accepted
	cancel      context.CancelCauseFunc // ends stop
	limit       int                     // how many may be active
	done        func()                  // called when all tasks have ended; may be nil
	stopOnError bool

	// These are guarded by the runner's mutex.

	parked  bool // as many are active as may be, so it takes no turns
	stopped bool // a task has failed, and the others are not to run

	since    time.Duration // when it was accepted
	waiting  []*Task       // not started yet
	held     int           // how many tasks hold room: those, and the active ones that may wait again
	active   int           // whose turn has come, and who have not ended
	lastHeld *held         // the last of its tasks in heldQueue, or nil
	lastDue  *held         // the last of those that are in line, or nil

	links list.Element[group] // in scheduler.groups, as long as tasks wait
}

// context returns what the group's tasks run with.
func (g *group) context() context.Context {
	if g.stop != nil {
		return g.stop
	}
	return &g.taskContext
}

// accepted notes that the group was accepted. So many of its tasks start at once,
// and so many hold room.
func (g *group) accepted(since time.Duration, starts, holding int) {
	if g.stopOnError {
		// Not before: had the group been refused, the runner's context would
		// keep this one.
		g.stop, g.cancel = context.WithCancelCause(&g.taskContext)
	}
	g.since, g.active, g.held = since, starts, holding
}

// take takes the first of the waiting tasks out.
func (g *group) take() *Task {
	first := g.waiting[0]
	if g.waiting = g.waiting[1:]; len(g.waiting) == 0 {
		g.waiting = nil // the slice is the user's, and may be large
	}
	return first
}

// takeFirst takes out the first of the group's tasks that wait, and makes it j.
func (s *scheduler) takeFirst(g *group, j *job) {
	g.active++
	s.stats.Queued--
	*j = job{}
	j.task, j.group, j.attempt, j.holds = g.take(), g, 1, true
	if len(g.waiting) == 0 {
		s.groups.Remove(&g.links)
	}
}

// lineUpGroup lines the group up for its next turn, if a task waits for one, or parks
// it.
func (s *scheduler) lineUpGroup(g *group) {
	switch {
	case len(g.waiting) == 0:
	case g.active < g.limit:
		s.turns.push(turn{group: g})
	default:
		g.parked = true
	}
}

// nextOf takes out the next task of the group, whose turn it is, and lines the
// group up again if it may have more running. It reports false if there is no task,
// since the group was stopped after it got in line, or if the task's time has not
// come.
func (s *scheduler) nextOf(g *group, j *job) bool {
	if len(g.waiting) == 0 {
		return false
	}
	s.takeFirst(g, j)
	s.lineUpGroup(g)
	if j.task.settings == nil {
		return true
	}
	if wait := j.task.delay(); wait > 0 {
		s.postpone(j, wait)
		return false
	}
	return true
}

// dropWaiting takes out the tasks of the group that have not started.
func (s *scheduler) dropWaiting(g *group) []*Task {
	dropped := slices.Clone(g.waiting) // the slice is the user's
	if len(dropped) == 0 {
		return nil
	}
	g.waiting, g.parked = nil, false
	s.groups.Remove(&g.links)
	s.stats.Queued -= len(dropped)
	s.giveBackOf(g, len(dropped))
	return dropped
}

// stop gives up the tasks of the group that would start, or be tried again, besides
// those that are lost already. What it returns ends the contexts of those which run.
func (s *scheduler) stop(g *group, why, cause error, lost ...*Task) *followUp {
	g.stopped = true
	lost = append(lost, s.dropWaiting(g)...)
	for _, again := range s.held.removeAll(g) {
		g.active--
		s.giveBack(&again.job)
		lost = append(lost, again.task)
	}
	todo := s.giveUp(g.context(), why, lost...)
	todo.cancel, todo.cause = g.cancel, cause
	return todo
}

// finish adds to todo what is to be done if the group has ended.
func (s *scheduler) finish(g *group, todo *followUp) *followUp {
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
