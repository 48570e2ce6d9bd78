package background

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// submission is work on its way into the scheduler.
type submission struct {
	single         // the task, if it is a single one
	group   *group // else; nil if there are no tasks
	tasks   int    // how many it has
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
	if !s.started && (task == nil || task.settings != nil) {
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

// starting returns how many of s's tasks start at once if it is accepted while so
// many workers are free: the first ones, up to one that has to wait for something
// else.
func (s *submission) starting(free int) int {
	if s.group == nil {
		if free > 0 && s.task.needsOnlyAWorker() {
			return 1
		}
		return 0
	}
	most := min(s.tasks, s.group.limit, free)
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

// take takes the first task that has not started out of an accepted submission,
// to be run now.
func (s *submission) take() job {
	j := job{single: s.single, group: s.group, attempt: 1, atOnce: true}
	if s.group != nil {
		j.single = single{task: s.group.take()}
	}
	j.holds = !j.task.isLast(1)
	j.begin()
	return j
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

// meet panics if two kinds of the runner's tasks have one name, or a handle was
// submitted before.
func (r *Runner) meet(tasks *Tasks, task *Task) {
	if task != nil {
		r.kinds.meet(task)
		if h := task.handle(); h != nil {
			r.handles.add(r, h)
		}
	} else if tasks != nil {
		for _, task := range tasks.tasks {
			if task.settings != nil {
				r.kinds.meet(task)
			}
		}
	}
}

// size returns how many tasks work has, and panics if it is not usable.
func (r *Runner) size(work Work) int {
	tasks, task := split(work)
	r.meet(tasks, task)
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

// Reservation is the promise that work will be accepted: the step before an
// answer is given, while it can still be a refusal. Made by [Runner.Reserve], it
// must be started or cancelled, or Shutdown waits for it until its time is up.
//
// A Reservation is used by one goroutine, and of copies of it only one. The first
// call of Start or Cancel uses it up; further calls do nothing, as do those on a zero
// Reservation.
type Reservation struct {
	runner *Runner
	work   Work
	held   int // room taken
}

// Reserve prepares to submit work. With [Reject], it takes room in the queue for
// all of work's tasks or returns [ErrFull], also while workers are free: others may
// take these before Start. With [Block], it takes no room, and Start waits for it.
// The reservation counts as a submitter who may have to wait, so Reserve returns
// ErrFull when there are Workers + Queue of those already. In both cases the work
// counts as promised: a Shutdown that begins before Start waits for it. After
// Shutdown has begun, Reserve returns [ErrClosed].
//
// The work belongs to the reservation from now on, and to the runner after
// Start: do not change it. Reserve panics on work that Submit panics on.
func (r *Runner) Reserve(work Work) (Reservation, error) {
	r.mustBeMade()
	n := r.size(work)
	v := Reservation{runner: r, work: work}
	reserved := r.reservations.add()
	if reserved && r.options.Overflow == Block {
		return v, nil
	}
	r.mu.Lock()
	defer r.unlock()
	err := ErrFull
	if reserved {
		var ok bool
		if v.held, ok = r.scheduler.reserve(n); ok {
			return v, nil
		}
		r.reservations.remove()
		r.dispatchLocked() // a Shutdown may have begun since, and wait for it
	} else if r.closed {
		err = ErrClosed
	}
	r.scheduler.stats.Rejected += uint64(n)
	refused(work, err)
	return Reservation{}, err
}

// Start submits the work, as [Runner.Submit] does, also after Shutdown has begun.
// With [Reject] the room is there. With [Block] it waits for room until ctx is
// done, and returns an error that wraps the cause; with the context of a task it
// returns [ErrFull] instead of waiting. When a Shutdown has run out of time, or
// does while Start waits, the work is given up like all that waits then, by name,
// and Start returns nil.
//
// If done is not nil it is called exactly once, when all of the work has ended,
// whichever way: also if it was skipped or given up, and, before Start returns,
// if it was refused or there was none. It is called by the goroutine that ended
// the work. A panic in it is recovered and logged.
func (v *Reservation) Start(ctx context.Context, done func()) error {
	r, work, held := v.runner, v.work, v.held
	if r == nil {
		return nil
	}
	*v = Reservation{}
	s := submission{started: true, counted: true}
	r.prepare(ctx, &s, work, done)
	r.mu.Lock()
	r.scheduler.room += held
	if r.scheduler.expired && s.tasks > 0 {
		r.fulfil(&s)
		todo := r.scheduler.abandonSubmission(&s)
		r.unlock()
		r.follow(todo)
		return nil
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		err = r.await(ctx, w)
	}
	refused(work, err)
	if err != nil || s.tasks == 0 {
		r.callDone(ctx, done)
	}
	return err
}

// Cancel gives the reservation up.
func (v *Reservation) Cancel() {
	r, work, held := v.runner, v.work, v.held
	if r == nil {
		return
	}
	*v = Reservation{}
	refused(work, ErrCanceled)
	r.mu.Lock()
	defer r.unlock()
	r.reservations.remove()
	r.scheduler.room += held
	r.dispatchLocked() // it may have been what Shutdown was waiting for
}

// reservations counts the reservations that are neither started nor cancelled, and
// the submitters who wait for room: a reservation may have to wait, too, once it
// is started. Each response with work makes one, and most need nothing else of
// the runner then, so that they don't wait for its mutex.
type reservations struct {
	n    atomic.Int64 // how many there are, above noMore once no more may be made
	most int64        // how many there may be
}

// noMore is added to a count of reservations to close it: no limit is higher. Were
// it a field of its own, a reservation that comes while a Shutdown begins would be
// counted before it sees that it is late, and Shutdown would wait for it or name it.
const noMore = 1 << 62

// mostReservations is how many reservations a runner makes.
func mostReservations(o RunnerOptions) int64 {
	if o.Overflow == Reject {
		return noMore // each takes room
	}
	return min(int64(o.Workers), noMore/2) + min(int64(o.Queue), noMore/2)
}

// add counts one more and reports whether it may be made.
func (c *reservations) add() bool {
	for {
		n := c.n.Load()
		if n >= c.most {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// remove is called when one is kept or given up.
func (c *reservations) remove() { c.n.Add(-1) }

// close refuses further ones.
func (c *reservations) close() { c.n.Or(noMore) }

func (c *reservations) count() int { return int(c.n.Load() &^ noMore) }
