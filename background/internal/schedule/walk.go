package schedule

import (
	"time"

	"github.com/velithon-go/velithon/background/internal/list"
)

// page is how many tasks are looked at with the mutex held.
const page = 256

// Sight is a task as it was seen.
type Sight[T any] struct {
	Job[T] // whose Attempt is how many have begun
	State  State
	Since  time.Time // when the task was accepted
	Due    time.Time // when it may start at the earliest, if it waits for that
}

// Walk is a look at the tasks that wait when it begins, page by page: those that wait
// for a worker, single ones first, and those that wait for more. The scheduler may go on
// in between: the lists move the places of the walk on when what is there leaves.
type Walk[T any] struct {
	scheduler *Scheduler[T]
	found     []Sight[T]    // the page
	stages    []func() bool // yet to be gone through; each adds to found, and reports whether there is more

	single, lastSingle uint64 // how many single tasks have had their turn or were seen, and how many there were

	atGroup *list.Cursor[Group[T]]
	group   *Group[T] // where it was before
	unseen  int       // how many of its tasks are yet to be seen: the last ones

	atHeld   *list.Cursor[held[T]]
	lastHeld uint64
}

// Walk begins one, which has to be ended.
func (s *Scheduler[T]) Walk() *Walk[T] {
	w := &Walk[T]{
		scheduler:  s,
		single:     s.turns.served,
		lastSingle: s.turns.served + uint64(s.turns.singles.Len()),
		atGroup:    s.groups.Begin(),
		atHeld:     s.held.all.Begin(),
		lastHeld:   s.held.added,
	}
	w.stages = []func() bool{w.singles, w.groups, w.held}
	return w
}

// End ends the walk.
func (w *Walk[T]) End() {
	w.atGroup.End()
	w.atHeld.End()
}

// Next returns the next page, which may be empty and is good until the next call, and
// false if there is none.
func (w *Walk[T]) Next() ([]Sight[T], bool) {
	if len(w.stages) == 0 {
		return nil, false
	}
	w.found = w.found[:0]
	if more := w.stages[0](); !more {
		w.stages = w.stages[1:]
	}
	return w.found, true
}

// See returns the sight of a job.
func (s *Scheduler[T]) See(j *Job[T], state State, due time.Time) Sight[T] {
	return Sight[T]{Job: *j, State: state, Since: s.clock.Epoch.Add(j.accepted()), Due: due}
}

// see adds a task to the page, and reports whether that is full.
func (w *Walk[T]) see(j *Job[T], state State, due time.Time) (full bool) {
	w.found = append(w.found, w.scheduler.See(j, state, due))
	return len(w.found) >= page
}

func (w *Walk[T]) singles() bool {
	t := &w.scheduler.turns
	w.single = max(w.single, t.served)
	for s := range t.singles.From(int(w.single - t.served)) {
		if w.single >= w.lastSingle {
			break
		}
		w.single++
		if w.see(&Job[T]{Single: s}, Waiting, time.Time{}) {
			return true
		}
	}
	return false
}

func (w *Walk[T]) groups() bool {
	for g := w.atGroup.Item(); g != nil; g = w.atGroup.Next() {
		if g != w.group {
			w.group, w.unseen = g, len(g.Waiting)
		}
		w.unseen = min(w.unseen, len(g.Waiting))
		for _, task := range g.Waiting[len(g.Waiting)-w.unseen:] {
			w.unseen--
			if w.see(&Job[T]{Single: Single[T]{Task: task}, group: g}, Waiting, time.Time{}) {
				return true
			}
		}
	}
	return false
}

func (w *Walk[T]) held() bool {
	for range page {
		h := w.atHeld.Item()
		if h == nil {
			return false
		}
		w.atHeld.Next()
		if h.seq >= w.lastHeld { // it has come meanwhile, and stands with its group
			continue
		}
		j, state := h.Job, h.state()
		j.Attempt-- // it is to be the next
		if h.due {
			state = Waiting // in line
		}
		w.see(&j, state, h.at)
	}
	return true
}
