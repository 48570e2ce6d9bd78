package schedule

import (
	"context"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/list"
)

// Group is a submission of more than a bare task: a collection, or a task whose
// end someone wants to know. It is either in line for its next turn, or parked,
// or has no task left that waits.
type Group[T any] struct {
	// These are not changed once the group is accepted. Whoever has a job of the group may
	// read them without the mutex.

	Context     Context                 // of its tasks, unless StopOnError
	Limit       int                     // how many may be active
	StopOnError bool                    // the others are not to run when one has failed
	plain       bool                    // none of the tasks has terms
	stop        context.Context         // of its tasks if StopOnError, from when it is accepted
	cancel      context.CancelCauseFunc // ends stop
	since       time.Duration           // when it was accepted, by the clock

	// These are guarded by the mutex from then on.

	Waiting  []T      // not started yet; at least one at first
	Done     func()   // to be called when all tasks have ended; may be nil
	parked   bool     // as many are active as may be, so it takes no turns
	stopped  bool     // a task has failed, and the others are not to run
	held     int      // how many tasks hold room: those that wait, and the active ones that may again
	active   int      // whose turn has come, and who have not ended
	lastHeld *held[T] // the last of its tasks in heldQueue, or nil
	lastDue  *held[T] // the last of those that are in line, or nil

	links list.Element[Group[T]] // in Scheduler.groups, as long as tasks wait
}

// context returns what the group's tasks run with.
func (g *Group[T]) context() context.Context {
	if g.stop != nil {
		return g.stop
	}
	return &g.Context
}

// accepted notes that the group was accepted with sub, and how many of its tasks hold
// room.
func (g *Group[T]) accepted(sub *Submission[T], holding int) {
	if g.StopOnError {
		// Not before: had the group been refused, the runner's context would
		// keep this one.
		g.stop, g.cancel = context.WithCancelCause(&g.Context)
	}
	g.since, g.active, g.held, g.plain = sub.since, sub.starts, holding, sub.Plain
}

// take takes the first of the waiting tasks out.
func (g *Group[T]) take() T {
	first := g.Waiting[0]
	if g.Waiting = g.Waiting[1:]; len(g.Waiting) == 0 {
		g.Waiting = nil // the slice is the user's, and may be large
	}
	return first
}

// takeFirst takes out the first of the group's tasks that wait, and makes it j.
func (s *Scheduler[T]) takeFirst(g *Group[T], j *Job[T]) {
	g.active++
	s.queued--
	*j = Job[T]{Single: Single[T]{Task: g.take()}, group: g, Attempt: 1, holds: true}
	if !g.plain {
		j.terms = s.terms(j.Task)
	}
	if len(g.Waiting) == 0 {
		s.groups.Remove(&g.links)
	}
}

// lineUpGroup lines the group up for its next turn, if a task waits for one, or parks
// it.
func (s *Scheduler[T]) lineUpGroup(g *Group[T]) {
	switch {
	case len(g.Waiting) == 0:
	case g.active < g.Limit:
		s.turns.push(turn[T]{group: g})
	default:
		g.parked = true
	}
}

// nextOf takes out the next task of the group, whose turn it is, and lines the
// group up again if it may have more running. It reports false if there is no task,
// since the group was stopped after it got in line, or if the task's time has not
// come.
func (s *Scheduler[T]) nextOf(g *Group[T], j *Job[T]) bool {
	if len(g.Waiting) == 0 {
		return false
	}
	s.takeFirst(g, j)
	s.lineUpGroup(g)
	if j.terms == nil {
		return true
	}
	if wait := j.terms.Delay(); wait > 0 {
		s.postpone(j, wait)
		return false
	}
	return true
}

// dropWaiting takes out the tasks of the group that have not started.
func (s *Scheduler[T]) dropWaiting(g *Group[T]) []T {
	dropped := slices.Clone(g.Waiting) // the slice is the user's
	if len(dropped) == 0 {
		return nil
	}
	g.Waiting, g.parked = nil, false
	s.groups.Remove(&g.links)
	s.queued -= len(dropped)
	s.giveBackOf(g, len(dropped))
	return dropped
}

// stop gives up the tasks of the group that would start, or be tried again, besides
// those that are lost already. What it returns ends the contexts of those which run.
func (s *Scheduler[T]) stop(g *Group[T], why, cause error, lost ...T) *Aftermath[T] {
	g.stopped = true
	lost = append(lost, s.dropWaiting(g)...)
	for _, again := range s.held.removeAll(g) {
		g.active--
		s.giveBack(&again.Job)
		lost = append(lost, again.Task)
	}
	todo := s.giveUp(g.context(), why, lost...)
	todo.Cancel, todo.Cause = g.cancel, cause
	return todo
}

// finish adds to todo what is to be done if the group has ended.
func (s *Scheduler[T]) finish(g *Group[T], todo *Aftermath[T]) *Aftermath[T] {
	if g.active > 0 || len(g.Waiting) > 0 || g.Done == nil && g.cancel == nil {
		return todo
	}
	if todo == nil {
		todo = &Aftermath[T]{Context: g.context()}
	}
	todo.Cancel, todo.Done = g.cancel, g.Done
	g.Done = nil // the group may live as long as the user's collection
	return todo
}
