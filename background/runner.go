// Package background runs work that nobody waits for: the mail after an order,
// the thumbnail after an upload. It knows nothing of HTTP and can be used on
// its own.
//
// A [Task] is one function call, a [Tasks] is a collection of them. Both have a
// Run method, which runs them now; a [Runner] runs them later, on a bounded
// number of goroutines:
//
//	runner := background.NewRunner(background.RunnerOptions{})
//	err := runner.Submit(ctx, background.NewTask(sendMail, Mail{To: "ada@example.org"}))
//	...
//	err = runner.Shutdown(ctx) // finishes what was accepted, and is not due later
//
// # Concurrency
//
// A Runner is safe for use by any number of goroutines, and so is a Task, which
// never changes: it may be run any number of times, also at once, if its function
// allows that. A Tasks is built by one goroutine, and left alone from when it is
// run or submitted until its tasks have ended.
//
// # Limits
//
// Work lives in memory only, unless a [Store] keeps it. It survives the end of
// the request that submitted it and, through [Runner.Shutdown], an orderly end of
// the process, but not a crash. A function that ignores its context cannot be
// stopped: Go has no way to end a goroutine from the outside.
package background

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/velithon-go/velithon/background/internal/expiring"
	"github.com/velithon-go/velithon/background/internal/guard"
	"github.com/velithon-go/velithon/background/internal/periodic"
	"github.com/velithon-go/velithon/background/internal/pool"
	"github.com/velithon-go/velithon/background/internal/schedule"
	"github.com/velithon-go/velithon/background/internal/tally"
)

// Runner runs work on at most [RunnerOptions].Workers goroutines, and lets at
// most Queue tasks wait for one of them. It is made by [NewRunner] and is safe
// for concurrent use.
//
// Submissions take turns. When it is the turn of a [Tasks], one of its tasks
// starts, and the collection lines up again at the end if it may have more
// running: ten thousand tasks of one collection hold up a single task behind them
// by one turn, not by ten thousand. A collection occupies at most MaxConcurrent
// workers. Tasks whose time has come to be tried again take turns with the others,
// one to one, and those of a collection are one among them.
//
// A task that waits for a worker takes about 32 bytes beyond the task itself, one
// that waits for its time, its limit or its next attempt about 170, and a collection
// about 24, however many of its tasks wait. The memory is given back when they
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
// exceeds its timeout or the task its MaxElapsed, when its handle cancels it, when a
// sibling in a collection with StopOnError fails, and when nine tenths of the time
// of a [Runner.Shutdown] are over.
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

	hooks        guard.Hooks
	arounds      []Around // not changed once work was accepted
	reservations tally.Tally
	kinds        *kindNames // apart, since kinds keep it alive
	refusals     refusals
	handles      expiring.Map[string, *Handle]
	failures     atomic.Pointer[failures] // nil if nobody wants to see them

	// mu guards everything below. It is never held while code of the user runs,
	// which includes hooks and log handlers. It is released by unlock.
	mu        sync.Mutex
	pool      pool.Pool[attempt]
	scheduler schedule.Scheduler[*Task]

	periodic map[*periodic.Timer]*Task // those to be submitted again
	idle     chan struct{}             // closed when there is nothing left to do; nil if nobody waits for it
	closed   bool                      // Shutdown has begun
	reason   error                     // why one ran out of time
	reports  int                       // how many goroutines report what was given up, late callers of Start among them
	reported chan struct{}             // closed while there are none of these
	over     bool                      // drained is closed
}

// NewRunner returns a runner. It panics if an option is out of range. No
// goroutine runs until there is work, but call [Runner.Shutdown] in the end.
func NewRunner(options RunnerOptions) *Runner {
	if err := options.validate(); err != nil {
		panic("background: " + err.Error())
	}
	options = options.withDefaults()
	r := &Runner{options: options, drained: make(chan struct{}), reported: make(chan struct{})}
	close(r.reported)
	r.base, r.cancel = context.WithCancelCause(context.WithValue(context.Background(), runnerKey, r))
	r.hooks = guard.Hooks{Logger: options.Logger, Attrs: options.LogAttrs}
	r.reservations.Most = mostReservations(options)
	r.handles.Keep = options.Keep
	r.kinds = &kindNames{byName: make(map[string]*kind)}
	r.pool = pool.New(options.Workers, &r.mu, r.work)
	r.scheduler.Init(schedule.Options[*Task]{
		Workers: options.Workers, Room: options.Queue, Base: r.base,
		Terms: (*Task).terms, Name: (*Task).Name, Due: r.due,
	})
	return r
}

// mustBeMade panics on the zero Runner, which would take work and not run it.
func (r *Runner) mustBeMade() {
	if r.base == nil {
		panic("background: the zero Runner runs nothing: make it by NewRunner")
	}
}

// The keys of what a runner adds to the contexts of its tasks.
const (
	runnerKey  schedule.Key = iota // the runner
	attemptKey                     // the number of the attempt, for further ones and for a first one inside of such
	handleKey                      // the task's handle
)

// Owns reports whether ctx is the context of one of the runner's tasks, or was
// made from one.
func (r *Runner) Owns(ctx context.Context) bool { return ctx.Value(runnerKey) == r }

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
// Tasks that the runner's [Store] holds are stored when Submit returns nil, also after
// Shutdown has begun. It returns a [*StoreError] if that failed, and another error if the
// store can't keep one of them, see [Runner.Reserve].
//
// Submit panics if work is nil, or a [*Task] that is nil or was not made by
// [NewTask], [Func] or a [Kind], a [*Handle] that is nil, zero or was submitted before, or
// a [Tasks] with a negative MaxConcurrent, or if two kinds of tasks have one name, see
// [Define].
func (r *Runner) Submit(ctx context.Context, work Work) error {
	u := r.followWork(r.meet(work))
	if r.options.Store != nil {
		v := Reservation{runner: r, work: u}
		if err := v.divide(); err != nil {
			return err
		}
		if v.Stores() {
			return v.submitStored(ctx)
		}
	}
	var s submission
	r.prepare(ctx, &s, u, nil)
	r.mu.Lock()
	// What is due later would be given up in a drain.
	if r.closed && (s.Task != nil && s.Task.terms().Delay() > 0 || !r.takesLocked(ctx)) {
		r.scheduler.Refuse(s.Tasks)
		r.unlock()
		r.refused(u, ErrClosed)
		return ErrClosed
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		err = r.await(ctx, w)
	}
	r.refused(u, err)
	return err
}

// enterLocked accepts s, or refuses it with an error, or returns the waiter for
// whom the caller has to await room.
func (r *Runner) enterLocked(s *submission) (*waiter, error) {
	free := r.pool.Free()
	if s.Tasks > 0 && r.scheduler.Accept(s, free) {
		r.fulfil(s)
		r.startAcceptedLocked(s)
		if r.closed || r.scheduler.Waiters() > 0 {
			r.dispatchLocked() // some may be lost, or another one may fit
		}
		return nil, nil
	}
	var err error
	switch {
	case s.Tasks == 0:
	case r.options.Overflow == Reject || !s.Counted && !r.reservations.Add():
		r.scheduler.Refuse(s.Tasks)
		err = ErrFull
	default:
		s.Counted = true
		return r.scheduler.Wait(s), nil
	}
	r.fulfil(s)
	r.dispatchLocked()
	return nil, err
}

// dispatchLocked gives tasks to free workers, and lets in those who wait for
// room, until nothing more can be done. It has to be called after every change
// that gives work, workers or room, so that at all other times either no worker
// is free or no task is in line.
func (r *Runner) dispatchLocked() {
	r.startLocked()
	r.admitLocked()
}

// admitLocked is dispatchLocked where no task is in line, or no worker is free.
func (r *Runner) admitLocked() {
	for w := r.scheduler.Admit(r.pool.Free()); w != nil; w = r.scheduler.Admit(r.pool.Free()) {
		r.release(w, nil)
		r.startAcceptedLocked(&w.Submission)
	}
	if r.closed {
		r.dismissLocked()
	}
}

// job is one attempt at a task.
type job = schedule.Job[*Task]

// startLocked gives the next tasks to free workers.
func (r *Runner) startLocked() {
	for r.pool.Free() > 0 {
		var j job
		if !r.scheduler.Next(&j) {
			return
		}
		r.pool.Take().Work.Job = j
	}
}

// startAcceptedLocked gives tasks of what was just accepted to free workers, and
// lines up the rest.
func (r *Runner) startAcceptedLocked(s *submission) {
	for range s.Starts() {
		r.scheduler.Start(s, &r.pool.Take().Work.Job)
	}
	if s.Starts() == s.Tasks {
		return
	}
	r.scheduler.LineUpRest(s)
	// More start where some have to wait for something else than a worker. Nothing
	// else is in line if workers are free.
	for r.pool.Free() > 0 {
		var j job
		if !r.scheduler.NextAtOnce(&j) {
			return
		}
		r.pool.Take().Work.Job = j
	}
}

// unlock tells those who wait for it that nothing is left to do, releases the mutex,
// and then calls the workers that got a job while it was held.
func (r *Runner) unlock() {
	if r.idle != nil && r.isIdleLocked() {
		close(r.idle)
		r.idle = nil
	}
	first := r.pool.Taken()
	r.mu.Unlock()
	if first != nil {
		r.pool.Call(first)
	}
}

// work is the life of a worker: it has a job from the start.
func (r *Runner) work(w *pool.Worker[attempt]) {
	// Each deferred by itself, since a task may end the goroutine by
	// runtime.Goexit, and then a hook as well.
	defer r.leave(w)
	defer r.settle(&w.Work)
	defer r.concludeExit(&w.Work)
	r.pool.Begin(w)
	for {
		r.perform(&w.Work)
		if !r.next(w) {
			return
		}
	}
}

// perform makes the attempt that is a worker's job.
func (r *Runner) perform(a *attempt) {
	task := a.Task
	if task.settings != nil || len(r.arounds) > 0 {
		r.performAsSet(a)
		return
	}
	a.made, a.timed = true, false
	ctx := a.Context(r.base)
	if err := task.attempt(ctx, r.options.Timeout); err != nil {
		r.conclude(ctx, a, err)
	}
}

// next books w's attempt and waits for another job. It reports whether there is one.
func (r *Runner) next(w *pool.Worker[attempt]) bool {
	r.mu.Lock()
	r.settleLocked(&w.Work)
	busy := !r.pool.Paused && r.scheduler.Next(&w.Work.Job)
	if busy {
		r.startLocked() // the end of one may be the turn of several
	} else {
		w.Work.Job = job{}
		r.pool.Rest(w)
	}
	r.admitLocked()
	r.unlock()
	return busy || r.pool.Wait(w)
}

// settleLocked books an attempt. If something is left to do, the mutex is released for
// it, and the worker does it before it is free again, so that Shutdown waits for it.
func (r *Runner) settleLocked(a *attempt) {
	if a.timed && a.made {
		r.scheduler.Timed(&a.Job, a.began, a.took)
	}
	todo := r.scheduler.Settle(&a.Job, &a.outcome)
	if todo == nil {
		return
	}
	a.Job = job{}
	r.dispatchLocked()
	r.unlock()
	r.follow(todo)
	r.mu.Lock()
}

// settle books the attempt of a worker whose goroutine is ending, if it has one.
func (r *Runner) settle(a *attempt) {
	if a.Task == nil {
		return
	}
	r.mu.Lock()
	r.settleLocked(a)
	a.Job = job{}
	r.dispatchLocked()
	r.unlock()
}

// leave strikes w, which is not idle, off the pool.
func (r *Runner) leave(w *pool.Worker[attempt]) {
	r.mu.Lock()
	defer r.unlock()
	r.pool.Remove(w)
	r.dispatchLocked()
}

// due calls lineUp, which lines up tasks that may run now.
func (r *Runner) due(lineUp func()) {
	r.mu.Lock()
	defer r.unlock()
	lineUp()
	r.dispatchLocked()
}
