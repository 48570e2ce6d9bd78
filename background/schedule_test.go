package background_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// starts notes when tasks start, counted from when it was made.
type starts struct {
	began time.Time

	mu sync.Mutex // guards at
	at map[string]time.Duration
}

func newStarts() *starts { return &starts{began: time.Now(), at: make(map[string]time.Duration)} }

// task returns a task that starts and ends at once.
func (s *starts) task(name string) *background.Task {
	return task(name, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.at[name] = time.Since(s.began)
	})
}

func TestTasksStartLater(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		s := newStarts()
		later := s.task("later").After(time.Minute)
		for _, task := range []*background.Task{
			later,
			later.Named("again").After(0),
			later.At(time.Now().Add(time.Hour)).After(time.Second).Named("unused").At(time.Now().Add(2 * time.Second)),
			s.task("at").At(time.Now().Add(2 * time.Minute)),
			s.task("past").At(time.Now().Add(-time.Hour)),
			s.task("zero").At(time.Time{}),
		} {
			require.NoError(t, r.Submit(t.Context(), task))
		}
		pass(time.Second)
		assert.Equal(t, 3, r.Stats().Scheduled)
		assert.True(t, balanced(r.Stats()))
		assert.Zero(t, background.Workers(r), "none waits on a worker")
		pass(time.Hour)
		assert.Equal(t, map[string]time.Duration{"later": time.Minute, "at": 2 * time.Minute, "past": 0, "zero": 0}, s.at)
	})
}

// TestTasksOfACollectionStartLater: with MaxConcurrent 1, each a while after the one
// before.
func TestTasksOfACollectionStartLater(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4}, func(t *testing.T, r *background.Runner) {
		s := newStarts()
		require.NoError(t, r.Submit(t.Context(), collection(1, s.task("a"), s.task("b").After(time.Minute), s.task("c"), s.task("d").After(time.Second))))
		pass(time.Hour)
		assert.Equal(t, map[string]time.Duration{"a": 0, "b": time.Minute, "c": time.Minute, "d": time.Minute + time.Second}, s.at)
	})
}

// TestAScheduledTaskHoldsItsPlace: also with free workers, so that later ones are
// bounded.
func TestAScheduledTaskHoldsItsPlace(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4, Queue: 2, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		later := task("later", func() {}).After(time.Minute)
		require.NoError(t, r.Submit(t.Context(), later))
		require.NoError(t, r.Submit(t.Context(), later))
		require.ErrorIs(t, r.Submit(t.Context(), later), background.ErrFull)
		require.NoError(t, r.Submit(t.Context(), task("now", func() {})), "which finds a worker")
		pass(time.Minute)
		assert.Zero(t, r.Stats().Scheduled)
		release := make(chan struct{})
		fill(t, r, 4+2, release) // all the room is back
		close(release)
	})
}

// TestManyScheduledTasksTakeTurns with what comes when their time has come.
func TestManyScheduledTasksTakeTurns(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		slow := task("slow", func() { time.Sleep(time.Second) })
		for range 100 {
			require.NoError(t, r.Submit(t.Context(), slow.After(time.Minute)))
		}
		pass(time.Minute)
		s := newStarts()
		require.NoError(t, r.Submit(t.Context(), s.task("single")))
		pass(time.Hour)
		assert.LessOrEqual(t, s.at["single"], 2*time.Second)
	})
}

// TestAShutdownDoesNotWaitForLater: what is due later is named, as is what is
// submitted for later while the runner drains.
func TestAShutdownDoesNotWaitForLater(t *testing.T) {
	for name, ctx := range map[string]func(*testing.T) (context.Context, context.CancelFunc){
		"without a deadline": func(t *testing.T) (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		"with one": func(t *testing.T) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			options := background.RunnerOptions{Workers: 2, OnFailure: func(_ context.Context, e *background.TaskError) {
				if errors.Is(e, background.ErrAbandoned) {
					told = append(told, e.Name)
				}
			}}
			synctest.Test(t, func(t *testing.T) {
				r := background.NewRunner(options)
				began := time.Now()
				ctx, cancel := ctx(t)
				defer cancel()
				s := newStarts()
				require.NoError(t, r.Submit(t.Context(), s.task("single").After(time.Minute)))
				require.NoError(t, r.Submit(t.Context(), collection(1, s.task("first"), s.task("second").After(time.Minute), s.task("third"))))
				require.NoError(t, r.Submit(t.Context(), failing("again", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: 20 * time.Second}).After(time.Second)))
				require.NoError(t, r.Submit(t.Context(), background.Func("submits", func(ctx context.Context) error {
					time.Sleep(2 * time.Second)
					assert.ErrorIs(t, r.Submit(ctx, s.task("refused").After(time.Second)), background.ErrClosed)
					return r.Submit(ctx, collection(1, s.task("late").After(time.Second)))
				})))
				pass(time.Second)
				err := r.Shutdown(ctx)
				drain, ok := errors.AsType[*background.DrainError](err)
				require.True(t, ok, err)
				assert.ElementsMatch(t, []string{"single", "second", "late"}, drain.Waiting)
				assert.ErrorIs(t, err, background.ErrDueLater)
				assert.Less(t, time.Since(began), 30*time.Second)
				assert.ElementsMatch(t, drain.Waiting, told)
				assert.NotContains(t, s.at, "second")
				assert.Contains(t, s.at, "third", "which is not in that one's way")
				assert.True(t, balanced(r.Stats()))
				assert.EqualValues(t, 3, r.Stats().Abandoned)
			})
		})
	}
}

func TestAWaitIsNotNegative(t *testing.T) {
	assert.PanicsWithValue(t, `background: After(-1ns) of task "x": a wait cannot be negative`, func() { task("x", func() {}).After(-1) })
}

// TestAShutdownSaysWhyItGaveUp: for want of time, if that is the reason, whichever the
// attempt.
func TestAShutdownSaysWhyItGaveUp(t *testing.T) {
	again := background.Retry{Attempts: 3, Backoff: time.Hour, MaxBackoff: time.Hour}
	slow := background.Func("slow", func(context.Context) error { time.Sleep(time.Second); return io.EOF })
	for name, test := range map[string]struct {
		task *background.Task
		want error
	}{
		"a first attempt that fails meanwhile": {slow.WithRetry(again), context.DeadlineExceeded},
		"one that has failed":                  {failing("fails", io.EOF).WithRetry(again), context.DeadlineExceeded},
		"later":                                {slow.After(time.Hour), background.ErrDueLater},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := background.NewRunner(background.RunnerOptions{})
				require.NoError(t, r.Submit(t.Context(), test.task))
				pass(500 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				require.ErrorIs(t, r.Shutdown(ctx), test.want)
			})
		})
	}
}

// TestAShutdownLeavesThoseAloneThatRun: beside one that is due later.
func TestAShutdownLeavesThoseAloneThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		all := collection(2,
			background.Func("runs", func(ctx context.Context) error { time.Sleep(10 * time.Second); return ctx.Err() }),
			task("later", t.FailNow).After(time.Hour),
			task("behind", t.FailNow))
		all.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), all))
		pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		drain, ok := errors.AsType[*background.DrainError](r.Shutdown(ctx))
		require.True(t, ok)
		assert.Equal(t, []string{"later", "behind"}, drain.Waiting)
		assert.EqualValues(t, 1, r.Stats().Succeeded)
		assert.True(t, balanced(r.Stats()))
	})
}

// TestDueTasksAreQueued: for whoever looks whether the workers keep up.
func TestDueTasksAreQueued(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(t.Context(), task("long", func() { time.Sleep(time.Hour) })))
		for range 3 {
			require.NoError(t, r.Submit(t.Context(), task("due", func() {}).After(time.Minute)))
		}
		pass(10 * time.Minute)
		stats := r.Stats()
		assert.Equal(t, 3, stats.Queued)
		assert.Zero(t, stats.Scheduled+stats.Retrying)
		assert.InDelta(t, 9*time.Minute, stats.OldestWaiting, float64(time.Millisecond))
		assert.True(t, balanced(stats))
	})
}

// TestATimeThatIsPastTakesNoRoom: the task finds a free worker as others do.
func TestATimeThatIsPastTakesNoRoom(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2, Queue: 1, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("holds room", release).WithRetry(background.Retry{Attempts: 2})))
		require.NoError(t, r.Submit(t.Context(), held("past", release).At(time.Now().Add(-time.Second))))
		close(release)
	})
}
