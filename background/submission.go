package background

import (
	"context"
	"fmt"
	"sync"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// submission is work on its way into the scheduler.
type submission = schedule.Submission[*Task]

// prepare makes s a submission of what the runner has met. If done is not nil, it is
// called when all of it has ended.
func (r *Runner) prepare(ctx context.Context, s *submission, of unit, done func()) {
	s.Plain = of.isPlain()
	if of.task != nil && done == nil {
		s.Task, s.Values, s.Tasks = of.task, ctx, 1
		return
	}
	var g *schedule.Group[*Task]
	switch {
	case of.task != nil:
		g = &schedule.Group[*Task]{Waiting: []*Task{of.task}, Limit: 1}
	case of.tasks.Len() > 0:
		g = of.tasks.newGroup()
	default:
		return
	}
	g.Context, g.Done = schedule.Context{Context: r.base, Values: ctx}, done
	s.Group, s.Tasks = g, len(g.Waiting)
}

// unit is what work consists of: a single task or, if that is nil, a collection.
type unit struct {
	task  *Task
	tasks *Tasks
}

// len returns how many tasks there are.
func (u unit) len() int {
	if u.task != nil {
		return 1
	}
	return u.tasks.Len()
}

// isPlain reports whether none of the tasks has settings.
func (u unit) isPlain() bool {
	if u.task != nil {
		return u.task.settings == nil
	}
	return u.tasks == nil || !u.tasks.anySet
}

// meet tells a collection from a single task, which is made of what is neither. It
// panics if the work is not usable, if two kinds of the runner's tasks have one name, or
// if a handle was submitted before.
func (r *Runner) meet(work Work) unit {
	r.mustBeMade()
	switch work := work.(type) {
	case *Tasks:
		if work.Len() > 0 {
			work.limit() // panics
		}
		if work != nil && work.anySet {
			for _, task := range work.tasks {
				r.kinds.meet(task)
			}
		}
		return unit{tasks: work}
	case *Task:
		if work == nil {
			panic("background: the work to run is a nil *Task")
		}
		work.mustBeMade()
		if work.settings != nil {
			r.kinds.meet(work)
		}
		return unit{task: work}
	case *Handle:
		if work == nil || work.task == nil {
			panic("background: the work to run is a nil or zero *Handle: make it by Track")
		}
		r.kinds.meet(work.task)
		work.submittedTo(r)
		return unit{task: work.task}
	case nil:
		panic("background: the work to run is nil")
	default:
		c := &custom{work: work}
		c.task.call = c
		return unit{task: &c.task}
	}
}

// refusals counts by kind the tasks that were refused. It has a mutex of its own, so that
// a large collection which is refused holds up no other work.
type refusals struct {
	mu     sync.Mutex // guards byKind
	byKind map[string]uint64
}

// refused counts work that was not accepted, and tells its handle why; nil is for work
// that was.
func (r *Runner) refused(u unit, err error) {
	if err == nil {
		return
	}
	r.refusals.add(u)
	u.refused(err)
}

func (c *refusals) add(u unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKind == nil {
		c.byKind = make(map[string]uint64)
	}
	switch {
	case u.task != nil:
		c.byKind[u.task.Kind()]++
	case u.tasks != nil:
		for _, task := range u.tasks.tasks {
			c.byKind[task.Kind()]++
		}
	}
}

// each calls f with each kind and its number.
func (c *refusals) each(f func(kind string, n uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for kind, n := range c.byKind {
		f(kind, n)
	}
}

// refused tells the handles of work that was not accepted, if it has some, why; nil is for
// work that was.
func (u unit) refused(err error) {
	switch {
	case err == nil:
	case u.task != nil:
		u.task.handle().set(GivenUp, err)
	case !u.isPlain():
		for _, task := range u.tasks.tasks {
			task.handle().set(GivenUp, err)
		}
	}
}

// custom is the user's own kind of work, made into a task in one allocation.
type custom struct {
	task Task
	work Work
}

func (c *custom) invoke(ctx context.Context) error { return c.work.Run(ctx) }
func (c *custom) name() string                     { return fmt.Sprintf("%T", c.work) }

// fulfil takes s off the reservations, if it is counted there.
func (r *Runner) fulfil(s *submission) {
	if s.Counted {
		s.Counted = false
		r.reservations.Remove()
	}
}

// waiter is a submitter who waits for room.
type waiter = schedule.Waiter[*Task]

// await waits until w has been admitted or refused, or ctx is done. A task does
// not wait, whichever runner it is of: it has a worker, and if all workers waited
// for room, there would never be any.
func (r *Runner) await(ctx context.Context, w *waiter) error {
	if ctx.Value(runnerKey) != nil {
		return r.withdraw(w, ErrFull)
	}
	select {
	case <-w.Ended:
		return w.Err
	case <-ctx.Done():
		return r.withdraw(w, fmt.Errorf("background: no room in the queue: %w", context.Cause(ctx)))
	}
}

// withdraw ends the wait of w with err, if it has not ended already.
func (r *Runner) withdraw(w *waiter, err error) error {
	r.mu.Lock()
	defer r.unlock()
	if !r.scheduler.EndWait(w) { // what was accepted stays so
		return w.Err
	}
	r.scheduler.Refuse(w.Tasks)
	r.release(w, err)
	r.dispatchLocked() // another one may fit now
	return err
}

// release tells w, who waits no longer, how the wait ended.
func (r *Runner) release(w *waiter, err error) {
	r.fulfil(&w.Submission)
	w.Err = err
	close(w.Ended)
}
