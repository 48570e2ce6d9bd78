package background

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Store keeps tasks of kinds until they are done, by this process or another one. A
// [Runner] that has one, see [RunnerOptions], hands it the tasks of the kinds that it
// holds, and runs all others itself. Its methods are called on many goroutines at once.
type Store interface {
	// Holds reports whether the store keeps the tasks of the kind of that name. The
	// answer is always the same.
	Holds(kind string) bool

	// Store keeps all records or, if it returns an error, none. The tasks survive the
	// end of the process once it has returned nil. It returns soon after ctx is done.
	Store(ctx context.Context, records []Record) error
}

// A Repeater is a [Store] that submits tasks again and again by itself, so that one of
// several processes does. [Runner.Every] leaves to it the kinds that it holds.
type Repeater interface {
	// Every stores the task every d, until stop is called.
	Every(d time.Duration, task *Task) (stop func())
}

// A StoreError says that tasks were not stored: nothing was promised.
type StoreError struct{ Err error } // what the [Store] returned

// Error gives the cause.
func (e *StoreError) Error() string { return "background: tasks were not stored: " + unprefixed(e.Err) }

// Unwrap returns Err.
func (e *StoreError) Unwrap() error { return e.Err }

// Records returns what a [Store] is to keep of tasks that are submitted with ctx. It
// fails if one of them can't be recorded, see [Task.Record], or has a handle.
func Records(ctx context.Context, tasks ...*Task) ([]Record, error) {
	records := make([]Record, len(tasks))
	for i, t := range tasks {
		if err := t.storable(); err != nil {
			return nil, err
		}
		var err error
		if records[i], err = t.Record(); err != nil {
			return nil, err
		}
		if o := OriginOf(ctx); o != nil {
			records[i].Values = o.Values
		}
	}
	return records, nil
}

// storable says what of the task a store could not keep.
func (t *Task) storable() error {
	t.mustBeMade()
	if t.handle() != nil {
		return t.notStorable("it has a handle, which follows tasks in memory only: submit the task itself")
	}
	if why := t.whyNotRecordable(); why != "" {
		return t.notStorable(why)
	}
	return nil
}

func (t *Task) notStorable(why string) error {
	return fmt.Errorf("background: task %q can't be stored: %s", t.Name(), why)
}

// isHeld reports whether the task is one for the store.
func (r *Runner) isHeld(t *Task) bool {
	k := t.kind()
	return k != nil && r.options.Store.Holds(k.Kind)
}

// divide takes what is to be stored out of the work.
func (v *Reservation) divide() (err error) {
	r, u := v.runner, v.work
	switch {
	case u.isPlain():
	case u.task == nil && slices.ContainsFunc(u.tasks.tasks, r.isHeld):
		v.work, v.stored, err = r.divideTasks(u.tasks)
	case u.task != nil && r.isHeld(u.task):
		v.work, v.stored, err = unit{}, []*Task{u.task}, u.task.storable()
	}
	u.refused(err)
	return err
}

// divideTasks divides a collection with tasks that are to be stored.
func (r *Runner) divideTasks(tasks *Tasks) (rest unit, stored []*Task, err error) {
	left := &Tasks{}
	for _, t := range tasks.tasks {
		if !r.isHeld(t) {
			left.Add(t)
			continue
		}
		switch {
		case tasks.StopOnError:
			return unit{}, nil, t.notStorable("its collection has StopOnError, which holds in memory only")
		case tasks.MaxConcurrent > 0:
			return unit{}, nil, t.notStorable("its collection has a MaxConcurrent, which holds in memory only: give its kind a Limit")
		}
		if err := t.storable(); err != nil {
			return unit{}, nil, err
		}
		stored = append(stored, t)
	}
	return unit{tasks: left}, stored, nil
}

// store stores the tasks, but for those that are stored already.
func (r *Runner) store(ctx context.Context, tasks []*Task) error {
	ctx, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
	defer cancel()
	if o := OriginOf(ctx); o != nil {
		var err error
		if tasks, err = o.unstored(ctx, tasks); err != nil {
			return &StoreError{err}
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	records, err := Records(ctx, tasks...)
	if err != nil {
		return err
	}
	if err := r.options.Store.Store(ctx, records); err != nil {
		return &StoreError{err}
	}
	return nil
}

// submitStored is Submit for work of which something is to be stored.
func (v *Reservation) submitStored(ctx context.Context) error {
	if v.work.len() == 0 {
		return v.Store(ctx)
	}
	if err := v.take(); err != nil { // or there might be no room for the rest
		return err
	}
	return v.Start(ctx, nil)
}

// everyStored is Every for a task that is to be stored.
func (r *Runner) everyStored(d time.Duration, task *Task) (stop func()) {
	repeater, ok := r.options.Store.(Repeater)
	if !ok {
		panic(fmt.Sprintf("background: Every of task %q: its kind is the store's, a %T, which repeats nothing", task.Name(), r.options.Store))
	}
	if err := task.storable(); err != nil {
		panic(err.Error())
	}
	return repeater.Every(d, task)
}

// Store returns the store of the runner's options; nil if there is none.
func (r *Runner) Store() Store { return r.options.Store }

// Stores reports whether a part of the work is yet to be stored, by Store or Start.
func (v *Reservation) Stores() bool { return len(v.stored) > 0 }

// Store stores the tasks of the work whose kind the runner's [Store] holds, within
// [RunnerOptions].StoreTimeout. If it fails, with a [*StoreError] or because of a task
// that can't be recorded, none of them is stored, and the reservation is to be cancelled.
// What is stored is promised: Cancel does not take it back.
func (v *Reservation) Store(ctx context.Context) error {
	if !v.Stores() {
		return nil
	}
	if err := v.runner.store(ctx, v.stored); err != nil {
		return err
	}
	v.stored = nil
	return nil
}

// Rest returns the work without what is stored or to be stored; nil if nothing is left.
func (v *Reservation) Rest() Work {
	switch u := v.work; {
	case u.len() == 0:
		return nil
	case u.task != nil:
		return u.task
	default:
		return u.tasks
	}
}
