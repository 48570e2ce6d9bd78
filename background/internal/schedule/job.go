package schedule

import (
	"context"
	"errors"
	"time"
)

// Single is a task that was submitted by itself.
type Single[T any] struct {
	Task   T
	Values context.Context // what it was submitted with
	since  time.Duration   // when it was accepted, by the clock
}

// Job is one attempt at a task.
type Job[T any] struct {
	Single[T]           // of a group's task, just the task
	Attempt   int       // from 1
	group     *Group[T] // nil for a single task
	terms     *Terms    // of the task
	span      *span     // of all attempts; nil without a limit, and before the first
	holds     bool      // it holds room: it may have to wait again
	takes     bool      // it has taken a part of its limit
	atOnce    bool      // it found a free worker when it was accepted

	began time.Duration // when the attempt was chosen to be made, by the clock, if the task has a kind; else 0
}

// span is the time that all attempts at a task have.
type span struct {
	end  time.Time
	last error // how the last attempt failed
}

// Until returns when all attempts have to be over; zero without a limit.
func (j *Job[T]) Until() (end time.Time) {
	if j.span != nil {
		end = j.span.end
	}
	return end
}

// Failed notes how the attempt has failed.
func (j *Job[T]) Failed(err error) {
	if j.span != nil {
		j.span.last = err
	}
}

// TooLate returns how the last attempt failed if there is no time for this one; else nil.
func (j *Job[T]) TooLate() error {
	if j.span == nil || time.Now().Before(j.span.end) {
		return nil
	}
	return j.span.last
}

// Began returns when the attempt was chosen to be made, since the scheduler was made, to a
// millisecond; 0 if its task has no kind, and is not timed.
func (j *Job[T]) Began() time.Duration { return j.began }

// begin notes when an attempt begins, and when all have to be over, if j is the first.
func (s *Scheduler[T]) begin(j *Job[T]) {
	if j.terms != nil && j.terms.Kind != "" {
		j.began = s.clock.Now()
	}
	if j.Attempt > 1 {
		return
	}
	if end := j.terms.Until(); !end.IsZero() {
		j.span = &span{end: end}
	}
}

// accepted returns when the task was accepted, by the clock.
func (j *Job[T]) accepted() time.Duration {
	if j.group != nil {
		return j.group.since
	}
	return j.since
}

// Context returns the context of j's task, made from the one of all tasks.
func (j *Job[T]) Context(base context.Context) context.Context {
	if j.group != nil {
		return j.group.context()
	}
	return j.context(base)
}

// Outcome is how a job ended. The zero value is a success.
type Outcome struct {
	Err      error
	Again    bool          // the task is to be tried again
	Wait     time.Duration // before that
	Panicked bool
	Stopped  bool // the task had been asked to end by a shutdown
}

var (
	// ErrSkipped is why a task did not run, or not again: another one of its group had
	// failed.
	ErrSkipped = errors.New("background: task skipped after a failure")

	// ErrAbandoned is why a task did not run, or not again: it was given up by a
	// shutdown.
	ErrAbandoned = errors.New("background: task given up by a shutdown")
)

// Aftermath is what is left to do, without the mutex, when a task has ended or was
// given up.
type Aftermath[T any] struct {
	Context context.Context         // of the tasks
	Lost    []T                     // tasks that will not run, or not again
	Why     error                   // ErrSkipped or ErrAbandoned
	Cancel  context.CancelCauseFunc // ends Context; may be nil
	Cause   error                   // for Cancel
	Done    func()                  // to be called; may be nil
}

// giveUp books tasks that will not run, or not again, by ErrSkipped or ErrAbandoned, and
// returns what is left to do about it. ctx is theirs.
func (s *Scheduler[T]) giveUp(ctx context.Context, why error, tasks ...T) *Aftermath[T] {
	for _, t := range tasks {
		if k := s.countsOf(s.terms(t)); errors.Is(why, ErrSkipped) {
			k.Skipped++
		} else {
			k.Abandoned++
			s.abandoned = append(s.abandoned, s.name(t))
		}
	}
	return &Aftermath[T]{Context: ctx, Lost: tasks, Why: why}
}
