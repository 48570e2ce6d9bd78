package background

import (
	"time"
)

// WaitAfter is the wait of a Retry after the given attempt.
var WaitAfter = (*Retry).wait

// Workers returns how many workers r has.
func Workers(r *Runner) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for range r.pool.Works() {
		n++
	}
	return n
}

// EveryByHand is Every, with what its timer calls.
func EveryByHand(r *Runner, d time.Duration, task *Task) (stop, fire func()) {
	stop = r.Every(d, task)
	r.mu.Lock()
	defer r.mu.Unlock()
	for timer := range r.periodic {
		fire = func() { r.submitAgain(timer, unit{task: task}) }
	}
	return stop, fire
}

// NextTime returns when a periodic task is submitted next, whose first part is random;
// zero if it is not.
func NextTime(r *Runner, task *Task) (next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for timer, of := range r.periodic {
		if of == task {
			next = timer.At()
		}
	}
	return next
}
