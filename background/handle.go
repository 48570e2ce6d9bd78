package background

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// ErrCanceled is the cause of the context of a task that was cancelled by its handle, and
// the error of one that was cancelled before it ran, or whose reservation was. The cause
// that [Handle.Cancel] was given is wrapped beside it.
var ErrCanceled = errors.New("background: task cancelled")

// A State is what a task does, or how it has ended.
type State int

// The states of a task.
const (
	Waiting   State = iota // waiting for a worker or for room, or not submitted yet
	Scheduled              // waiting for the time of its first attempt, see [Task.After]
	Limited                // waiting for its [Limit], or since its kind is paused, see [Runner.PauseKind]
	Running                // an attempt is under way
	Retrying               // it is to be tried again
	Succeeded              // it has ended without an error
	Failed                 // it has ended with one, and is not tried again
	Canceled               // it was cancelled by its handle before it ended; OnFailure is told when it would have run
	GivenUp                // it will not run, or not again: refused, taken back with its reservation, or given up by a Shutdown
)

var stateNames = [...]string{"waiting", "scheduled", "limited", "running", "retrying", "succeeded", "failed", "canceled", "given up"}

// String returns the name of the state, such as "running".
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("State(%d)", int(s))
	}
	return stateNames[s]
}

// MarshalText returns the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("background: there is no state %q", text)
	}
	*s = State(i)
	return nil
}

// Ended reports whether nothing comes after the state.
func (s State) Ended() bool { return s >= Succeeded }

// A Handle tells of one task, and can cancel it. It is [Work], to be submitted or given
// to a response in place of its task. It is made by [Track], and safe for concurrent use.
type Handle struct {
	task     *Task         // which knows this handle
	original *Task         // which does not
	ended    chan struct{} // closed at the end

	mu      sync.Mutex // guards the rest
	info    Info
	runner  *Runner                 // that it was submitted to, or reserved of
	cancel  context.CancelCauseFunc // ends the attempt that is under way
	cause   error                   // why it was cancelled
	context context.Context         // that it was submitted with; nil before the first attempt
	changed chan struct{}           // closed at the next change, if somebody waits for that
}

// Info is what is known of a task at a moment.
type Info struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind,omitempty"`
	State    State           `json:"state"`
	Attempt  int             `json:"attempt"`            // the number of attempts that were begun
	Since    time.Time       `json:"since"`              // when it came into its state; without a handle, when the attempt began of one of a kind that runs, else when it was accepted, to a millisecond
	Limit    *Limit          `json:"-"`                  // that of the task; nil for none; from [Runner.Tasks] only
	Due      time.Time       `json:"due,omitzero"`       // when it may start at the earliest, if it waits for that; from [Runner.Tasks] only
	Progress any             `json:"progress,omitempty"` // what it has said last, see [Progress]
	Err      error           `json:"-"`                  // of the last attempt, or why there will be none
	Context  context.Context `json:"-"`                  // with the values that it was submitted with, such as a request id; from [Runner.Tasks] only
	Task     *Task           `json:"-"`                  // the task itself; from [Runner.Tasks] only
}

// Track returns a handle of a task that is yet to be submitted, once, and through the
// handle: to try again after a refusal, Track the task again. It panics if task is nil,
// or was not made by a [Kind], [NewTask] or [Func].
func Track(task *Task) *Handle {
	if task == nil {
		panic("background: Track needs a task, got nil")
	}
	task.mustBeMade()
	c := task.copy()
	h := &Handle{task: &c.task, original: task, ended: make(chan struct{})}
	h.info = Info{ID: rand.Text(), Name: task.Name(), Kind: task.Kind(), Since: time.Now()}
	c.settings.Follower = follower{h}
	return h
}

// Run runs the task here and now, as [Task.Run] does. The handle learns nothing of it.
func (h *Handle) Run(ctx context.Context) error { return h.original.Run(ctx) }

// ID returns an unguessable id, of 26 letters and digits, by which [Runner.Lookup]
// finds the handle.
func (h *Handle) ID() string { return h.Info().ID }

// Info returns what is known of the task now.
func (h *Handle) Info() Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.info
}

// Context returns one with the values that the task was submitted with, such as a request id,
// which is never done; nil before the first attempt.
func (h *Handle) Context() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.context == nil {
		return nil
	}
	return context.WithoutCancel(h.context)
}

// State returns what the task does now.
func (h *Handle) State() State { return h.Info().State }

// Changed returns a channel that is closed when there is something new to [Handle.Info].
func (h *Handle) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.info.State.Ended() {
		return h.ended
	}
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

// Wait waits until the task has ended, which is before log and hooks are told, and
// returns how: nil, a [*TaskError], or why it was refused. When ctx is done first, it
// returns an error that wraps the cause.
func (h *Handle) Wait(ctx context.Context) error {
	select {
	case <-h.ended:
		return h.Info().Err
	case <-ctx.Done():
		return fmt.Errorf("background: task %q has not ended: %w", h.task.Name(), context.Cause(ctx))
	}
}

// Cancel keeps the task from running, or ends the context of the attempt that is
// under way, with an error that wraps [ErrCanceled] and, if it is not nil, cause. It
// is not tried again. Cancel reports whether the task had not ended yet; it may still
// succeed if it does not look at its context.
func (h *Handle) Cancel(cause error) bool { return h.cancelIf(cause, true) }

// Discard is Cancel for a task that does not run: it reports false, and does nothing, if an
// attempt is under way.
func (h *Handle) Discard(cause error) bool { return h.cancelIf(cause, false) }

// CancelCause returns why the task was told to end or not to begin; nil if it was not. One
// that does not look at its context may run on.
func (h *Handle) CancelCause() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

func (h *Handle) cancelIf(cause error, alsoRunning bool) bool {
	reason := ErrCanceled
	if cause != nil {
		reason = fmt.Errorf("%w: %w", ErrCanceled, cause)
	}
	h.mu.Lock()
	ended, runner := h.info.State.Ended(), h.runner
	if h.cancel != nil && !alsoRunning {
		h.mu.Unlock()
		return false
	}
	if ended || h.cause != nil {
		h.mu.Unlock()
		return !ended
	}
	h.cause = reason
	waits := h.cancel == nil && runner != nil
	if waits {
		h.setLocked(Canceled, &TaskError{Name: h.info.Name, Task: h.original, Err: reason})
	} else if h.cancel != nil {
		h.cancel(reason)
	}
	h.mu.Unlock()
	if waits { // and may hold room
		runner.mu.Lock()
		defer runner.unlock()
		runner.scheduler.Hasten(follower{h})
		runner.dispatchLocked()
	}
	return true
}

// Progress says how far the task has come whose context ctx is: any value that is not
// changed any more. Its handle has the last one, if there is a handle.
func Progress(ctx context.Context, value any) {
	switch h := ctx.Value(handleKey).(type) {
	case func(any): // of a stored task
		if h != nil {
			h(value)
		}
	case *Handle:
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.info.State.Ended() {
			h.info.Progress = value
			h.tellLocked()
		}
	}
}

// begin returns the context of an attempt that begins now, which Cancel can end, and
// what ends it in any case; or why there is to be none.
func (h *Handle) begin(outer context.Context) (_ context.Context, end func(), cause error) {
	ctx, cancel := context.WithCancelCause(context.WithValue(outer, handleKey, h))
	values := submittedWith(outer)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause == nil {
		h.info.Attempt++
		h.context = values
		h.setLocked(Running, nil)
		h.cancel = cancel
	}
	return ctx, func() { cancel(nil) }, h.cause
}

// canceled returns why the task was cancelled, or nil.
func (h *Handle) canceled() error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// follower is a handle as the scheduler knows it.
type follower struct{ *Handle }

// IsCanceled reports whether the task was cancelled.
func (f follower) IsCanceled() bool { return f.canceled() != nil }

// Become notes what the task waits for. The scheduler's states are the first of ours.
func (f follower) Become(s schedule.State) { f.set(State(s), nil) }

// set notes that the task is in another state, unless it has ended. A nil handle
// notes nothing.
func (h *Handle) set(state State, err error) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setLocked(state, err)
}

func (h *Handle) setLocked(state State, err error) {
	if h.info.State.Ended() || state == Limited && h.info.State == Limited { // it may wait for the limit, and then for the end of a pause
		return
	}
	h.info.State, h.info.Since, h.cancel = state, time.Now(), nil
	if err != nil || state == Succeeded { // else the last attempt's stays
		h.info.Err = err
	}
	if state.Ended() {
		close(h.ended)
		h.runner.handles.End(h.info.ID)
	}
	h.tellLocked()
}

func (h *Handle) tellLocked() {
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// submittedTo has r find the handle, which is submitted to it, or reserved of it. It
// panics if that comes a second time.
func (h *Handle) submittedTo(r *Runner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runner != nil {
		panic(fmt.Sprintf("background: the handle of task %q was submitted before: Track the task once more", h.info.Name))
	}
	h.runner = r
	r.handles.Add(h.info.ID, h)
}

// Lookup returns the handle with that id of a task that was submitted to the runner
// or is promised, and has not ended or did so no longer ago than [RunnerOptions].Keep.
func (r *Runner) Lookup(id string) (*Handle, bool) { return r.handles.Get(id) }
