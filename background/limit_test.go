package background_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// gauge counts how many of its tasks run, and notes when they started.
type gauge struct {
	began time.Time

	mu            sync.Mutex // guards the rest
	running, most int
	starts        []time.Duration
}

// task returns a task that runs for d.
func (g *gauge) task(d time.Duration) *background.Task {
	g.began = time.Now()
	return task("limited", func() {
		g.add(+1)
		time.Sleep(d)
		g.add(-1)
	})
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running += n
	g.most = max(g.most, g.running)
	if n > 0 {
		g.starts = append(g.starts, time.Since(g.began))
	}
}

func TestALimitOfConcurrentTasks(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 2})
	inBubble(t, background.RunnerOptions{Workers: 8}, func(t *testing.T, r *background.Runner) {
		var g gauge
		limited := g.task(time.Second).WithLimit(limit)
		for range 3 {
			require.NoError(t, r.Submit(t.Context(), limited))
		}
		require.NoError(t, r.Submit(t.Context(), collection(4, limited, limited, limited, limited)))
		synctest.Wait()
		stats := r.Stats()
		assert.Equal(t, 2, stats.Running)
		assert.Equal(t, 1+4, stats.Limited)
		assert.Zero(t, stats.Queued)
		assert.True(t, balanced(stats))
		assert.Equal(t, 2, background.Workers(r), "none waits on a worker")
		pass(time.Minute)
		assert.Equal(t, 2, g.most)
		assert.Len(t, g.starts, 7)
		assert.Equal(t, 3*time.Second, g.starts[6], "two in each second")
	})
}

func TestALimitPerSecond(t *testing.T) {
	for name, test := range map[string]struct {
		options background.LimitOptions
		tasks   int
		want    []time.Duration
	}{
		"at equal distances":  {background.LimitOptions{PerSecond: 2}, 4, []time.Duration{0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond}},
		"in a burst":          {background.LimitOptions{PerSecond: 1, Burst: 3}, 5, []time.Duration{0, 0, 0, time.Second, 2 * time.Second}},
		"seldom":              {background.LimitOptions{PerSecond: 1.0 / 60}, 2, []time.Duration{0, time.Minute}},
		"one of them at once": {background.LimitOptions{PerSecond: 1000, Concurrent: 1}, 3, []time.Duration{0, 10 * time.Millisecond, 20 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{Workers: 8}, func(t *testing.T, r *background.Runner) {
				var g gauge
				limited := g.task(10 * time.Millisecond).WithLimit(background.NewLimit(test.options))
				for range test.tasks {
					require.NoError(t, r.Submit(t.Context(), limited))
				}
				pass(time.Hour)
				assert.Equal(t, test.want, g.starts)
				g.starts, g.began = nil, time.Now()
				for range test.tasks {
					require.NoError(t, r.Submit(t.Context(), limited))
				}
				pass(time.Hour)
				assert.Equal(t, test.want, g.starts, "what was not used in an hour does not add up")
			})
		})
	}
}

// TestALimitIsInNobodysWay: with hanging mails on 64 workers, quick tasks start at
// once, and so does the first of a collection behind them.
func TestALimitIsInNobodysWay(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 4})
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		mail := task("mail", func() { time.Sleep(30 * time.Second) }).WithLimit(limit)
		s := newStarts()
		for i := range 100 {
			for range 4 {
				require.NoError(t, r.Submit(t.Context(), mail))
			}
			s.began = time.Now()
			name := fmt.Sprint("quick ", i)
			require.NoError(t, r.Submit(t.Context(), collection(1, s.task(name))))
			pass(time.Second)
			assert.Equal(t, time.Duration(0), s.at[name])
		}
		assert.Equal(t, 4, r.Stats().Running)
	})
}

// TestThoseWhoWaitForALimitTakeTurns: one a turn, with a single worker.
func TestThoseWhoWaitForALimitTakeTurns(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{PerSecond: 1000, Burst: 1000})
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 1, release)
		slow := task("slow", func() { time.Sleep(time.Second) })
		for range 2000 {
			require.NoError(t, r.Submit(t.Context(), slow.WithLimit(limit)))
		}
		s := newStarts()
		close(release)
		pass(1500 * time.Second) // 1500 are through, and what is left waits for a worker
		s.began = time.Now()
		require.NoError(t, r.Submit(t.Context(), s.task("single")))
		require.NoError(t, r.Submit(t.Context(), collection(2, s.task("a"), s.task("b"))))
		pass(time.Hour)
		for _, name := range []string{"single", "a", "b"} {
			assert.LessOrEqual(t, s.at[name], 510*time.Second, name)
		}
	})
}

// TestALimitCountsAttempts: a retry waits for it as others do, and holds no worker.
func TestALimitCountsAttempts(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{PerSecond: 1})
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		began := time.Now()
		var starts []string // one at a time
		again := func(name string) *background.Task {
			return background.Func(name, func(ctx context.Context) error {
				starts = append(starts, fmt.Sprint(name, background.Attempt(ctx), " ", time.Since(began)))
				return io.EOF
			}).WithLimit(limit).WithRetry(background.Retry{Attempts: 2, Backoff: time.Millisecond})
		}
		require.NoError(t, r.Submit(t.Context(), again("a")))
		require.NoError(t, r.Submit(t.Context(), again("b")))
		pass(100 * time.Millisecond)
		assert.Equal(t, 2, r.Stats().Limited)
		assert.Zero(t, r.Stats().Retrying)
		pass(time.Hour)
		assert.Equal(t, []string{"a1 0s", "b1 1s", "a2 2s", "b2 3s"}, starts)
	})
}

// TestACollectionIsStoppedWhileItWaitsForALimit: its tasks give their places back, and
// others have their turn.
func TestACollectionIsStoppedWhileItWaitsForALimit(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	options := background.RunnerOptions{Workers: 4, Queue: 10, Overflow: background.Reject}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("first", release).WithLimit(limit)))
		all := collection(5, held("second", release).WithLimit(limit), held("third", release).WithLimit(limit))
		all.Add(background.Func("fails", func(context.Context) error { time.Sleep(time.Second); return io.EOF }))
		all.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), all))
		s := newStarts()
		require.NoError(t, r.Submit(t.Context(), s.task("behind").WithLimit(limit)))
		pass(time.Minute)
		assert.EqualValues(t, 2, r.Stats().Skipped)
		assert.Equal(t, 1, r.Stats().Limited)
		close(release)
		pass(time.Second)
		assert.Equal(t, time.Minute, s.at["behind"])
		release = make(chan struct{})
		fill(t, r, 4+10, release) // all the room is back
		close(release)
	})
}

// TestAShutdownEndsUnderALimit: it waits for those who wait, and gives them up when
// there is no time left.
func TestAShutdownEndsUnderALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := background.NewLimit(background.LimitOptions{PerSecond: 0.1})
		r := background.NewRunner(background.RunnerOptions{})
		var g gauge
		limited := g.task(0).WithLimit(limit)
		for range 4 {
			require.NoError(t, r.Submit(t.Context(), limited))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 28*time.Second)
		defer cancel()
		err := r.Shutdown(ctx)
		require.EqualError(t, err, `background: drain ended early: context deadline exceeded; 1 given up: "limited"`)
		assert.Len(t, g.starts, 3)
		assert.True(t, balanced(r.Stats()))
		pass(time.Minute)
	})
}

// TestEachRunnerKeepsALimit for its own tasks.
func TestEachRunnerKeepsALimit(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, a *background.Runner) {
		b := background.NewRunner(background.RunnerOptions{})
		release := make(chan struct{})
		for _, r := range []*background.Runner{a, b} {
			require.NoError(t, r.Submit(t.Context(), held("a", release).WithLimit(limit)))
			require.NoError(t, r.Submit(t.Context(), held("b", release).WithLimit(limit)))
			synctest.Wait()
			assert.Equal(t, 1, r.Stats().Running)
		}
		close(release)
		require.NoError(t, b.Shutdown(t.Context()))
	})
}

// TestALimitOfAKind: all its tasks share it, unless one has its own, or none.
func TestALimitOfAKind(t *testing.T) {
	release := make(chan struct{})
	kind := background.Define("limited", func(context.Context, int) error { <-release; return nil },
		background.NewLimit(background.LimitOptions{Concurrent: 1}))
	r := background.NewRunner(background.RunnerOptions{})
	for range 3 {
		require.NoError(t, r.Submit(t.Context(), kind.Task(1)))
	}
	require.NoError(t, r.Submit(t.Context(), kind.Task(2).WithLimit(nil)))
	require.NoError(t, r.Submit(t.Context(), kind.Task(3).WithLimit(background.NewLimit(background.LimitOptions{Concurrent: 1}))))
	assert.Equal(t, 3, r.Stats().Running)
	assert.Equal(t, 2, r.Stats().Limited)
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestLimitsThatCannotBe(t *testing.T) {
	for options, want := range map[background.LimitOptions]string{
		{}:                         "set LimitOptions.Concurrent or PerSecond: nothing is limited",
		{Concurrent: -1}:           "LimitOptions.Concurrent is -1, it cannot be negative",
		{PerSecond: -1}:            "LimitOptions.PerSecond is -1, it has to be 0, or from one a day (1.0 / 86400) to a million",
		{PerSecond: math.NaN()}:    "LimitOptions.PerSecond is NaN, it has to be 0, or from one a day (1.0 / 86400) to a million",
		{PerSecond: math.Inf(1)}:   "LimitOptions.PerSecond is +Inf, it has to be 0, or from one a day (1.0 / 86400) to a million",
		{PerSecond: 1e-6}:          "LimitOptions.PerSecond is 1e-06, it has to be 0, or from one a day (1.0 / 86400) to a million",
		{PerSecond: 1, Burst: -1}:  "LimitOptions.Burst is -1, it has to be from 0 to a million",
		{PerSecond: 1, Burst: 2e6}: "LimitOptions.Burst is 2000000, it has to be from 0 to a million",
		{Concurrent: 1, Burst: 2}:  "LimitOptions.Burst goes with PerSecond, which is 0",
	} {
		assert.PanicsWithValue(t, "background: NewLimit: "+want, func() { background.NewLimit(options) })
	}
	assert.PanicsWithValue(t, `background: Define "x": a limit is nil or zero: make it by NewLimit`, func() {
		background.Define("x", func(context.Context, int) error { return nil }, new(background.Limit))
	})
	assert.PanicsWithValue(t, `background: WithLimit of task "x": a limit is zero: make it by NewLimit`, func() {
		task("x", func() {}).WithLimit(new(background.Limit))
	})
}

// TestALimitOfFewTasksAndALargeBurst: the time that it stands for is not too long.
func TestALimitOfFewTasksAndALargeBurst(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{PerSecond: 1.0 / 86400, Burst: 1_000_000})
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var g gauge
		limited := g.task(0).WithLimit(limit)
		for range 100 {
			require.NoError(t, r.Submit(t.Context(), limited))
		}
		pass(time.Second)
		assert.Len(t, g.starts, 100)
	})
}

// TestLimitsForget the runners that have kept them.
func TestLimitsForget(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1, PerSecond: 10})
	kind := background.Define("forgetful", func(context.Context, int) error { return nil }, limit)
	daily := background.NewLimit(background.LimitOptions{PerSecond: 1.0 / 86400})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, use := range []func(*background.Runner){
		func(r *background.Runner) {
			require.NoError(t, r.Submit(t.Context(), kind.Task(1)))
			require.NoError(t, r.Submit(t.Context(), kind.Task(1).After(24*time.Hour)))
			require.ErrorIs(t, r.Shutdown(t.Context()), background.ErrDueLater)
		},
		func(r *background.Runner) {
			require.NoError(t, r.Submit(t.Context(), kind.Task(1).WithLimit(daily)))
			require.NoError(t, r.Submit(t.Context(), kind.Task(1).WithLimit(daily)))
			require.ErrorIs(t, r.Shutdown(canceled), context.Canceled)
		},
	} {
		gone := make(chan struct{})
		func() {
			r := background.NewRunner(background.RunnerOptions{})
			runtime.AddCleanup(r, func(int) { close(gone) }, 0)
			use(r)
		}()
		require.Eventually(t, func() bool {
			runtime.GC()
			select {
			case <-gone:
				return true
			default:
				return false
			}
		}, 30*time.Second, time.Millisecond)
	}
	runtime.KeepAlive(limit)
	runtime.KeepAlive(daily)
	runtime.KeepAlive(kind)
}

// TestALimitIsNotForgotten while its tasks wait for nothing but a worker.
func TestALimitIsNotForgotten(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	inBubble(t, background.RunnerOptions{Workers: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 2, release)
		var g gauge
		limited := g.task(time.Second).WithLimit(limit)
		require.NoError(t, r.Submit(t.Context(), limited))
		for range 100 {
			other := background.NewLimit(background.LimitOptions{Concurrent: 1})
			require.NoError(t, r.Submit(t.Context(), task("other", func() {}).WithLimit(other)))
		}
		require.NoError(t, r.Submit(t.Context(), limited))
		close(release)
		pass(time.Minute)
		assert.Len(t, g.starts, 2)
		assert.Equal(t, 1, g.most)
	})
}

// TestALimitStartsOneByOne: also when the workers have held it up.
func TestALimitStartsOneByOne(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{PerSecond: 1})
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		var g gauge
		limited := g.task(0).WithLimit(limit)
		for range 3 {
			require.NoError(t, r.Submit(t.Context(), limited))
		}
		pass(500 * time.Millisecond)
		require.NoError(t, r.Submit(t.Context(), task("long", func() { time.Sleep(10 * time.Second) })))
		pass(time.Minute)
		assert.Equal(t, []time.Duration{0, 10500 * time.Millisecond, 11500 * time.Millisecond}, g.starts)
	})
}
