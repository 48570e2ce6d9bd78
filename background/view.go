package background

import (
	"context"
	"iter"
	"time"

	"github.com/velithon-go/velithon/background/internal/list"
)

// page is how many tasks are looked at with the mutex held.
const page = 256

// Tasks yields what is known of each task of the runner that has not ended: those that
// wait for a worker, single ones first, those that wait for their time or limit, and
// those that run. The runner goes on meanwhile, also while the loop is under way, so a
// task that comes into another state may be seen twice, or not at all.
func (r *Runner) Tasks() iter.Seq[Info] {
	r.mustBeMade()
	return func(yield func(Info) bool) {
		for s := range r.sights() {
			if info := s.info(r.base); !info.State.Ended() && !yield(info) {
				return
			}
		}
	}
}

// sights yields the tasks without what their contexts and handles know.
func (r *Runner) sights() iter.Seq[*sight] {
	return func(yield func(*sight) bool) {
		w := beginWalk(r)
		defer w.end()
		for w.next() {
			for i := range w.found {
				if !yield(&w.found[i]) {
					return
				}
			}
		}
	}
}

// sight is a task as it was seen.
type sight struct {
	job
	state State
	since time.Time
	due   time.Time
}

// info tells what was seen. It is called without the mutex, since the context may be
// the user's.
func (s *sight) info(base context.Context) Info {
	info := Info{Name: s.task.Name(), State: s.state, Attempt: s.attempt, Since: s.since}
	if h := s.task.handle(); h != nil {
		info = h.Info()
	}
	info.Due, info.Context = s.due, s.context(base)
	return info
}

// walk is a look at all tasks, page by page.
type walk struct {
	runner *Runner
	stages []func(*walk) bool // those that are left; each reports whether it has more
	found  []sight            // the page

	lastSingle, lastHeld uint64 // how many there have been when the walk began

	single  uint64 // how many single tasks have had their turn or were seen
	atGroup *list.Cursor[group]
	group   *group // where it was before
	unseen  int    // how many of its tasks are yet to be seen: the last ones
	atHeld  *list.Cursor[held]
}

// beginWalk begins a walk that ends with the tasks that are there now.
func beginWalk(r *Runner) *walk {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.scheduler
	return &walk{
		runner:     r,
		stages:     []func(*walk) bool{(*walk).singles, (*walk).groups, (*walk).held, (*walk).workers},
		single:     s.turns.served,
		lastSingle: s.turns.served + uint64(s.turns.singles.Len()),
		lastHeld:   s.held.added,
		atGroup:    s.groups.Begin(),
		atHeld:     s.held.all.Begin(),
	}
}

func (w *walk) end() {
	w.runner.mu.Lock()
	defer w.runner.mu.Unlock()
	w.atGroup.End()
	w.atHeld.End()
}

// next looks at the next page, which may be empty, and reports false at the end.
func (w *walk) next() bool {
	w.found = w.found[:0]
	if len(w.stages) == 0 {
		return false
	}
	w.runner.mu.Lock()
	defer w.runner.mu.Unlock()
	if !w.stages[0](w) {
		w.stages = w.stages[1:]
	}
	return true
}

// see adds a task to the page, and reports whether there is room for more.
func (w *walk) see(j job, state State, since time.Duration, due time.Time) bool {
	w.found = append(w.found, sight{job: j, state: state, since: w.runner.scheduler.clock.Epoch.Add(since), due: due})
	return len(w.found) < page
}

func (w *walk) singles() bool {
	t := &w.runner.scheduler.turns
	w.single = max(w.single, t.served)
	for s := range t.singles.From(int(w.single - t.served)) {
		if w.single >= w.lastSingle {
			break
		}
		w.single++
		if !w.see(job{single: s}, Waiting, s.since, time.Time{}) {
			return true
		}
	}
	return false
}

func (w *walk) groups() bool {
	for g := w.atGroup.Item(); g != nil; g = w.atGroup.Next() {
		if g != w.group {
			w.group, w.unseen = g, len(g.waiting)
		}
		w.unseen = min(w.unseen, len(g.waiting))
		for _, task := range g.waiting[len(g.waiting)-w.unseen:] {
			w.unseen--
			if !w.see(job{single: single{task: task}, group: g}, Waiting, g.since, time.Time{}) {
				return true
			}
		}
	}
	return false
}

func (w *walk) held() bool {
	for range page {
		h := w.atHeld.Item()
		if h == nil {
			return false
		}
		w.atHeld.Next()
		if h.seq >= w.lastHeld { // it has come meanwhile, and stands with its group
			continue
		}
		j, state := h.job, h.state()
		j.attempt-- // it is to be the next
		if h.due {
			state = Waiting // in line
		}
		w.see(j, state, h.accepted(), h.at)
	}
	return true
}

func (w *walk) workers() bool {
	for worker := range w.runner.pool.all {
		if worker.job.task != nil {
			w.see(worker.job, Running, worker.job.accepted(), time.Time{})
		}
	}
	return false
}
