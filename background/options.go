package background

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Overflow is what a [Runner] does with work for which it has no room.
type Overflow int

const (
	// Block makes the submitter wait until there is room: a flood slows down
	// those who cause it. No more than Workers + Queue of them wait; further
	// ones, and tasks, are refused with [ErrFull]. See [Runner.Submit].
	Block Overflow = iota

	// Reject refuses the work at once, with [ErrFull].
	Reject
)

// String returns "block" or "reject".
func (o Overflow) String() string {
	switch o {
	case Block:
		return "block"
	case Reject:
		return "reject"
	}
	return fmt.Sprintf("Overflow(%d)", int(o))
}

// RunnerOptions configures a [Runner]. The zero value means the defaults.
type RunnerOptions struct {
	// Workers is how many tasks run at once, at most; each has a goroutine of
	// its own while it runs. Zero means 64.
	Workers int

	// Queue is how many tasks wait, for their first or their next attempt, at most.
	// Zero means 65 536. A retry is never refused, so a task that may have to wait
	// again keeps its place while it runs; one that runs its last attempt holds none.
	// A collection is accepted as a whole; one that is larger than Queue counts as
	// Queue tasks, so that it can be accepted when no other task holds a place.
	Queue int

	// Overflow is what to do when Queue tasks wait: [Block], the default, or
	// [Reject].
	Overflow Overflow

	// Store keeps the tasks of the kinds that it holds until they are done, also when
	// the process ends, and has them run; all others run in memory. Nil means that all
	// tasks do.
	Store Store

	// StoreTimeout is how long a call of Store may take. Zero means 5 s.
	StoreTimeout time.Duration

	// Timeout limits each attempt of a task that has no timeout of its own.
	// Zero means no limit.
	Timeout time.Duration

	// Keep is how long [Runner.Lookup] finds a handle whose task has ended. Zero
	// means 5 minutes. Handles are forgotten, with the arguments of their tasks, when
	// later ones come, end or are looked up. See [Track].
	Keep time.Duration

	// OnFailure, if not nil, is told of each failed attempt, with the context of the
	// task, and of each task that will not run, or not again, for another reason: its
	// Err is then [ErrSkipped] or [ErrAbandoned] and its Attempt 0, or it wraps
	// [ErrCanceled]. A retry that [Retry].MaxElapsed leaves no time for is told by the
	// failure before it, which is final then. So the failures whose WillRetry is false are the tasks that came to
	// nothing. The worker calls it or waits for the call, and takes no other task
	// meanwhile. A goroutine of Shutdown's calls it for what is given up, or the caller
	// of a [Reservation.Start] that comes too late. There may be several calls at once.
	// ctx is done if the time of a Shutdown is over or the collection was stopped: what
	// stores the task needs context.WithoutCancel. A panic in it is recovered and logged.
	OnFailure func(ctx context.Context, failure *TaskError)

	// Logger receives a record for each failed attempt (a warning if the task
	// will be tried again, else an error), for work that was skipped or given up, for
	// a periodic task that was not started, and for a hook that panicked. Nil means
	// slog.Default, as it is at the time of the record.
	Logger *slog.Logger

	// LogAttrs, if not nil, returns attributes to add to each record, such as
	// the id of the request that the task's context belongs to. It is called as
	// OnFailure is.
	LogAttrs func(ctx context.Context) []slog.Attr
}

func (o RunnerOptions) withDefaults() RunnerOptions {
	o.Workers = cmp.Or(o.Workers, 64)
	o.Queue = cmp.Or(o.Queue, 65_536)
	o.Keep = cmp.Or(o.Keep, 5*time.Minute)
	o.StoreTimeout = cmp.Or(o.StoreTimeout, 5*time.Second)
	return o
}

// validate names the field which is wrong.
func (o RunnerOptions) validate() error {
	switch {
	case o.Workers < 0:
		return fmt.Errorf("RunnerOptions.Workers is %d, it cannot be negative", o.Workers)
	case o.Queue < 0:
		return fmt.Errorf("RunnerOptions.Queue is %d, it cannot be negative", o.Queue)
	case o.Timeout < 0:
		return fmt.Errorf("RunnerOptions.Timeout is %s, it cannot be negative", o.Timeout)
	case o.StoreTimeout < 0:
		return fmt.Errorf("RunnerOptions.StoreTimeout is %s, it cannot be negative", o.StoreTimeout)
	case o.Keep < 0:
		return fmt.Errorf("RunnerOptions.Keep is %s, it cannot be negative", o.Keep)
	case o.Overflow != Block && o.Overflow != Reject:
		return fmt.Errorf("RunnerOptions.Overflow is %s, it must be Block or Reject", o.Overflow)
	}
	return nil
}
