package background

import (
	"context"
	"fmt"
)

// submission is work on its way into the queue.
type submission struct {
	single         // the task if it is a single one
	group   *group // else; nil if it has no tasks
	tasks   int    // how many it has
	limit   int    // how many of them may run at once
	started bool   // it is a reservation that was started
	counted bool   // it is among Runner.reservations
}

// mayWaitAgain returns how many of the first n tasks, which have not started, may
// have to be tried again.
func (s *submission) mayWaitAgain(n int) (again int) {
	g := s.group
	if g == nil {
		if n > 0 && !s.task.isLast(1) {
			again = 1
		}
		return again
	}
	for _, task := range g.waiting[:n] {
		if !task.isLast(1) {
			again++
		}
	}
	return again
}

// prepare makes s a submission of work. If done is not nil, it is called when
// all of the work has ended.
func (r *Runner) prepare(ctx context.Context, s *submission, work Runnable, done func()) {
	tasks, task := split(work)
	if task != nil && done == nil {
		s.task, s.values, s.tasks, s.limit = task, ctx, 1, 1
		return
	}
	var g *group
	switch {
	case task != nil:
		g = &group{waiting: []*Task{task}, limit: 1}
	case tasks.Len() > 0:
		g = tasks.newGroup()
	default:
		return
	}
	g.taskContext, g.done = taskContext{r.base, ctx}, done
	s.group, s.tasks, s.limit = g, len(g.waiting), g.limit
}

// split tells a collection from a single task, which is made of what is
// neither. It panics on nil.
func split(work Runnable) (*Tasks, *Task) {
	switch work := work.(type) {
	case *Tasks:
		return work, nil
	case *Task:
		if work == nil {
			panic("background: the work to run is a nil *Task")
		}
		return nil, work
	case nil:
		panic("background: the work to run is nil")
	default:
		c := &custom{work: work}
		c.task.call = c
		return nil, &c.task
	}
}

// size returns how many tasks work has, and panics if it is not usable.
func size(work Runnable) int {
	tasks, task := split(work)
	if task != nil {
		return 1
	}
	if tasks.Len() > 0 {
		tasks.limit()
	}
	return tasks.Len()
}

// custom is the user's own kind of work, made into a task in one allocation.
type custom struct {
	task Task
	work Runnable
}

func (c *custom) invoke(ctx context.Context) error { return c.work.Run(ctx) }
func (c *custom) name() string                     { return fmt.Sprintf("%T", c.work) }

// context returns what a task runs with that was submitted with ctx.
func (r *Runner) context(ctx context.Context) context.Context {
	if ctx == context.Background() {
		return r.base // there are no values to keep
	}
	return &taskContext{Context: r.base, values: ctx}
}
