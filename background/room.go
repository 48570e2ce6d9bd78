package background

import "time"

// Room is what bounds the tasks that are accepted and have not finished: one that
// waits, for its first or its next attempt, holds one of Queue places, and so does
// one that runs and may have to wait again, since a retry is never refused. A task
// that runs its last attempt holds none.

// demand is what accepting a submission now would take.
type demand struct {
	start   int // how many of its tasks find a free worker
	holding int // how many would hold room: the others, and those that may have to wait again
}

// demand returns it for so many free workers.
func (s *submission) demand(free int) demand {
	start := min(s.tasks, s.limit, free)
	return demand{start, s.tasks - start + s.mayWaitAgain(start)}
}

func (r *Runner) demandLocked(s *submission) demand {
	// If a worker is free nothing else is due that could claim it; see
	// dispatchLocked.
	return s.demand(r.pool.free())
}

// weight is how much room n tasks take: a collection larger than the queue takes
// all of it, since it would never be accepted otherwise.
func (r *Runner) weight(n int) int { return min(n, r.options.Queue) }

// sparedLocked returns how much room there is for those who are not the oldest of
// the waiters.
func (r *Runner) sparedLocked() int {
	if r.blocked.len() == 0 {
		return r.room
	}
	d := r.demandLocked(&r.blocked.oldest().submission)
	if r.blocked.old+r.weight(d.holding) > r.options.Queue {
		return r.room
	}
	return 0
}

// markLocked notes that another waiter is the oldest now.
func (r *Runner) markLocked() {
	r.blocked.mark, r.blocked.old = r.clock.mark(), r.options.Queue-r.room
}

// giveBackLocked returns the room of j's task, if it holds any.
func (r *Runner) giveBackLocked(j *job) {
	switch {
	case !j.holds:
		return
	case j.group != nil:
		r.giveBackOfLocked(j.group, 1)
	default:
		r.freeRoomLocked(j.since, 1)
	}
	j.holds = false
}

// giveBackOfLocked returns the room of n tasks of the group.
func (r *Runner) giveBackOfLocked(g *group, n int) {
	before := r.weight(g.held)
	g.held -= n
	r.freeRoomLocked(g.since, before-r.weight(g.held))
}

// freeRoomLocked notes that there is room for n more tasks, which was held by what
// had been accepted at that time.
func (r *Runner) freeRoomLocked(since time.Duration, n int) {
	r.room += n
	if since <= r.blocked.mark {
		r.blocked.old -= n
	}
}
