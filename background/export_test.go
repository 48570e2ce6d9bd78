package background

import "time"

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

// PlantRetry puts in front of the tasks to be tried again another one of the
// collection of the last of them, and does not tell the collection, so that it is
// found only by who looks through them all. It returns what takes it away.
func PlantRetry(r *Runner, task *Task) (remove func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &r.scheduler.held
	of := q.all.Last().group
	planted := &held{job: job{single: single{task: task}, group: of, attempt: 2}, place: -1}
	q.all.Insert(planted, &planted.links, nil)
	q.count(planted, +1)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		q.all.Remove(&planted.links)
		q.count(planted, -1)
	}
}

// AddTo adds a duration to a histogram.
var AddTo = (*Histogram).add

// Limits returns how many limits a runner keeps, and how many places their lines have.
func Limits(r *Runner) (limits, places int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.scheduler.limits {
		places += line.parked.Len()
	}
	return len(r.scheduler.limits), places
}

// EveryByHand is Every, with what its timer calls.
func EveryByHand(r *Runner, d time.Duration, task *Task) (stop, fire func()) {
	stop = r.Every(d, task)
	r.mu.Lock()
	defer r.mu.Unlock()
	for timer := range r.periodic {
		fire = func() { r.submitAgain(timer, task) }
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
