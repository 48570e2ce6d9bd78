package background

import (
	"context"
	"fmt"
)

// submission is work on its way into the queue.
type submission struct {
	turn  turn
	tasks int // how many it has
	limit int // how many of them may run at once
	held  int // the room already taken for it by a reservation
}

// turn is a place in the queue: of a single task, or of a group's next one.
// Single tasks are most of the work, and cost nothing but this.
type turn struct {
	task   *Task
	values context.Context // of the single task; a group has its own
	group  *group          // nil for a single task
}

// prepare makes a submission of work. If done is not nil, it is called when all
// of the work has ended.
func (r *Runner) prepare(ctx context.Context, work Runnable, done func()) submission {
	tasks, single := split(work)
	if single != nil {
		if done == nil {
			return submission{turn: turn{task: single, values: ctx}, tasks: 1, limit: 1}
		}
		g := r.newGroup(ctx, []*Task{single})
		g.limit, g.done = 1, done
		return submission{turn: turn{group: g}, tasks: 1, limit: 1}
	}
	if tasks.Len() == 0 {
		return submission{}
	}
	g := r.newGroup(ctx, tasks.tasks)
	g.limit, g.stopOnError, g.done = tasks.limit(), tasks.StopOnError, done
	return submission{turn: turn{group: g}, tasks: len(g.waiting), limit: g.limit}
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
	tasks, single := split(work)
	if single != nil {
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
	return &taskContext{Context: r.base, values: ctx}
}
