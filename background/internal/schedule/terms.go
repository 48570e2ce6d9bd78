package schedule

import "time"

// Terms are what a task asks of the scheduler. They do not change; nil asks for nothing
// but a worker.
type Terms struct {
	Kind       string        // what it is counted under; empty for none
	After      time.Duration // it starts so much later
	At         time.Time     // or not before this time, unless it is zero
	Limit      *Limit        // nil for none
	Attempts   int           // how often it is tried at most; 0 is once
	MaxElapsed time.Duration // the time for all attempts; 0 for any
	Follower   Follower      // who follows the task, which is submitted once then; nil for nobody
}

// Follower is told what a task waits for, and can cancel it. Its methods may be called
// with the mutex held, so they must not call the scheduler.
type Follower interface {
	// IsCanceled reports whether the task was cancelled. It waits for nothing but a
	// worker then, which tells those who want to know.
	IsCanceled() bool

	// Become tells what the task waits for now.
	Become(state State)
}

// State is what a task waits for, or that it runs.
type State int

// The states of a task that has not ended.
const (
	Waiting   State = iota // for a worker
	Scheduled              // for the time of its first attempt
	Limited                // for its limit
	Running
	Retrying // for the time of a further attempt
)

// Delay returns how long the task waits for its time, if it is submitted now; 0 or
// less if it does not.
func (t *Terms) Delay() time.Duration {
	switch {
	case t == nil || t.isCanceled():
		return 0
	case !t.At.IsZero():
		return time.Until(t.At)
	default:
		return t.After
	}
}

// IsLast reports whether no attempt follows the given one, however it ends.
func (t *Terms) IsLast(attempt int) bool { return t == nil || attempt >= t.Attempts }

// Until returns when all attempts have to be over, if the first one begins now; zero
// if they need not.
func (t *Terms) Until() (end time.Time) {
	if t != nil && t.MaxElapsed > 0 {
		end = time.Now().Add(t.MaxElapsed)
	}
	return end
}

// neverWaits reports whether the task needs nothing but a worker to run to its end.
func (t *Terms) neverWaits() bool { return t.IsLast(1) && t.needsOnlyAWorker() }

// needsOnlyAWorker reports whether the task waits for neither a time nor a limit.
func (t *Terms) needsOnlyAWorker() bool { return t.limit() == nil && t.Delay() <= 0 }

// limit returns the limit that the task waits for, or nil.
func (t *Terms) limit() *Limit {
	if t == nil || t.isCanceled() {
		return nil
	}
	return t.Limit
}

func (t *Terms) isCanceled() bool {
	f := t.follower()
	return f != nil && f.IsCanceled()
}

func (t *Terms) follower() Follower {
	if t == nil {
		return nil
	}
	return t.Follower
}

func (t *Terms) become(state State) {
	if f := t.follower(); f != nil {
		f.Become(state)
	}
}
