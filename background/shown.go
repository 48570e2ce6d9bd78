package background

import (
	"encoding/json"
	"fmt"
	"slices"
)

// ShowArgument has the arguments of a [Kind]'s tasks shown to those who look at the
// service, as on a page about its work: see [Task.ShownArgument]. Without it they are not,
// since arguments mostly hold people's data. An argument is read while its task may run,
// so the function does not change what it points to.
func ShowArgument() KindOption { return shown{} }

type shown struct{}

func (shown) applyTo(s *settings) error {
	s.showArgument = true
	return nil
}

// Followed has each task of a [Kind] that is submitted to a [Runner] followed by a handle,
// as [Track] makes one, which [Runner.Lookup] finds: so it can be looked at and cancelled
// by whoever looks at the service, and its end is known for RunnerOptions.Keep. It is for
// work that is rare and takes long: a handle takes about a kilobyte and some 3 µs. Tasks
// that a [Store] holds have ids of its own, and are not followed.
func Followed() KindOption { return followed{} }

type followed struct{}

func (followed) applyTo(s *settings) error {
	s.followed = true
	return nil
}

// isFollowed reports whether the runner is to follow a task that nobody follows yet.
func (r *Runner) isFollowed(t *Task) bool {
	return t.settings != nil && t.settings.followed && t.handle() == nil && (r.options.Store == nil || !r.isHeld(t))
}

// followed returns the task to be run for t, and finds its handle from now on if it is of a
// kind that is followed.
func (r *Runner) followed(t *Task) *Task {
	if !r.isFollowed(t) {
		return t
	}
	h := Track(t)
	h.submittedTo(r)
	return h.task
}

// followWork returns the work to be run for u.
func (r *Runner) followWork(u unit) unit {
	if u.isPlain() {
		return u
	}
	if u.task != nil {
		return unit{task: r.followed(u.task)}
	}
	if !slices.ContainsFunc(u.tasks.tasks, r.isFollowed) {
		return u
	}
	all := &Tasks{MaxConcurrent: u.tasks.MaxConcurrent, StopOnError: u.tasks.StopOnError}
	for _, t := range u.tasks.tasks {
		all.Add(r.followed(t))
	}
	return unit{tasks: all}
}

// ShownArgument returns the argument of the task as JSON, if its kind has [ShowArgument]; none
// if its methods panic.
func (t *Task) ShownArgument() (argument json.RawMessage, ok bool) {
	t.mustBeMade()
	call, isRecordable := t.call.(recordableCall)
	if !isRecordable || t.settings == nil || t.settings.kind == nil || !t.settings.kind.showArgument {
		return nil, false
	}
	defer func() { // the argument's methods are the service's
		if v := recover(); v != nil {
			argument, ok = nil, true
		}
	}()
	argument, err := call.argument()
	if err != nil {
		argument, err = json.Marshal(fmt.Sprint("it can't be written: ", err))
	}
	if err != nil {
		return nil, true
	}
	return argument, true
}

// Attempts returns how often the task is tried at most, the first time included.
func (t *Task) Attempts() int {
	t.mustBeMade()
	if t.settings == nil {
		return 1
	}
	return max(t.settings.retry.Attempts, 1)
}

// Task returns the task that the handle follows.
func (h *Handle) Task() *Task { return h.original }

// Handles returns the handles that [Runner.Lookup] finds, in no order.
func (r *Runner) Handles() []*Handle { return r.handles.All() }

// Workers returns how many tasks run at once at most.
func (r *Runner) Workers() int { return r.options.Workers }

// Closed reports whether a Shutdown has begun.
func (r *Runner) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Paused reports whether a [Runner.Pause] is under way.
func (r *Runner) Paused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pool.Paused
}
