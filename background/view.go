package background

import (
	"iter"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// Tasks yields what is known of the tasks of the runner in these states or, without one, of
// all that have not ended: those that wait for a worker, single ones first, those that wait
// for their time or limit, and those that run. The runner goes on meanwhile, also while the
// loop is under way, so a task that comes into another state may be seen twice, or not at
// all. Those that run are found at once, however many wait.
func (r *Runner) Tasks(in ...State) iter.Seq[Info] {
	r.mustBeMade()
	return func(yield func(Info) bool) {
		sights := r.sights()
		if len(in) == 1 && in[0] == Running {
			sights = func(yield func(*sight) bool) { r.yieldRunning(yield) }
		}
		for s := range sights {
			info, h := Info{State: State(s.State), Attempt: s.Attempt, Since: s.Since}, s.Task.handle()
			if h != nil {
				info = h.Info()
			}
			// One that was cancelled may still have its place.
			if info.State.Ended() || len(in) > 0 && !slices.Contains(in, info.State) {
				continue
			}
			if h == nil {
				info.Name, info.Kind = s.Task.Name(), s.Task.Kind()
				if began := s.Began(); info.State == Running && began > 0 {
					info.Since = r.scheduler.At(began)
				}
			}
			info.Due, info.Limit, info.Context = s.Due, s.Task.limit(), s.Context(r.base)
			info.Task = s.Task.original()
			if !yield(info) {
				return
			}
		}
	}
}

// sight is a task as it was seen.
type sight = schedule.Sight[*Task]

// sights yields the tasks without what their contexts and handles know.
func (r *Runner) sights() iter.Seq[*sight] {
	return func(yield func(*sight) bool) {
		w := r.beginWalk()
		defer r.endWalk(w)
		for page, more := r.nextPage(w); more; page, more = r.nextPage(w) {
			for i := range page {
				if !yield(&page[i]) {
					return
				}
			}
		}
		r.yieldRunning(yield)
	}
}

// yieldRunning yields those of the tasks that run.
func (r *Runner) yieldRunning(yield func(*sight) bool) {
	running := r.runningSights()
	for i := range running {
		if !yield(&running[i]) {
			return
		}
	}
}

func (r *Runner) beginWalk() *schedule.Walk[*Task] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scheduler.Walk()
}

func (r *Runner) endWalk(w *schedule.Walk[*Task]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.End()
}

func (r *Runner) nextPage(w *schedule.Walk[*Task]) ([]sight, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.Next()
}

// runningSights returns those of the tasks that run.
func (r *Runner) runningSights() (all []sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for a := range r.pool.Works() {
		if a.Task != nil {
			all = append(all, r.scheduler.See(&a.Job, schedule.Running, time.Time{}))
		}
	}
	return all
}
