package background

import (
	"context"

	"github.com/velithon-go/velithon/background/internal/tally"
)

// Reservation is the promise that work will be accepted: the step before an
// answer is given, while it can still be a refusal. Made by [Runner.Reserve], it
// must be started or cancelled, or Shutdown waits for it until its time is up.
//
// A Reservation is used by one goroutine, and of copies of it only one. The first
// call of Start or Cancel uses it up; further calls do nothing, as do those on a zero
// Reservation.
type Reservation struct {
	runner *Runner
	work   unit
	stored []*Task // to be stored first
	held   int     // room taken
}

// Reserve prepares to submit work. With [Reject], it takes room in the queue for
// all of work's tasks or returns [ErrFull], also while workers are free: others may
// take these before Start. With [Block], it takes no room, and Start waits for it.
// The reservation counts as a submitter who may have to wait, so Reserve returns
// ErrFull when there are Workers + Queue of those already. In both cases the work
// counts as promised: a Shutdown that begins before Start waits for it. After
// Shutdown has begun, Reserve returns [ErrClosed].
//
// Tasks that the runner's [Store] is to keep take no room. Reserve returns an error if it
// can't keep one: it is not recordable, has a handle, or is of a collection with a
// MaxConcurrent or StopOnError.
//
// The work belongs to the reservation from now on, and to the runner after
// Start: do not change it. Reserve panics on work that Submit panics on.
func (r *Runner) Reserve(work Work) (Reservation, error) {
	v := Reservation{runner: r, work: r.followWork(r.meet(work))}
	if r.options.Store != nil {
		if err := v.divide(); err != nil {
			return Reservation{}, err
		}
	}
	if err := v.take(); err != nil {
		return Reservation{}, err
	}
	return v, nil
}

// take takes what the promise needs, unless it returns an error.
func (v *Reservation) take() error {
	r := v.runner
	reserved := r.reservations.Add()
	if reserved && r.options.Overflow == Block {
		return nil
	}
	n := v.work.len()
	r.mu.Lock()
	defer r.unlock()
	err := ErrFull
	if reserved {
		var ok bool
		if v.held, ok = r.scheduler.Reserve(n); ok {
			return nil
		}
		r.reservations.Remove()
		r.dispatchLocked() // a Shutdown may have begun since, and wait for it
	} else if r.closed {
		err = ErrClosed
	}
	r.scheduler.Refuse(n)
	r.refused(v.work, err)
	return err
}

// Start submits the work, as [Runner.Submit] does, also after Shutdown has begun.
// What is yet to be stored is stored before; if that fails, nothing is submitted.
// With [Reject] the room is there. With [Block] it waits for room until ctx is
// done, and returns an error that wraps the cause; with the context of a task it
// returns [ErrFull] instead of waiting. When a Shutdown has run out of time, or
// does while Start waits, the work is given up like all that waits then, by name,
// and Start returns nil.
//
// If done is not nil it is called exactly once, when all of the work has ended,
// whichever way: also if it was skipped or given up, and, before Start returns,
// if it was refused or there was none. It is called by the goroutine that ended
// the work. A panic in it is recovered and logged.
func (v *Reservation) Start(ctx context.Context, done func()) error {
	r, u, held := v.runner, v.work, v.held
	if v.Stores() {
		if err := v.Store(ctx); err != nil {
			v.Cancel()
			r.hooks.Call(ctx, "done", done)
			return err
		}
	}
	if r == nil {
		return nil
	}
	s := submission{Promised: true, Counted: true}
	r.prepare(ctx, &s, u, done)
	*v = Reservation{}
	r.mu.Lock()
	r.scheduler.Return(held)
	if r.scheduler.IsExpired() && s.Tasks > 0 {
		r.fulfil(&s)
		todo := r.scheduler.Abandon(&s)
		r.beginReportLocked()
		r.unlock()
		defer r.endReport()
		r.follow(todo)
		return nil
	}
	w, err := r.enterLocked(&s)
	r.unlock()
	if w != nil {
		err = r.await(ctx, w)
	}
	r.refused(u, err)
	if err != nil || s.Tasks == 0 {
		r.hooks.Call(ctx, "done", done)
	}
	return err
}

// Cancel gives the reservation up.
func (v *Reservation) Cancel() {
	r, u, held := v.runner, v.work, v.held
	if r == nil {
		return
	}
	*v = Reservation{}
	u.refused(ErrCanceled)
	r.mu.Lock()
	defer r.unlock()
	r.reservations.Remove()
	r.scheduler.Return(held)
	r.dispatchLocked() // it may have been what Shutdown was waiting for
}

// mostReservations is how many reservations may be neither started nor cancelled, with
// the submitters who wait for room: a reservation may have to wait, too, once it is
// started. They are counted without the runner's mutex: each response with work makes
// one, and most need nothing else of the runner then.
func mostReservations(o RunnerOptions) int64 {
	if o.Overflow == Reject {
		return tally.NoBound // each takes room
	}
	return min(int64(o.Workers), tally.NoBound/2) + min(int64(o.Queue), tally.NoBound/2)
}
