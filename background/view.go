package background

import (
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
			info := Info{Name: s.task.Name(), State: s.state, Attempt: s.attempt, Since: s.since}
			if h := s.task.handle(); h != nil {
				info = h.Info()
			}
			info.Due, info.Context = s.due, s.context(r.base)
			if !info.State.Ended() && !yield(info) { // one that was cancelled may still have its place
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
		for _, stage := range [...]func() bool{w.singles, w.groups, w.held, w.workers} {
			for more := true; more; {
				more = w.turn(stage)
				for i := range w.found {
					if !yield(&w.found[i]) {
						return
					}
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

// walk is a look at the tasks that are there when it begins, page by page. The lists move
// its places on when what is there leaves.
type walk struct {
	runner *Runner
	found  []sight // the page

	single, lastSingle uint64 // how many single tasks have had their turn or were seen, and how many there were

	atGroup *list.Cursor[group]
	group   *group // where it was before
	unseen  int    // how many of its tasks are yet to be seen: the last ones

	atHeld   *list.Cursor[held]
	lastHeld uint64
}

func beginWalk(r *Runner) *walk {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.scheduler
	return &walk{
		runner:     r,
		single:     s.turns.served,
		lastSingle: s.turns.served + uint64(s.turns.singles.Len()),
		atGroup:    s.groups.Begin(),
		atHeld:     s.held.all.Begin(),
		lastHeld:   s.held.added,
	}
}

func (w *walk) end() {
	w.runner.mu.Lock()
	defer w.runner.mu.Unlock()
	w.atGroup.End()
	w.atHeld.End()
}

// turn turns to the next page, which may be empty, and reports whether the stage has
// more.
func (w *walk) turn(stage func() bool) bool {
	w.runner.mu.Lock()
	defer w.runner.mu.Unlock()
	w.found = w.found[:0]
	return stage()
}

// see adds a task to the page, and reports whether that is full.
func (w *walk) see(j job, state State, due time.Time) (full bool) {
	since := w.runner.scheduler.clock.Epoch.Add(j.accepted())
	w.found = append(w.found, sight{job: j, state: state, since: since, due: due})
	return len(w.found) >= page
}

func (w *walk) singles() bool {
	t := &w.runner.scheduler.turns
	w.single = max(w.single, t.served)
	for s := range t.singles.From(int(w.single - t.served)) {
		if w.single >= w.lastSingle {
			break
		}
		w.single++
		if w.see(job{single: s}, Waiting, time.Time{}) {
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
			if w.see(job{single: single{task: task}, group: g}, Waiting, time.Time{}) {
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
		w.see(j, state, h.at)
	}
	return true
}

func (w *walk) workers() bool {
	for a := range w.runner.pool.Works() {
		if a.task != nil {
			w.see(a.job, Running, time.Time{})
		}
	}
	return false
}
