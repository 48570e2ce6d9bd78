package background

import "time"

// WaitAfter is the wait of a Retry after the given attempt.
var WaitAfter = (*Retry).wait

// Workers returns how many workers r has.
func Workers(r *Runner) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pool.all)
}

// PlantRetry puts in front of the tasks to be tried again another one of the
// collection of the last of them, and does not tell the collection, so that it is
// found only by who looks through them all. It returns what takes it away.
func PlantRetry(r *Runner, task *Task) (remove func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := &r.scheduler.retries.all
	of := all.Back().Value.(*retry).group
	planted := &retry{job: job{single: single{task: task}, group: of}, timer: time.NewTimer(time.Hour)}
	e := all.PushFront(planted)
	planted.element = e
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		all.Remove(e)
	}
}
