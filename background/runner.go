package background

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Runner runs work on at most [RunnerOptions].Workers goroutines, and lets at
// most Queue tasks wait for one of them. It is made by [NewRunner] and is safe
// for concurrent use.
//
// Submissions take turns. A [Tasks] whose turn it is has one task started and,
// if it may have more running, lines up again at the end: ten thousand tasks of
// one collection hold up a single task behind them by one turn, not by ten
// thousand. A collection occupies at most MaxConcurrent workers. Tasks whose time
// has come to be tried again take turns with the others, one to one, and those of
// a collection are one among them.
//
// A waiting task takes about 32 bytes beyond the task itself, and so does a
// collection, however many of its tasks wait. The memory is given back when they
// have run.
//
// A worker that has nothing to do ends within a second.
//
// A task that waits to be tried again holds no worker. It does hold its place in
// the queue, and among the MaxConcurrent of its collection, so that tasks which
// are to run strictly in order do.
//
// # Context
//
// A task runs with the values of the context it was submitted with, but neither
// its deadline nor its cancellation: a request's end does not stop the work
// that was promised in its response. A task's context is done when an attempt
// exceeds its timeout, when a sibling in a collection with StopOnError fails,
// and when nine tenths of the time of a [Runner.Shutdown] are over.
//
// # Failures
//
// Each failed attempt is logged and goes to OnFailure. A panic is a failure, and
// so is runtime.Goexit; neither harms the runner.
type Runner struct {
	options RunnerOptions
	base    context.Context // of all tasks; done when a drain ran out of time
	cancel  context.CancelCauseFunc
	drained chan struct{} // closed when, after Shutdown, the last worker has left

	reservations reservations

	// mu guards everything below. It is never held while code of the user runs,
	// which includes hooks and log handlers. It is released by unlock.
	//
	// What each submission writes to comes first: the fewer cache lines it is
	// on, the less has to be fetched from the processors that run workers.
	mu    sync.Mutex
	room  int // how many more tasks may wait
	pool  pool
	stats Stats // all but OldestWaiting

	clock   clock
	turns   turns         // who gets the next free worker
	groups  groupList     // the groups with tasks that wait, oldest first
	retries list.List     // of *retry: the tasks to be tried again
	due     queue[*retry] // those of them whose time has come, one of each group
	retried bool          // the task that was taken last from due or turns was from due
	blocked waiters       // the submitters who wait for room

	closed    bool            // Shutdown has begun
	deadline  time.Time       // when a Shutdown runs out of time, unless it is zero
	expired   bool            // a Shutdown has run out of time
	reason    error           // why it did
	abandoned []string        // the tasks it gave up
	stopped   []string        // those that failed after they were asked to end
	reports   int             // how many goroutines report what was given up
	reported  <-chan struct{} // closed when what expired has been reported
	over      bool            // drained is closed
}

// NewRunner returns a runner. It panics if an option is out of range. No
// goroutine runs until there is work, but call [Runner.Shutdown] in the end.
func NewRunner(options RunnerOptions) *Runner {
	if err := options.validate(); err != nil {
		panic("background: " + err.Error())
	}
	options = options.withDefaults()
	r := &Runner{
		options: options,
		clock:   clock{epoch: time.Now().Add(-time.Nanosecond)},
		drained: make(chan struct{}),
		room:    options.Queue,
	}
	r.pool = newPool(options.Workers, &r.mu, r.work)
	r.reservations.most = mostReservations(options)
	r.base, r.cancel = context.WithCancelCause(context.WithValue(context.Background(), runnerKey{}, r))
	return r
}

// runnerKey is the key of the runner in the contexts of its tasks.
type runnerKey struct{}

// Submit accepts work to be run. Its tasks get the values of ctx, but do not end
// with it: see [Runner]. Submit returns nil once the work is accepted. Work that
// was accepted belongs to the runner; do not change it.
//
// If there is no room, a runner with [Reject] returns [ErrFull] at once. One with
// [Block] waits for room until ctx is done, and then returns an error that wraps
// the cause; when Workers + Queue submitters wait already, it returns ErrFull.
// After Shutdown has begun, Submit returns [ErrClosed]; a call that was waiting
// already is still served.
//
// A task may submit work with its own context, also while the runner drains. It
// never waits for room, whichever runner the work is for: it has a worker, and
// runners whose tasks wait for each other would stand still. Submit returns
// ErrFull instead, with [Block] too. With another context it would wait.
//
// Submit panics if work is nil or a nil [*Task].
func (r *Runner) Submit(ctx context.Context, work Runnable) error {
	var s submission
	r.prepare(ctx, &s, work, nil)
	r.mu.Lock()
	if r.closed && !r.takesLocked(ctx) {
		r.stats.Rejected += uint64(s.tasks)
		r.unlock()
		return ErrClosed
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		return r.await(ctx, w)
	}
	return err
}

// unlock releases the mutex, and then calls the workers that got a job while it
// was held.
func (r *Runner) unlock() {
	first := r.pool.takeCalled()
	r.mu.Unlock()
	r.pool.call(first)
}
