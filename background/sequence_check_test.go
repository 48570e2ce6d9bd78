package background_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// What can be seen of the runner.

func (s *sequence) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *sequence) returned(c *trial, err error) {
	s.note(func() { c.got = result(err) })
}

// told is the hook for failures. If it is told of a task that came to nothing though no
// attempt has ended, that holds a worker: it waits until it may give that back, see
// obey.
func (s *sequence) told(ctx context.Context, failure *background.TaskError) {
	var unmade *job
	s.note(func() {
		s.hook[notice(ctx.Value(callKey{}), failure.Name, failure.Attempt, failure.WillRetry, failure.Err.Error())]++
		switch {
		case errors.Is(failure.Err, background.ErrSkipped) || errors.Is(failure.Err, background.ErrAbandoned):
		case s.untold[failure.Name] > 0:
			s.untold[failure.Name]--
		default:
			unmade = s.byName[failure.Name]
		}
		if j := s.byName[failure.Name]; j != nil && j.task != failure.Task {
			s.wrong = append(s.wrong, "the failure of "+failure.Name+" has another task")
		}
	})
	if unmade != nil {
		<-unmade.orders
	}
}

// recorder is a log handler.
type recorder struct {
	slog.Handler
	record func(context.Context, slog.Record)
}

func (r recorder) Enabled(context.Context, slog.Level) bool { return true }

func (r recorder) Handle(ctx context.Context, record slog.Record) error {
	r.record(ctx, record)
	return nil
}

// logged makes notices of a log record.
func (s *sequence) logged(ctx context.Context, record slog.Record) {
	var names []string
	var number int
	var wait time.Duration
	var err error
	reason := record.Message
	record.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "tasks":
			names = a.Value.Any().([]string)
		case "task":
			names = []string{a.Value.String()}
		case "attempt":
			number = int(a.Value.Int64())
		case "error":
			err = a.Value.Any().(error)
			reason = err.Error()
		case "retry_in":
			wait = a.Value.Duration()
		}
		return true
	})
	s.note(func() {
		if record.Message == "periodic task was not started" && errors.Is(err, background.ErrFull) {
			s.missed[names[0]]++
			return
		}
		for _, name := range names {
			s.log[notice(ctx.Value(callKey{}), name, number, record.Level == slog.LevelWarn, reason)]++
			if record.Level == slog.LevelWarn {
				s.waits[name] = wait
			}
		}
	})
}

// check compares the runner with the model.
func (s *sequence) check(t *rapid.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var want, got struct {
		results, running []string
		done             []int
	}
	for _, c := range s.calls {
		want.results, got.results = append(want.results, c.result), append(got.results, c.got)
		want.done, got.done = append(want.done, c.wantDone), append(got.done, c.gotDone)
	}
	for _, j := range s.model.running {
		want.running = append(want.running, activity(j.key, j.attempt, j.batch.call.id(), s.model.isDone(j)))
	}
	for key, a := range s.running {
		alike(t, a.number, background.Attempt(a.ctx), "attempts at %s", key)
		got.running = append(got.running, activity(key, a.number, a.ctx.Value(callKey{}), a.ctx.Err() != nil))
	}
	slices.Sort(want.running)
	slices.Sort(got.running)
	alike(t, want.results, got.results, "results of calls, empty for those that wait")
	alike(t, want.done, got.done, "how often the done of each call was called")
	alike(t, want.running, got.running, "running tasks")
	alike(t, s.model.told, s.hook, "what OnFailure was told")
	alike(t, s.model.told, s.log, "what was logged")
	alike(t, s.model.missed, s.missed, "how often a periodic task had no room")
	alike(t, []string(nil), s.wrong, "what must not be")
	if s.surrounded {
		alike(t, s.model.attempts, s.begunAround, "attempts that something was done around")
	}

	stats, exact := s.runner.Stats(), s.model.numbers()
	if stats.Queued+stats.Blocked > 0 {
		exact.OldestWaiting = aged(t, exact.OldestWaiting, stats.OldestWaiting)
	}
	alike(t, exact, stats, "Stats")
	s.checkHandles(t)
	s.checkView(t)
	s.checkKinds(t)
}

// alike is assert.Equal, which looks for its callers each time, and that takes longer than
// all comparisons.
func alike(t *rapid.T, want, got any, message ...any) {
	if !assert.ObjectsAreEqual(want, got) {
		assert.Equal(t, want, got, message...)
	}
}

// aged checks how long something has waited, which may be given as a millisecond more,
// and returns what was given.
func aged(t *rapid.T, exact, given time.Duration) time.Duration {
	if more := given - exact; more < -time.Microsecond || more > time.Millisecond+time.Microsecond {
		assert.Fail(t, "wrong time", "it is said to have waited for %s, and has for %s", given, exact)
	}
	return given
}

// activity puts into words what runs.
func activity(key string, attempt int, call any, done bool) string {
	return fmt.Sprintf("%s, attempt %d, in the context of call %v, which is done: %t", key, attempt, call, done)
}

// result puts the outcome of a call into words.
func result(err error) string {
	if e, ok := errors.AsType[*background.DrainError](err); ok {
		running, waiting := slices.Sorted(slices.Values(e.Running)), slices.Sorted(slices.Values(e.Waiting))
		stopped := slices.Sorted(slices.Values(e.Stopped))
		return fmt.Sprintf("%v: running %q, stopped %q, given up %q, reserved %d", e.Err, running, stopped, waiting, e.Reserved)
	}
	return fmt.Sprint(err)
}

// draw draws one of all, and skips the step if there is none.
func draw[E any](t *rapid.T, label string, all []E) E {
	if len(all) == 0 {
		t.SkipNow() // there is nothing to draw from: rapid draws another step
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, label)]
}
