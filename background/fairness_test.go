package background_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// storm returns tasks that take 10 ms, fail, and are tried again at once, all
// the time.
func storm(n int) []*background.Task {
	tasks := make([]*background.Task, n)
	for i := range tasks {
		tasks[i] = background.Func("storm", func(context.Context) error {
			time.Sleep(10 * time.Millisecond)
			return io.EOF
		}).WithRetry(background.Retry{Attempts: 6000, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond})
	}
	return tasks
}

// stop ends a runner that has more to do than a test can wait for.
func stop(t *testing.T, r *background.Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.Shutdown(ctx)
	_ = r.Shutdown(t.Context())
	stats := r.Stats()
	assert.True(t, balanced(stats), "%+v", stats)
}

// TestRetriesTakeTurns: tasks which are tried again without end hold up a fresh
// one by one turn.
func TestRetriesTakeTurns(t *testing.T) {
	for name, submit := range map[string]func(*testing.T, *background.Runner){
		"single tasks": func(t *testing.T, r *background.Runner) {
			for _, task := range storm(40) {
				require.NoError(t, r.Submit(t.Context(), task))
			}
		},
		"a collection": func(t *testing.T, r *background.Runner) {
			require.NoError(t, r.Submit(t.Context(), collection(40, storm(40)...)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := background.NewRunner(background.RunnerOptions{Workers: 4})
				submit(t, r)
				pass(time.Second)
				start := time.Now()
				var single, collected time.Duration
				require.NoError(t, r.Submit(t.Context(), task("single", func() { single = time.Since(start) })))
				require.NoError(t, r.Submit(t.Context(), collection(1, task("a", func() {}), task("b", func() { collected = time.Since(start) }))))
				pass(time.Minute)
				assert.NotZero(t, single)
				assert.LessOrEqual(t, single, 10*time.Millisecond)
				assert.NotZero(t, collected)
				assert.LessOrEqual(t, collected, 20*time.Millisecond)
				stop(t, r)
			})
		})
	}
}

// TestRetriesHaveTheirTurn: a flood of fresh tasks holds up one that is due by
// one turn, too.
func TestRetriesHaveTheirTurn(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		var attempts []time.Duration
		start := time.Now()
		flaky := background.Func("flaky", func(context.Context) error {
			attempts = append(attempts, time.Since(start))
			return io.EOF
		}).WithRetry(background.Retry{Attempts: 2, Backoff: 10 * time.Millisecond})
		require.NoError(t, r.Submit(t.Context(), flaky))
		for range 1000 {
			require.NoError(t, r.Submit(t.Context(), task("fresh", func() { time.Sleep(time.Millisecond) })))
		}
		pass(time.Minute)
		require.Len(t, attempts, 2)
		assert.LessOrEqual(t, attempts[1], 11*time.Millisecond)
	})
}

// TestRetriesOfACollectionTakeTurns: a thousand tasks of a collection that are
// due hold up the retry of a single task by one turn.
func TestRetriesOfACollectionTakeTurns(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		after := func(d time.Duration) background.Retry { // or up to half of it sooner, by chance
			return background.Retry{Attempts: 2, Backoff: d}
		}
		large := collection(1001)
		for range 1000 {
			large.Add(failing("large", io.EOF).WithRetry(after(time.Second)))
		}
		var order []string
		note := func(name string, d time.Duration) *background.Task {
			return background.Func(name, func(context.Context) error {
				order = append(order, name)
				return io.EOF
			}).WithRetry(after(d))
		}
		large.Add(note("last", 10*time.Second))
		require.NoError(t, r.Submit(t.Context(), large))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), note("single", 4*time.Second)))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), held("held", release)))
		time.Sleep(time.Minute) // all are due by now
		close(release)
		synctest.Wait()
		assert.Equal(t, []string{"last", "single", "single", "last"}, order)
	})
}

// TestCollectionsThatWereStoppedWhileDue: their retries take no turn, and the one
// behind them has it as soon as a worker is free.
func TestCollectionsThatWereStoppedWhileDue(t *testing.T) {
	const n = 8
	inBubble(t, background.RunnerOptions{Workers: n + 1}, func(t *testing.T, r *background.Runner) {
		after := func(d time.Duration) background.Retry { return background.Retry{Attempts: 2, Backoff: d} }
		submit := func(work background.Work) {
			require.NoError(t, r.Submit(t.Context(), work))
			synctest.Wait()
		}
		for range n { // they take the workers that the collections leave
			first := true
			submit(background.Func("first in line", func(context.Context) error {
				if !first {
					time.Sleep(time.Hour)
				}
				first = false
				return io.EOF
			}).WithRetry(after(time.Second)))
		}
		for range n {
			stopped := collection(2, failing("due", io.EOF).WithRetry(after(5*time.Second)),
				background.Func("fails", func(context.Context) error { time.Sleep(time.Minute); return io.EOF }))
			stopped.StopOnError = true
			submit(stopped)
		}
		submit(failing("last in line", io.EOF).WithRetry(after(25 * time.Second)))
		submit(task("busy", func() { time.Sleep(2 * time.Minute) }))
		pass(3 * time.Minute)
		assert.Equal(t, background.Stats{Accepted: 3*n + 2, Running: n, Succeeded: 1, Failed: n + 1, Skipped: n, Retried: 2*n + 1}, r.Stats())
	})
}

// TestStoppedCollectionLeavesOthersRetries where they are. Its own are named in their
// order.
func TestStoppedCollectionLeavesOthersRetries(t *testing.T) {
	var skipped []string
	options := background.RunnerOptions{OnFailure: func(_ context.Context, failure *background.TaskError) {
		if errors.Is(failure.Err, background.ErrSkipped) {
			skipped = append(skipped, failure.Name)
		}
	}}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		again := background.Retry{Attempts: 2, Backoff: time.Minute, MaxBackoff: time.Minute}
		after := func(seconds int, name string) *background.Task {
			return background.Func(name, func(context.Context) error {
				time.Sleep(time.Duration(seconds) * time.Second)
				return io.EOF
			}).WithRetry(again)
		}
		require.NoError(t, r.Submit(t.Context(), collection(3, after(1, "other 1"), after(3, "other 2"), after(7, "other 3"))))
		stopped := collection(5, after(2, "a"), after(4, "b"), after(6, "c"), after(8, "d"),
			after(10, "fails").WithRetry(background.Retry{}))
		stopped.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), stopped))
		require.NoError(t, r.Submit(t.Context(), after(5, "single")))

		pass(2500 * time.Millisecond)
		require.Equal(t, 2, r.Stats().Retrying)
		pass(8 * time.Second)
		assert.Equal(t, []string{"a", "b", "c", "d"}, skipped)
		assert.Equal(t, 4, r.Stats().Retrying, "the others")
		pass(time.Hour)
		assert.Equal(t, background.Stats{Accepted: 9, Failed: 5, Skipped: 4, Retried: 8}, r.Stats())
	})
}

// TestStartingAtOnceIsNobodysTurn: after a retry it is a fresh task's turn, also
// when another one, which found a free worker, has run meanwhile.
func TestStartingAtOnceIsNobodysTurn(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		var ran []string
		again := func(name string, wait time.Duration) *background.Task {
			failed := false
			return background.Func(name, func(context.Context) error {
				if !failed {
					failed = true
					return io.EOF
				}
				ran = append(ran, name)
				return nil
			}).WithRetry(background.Retry{Attempts: 2, Backoff: wait})
		}
		require.NoError(t, r.Submit(t.Context(), again("early", time.Second)))
		require.NoError(t, r.Submit(t.Context(), again("late", 10*time.Second)))
		pass(2 * time.Second)
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("at once", release)))
		require.NoError(t, r.Submit(t.Context(), task("fresh", func() { ran = append(ran, "fresh") })))
		pass(10 * time.Second)
		close(release)
		pass(0)
		assert.Equal(t, []string{"early", "fresh", "late"}, ran)
	})
}
