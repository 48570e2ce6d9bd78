package background

import (
	"context"
	"slices"
	"time"
)

// scheduler holds the work that was accepted and has not ended, decides which task
// runs next, and keeps the books. It knows no workers, and is told how many of
// them are free.
//
// A task comes in by accept, as part of a submission, and leaves by next, as a
// job. settle takes the job back: its task has ended then, or waits among the
// retries for next to choose it once more.
//
// The runner's mutex guards the scheduler, and is held while its methods are
// called. What they leave to be done without the mutex they return as a followUp.
type scheduler struct {
	// What each submission writes to comes first: the fewer cache lines it is on,
	// the less has to be fetched from the processors that run workers.
	room    int   // how many more tasks may wait
	stats   Stats // all but Retrying, Blocked and OldestWaiting
	retried bool  // next chose a retry the last time
	turns   turns // who gets the next free worker
	groups  groupList
	retries retryQueue
	waiters waiters // the submitters who wait for room
	clock   clock

	workers int             // RunnerOptions.Workers
	queue   int             // RunnerOptions.Queue
	base    context.Context // of all tasks

	deadline  time.Time // when a Shutdown runs out of time, unless it is zero
	expired   bool      // a Shutdown has run out of time
	abandoned []string  // the tasks that were given up for want of time
	stopped   []string  // those that failed after they were asked to end
}

// newScheduler returns a scheduler for a runner with these options. base is the
// context of all tasks. retryDue is called when a retry is due, without the mutex,
// and has to line it up.
func newScheduler(base context.Context, options RunnerOptions, retryDue func(*retry)) scheduler {
	return scheduler{
		workers: options.Workers,
		queue:   options.Queue,
		room:    options.Queue,
		base:    base,
		clock:   clock{epoch: time.Now().Add(-time.Nanosecond)},
		retries: retryQueue{fire: retryDue},
	}
}

// job is one attempt at a task.
type job struct {
	single         // of a group's task, just the task
	group   *group // nil for a single task
	attempt int
	holds   bool // it holds room: it may have to wait again
}

// context returns the context of j's task, made from the one of all tasks.
func (j *job) context(base context.Context) context.Context {
	if j.group != nil {
		return j.group.context()
	}
	return j.single.context(base)
}

// outcome is how a job ended. The zero value is a success.
type outcome struct {
	failure  *TaskError
	wait     time.Duration // before the next attempt, if failure says that there is one
	panicked bool
	stopped  bool // the task had been asked to end by a shutdown
}

// accept takes sub in and reports true, if so much room is enough for it. So many
// workers are free, and nobody else is in line for them: sub.starts of the tasks
// start at once. The caller gives them to workers, and has the rest lined up.
func (s *scheduler) accept(sub *submission, free, room int) bool {
	holding := sub.holding(free)
	if s.weight(holding) > room {
		return false
	}
	s.room -= s.weight(holding)
	sub.starts = sub.starting(free)
	s.stats.Accepted += uint64(sub.tasks)
	s.stats.Running += sub.starts
	s.stats.Queued += sub.tasks - sub.starts
	if holding > 0 || s.waiters.len() > 0 {
		sub.since = s.clock.now() // else nobody asks for it
	}
	if sub.group != nil {
		sub.group.accepted(sub.since, sub.starts, holding)
	}
	return true
}

// lineUp puts the tasks of an accepted submission in line that have not started.
func (s *scheduler) lineUp(sub *submission) {
	switch {
	case sub.starts == sub.tasks:
	case sub.group == nil:
		s.turns.pushSingle(sub.single)
	default:
		s.groups.push(sub.group)
		s.lineUpGroup(sub.group)
	}
}

// refuse notes that sub was not accepted.
func (s *scheduler) refuse(sub *submission) { s.stats.Rejected += uint64(sub.tasks) }

// next takes the next task out, to be run now, and makes it j. It reports false if
// there is none. Retries and fresh tasks take turns: neither waits for more than
// one of the other kind, however many there are.
func (s *scheduler) next(j *job) bool {
	retryFirst := s.retries.anyDue() && !s.retried
	found := retryFirst && s.retries.next(j) || s.nextFresh(j) || s.retries.next(j)
	if !found {
		return false
	}
	s.retried = j.attempt > 1
	s.stats.Running++
	if j.task.isLast(j.attempt) {
		s.giveBack(j)
	}
	return true
}

// nextFresh takes out the task whose turn it is for its first attempt.
func (s *scheduler) nextFresh(j *job) bool {
	for {
		first, g, ok := s.turns.pop()
		switch {
		case !ok:
			return false
		case g == nil:
			s.stats.Queued--
			*j = job{single: first, attempt: 1, holds: true}
			return true
		case s.nextOf(g, j):
			return true
		}
	}
}

// settle books the end of a job, and clears its outcome.
func (s *scheduler) settle(j *job, o *outcome) *followUp {
	s.stats.Running--
	if o.failure == nil {
		s.stats.Succeeded++
		return s.ended(j, nil)
	}
	out := *o
	*o = outcome{}
	if out.failure.WillRetry {
		return s.retry(j, out.wait)
	}
	s.stats.Failed++
	if out.panicked {
		s.stats.Panicked++
	}
	if out.stopped {
		s.stopped = append(s.stopped, out.failure.Name)
	}
	var todo *followUp
	if g := j.group; g != nil && g.stopOnError && !g.stopped {
		todo = s.stop(g, out.failure)
		todo.why = ErrSkipped
		s.stats.Skipped += uint64(len(todo.lost))
	}
	return s.ended(j, todo)
}

// retry puts j, whose attempt failed, among the retries, due after wait. It gives
// the task up if the runner or the task's group has given up in the meantime, or a
// shutdown will have by then.
func (s *scheduler) retry(j *job, wait time.Duration) *followUp {
	at := time.Now().Add(wait)
	switch {
	case s.expired || !s.deadline.IsZero() && at.After(s.deadline):
		return s.abandonRetry(j)
	case j.group != nil && j.group.stopped:
		s.stats.Skipped++
		return s.ended(j, &followUp{ctx: j.group.context(), lost: []*Task{j.task}, why: ErrSkipped})
	}
	s.stats.Retried++
	j.attempt++
	s.retries.add(&retry{job: *j, at: at}, wait)
	return nil
}

// ended notes that j's task has ended, and adds to todo what is to be done about
// its group.
func (s *scheduler) ended(j *job, todo *followUp) *followUp {
	s.giveBack(j)
	g := j.group
	if g == nil {
		return todo
	}
	g.active--
	if g.parked { // another one may start
		g.parked = false
		s.turns.pushGroup(g)
	}
	return s.finish(g, todo)
}

// endBy notes that a shutdown runs out of time then, and gives up the retries that
// are due later.
func (s *scheduler) endBy(deadline time.Time) (todo []*followUp) {
	if !s.deadline.IsZero() && !deadline.Before(s.deadline) {
		return nil
	}
	s.deadline = deadline
	for _, again := range s.retries.dueAfter(deadline) {
		if s.retries.remove(again) { // else a retry before it took it along
			todo = append(todo, s.abandonRetry(&again.job))
		}
	}
	return todo
}

// abandonRetry gives up a task whose attempt failed, for want of time. That is its
// failure, so with StopOnError the others of its group are given up, too.
func (s *scheduler) abandonRetry(j *job) *followUp {
	todo := &followUp{ctx: j.context(s.base), lost: []*Task{j.task}, why: ErrAbandoned}
	if g := j.group; g != nil && g.stopOnError && !g.stopped {
		todo = s.stop(g, ErrAbandoned)
		todo.lost = slices.Concat([]*Task{j.task}, todo.lost)
	}
	s.abandon(todo.lost)
	return s.ended(j, todo)
}

// expire gives up all that waits, but for the submitters who wait for room: a
// shutdown has run out of time.
func (s *scheduler) expire() (todo []*followUp) {
	s.expired = true
	giveUp := func(ctx context.Context, lost ...*Task) *followUp {
		s.abandon(lost)
		f := &followUp{ctx: ctx, lost: lost, why: ErrAbandoned}
		todo = append(todo, f)
		return f
	}
	for first := range s.turns.singles.all() {
		s.stats.Queued--
		s.room++
		giveUp(first.context(s.base), first.task)
	}
	for g := s.groups.first; g != nil; g = s.groups.first {
		s.finish(g, giveUp(g.context(), slices.Clone(s.dropWaiting(g))...))
	}
	for again := s.retries.oldest(); again != nil; again = s.retries.oldest() {
		s.retries.remove(again)
		s.ended(&again.job, giveUp(again.context(s.base), again.task))
	}
	s.turns, s.retries.due = turns{}, queue[*retry]{}
	return todo
}

// abandonSubmission gives up work that was promised and is not in line yet.
func (s *scheduler) abandonSubmission(sub *submission) *followUp {
	s.stats.Accepted += uint64(sub.tasks)
	g := sub.group
	if g == nil {
		todo := &followUp{ctx: sub.context(s.base), lost: []*Task{sub.task}, why: ErrAbandoned}
		s.abandon(todo.lost)
		return todo
	}
	todo := &followUp{ctx: g.context(), lost: g.waiting, why: ErrAbandoned}
	g.waiting = nil
	s.abandon(todo.lost)
	return s.finish(g, todo)
}

// abandon books tasks that are given up for want of time.
func (s *scheduler) abandon(tasks []*Task) {
	s.stats.Abandoned += uint64(len(tasks))
	s.abandoned = append(s.abandoned, names(tasks)...)
}

// turns is the line for the next free worker: of single tasks, and of groups that
// may have one more task started. Who comes first is served first.
//
// Single tasks are most of the work, and a place for one takes four words and
// no more. So groups wait in a queue of their own, and a place there says how
// many single tasks are in front of it.
type turns struct {
	singles queue[single]
	groups  queue[groupTurn]
	served  uint64 // how many single tasks have had their turn
}

// groupTurn is a group's place in the line.
type groupTurn struct {
	group *group
	after uint64 // it is served when so many single tasks have been
}

func (t *turns) pushSingle(s single) { t.singles.push(s) }

func (t *turns) pushGroup(g *group) {
	t.groups.push(groupTurn{g, t.served + uint64(t.singles.length)})
}

// pop returns whose turn it is: a group's, or a single task's if g is nil. It
// reports false if nobody is in line.
func (t *turns) pop() (s single, g *group, ok bool) {
	if first, waits := t.groups.front(); waits && first.after <= t.served {
		t.groups.pop()
		return s, first.group, true
	}
	if s, ok = t.singles.pop(); ok {
		t.served++
	}
	return s, nil, ok
}
