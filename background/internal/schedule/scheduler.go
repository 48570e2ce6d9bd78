// Package schedule decides which of a runner's tasks comes next, and keeps the books
// about them. Of a task it knows the [Terms], and nothing else: neither what it does nor
// who runs it.
//
// A task comes in as part of a [Submission], and leaves at once or, when it is its turn,
// as a [Job]. When the attempt is over the job is settled: the task has ended then, or
// waits for its time to be chosen once more. What that leaves to be done is an
// [Aftermath].
package schedule

import (
	"context"
	"time"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/clock"
	"github.com/velithon-go/velithon/background/internal/list"
	"github.com/velithon-go/velithon/background/internal/room"
)

// Scheduler holds the work that was accepted and has not ended, decides which task
// runs next, and keeps the books. It knows no workers, and is told how many of
// them are free. It is made ready by Init, and not copied after that.
//
// A mutex of its user's guards it, which is held while its methods and those of a [Walk]
// are called. A [Job] is its owner's, who needs no mutex for it.
type Scheduler[T any] struct {
	// What each submission writes to comes first: the fewer cache lines it is on,
	// the less has to be fetched from the processors that run workers.
	room             room.Room[Waiter[T]] // for tasks that wait, and the submitters who wait for it
	accepts, rejects uint64               // how many tasks were accepted, and refused
	queued           int                  // how many wait for their turns
	running          int
	wasHeld          bool                // Next chose one of held the last time
	turns            turns[T]            // who gets the next free worker
	groups           list.List[Group[T]] // those with tasks that wait, the oldest first
	held             heldQueue[T]
	clock            clock.Clock
	plain            *KindCounts            // of the tasks without a kind
	byKind           map[string]*KindCounts // with plain, which has no name
	limits           map[*Limit]*limitLine[T]

	paused     map[string]*limitLine[T] // by kind; nil as long as none was
	limitsKept int                      // at how many limits those not needed are forgotten

	terms   func(T) *Terms
	name    func(T) string
	due     func(lineUp func())
	base    context.Context
	workers int

	deadline  time.Time // when a shutdown runs out of time, unless it is zero
	closing   bool      // a shutdown has begun
	expired   bool      // it has run out of time
	tooLate   bool      // some were to be tried again when there is no time any more
	lost      []*Aftermath[T]
	abandoned []string // the names of the tasks that were given up for want of time
	stopped   []string // and of those that failed after they were asked to end
}

// Options are what a [Scheduler] needs. All are required.
type Options[T any] struct {
	Workers int             // how many tasks may run at once
	Room    int             // how many may wait
	Base    context.Context // of all tasks
	Terms   func(T) *Terms  // has to return the same each time; with the mutex held or not
	Name    func(T) string  // likewise

	// Due is called on a goroutine of its own when something may run whose time has
	// come. It has to call lineUp with the mutex held, and to look for what comes next.
	Due func(lineUp func())
}

// Init makes the zero Scheduler ready.
func (s *Scheduler[T]) Init(o Options[T]) {
	s.workers, s.base, s.terms, s.name, s.due = o.Workers, o.Base, o.Terms, o.Name, o.Due
	s.room = room.New[Waiter[T]](o.Room)
	s.clock.Epoch = time.Now().Add(-time.Nanosecond)
	s.limits = make(map[*Limit]*limitLine[T])
	s.plain = new(KindCounts)
	s.byKind = map[string]*KindCounts{"": s.plain}
	s.held.alarm = alarm.Alarm{Call: func() { s.due(s.held.lineUpDue) }}
}

// Elapsed returns the time since the scheduler was made. It may be called without the
// mutex.
func (s *Scheduler[T]) Elapsed() time.Duration { return time.Since(s.clock.Epoch) }

// At returns the time of an Elapsed.
func (s *Scheduler[T]) At(elapsed time.Duration) time.Time { return s.clock.Epoch.Add(elapsed) }

// Accept takes sub in and reports true, if there is room for it. So many workers are
// free, and nobody else is in line for them: [Submission.Starts] of the tasks start at
// once. The caller gives them to workers by Start, and has the rest lined up.
func (s *Scheduler[T]) Accept(sub *Submission[T], free int) bool {
	if s.room.Waiting() == 0 {
		return s.accept(sub, free, s.room.Free)
	}
	return s.accept(sub, free, s.spared(free))
}

// accept is Accept with so much room.
func (s *Scheduler[T]) accept(sub *Submission[T], free, room int) bool {
	sub.starts = sub.most(free)
	holding := sub.Tasks - sub.starts
	if !sub.Plain {
		holding = s.holding(sub, free)
	}
	if s.room.Weight(holding) > room {
		return false
	}
	if !sub.Plain {
		sub.starts = s.starting(sub, free)
		holding = sub.Tasks - sub.starts + s.waitingAgain(sub)
	}
	s.room.Free -= s.room.Weight(holding) // below none, until those have started that do so besides
	s.accepts += uint64(sub.Tasks)
	s.running += sub.starts
	s.queued += sub.Tasks - sub.starts
	sub.since = s.clock.Now()
	if sub.Group != nil {
		sub.Group.accepted(sub, holding)
	}
	return true
}

// Refuse notes that so many tasks were not accepted.
func (s *Scheduler[T]) Refuse(tasks int) { s.rejects += uint64(tasks) }

// Start takes the first task that has not started out of an accepted submission, and
// makes j, which is zero, its job.
func (s *Scheduler[T]) Start(sub *Submission[T], j *Job[T]) {
	if sub.Group != nil {
		j.Task, j.group = sub.Group.take(), sub.Group
	} else {
		j.Single = sub.Single
	}
	j.Attempt, j.atOnce = 1, true
	if !sub.Plain {
		j.terms = s.terms(j.Task)
		j.holds = !j.terms.IsLast(1)
		s.begin(j)
	}
}

// LineUpRest puts those tasks of an accepted submission that have not started where
// they have to wait.
func (s *Scheduler[T]) LineUpRest(sub *Submission[T]) {
	switch g := sub.Group; {
	case g != nil:
		s.groups.Push(g, &g.links)
		if !sub.Plain && sub.starts == 0 {
			s.postponeFirst(g)
		}
		s.lineUpGroup(g)
	case sub.Plain:
		s.turns.singles.Push(sub.Single)
	default:
		s.lineUpByTerms(sub.Single)
	}
}

// postponeFirst has the first tasks of a group wait for their times, which need no
// worker for that.
func (s *Scheduler[T]) postponeFirst(g *Group[T]) {
	for len(g.Waiting) > 0 && g.active < g.Limit {
		wait := s.terms(g.Waiting[0]).Delay()
		if wait <= 0 {
			break
		}
		var j Job[T]
		s.takeFirst(g, &j)
		s.postpone(&j, wait)
	}
}

// lineUpByTerms puts a single task where it has to wait. One with a limit waits with the
// others, who take turns.
func (s *Scheduler[T]) lineUpByTerms(single Single[T]) {
	j := Job[T]{Single: single, Attempt: 1, holds: true, terms: s.terms(single.Task)}
	wait, limit := j.terms.Delay(), j.terms.limit()
	switch {
	case wait > 0:
		s.queued--
		s.postpone(&j, wait)
	case limit != nil:
		s.queued--
		s.lineUp(s.park(&j, s.lineOf(limit)))
	default:
		s.turns.singles.Push(single)
	}
}

// Next takes the next task out, to be run now, and makes it j. It reports false if
// there is none.
func (s *Scheduler[T]) Next(j *Job[T]) bool {
	for s.choose(j) {
		if j.terms != nil {
			if s.holdsBack(j) || !s.admits(j) {
				continue
			}
			s.begin(j)
		}
		s.running++
		if j.terms.IsLast(j.Attempt) {
			s.giveBack(j)
		}
		return true
	}
	return false
}

// NextAtOnce is Next where nothing is in line but what was only just accepted, so that
// it is nobody's turn.
func (s *Scheduler[T]) NextAtOnce(j *Job[T]) bool {
	wasHeld := s.wasHeld
	ok := s.Next(j)
	s.wasHeld, j.atOnce = wasHeld, true
	return ok
}

// choose takes out the task whose turn it is. Those whose time has come and fresh
// ones take turns: neither waits for more than one of the other kind, however many
// there are.
func (s *Scheduler[T]) choose(j *Job[T]) bool {
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
func (s *Scheduler[T]) nextFresh(j *Job[T]) bool {
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
			s.queued--
			*j = Job[T]{Single: first, Attempt: 1, holds: true, terms: s.terms(first.Task)}
			return true
		}
	}
}

// Settle books the end of a job, and clears its outcome. It returns nil if nothing is
// left to do.
func (s *Scheduler[T]) Settle(j *Job[T], o *Outcome) *Aftermath[T] {
	s.running--
	if j.takes {
		s.release(j)
	}
	k := s.countsOf(j.terms)
	if o.Err == nil {
		k.Succeeded++
		return s.ended(j, nil)
	}
	out := *o
	*o = Outcome{}
	if out.Again {
		return s.retry(j, out.Wait)
	}
	k.Failed++
	if out.Panicked {
		k.Panicked++
	}
	if out.Stopped {
		s.stopped = append(s.stopped, s.name(j.Task))
	}
	var todo *Aftermath[T]
	if g := j.group; g != nil && g.StopOnError && !g.stopped {
		todo = s.stop(g, ErrSkipped, out.Err)
	}
	return s.ended(j, todo)
}

// retry puts j, whose attempt failed, among the retries, due after wait. It gives
// the task up if the runner or the task's group has given up in the meantime, or a
// shutdown will have by then.
func (s *Scheduler[T]) retry(j *Job[T], wait time.Duration) *Aftermath[T] {
	if j.terms.isCanceled() {
		wait = 0
	}
	at := time.Now().Add(wait)
	j.Attempt++
	switch {
	case s.expired || !s.deadline.IsZero() && at.After(s.deadline):
		return s.abandonHeld(j)
	case j.group != nil && j.group.stopped:
		return s.ended(j, s.giveUp(j.group.context(), ErrSkipped, j.Task))
	}
	s.countsOf(j.terms).Retried++
	s.held.add(&held[T]{Job: *j, at: at})
	return nil
}

// postpone has j, a first attempt, wait for its time. Once a shutdown has begun, that
// will not come: the task is among those that were lost then.
func (s *Scheduler[T]) postpone(j *Job[T], wait time.Duration) {
	if s.closing {
		s.lost = append(s.lost, s.abandonHeld(j))
		return
	}
	s.held.add(&held[T]{Job: *j, at: time.Now().Add(wait)})
}

// Hasten lines up at once the task that somebody follows and has cancelled, if it waits
// for its time or its limit.
func (s *Scheduler[T]) Hasten(f Follower) { s.held.hasten(f) }

// ended notes that j's task has ended, and adds to todo what is to be done about
// its group.
func (s *Scheduler[T]) ended(j *Job[T], todo *Aftermath[T]) *Aftermath[T] {
	s.giveBack(j)
	g := j.group
	if g == nil {
		return todo
	}
	g.active--
	if g.parked { // another one may start
		g.parked = false
		s.turns.push(turn[T]{group: g})
	}
	return s.finish(g, todo)
}
