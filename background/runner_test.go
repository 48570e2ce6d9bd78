package background_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// inBubble runs a test with a runner, which is shut down in the end.
func inBubble(t *testing.T, options background.RunnerOptions, f func(*testing.T, *background.Runner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(options)
		f(t, r)
		require.NoError(t, r.Shutdown(t.Context()))
		stats := r.Stats()
		assert.True(t, balanced(stats), "%+v", stats)
		assert.Zero(t, stats.Queued+stats.Running+stats.Retrying)
		assert.Zero(t, stats.OldestWaiting)
	})
}

// pass lets time go by, until all is quiet again.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait() // also for the race detector: what happened has happened before this
}

// report is work of the user's own kind.
type report struct{ err error }

func (r report) Run(context.Context) error { return r.err }

func TestRunnerRunsWork(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		ran := 0
		count := task("count", func() { ran++ })
		require.NoError(t, r.Submit(t.Context(), count))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), collection(1, count, count)))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), report{}))
		require.NoError(t, r.Submit(t.Context(), &background.Tasks{}))
		require.NoError(t, r.Submit(t.Context(), (*background.Tasks)(nil)))
		synctest.Wait()
		assert.Equal(t, 3, ran)
		assert.Equal(t, background.Stats{Accepted: 4, Succeeded: 4}, r.Stats())
	})
}

func TestRunnerMistakes(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{})
	for want, work := range map[string]background.Work{
		"background: the work to run is nil":                                               nil,
		"background: the work to run is a nil *Task":                                       (*background.Task)(nil),
		"background: the zero Task has no function: make tasks by a Kind, NewTask or Func": new(background.Task),
		"background: Tasks.MaxConcurrent is -1, it cannot be negative":                     collection(-1, task("a", func() {})),
	} {
		assert.PanicsWithValue(t, want, func() { _ = r.Submit(t.Context(), work) })
		assert.PanicsWithValue(t, want, func() { _, _ = r.Reserve(work) })
	}
	require.NoError(t, r.Shutdown(t.Context()))

	zero := new(background.Runner)
	const unmade = "background: the zero Runner runs nothing: make it by NewRunner"
	assert.PanicsWithValue(t, unmade, func() { _ = zero.Submit(t.Context(), task("a", t.FailNow)) })
	assert.PanicsWithValue(t, unmade, func() { _, _ = zero.Reserve(task("a", t.FailNow)) })
	assert.PanicsWithValue(t, unmade, func() { _ = zero.Shutdown(t.Context()) })
}

func TestRunnerContext(t *testing.T) {
	type key struct{}
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		for _, concurrent := range []int{0, 1} { // a single task, and a collection
			ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "request 7"), time.Second)
			var got context.Context
			var err error
			look := background.Func("look", func(ctx context.Context) error {
				time.Sleep(time.Minute)
				got, err = ctx, ctx.Err()
				return nil
			})
			var work background.Work = look
			if concurrent > 0 {
				work = collection(concurrent, look)
			}
			require.NoError(t, r.Submit(ctx, work))
			cancel()
			pass(time.Hour)
			require.NoError(t, err, "the request's end is not the task's")
			assert.Equal(t, "request 7", got.Value(key{}))
			_, has := got.Deadline()
			assert.False(t, has)
		}
	})
}

// TestRunnerContextCostsNoGoroutine shows that a context derived from a task's
// is not watched by a goroutine of its own.
func TestRunnerContextCostsNoGoroutine(t *testing.T) {
	// While a collection frees the stacks of goroutines that have ended, NumGoroutine
	// counts them. None is under way after this, and none begins.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := background.NewRunner(background.RunnerOptions{})
	before, after := 0, 0
	require.NoError(t, r.Submit(ctx, background.Func("derive", func(ctx context.Context) error {
		before = runtime.NumGoroutine()
		for range 100 {
			_, cancel := context.WithCancel(ctx)
			defer cancel()
		}
		after = runtime.NumGoroutine()
		return nil
	})))
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Less(t, after-before, 50)
}

func TestRunnerTimeout(t *testing.T) {
	var mu sync.Mutex
	ended := map[string]time.Duration{}
	start := time.Time{}
	options := background.RunnerOptions{
		Timeout: time.Minute,
		OnFailure: func(_ context.Context, failure *background.TaskError) {
			mu.Lock()
			defer mu.Unlock()
			ended[failure.Name] = time.Since(start)
		},
	}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		start = time.Now()
		require.NoError(t, r.Submit(t.Context(), obedient("default")))
		require.NoError(t, r.Submit(t.Context(), obedient("own").WithTimeout(time.Second)))
		require.NoError(t, r.Submit(t.Context(), collection(0, obedient("collected"))))
		pass(time.Hour)
		assert.Equal(t, map[string]time.Duration{"default": time.Minute, "own": time.Second, "collected": time.Minute}, ended)
	})
}

func TestRunnerSurvivesItsTasks(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		ran := false
		require.NoError(t, r.Submit(t.Context(), collection(2,
			task("panic", func() { panic("boom") }),
			task("exit", runtime.Goexit),
			failing("fail", io.EOF),
			task("ok", func() { ran = true }))))
		require.NoError(t, r.Submit(t.Context(), task("exit", runtime.Goexit).WithRetry(background.Retry{Attempts: 3})))
		require.NoError(t, r.Submit(t.Context(), report{io.EOF}))
		synctest.Wait()
		assert.True(t, ran)
		assert.Equal(t, background.Stats{Accepted: 6, Succeeded: 1, Failed: 5, Panicked: 1}, r.Stats())
	})
}

func TestRunnerStopOnError(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var cause error
		tasks := collection(2,
			background.Func("cancelled", func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return nil
			}),
			failing("fails", io.EOF), task("c", t.FailNow), task("d", t.FailNow))
		tasks.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), tasks))
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 4, Succeeded: 1, Failed: 1, Skipped: 2}, r.Stats())
		failure, ok := errors.AsType[*background.TaskError](cause)
		require.True(t, ok)
		assert.Equal(t, "fails", failure.Name)
	})
}

func TestRunnerStopOnErrorDropsRetries(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		attempts := 0
		tasks := collection(2,
			background.Func("flaky", func(context.Context) error { attempts++; return io.EOF }).
				WithRetry(background.Retry{Attempts: 2, Backoff: time.Minute, MaxBackoff: time.Minute}),
			background.Func("fails", func(context.Context) error { time.Sleep(time.Second); return io.EOF }))
		tasks.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), tasks))
		pass(2 * time.Second)
		assert.Equal(t, 1, attempts)
		assert.Equal(t, background.Stats{Accepted: 2, Failed: 1, Retried: 1, Skipped: 1}, r.Stats())
	})
}

func TestRunnerRetry(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		attempts := 0
		flaky := background.Func("flaky", func(context.Context) error {
			if attempts++; attempts < 3 {
				return io.EOF
			}
			return nil
		}).WithRetry(background.Retry{Attempts: 3, Backoff: time.Minute})
		require.NoError(t, r.Submit(t.Context(), flaky))
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 1, Retried: 1, Retrying: 1}, r.Stats())

		// The worker is free meanwhile, and a place in the queue is taken.
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("a", release)))
		require.NoError(t, r.Submit(t.Context(), held("b", release)))
		require.ErrorIs(t, r.Submit(t.Context(), held("c", release)), background.ErrFull)
		pass(time.Hour)
		assert.Equal(t, 1, attempts, "the worker is busy")
		close(release)
		pass(time.Hour)
		assert.Equal(t, background.Stats{Accepted: 3, Succeeded: 3, Retried: 2, Rejected: 1}, r.Stats())
	})
}

// TestRunnerRetryKeepsOrder: with MaxConcurrent 1 the next task does not start
// while one is to be tried again.
func TestRunnerRetryKeepsOrder(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var order []string
		flaky := background.Func("flaky", func(context.Context) error {
			order = append(order, "flaky")
			if len(order) < 3 {
				return io.EOF
			}
			return nil
		}).WithRetry(background.Retry{Attempts: 3})
		require.NoError(t, r.Submit(t.Context(), collection(1, flaky, task("next", func() { order = append(order, "next") }))))
		pass(time.Hour)
		assert.Equal(t, []string{"flaky", "flaky", "flaky", "next"}, order)
	})
}

func TestRunnerCollectionsTakeTurns(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2}, func(t *testing.T, r *background.Runner) {
		var mu sync.Mutex
		var order []string
		note := func(name string) *background.Task {
			return task(name, func() {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				time.Sleep(time.Second)
			})
		}
		large := collection(10)
		for range 10_000 {
			large.Add(note("large"))
		}
		require.NoError(t, r.Submit(t.Context(), large))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), collection(1, note("a"), note("b"))))
		require.NoError(t, r.Submit(t.Context(), note("single")))
		pass(4 * time.Second)
		mu.Lock()
		assert.Equal(t, []string{"large", "large"}, order[:2])
		assert.ElementsMatch(t, []string{"large", "a", "single", "large", "large", "b"}, order[2:8])
		mu.Unlock()
	})
}

func TestRunnerCollectionOccupiesMaxConcurrentWorkers(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 8}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		tasks := collection(3)
		for range 10 {
			tasks.Add(held("held", release))
		}
		require.NoError(t, r.Submit(t.Context(), tasks))
		synctest.Wait()
		stats := r.Stats()
		assert.Equal(t, 3, stats.Running)
		assert.Equal(t, 7, stats.Queued)
		ran := false
		require.NoError(t, r.Submit(t.Context(), task("other", func() { ran = true })))
		synctest.Wait()
		assert.True(t, ran)
		close(release)
	})
}

// TestRunnerStartsWhatItCan: a task which blocks, and is the first to be called,
// holds up none of those which were given workers together with it.
func TestRunnerStartsWhatItCan(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 8}, func(t *testing.T, r *background.Runner) {
		for range 2 { // with new workers, and with idle ones
			var started atomic.Int64
			release := make(chan struct{})
			tasks := collection(8)
			for range 8 {
				tasks.Add(task("held", func() { started.Add(1); <-release }))
			}
			require.NoError(t, r.Submit(t.Context(), tasks))
			synctest.Wait()
			assert.EqualValues(t, 8, started.Load())
			close(release)
			synctest.Wait()
		}
	})
}

// TestRunnerSubmitsCollectionAgain: each submission has a context of its own.
func TestRunnerSubmitsCollectionAgain(t *testing.T) {
	type key struct{}
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var contexts []context.Context
		tasks := collection(1, background.Func("keep", func(ctx context.Context) error {
			contexts = append(contexts, ctx)
			return nil
		}))
		for i := range 3 {
			require.NoError(t, r.Submit(context.WithValue(t.Context(), key{}, i), tasks))
			synctest.Wait()
		}
		require.Len(t, contexts, 3)
		for i, ctx := range contexts {
			assert.Equal(t, i, ctx.Value(key{}))
		}
	})
}

// idleTime is how long a worker without a job stays, at most.
const idleTime = time.Second

func TestRunnerKeepsTheWorkersItNeeds(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 8}, func(t *testing.T, r *background.Runner) {
		workers := func() int { synctest.Wait(); return background.Workers(r) }
		release := make(chan struct{})
		fill(t, r, 8, release)
		close(release)
		assert.Equal(t, 8, workers())
		for range 10 { // a flow that one worker keeps up with
			require.NoError(t, r.Submit(t.Context(), task("quick", func() {})))
			pass(idleTime / 4)
		}
		assert.Equal(t, 1, workers())
		pass(idleTime)
		assert.Zero(t, workers())
	})
}

func TestRunnerWorkersStayAWhile(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2}, func(t *testing.T, r *background.Runner) {
		workers := func() int { synctest.Wait(); return background.Workers(r) }
		assert.Zero(t, workers())
		for range 3 {
			require.NoError(t, r.Submit(t.Context(), task("quick", func() {})))
			assert.Equal(t, 1, workers(), "one worker is used again")
			time.Sleep(idleTime/2 - time.Millisecond)
			assert.Equal(t, 1, workers(), "it stays for half of the time at least")
		}
		time.Sleep(idleTime)
		assert.Zero(t, workers(), "it has gone")
		require.NoError(t, r.Submit(t.Context(), task("quick", func() {})))
		assert.Equal(t, 1, workers(), "and another one comes")
	})
}

// TestRunnerIdleWorkerAndJobMeet submits at the moment when the idle time ends.
func TestRunnerIdleWorkerAndJobMeet(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		for range 200 {
			require.NoError(t, r.Submit(t.Context(), task("quick", func() {})))
			synctest.Wait()
			pass(idleTime)
		}
		synctest.Wait()
		assert.EqualValues(t, 200, r.Stats().Succeeded)
	})
}

func TestStatsOldestWaiting(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("held", release)))
		assert.Zero(t, r.Stats().OldestWaiting)
		require.NoError(t, r.Submit(t.Context(), task("single", func() { time.Sleep(time.Second) })))
		time.Sleep(time.Second)
		require.NoError(t, r.Submit(t.Context(), collection(1, task("a", func() { time.Sleep(time.Second) }), task("b", func() {}))))
		time.Sleep(time.Second)
		assert.Equal(t, 2*time.Second, r.Stats().OldestWaiting)
		close(release)
		synctest.Wait() // the single one runs
		assert.Equal(t, time.Second, r.Stats().OldestWaiting)
		pass(time.Second) // a runs, and b has waited since the collection was submitted
		assert.Equal(t, 2*time.Second, r.Stats().OldestWaiting)
	})
}

// TestStatsOldestWaitingToTheMillisecond: tasks submitted within a millisecond
// count from the first of them, others from their own time.
func TestStatsOldestWaitingToTheMillisecond(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 1, release)
		pace := make(chan struct{})
		wait := func() { require.NoError(t, r.Submit(t.Context(), held("waits", pace))) }
		wait()
		time.Sleep(time.Millisecond / 2)
		wait()
		time.Sleep(10 * time.Millisecond)
		wait()
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, 20500*time.Microsecond, r.Stats().OldestWaiting)
		close(release)
		synctest.Wait()
		assert.Equal(t, 20500*time.Microsecond, r.Stats().OldestWaiting, "a half more than it has waited")
		pace <- struct{}{}
		synctest.Wait()
		assert.Equal(t, 10*time.Millisecond, r.Stats().OldestWaiting)
		close(pace)
	})
}

// TestStatsOldestWaitingBehindGroups: the oldest task is a single one, and
// collections that came later are in front of it or parked.
func TestStatsOldestWaitingBehindGroups(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		second := task("second", func() { time.Sleep(time.Second) })
		require.NoError(t, r.Submit(t.Context(), collection(2, held("held", release), second, second)))
		time.Sleep(time.Second)
		require.NoError(t, r.Submit(t.Context(), task("single", func() {})))
		time.Sleep(time.Second)
		assert.Equal(t, 2*time.Second, r.Stats().OldestWaiting)
		close(release)
		pass(time.Second / 2) // the collection has lined up behind the single task, which has run
		assert.Equal(t, 2500*time.Millisecond, r.Stats().OldestWaiting)
	})
}

// TestRunnerSurvivesRetryIf: an If that ends the goroutine makes the failure
// final, as one that panics does.
func TestRunnerSurvivesRetryIf(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		retry := background.Retry{Attempts: 3, If: func(error) bool { runtime.Goexit(); return true }}
		require.NoError(t, r.Submit(t.Context(), failing("fails", io.EOF).WithRetry(retry)))
		require.NoError(t, r.Submit(t.Context(), task("next", func() {})))
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 2, Succeeded: 1, Failed: 1}, r.Stats())
	})
}
