package background

import (
	"context"
	"fmt"
	"time"
)

// submission is work on its way into the scheduler.
type submission struct {
	single         // the task, if it is a single one
	group   *group // else; nil if there are no tasks
	tasks   int    // how many it has
	plain   bool   // none of them has settings, so they need nothing but workers
	starts  int    // how many of them start at once, from when it was accepted
	started bool   // it is a reservation that was started
	counted bool   // it is among Runner.reservations
}

// single is a task that was submitted by itself.
type single struct {
	task   *Task
	values context.Context // what it was submitted with
	since  time.Duration   // when it was accepted
}

// prepare makes s a submission of work. If done is not nil, it is called when all
// of the work has ended.
func (r *Runner) prepare(ctx context.Context, s *submission, work Work, done func()) {
	r.mustBeMade()
	tasks, task := split(work)
	s.plain = arePlain(tasks, task)
	if !s.plain && !s.started {
		r.meet(tasks, task)
	}
	if task != nil && done == nil {
		s.task, s.values, s.tasks = task, ctx, 1
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
	s.group, s.tasks = g, len(g.waiting)
}

// most returns how many of s's tasks may run at once if so many workers are free.
func (s *submission) most(free int) int {
	if s.group == nil {
		return min(1, free)
	}
	return min(s.tasks, s.group.limit, free)
}

// starting returns how many of s's tasks start at once if it is accepted while so
// many workers are free: the first ones, up to one that has to wait for something
// else.
func (s *submission) starting(free int) int {
	most := s.most(free)
	if s.group == nil {
		if most > 0 && s.task.needsOnlyAWorker() {
			return 1
		}
		return 0
	}
	for i, task := range s.group.waiting[:most] {
		if !task.needsOnlyAWorker() {
			return i
		}
	}
	return most
}

// waitingAgain returns how many of the tasks that start at once may have to wait
// again, to be tried again.
func (s *submission) waitingAgain() (n int) {
	if s.group == nil {
		if s.starts > 0 && !s.task.isLast(1) {
			n++
		}
		return n
	}
	for _, task := range s.group.waiting[:s.starts] {
		if !task.isLast(1) {
			n++
		}
	}
	return n
}

// take takes the first task that has not started out of an accepted submission, and
// makes j, which is zero, its job.
func (s *submission) take(j *job) {
	if s.group != nil {
		j.task, j.group = s.group.take(), s.group
	} else {
		j.single = s.single
	}
	j.attempt, j.atOnce = 1, true
	if !s.plain {
		j.holds = !j.task.isLast(1)
		j.begin()
	}
}

// refused tells the handle of work that was not accepted, if it has one.
func refused(work Work, err error) {
	if h, ok := work.(*Handle); ok && err != nil {
		h.set(GivenUp, err)
	}
}

// split tells a collection from a single task, which is made of what is
// neither. It panics on nil.
func split(work Work) (*Tasks, *Task) {
	switch work := work.(type) {
	case *Tasks:
		return work, nil
	case *Task:
		if work == nil {
			panic("background: the work to run is a nil *Task")
		}
		work.mustBeMade()
		return nil, work
	case *Handle:
		if work == nil || work.task == nil {
			panic("background: the work to run is a nil or zero *Handle: make it by Track")
		}
		return nil, work.task
	case nil:
		panic("background: the work to run is nil")
	default:
		c := &custom{work: work}
		c.task.call = c
		return nil, &c.task
	}
}

// arePlain reports whether none of a collection's tasks has settings, or the task has
// none.
func arePlain(tasks *Tasks, task *Task) bool {
	if task != nil {
		return task.settings == nil
	}
	return tasks == nil || !tasks.anySet
}

// meet panics if two kinds of the runner's tasks have one name, or a handle was
// submitted before.
func (r *Runner) meet(tasks *Tasks, task *Task) {
	if task != nil {
		r.kinds.meet(task)
		if h := task.handle(); h != nil {
			h.submittedTo(r)
		}
		return
	}
	for _, task := range tasks.tasks {
		r.kinds.meet(task)
	}
}

// size returns how many tasks work has, and panics if it is not usable.
func (r *Runner) size(work Work) int {
	tasks, task := split(work)
	if !arePlain(tasks, task) {
		r.meet(tasks, task)
	}
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
	work Work
}

func (c *custom) invoke(ctx context.Context) error { return c.work.Run(ctx) }
func (c *custom) name() string                     { return fmt.Sprintf("%T", c.work) }

// context returns what the task runs with, made from the context of all tasks.
func (s *single) context(base context.Context) context.Context {
	if s.values == context.Background() {
		return base // there are no values to keep
	}
	return &taskContext{Context: base, values: s.values}
}

// taskContext is what a task runs with: the values of the context it was
// submitted with, such as a request id, and the lifetime of the runner. The
// request's own end must not stop a task that was promised to outlive it.
type taskContext struct {
	context.Context // the runner's, for Deadline, Done and Err
	values          context.Context
}

// Value asks the runner's context first. It holds two values of its own. One is
// the runner. By the other package context finds the cancelCtx that a Done channel
// belongs to: were the request's found instead, whose channel is a different
// one, each context derived from this one would cost a goroutine to watch it.
func (c *taskContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil || key == (attemptKey{}) || key == (handleKey{}) { // of the task which has submitted this one
		return v
	}
	return c.values.Value(key)
}
