package background

import (
	"context"
	"time"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/clock"
	"github.com/velithon-go/velithon/background/internal/list"
	"github.com/velithon-go/velithon/background/internal/queue"
	"github.com/velithon-go/velithon/background/internal/room"
)

// scheduler holds the work that was accepted and has not ended, decides which task
// runs next, and keeps the books. It knows no workers, and is told how many of
// them are free.
//
// A task comes in by accept, as part of a submission, and leaves at once, or by next,
// as a job. settle takes the job back: its task has ended then, or waits among the
// retries for next to choose it once more.
//
// The runner's mutex guards the scheduler, and is held while its methods are
// called. What they leave to be done without the mutex they return as a followUp.
type scheduler struct {
	// What each submission writes to comes first: the fewer cache lines it is on,
	// the less has to be fetched from the processors that run workers.
	room    room.Room[waiter] // for tasks that wait, and the submitters who wait for it
	stats   Stats             // Accepted, Rejected, Queued and Running only
	wasHeld bool              // next chose one of held the last time
	turns   turns             // who gets the next free worker
	groups  list.List[group]  // those with tasks that wait, the oldest first
	held    heldQueue
	clock   clock.Clock
	plain   *KindStats  // what is counted of the tasks without a kind
	byKind  statsByKind // with plain
	limits  map[*Limit]*limitLine

	limitsKept int // at how many limits those not needed are forgotten

	workers int             // RunnerOptions.Workers
	base    context.Context // of all tasks

	limitDue func(*limitLine) // called by a timer, without the mutex

	deadline  time.Time // when a Shutdown runs out of time, unless it is zero
	closing   bool      // a Shutdown has begun
	expired   bool      // it has run out of time
	tooLate   bool      // some were to be tried again when there is no time any more
	lost      []*followUp
	abandoned []string // the tasks that were given up for want of time
	stopped   []string // those that failed after they were asked to end
}

// newScheduler returns a scheduler for a runner with these options. base is the
// context of all tasks. When the time of tasks has come timeDue is called, and
// limitDue when a limit allows more, both without the mutex: they have to line it up.
func newScheduler(base context.Context, options RunnerOptions, timeDue func(), limitDue func(*limitLine)) scheduler {
	plain := new(KindStats)
	return scheduler{
		workers: options.Workers,
		room:    room.New[waiter](options.Queue),
		base:    base,
		clock:   clock.Clock{Epoch: time.Now().Add(-time.Nanosecond)},
		limits:  make(map[*Limit]*limitLine),
		plain:   plain,
		byKind:  statsByKind{nil: plain},
		held:    heldQueue{alarm: alarm.Alarm{Call: timeDue}},

		limitDue: limitDue,
	}
}

// job is one attempt at a task.
type job struct {
	single         // of a group's task, just the task
	group   *group // nil for a single task
	attempt int
	span    *span      // of all attempts; nil without a limit, and before the first
	holds   bool       // it holds room: it may have to wait again
	atOnce  bool       // it found a free worker when it was accepted
	takes   *limitLine // the limit of which it has taken a part; nil before it starts
}

// span is the time that all attempts at a task have.
type span struct {
	end  time.Time
	last error // how the last attempt failed
}

// until returns when all attempts have to be over; zero without a limit.
func (j *job) until() (end time.Time) {
	if j.span != nil {
		end = j.span.end
	}
	return end
}

// begin notes when all attempts have to be over, if j is the first.
func (j *job) begin() {
	if j.attempt > 1 {
		return
	}
	if end := j.task.until(); !end.IsZero() {
		j.span = &span{end: end}
	}
}

// accepted returns when the task was accepted, since the clock's epoch.
func (j *job) accepted() time.Duration {
	if j.group != nil {
		return j.group.since
	}
	return j.since
}

// context returns the context of j's task, made from the one of all tasks.
func (j *job) context(base context.Context) context.Context {
	if j.group != nil {
		return j.group.context()
	}
	return j.single.context(base)
}

// accept takes sub in and reports true, if so much room is enough for it. So many
// workers are free, and nobody else is in line for them: sub.starts of the tasks
// start at once. The caller gives them to workers, and has the rest lined up.
func (s *scheduler) accept(sub *submission, free, room int) bool {
	sub.starts = sub.most(free)
	holding := sub.tasks - sub.starts
	if !sub.plain {
		holding = sub.holding(free)
	}
	if s.room.Weight(holding) > room {
		return false
	}
	if !sub.plain {
		sub.starts = sub.starting(free)
		holding = sub.tasks - sub.starts + sub.waitingAgain()
	}
	s.room.Free -= s.room.Weight(holding) // below none, until those have started that do so besides
	s.stats.Accepted += uint64(sub.tasks)
	s.stats.Running += sub.starts
	s.stats.Queued += sub.tasks - sub.starts
	sub.since = s.clock.Now()
	if sub.group != nil {
		sub.group.accepted(sub.since, sub.starts, holding)
	}
	return true
}

// lineUpRest puts those tasks of an accepted submission that have not started where
// they have to wait.
func (s *scheduler) lineUpRest(sub *submission) {
	switch g := sub.group; {
	case g != nil:
		s.groups.Push(g, &g.links)
		if !sub.plain && sub.starts == 0 {
			s.postponeFirst(g)
		}
		s.lineUpGroup(g)
	case sub.plain:
		s.turns.pushSingle(sub.single)
	default:
		s.lineUpAsSet(sub.single)
	}
}

// postponeFirst has the first tasks of a group wait for their times, which need no
// worker for that.
func (s *scheduler) postponeFirst(g *group) {
	for len(g.waiting) > 0 && g.active < g.limit {
		wait := g.waiting[0].delay()
		if wait <= 0 {
			break
		}
		var j job
		s.takeFirst(g, &j)
		s.postpone(&j, wait)
	}
}

// lineUpAsSet puts a single task with settings where it has to wait. One with a limit
// waits with the others, who take turns.
func (s *scheduler) lineUpAsSet(sub single) {
	j := job{single: sub, attempt: 1, holds: true}
	wait, limit := j.task.delay(), j.task.limit()
	switch {
	case wait > 0:
		s.stats.Queued--
		s.postpone(&j, wait)
	case limit != nil:
		s.stats.Queued--
		s.lineUp(s.park(&j, s.lineOf(limit)))
	default:
		s.turns.pushSingle(sub)
	}
}

// refuse notes that sub was not accepted.
func (s *scheduler) refuse(sub *submission) { s.stats.Rejected += uint64(sub.tasks) }

// next takes the next task out, to be run now, and makes it j. It reports false if
// there is none.
func (s *scheduler) next(j *job) bool {
	for s.choose(j) {
		if j.task.settings != nil {
			if !s.admits(j) {
				continue
			}
			j.begin()
		}
		s.stats.Running++
		if j.task.isLast(j.attempt) {
			s.giveBack(j)
		}
		return true
	}
	return false
}

// choose takes out the task whose turn it is. Those whose time has come and fresh
// ones take turns: neither waits for more than one of the other kind, however many
// there are.
func (s *scheduler) choose(j *job) bool {
	isHeld := s.held.due.Len() > 0 && !s.wasHeld && s.held.next(j)
	if !isHeld && !s.nextFresh(j) {
		if isHeld = s.held.due.Len() > 0 && s.held.next(j); !isHeld {
			return false
		}
	}
	s.wasHeld = isHeld
	return true
}

// nextFresh takes out the task whose turn it is for its first attempt.
func (s *scheduler) nextFresh(j *job) bool {
	for {
		first, of, ok := s.turns.pop()
		switch {
		case !ok:
			return false
		case of.group != nil:
			if s.nextOf(of.group, j) {
				return true
			}
		case of.limit != nil:
			if s.nextLimited(of.limit, j) {
				return true
			}
		default:
			s.stats.Queued--
			*j = job{single: first, attempt: 1, holds: true}
			return true
		}
	}
}

// settle books the end of a job, and clears its outcome.
func (s *scheduler) settle(j *job, o *outcome) *followUp {
	s.stats.Running--
	if j.takes != nil {
		s.release(j)
	}
	k := s.statsOf(j.task)
	if o.failure == nil {
		k.Succeeded++
		return s.ended(j, nil)
	}
	out := *o
	*o = outcome{}
	if out.failure.WillRetry {
		return s.retry(j, out.wait)
	}
	k.Failed++
	if out.panicked {
		k.Panicked++
	}
	if out.stopped {
		s.stopped = append(s.stopped, out.failure.Name)
	}
	var todo *followUp
	if g := j.group; g != nil && g.stopOnError && !g.stopped {
		todo = s.stop(g, ErrSkipped, out.failure)
	}
	return s.ended(j, todo)
}

// retry puts j, whose attempt failed, among the retries, due after wait. It gives
// the task up if the runner or the task's group has given up in the meantime, or a
// shutdown will have by then.
func (s *scheduler) retry(j *job, wait time.Duration) *followUp {
	if j.task.handle().canceled() != nil {
		wait = 0
	}
	at := time.Now().Add(wait)
	j.attempt++
	switch {
	case s.expired || !s.deadline.IsZero() && at.After(s.deadline):
		return s.abandonHeld(j)
	case j.group != nil && j.group.stopped:
		return s.ended(j, s.giveUp(j.group.context(), ErrSkipped, j.task))
	}
	s.statsOf(j.task).Retried++
	s.held.add(&held{job: *j, at: at})
	return nil
}

// postpone has j, a first attempt, wait for its time. Once a shutdown has begun, that
// will not come: the task is among those that were lost then.
func (s *scheduler) postpone(j *job, wait time.Duration) {
	if s.closing {
		s.lost = append(s.lost, s.abandonHeld(j))
		return
	}
	s.held.add(&held{job: *j, at: time.Now().Add(wait)})
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
		s.turns.push(turn{group: g})
	}
	return s.finish(g, todo)
}

// turns is the line for the next free worker: of single tasks, and of groups and
// limits that may have one more task started. Who comes first is served first.
//
// Single tasks are most of the work, and a place for one takes four words and
// no more. So the others wait in a queue of their own, and a place there says how
// many single tasks are in front of it.
type turns struct {
	singles queue.Queue[single]
	others  queue.Queue[turn]
	served  uint64 // how many single tasks have had their turn
}

// turn is the place in the line of a group, or of the tasks that wait for a limit.
type turn struct {
	group *group
	limit *limitLine
	after uint64 // it is served when so many single tasks have been
}

func (t *turns) pushSingle(s single) { t.singles.Push(s) }

func (t *turns) push(of turn) {
	of.after = t.served + uint64(t.singles.Len())
	t.others.Push(of)
}

// pop returns whose turn it is: a single task's, if it is neither a group's nor a
// limit's. It reports false if nobody is in line.
func (t *turns) pop() (s single, of turn, ok bool) {
	if first, waits := t.others.Front(); waits && first.after <= t.served {
		t.others.Pop()
		return s, first, true
	}
	if s, ok = t.singles.Pop(); ok {
		t.served++
	}
	return s, of, ok
}
