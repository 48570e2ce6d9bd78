package background

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// A FailureInfo is a failed attempt, or a task that will not run, as [Runner.Failures] tells.
type FailureInfo struct {
	Number  uint64          // counts those that were remembered, from 1
	ID      string          // of the handle; empty without
	Name    string          // of the task
	Kind    string          // empty for a task without
	Attempt int             // from 1, or 0 for a task that was given up while it waited
	State   State           // that the task came into: Retrying, Failed, Canceled or GivenUp
	At      time.Time       // when that was
	Error   string          // at most 4 KiB
	Stack   string          // of a panic, at most 16 KiB; else empty
	Context context.Context // with the values that the task was submitted with
}

// What a runner remembers of one failure, in bytes.
const (
	maxErrorText = 4 << 10
	maxStack     = 16 << 10
)

// failures are the last ones, in a ring.
type failures struct {
	mu   sync.Mutex // guards the rest
	ring []FailureInfo
	seen uint64 // how many ever were
	next int    // where the next one goes, once the ring is full
	most int
}

// KeepFailures has the runner remember the last n failures, for [Runner.Failures]; 0
// forgets them, and is how a runner begins. It costs nothing until a task fails. What was
// remembered before stays as far as it fits. It panics if n is negative.
func (r *Runner) KeepFailures(n int) {
	r.mustBeMade()
	if n < 0 {
		panic("background: KeepFailures: n is negative")
	}
	if n == 0 {
		r.failures.Store(nil)
		return
	}
	kept := &failures{most: n}
	for _, f := range r.Failures() {
		kept.seen = max(kept.seen, f.Number)
		if len(kept.ring) < n {
			kept.ring = append(kept.ring, f)
		}
	}
	slices.Reverse(kept.ring)
	r.failures.Store(kept)
}

// Failures returns the failures that the runner remembers, see [Runner.KeepFailures], the
// last one first. Stored tasks are among them whose attempts this process has made.
func (r *Runner) Failures() []FailureInfo {
	f := r.failures.Load()
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]FailureInfo, 0, len(f.ring))
	for i := range f.ring {
		all = append(all, f.ring[(f.next+len(f.ring)-1-i)%len(f.ring)])
	}
	return all
}

// remember keeps a failure, if somebody wants to see it.
func (r *Runner) remember(ctx context.Context, id string, state State, failure *TaskError) {
	kept := r.failures.Load()
	if kept == nil {
		return
	}
	f := FailureInfo{
		ID: id, Name: failure.Name, Kind: failure.Task.Kind(), Attempt: failure.Attempt, State: state,
		At: time.Now(), Error: textOf(failure.Err), Context: context.WithoutCancel(submittedWith(ctx)),
	}
	if p := panicOf(failure.Err); p != nil {
		f.Stack = string(p.Stack[:min(len(p.Stack), maxStack)])
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	kept.seen++
	f.Number = kept.seen
	if len(kept.ring) < kept.most {
		kept.ring = append(kept.ring, f)
		return
	}
	kept.ring[kept.next] = f
	kept.next = (kept.next + 1) % kept.most
}

// submittedWith returns a context with the values that a task was submitted with. What is
// kept of it are these, and not the collection or the stored task that its own context is
// made of, with their arguments.
func submittedWith(ctx context.Context) context.Context {
	if values, ok := ctx.Value(schedule.ValuesKey).(context.Context); ok {
		return values
	}
	if o := OriginOf(ctx); o != nil { // of a stored task
		return context.WithValue(context.Background(), OriginKey{}, &Origin{Values: o.Values})
	}
	return context.Background()
}

// state returns what has become of a task whose attempt failed, or that was cancelled.
func (e *TaskError) state(canceled bool) State {
	switch {
	case e.WillRetry:
		return Retrying
	case canceled:
		return Canceled
	}
	return Failed
}

// textOf returns what an error says, whose methods are the service's and may panic.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error whose Error panics"
		}
	}()
	if err == nil {
		return ""
	}
	return shortened(err.Error(), maxErrorText)
}

// shortened returns at most so many bytes of a text, in memory of its own.
func shortened(text string, most int) string {
	if len(text) <= most {
		return strings.Clone(text)
	}
	return strings.Clone(text[:most]) + "…"
}
