package background_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestShutdownBeforeStartAndTwice(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{})
	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, r.Shutdown(done), "nothing was to be done")
	require.NoError(t, r.Shutdown(t.Context()))
	require.ErrorIs(t, r.Submit(t.Context(), task("late", t.FailNow)), background.ErrClosed)
	_, err := r.Reserve(collection(0, task("a", t.FailNow), task("b", t.FailNow)))
	require.ErrorIs(t, err, background.ErrClosed)
	assert.Equal(t, background.Stats{Rejected: 3}, r.Stats())
}

func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 2, Queue: 4})
		attempts := 0
		slow := task("slow", func() { time.Sleep(time.Minute) })
		require.NoError(t, r.Submit(t.Context(), collection(1, slow, slow, slow)))
		require.NoError(t, r.Submit(t.Context(), background.Func("flaky", func(context.Context) error {
			attempts++
			return io.EOF
		}).WithRetry(background.Retry{Attempts: 3, Backoff: 10 * time.Minute, MaxBackoff: time.Hour})))
		v, err := r.Reserve(collection(0, slow, slow, slow, slow, slow))
		require.NoError(t, err)

		// A submitter who waits when Shutdown begins is still served.
		require.NoError(t, r.Submit(t.Context(), slow))
		require.NoError(t, r.Submit(t.Context(), slow))
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, r.Submit(t.Context(), slow)) })
		synctest.Wait()
		wg.Go(func() { assert.NoError(t, r.Shutdown(t.Context())) })
		synctest.Wait()
		require.ErrorIs(t, r.Submit(t.Context(), slow), background.ErrClosed)
		time.Sleep(time.Hour)
		require.NoError(t, v.Start(t.Context(), nil), "it was promised before")
		wg.Wait()
		assert.Equal(t, 3, attempts)
		assert.Equal(t, background.Stats{Accepted: 12, Succeeded: 11, Failed: 1, Retried: 2, Rejected: 1}, r.Stats())
	})
}

func TestShutdownWaitsForDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		v, err := r.Reserve(task("quick", func() {}))
		require.NoError(t, err)
		done := false
		require.NoError(t, v.Start(t.Context(), func() { time.Sleep(time.Minute); done = true }))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.True(t, done)
	})
}

func TestShutdownWaitsForReservations(t *testing.T) {
	for name, use := range map[string]func(*testing.T, *background.Reservation){
		"cancelled": func(_ *testing.T, v *background.Reservation) { v.Cancel() },
		"started":   func(t *testing.T, v *background.Reservation) { require.NoError(t, v.Start(t.Context(), nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := background.NewRunner(background.RunnerOptions{})
				nothing, err := r.Reserve(&background.Tasks{})
				require.NoError(t, err)
				some, err := r.Reserve(task("some", func() {}))
				require.NoError(t, err)
				ended := make(chan error, 1)
				go func() { ended <- r.Shutdown(t.Context()) }()
				synctest.Wait()
				use(t, &some)
				synctest.Wait()
				assert.Empty(t, ended)
				use(t, &nothing)
				synctest.Wait()
				require.NoError(t, <-ended)
			})
		})
	}
}

// TestShutdownOutOfTime has work of all kinds under way.
func TestShutdownOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 3, Queue: 6})
		start := func(work background.Work) *int {
			done := new(int)
			v, err := r.Reserve(work)
			require.NoError(t, err)
			require.NoError(t, v.Start(t.Context(), func() { *done++ }))
			synctest.Wait()
			return done
		}
		release := make(chan struct{})
		again := failing("again", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: time.Second}) // will be due, and find no worker
		ends := []*int{
			start(again),
			start(collection(2, again, held("deaf", release))),
			start(background.Func("obedient", func(ctx context.Context) error {
				<-ctx.Done()
				assert.Equal(t, background.ErrClosed, context.Cause(ctx))
				return ctx.Err()
			})),
			start(collection(1, held("deaf", release), task("parked", t.FailNow))),
			start(task("single", t.FailNow)),
			start(collection(1, task("a", t.FailNow), task("b", t.FailNow))),
		}
		blocked := make(chan error, 2)
		for range cap(blocked) {
			go func() { blocked <- r.Submit(t.Context(), collection(1, task("x", t.FailNow), task("y", t.FailNow))) }()
		}
		v, err := r.Reserve(task("reserved", t.FailNow))
		require.NoError(t, err)
		synctest.Wait()

		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, io.ErrNoProgress)
		defer cancel()
		err = r.Shutdown(ctx)
		drain, ok := errors.AsType[*background.DrainError](err)
		require.True(t, ok, "%v", err)
		require.ErrorIs(t, err, io.ErrNoProgress)
		assert.Equal(t, []string{"deaf", "deaf"}, drain.Running)
		assert.Equal(t, []string{"obedient"}, drain.Stopped)
		assert.Equal(t, []string{"parked", "single", "a", "b", "again", "again"}, drain.Waiting)
		assert.Equal(t, 1, drain.Reserved)
		for range cap(blocked) {
			require.ErrorIs(t, <-blocked, background.ErrClosed)
		}
		synctest.Wait()
		for i, want := range []int{1, 0, 1, 0, 1, 1} {
			assert.Equal(t, want, *ends[i], "done of submission %d", i)
		}

		// What was promised is given up by name, as all that waited.
		ended := 0
		require.NoError(t, v.Start(t.Context(), func() { ended++ }))
		assert.Equal(t, 1, ended)
		require.ErrorIs(t, r.Submit(t.Context(), task("late", t.FailNow)), background.ErrClosed)

		// Another call waits for what still runs, and tells again what was given up.
		time.AfterFunc(time.Hour, func() { close(release) })
		err = r.Shutdown(t.Context())
		require.EqualError(t, err, `background: drain ended early: context deadline exceeded; 1 stopped: "obedient"; 7 given up: `+
			`"parked", "single", "a", "b", "again", "again", "reserved"`)
		for i, done := range ends {
			assert.Equal(t, 1, *done, "done of submission %d", i)
		}
		stats := r.Stats()
		assert.True(t, balanced(stats), "%+v", stats)
		assert.Equal(t, background.Stats{Accepted: 10, Succeeded: 2, Failed: 1, Retried: 2, Rejected: 5, Abandoned: 7}, stats)
	})
}

// TestShutdownLeavesTasksTimeToEnd: a tenth of it.
func TestShutdownLeavesTasksTimeToEnd(t *testing.T) {
	saves := func(saved *time.Time) *background.Task {
		return background.Func("saves", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(5 * time.Millisecond)
			*saved = time.Now()
			return nil
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 1})
		var saved time.Time
		require.NoError(t, r.Submit(t.Context(), saves(&saved)))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, r.Shutdown(ctx), "all that was accepted ran")
		assert.Equal(t, 905*time.Millisecond, time.Since(start))
		assert.Equal(t, start.Add(905*time.Millisecond), saved)
	})
	t.Run("what waits is given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := background.NewRunner(background.RunnerOptions{Workers: 1})
			var saved time.Time
			require.NoError(t, r.Submit(t.Context(), saves(&saved)))
			require.NoError(t, r.Submit(t.Context(), task("waits", t.FailNow)))
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.EqualError(t, r.Shutdown(ctx), `background: drain ended early: context deadline exceeded; 1 given up: "waits"`)
			assert.Equal(t, 905*time.Millisecond, time.Since(start))
			assert.NotZero(t, saved)
		})
	})
	t.Run("a deaf one is not waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := background.NewRunner(background.RunnerOptions{})
			var saved time.Time
			release := make(chan struct{})
			require.NoError(t, r.Submit(t.Context(), saves(&saved)))
			require.NoError(t, r.Submit(t.Context(), held("deaf", release)))
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.EqualError(t, r.Shutdown(ctx), `background: drain ended early: context deadline exceeded; 1 still running: "deaf"`)
			assert.Equal(t, time.Second, time.Since(start))
			assert.NotZero(t, saved)
			close(release)
			require.NoError(t, r.Shutdown(t.Context()))
		})
	})
	t.Run("there is none when the context is cancelled", func(t *testing.T) {
		for name, after := range map[string]time.Duration{"before": 0, "early": 100 * time.Millisecond} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := background.NewRunner(background.RunnerOptions{})
					var saved time.Time
					require.NoError(t, r.Submit(t.Context(), saves(&saved)))
					synctest.Wait()
					start := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					time.AfterFunc(after, cancel)
					require.EqualError(t, r.Shutdown(ctx), `background: drain ended early: context canceled; 1 still running: "saves"`)
					assert.Equal(t, after, time.Since(start))
					require.NoError(t, r.Shutdown(t.Context()))
					assert.NotZero(t, saved)
				})
			})
		}
	})
}

// TestShutdownGivesUpLateRetries at once, and not when its time is up: those which
// wait when it begins, and those of tasks which fail later.
func TestShutdownGivesUpLateRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		options := j.options()
		options.Workers = 8
		r := background.NewRunner(options)
		late := background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}
		fails := func(name string, d time.Duration) *background.Task {
			return background.Func(name, func(context.Context) error { time.Sleep(d); return io.EOF }).WithRetry(late)
		}
		chain := collection(1, fails("charge", 0), task("ship", t.FailNow))
		chain.StopOnError = true
		cancels := collection(2, fails("later", 3*time.Second), obedient("sibling"))
		cancels.StopOnError = true
		ran := 0
		for _, work := range []background.Work{
			fails("waits", 0), fails("runs", time.Second), chain, cancels,
			collection(1, fails("independent", 0), task("next", func() { ran++ })),
			failing("in time", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: 4 * time.Second}),
		} {
			require.NoError(t, r.Submit(t.Context(), work))
		}
		pass(500 * time.Millisecond)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := r.Shutdown(ctx)
		assert.Less(t, time.Since(start), 4*time.Second)
		drain, ok := errors.AsType[*background.DrainError](err)
		require.True(t, ok, "%v", err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ElementsMatch(t, []string{"waits", "charge", "ship", "independent", "runs", "later"}, drain.Waiting)
		assert.Equal(t, 1, ran)
		stats := r.Stats()
		assert.True(t, balanced(stats), "%+v", stats)
		assert.EqualValues(t, 6, stats.Abandoned)
		assert.EqualValues(t, 2, stats.Failed, "the sibling of a task that was given up, and what was tried again in time")
		told := map[string]int{}
		for _, failure := range j.failures {
			if failure.Attempt == 0 {
				told[failure.Name]++
			}
		}
		assert.Equal(t, map[string]int{"waits": 1, "charge": 1, "ship": 1, "independent": 1, "runs": 1, "later": 1}, told)
	})
}

// Work that was promised, and waits for room, has nobody who could be told that
// it is refused: its answer is on its way.
func TestShutdownOutOfTimeGivesUpPromisedWorkWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := background.NewRunner(background.RunnerOptions{
			Workers: 1, Queue: 5, // as many may be promised together
			OnFailure: func(_ context.Context, failure *background.TaskError) {
				assert.Equal(t, background.ErrAbandoned, failure.Err)
				told = append(told, failure.Name)
			},
		})
		release := make(chan struct{})
		fill(t, r, 6, release)
		stopping := collection(1, task("c", t.FailNow))
		stopping.StopOnError = true
		ended := 0
		var wg sync.WaitGroup
		for _, work := range []background.Work{
			task("single", t.FailNow),
			collection(1, task("a", t.FailNow), task("b", t.FailNow)),
			stopping,
		} {
			for _, done := range []func(){nil, func() { ended++ }} {
				v, err := r.Reserve(work)
				require.NoError(t, err)
				wg.Go(func() { assert.NoError(t, v.Start(t.Context(), done)) })
				synctest.Wait()
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		drain, ok := errors.AsType[*background.DrainError](r.Shutdown(ctx))
		require.True(t, ok)
		promised := []string{"single", "single", "a", "b", "a", "b", "c", "c"}
		assert.Equal(t, append(slices.Repeat([]string{"fill"}, 5), promised...), drain.Waiting)
		assert.Zero(t, drain.Reserved)
		wg.Wait()
		assert.ElementsMatch(t, drain.Waiting, told)
		assert.Equal(t, 3, ended)

		close(release)
		_ = r.Shutdown(t.Context()) // waits for what still runs
		assert.Equal(t, background.Stats{Accepted: 14, Succeeded: 1, Abandoned: 13}, r.Stats())
	})
}

func TestShutdownOutOfTimeWithNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("deaf", release)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.EqualError(t, r.Shutdown(ctx), `background: drain ended early: context deadline exceeded; 1 still running: "deaf"`)
		close(release)
		require.NoError(t, r.Shutdown(t.Context()), "all work ran in the end")
	})
}

func TestShutdownAtOnceByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 1})
		release := make(chan struct{})
		fill(t, r, 2, release)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Minute)
				defer cancel()
				err := r.Shutdown(ctx)
				drain, ok := errors.AsType[*background.DrainError](err)
				if assert.True(t, ok) {
					assert.Equal(t, []string{"fill"}, drain.Waiting)
					assert.Equal(t, i < 3, len(drain.Running) == 1)
				}
			})
		}
		time.AfterFunc(3*time.Minute+time.Second, func() { close(release) })
		wg.Wait()
		assert.EqualValues(t, 1, r.Stats().Abandoned)
	})
}

// TestLateRetriesOfOneCollection are given up together, each once.
func TestLateRetriesOfOneCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		later := background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}
		all := collection(2, failing("late", io.EOF).WithRetry(later), failing("late", io.EOF).WithRetry(later))
		all.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), all))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.EqualError(t, r.Shutdown(ctx), "background: drain ended early: context deadline exceeded; "+
			`2 given up: "late", "late"`)
		assert.Equal(t, background.Stats{Accepted: 2, Retried: 2, Abandoned: 2}, r.Stats())
	})
}
