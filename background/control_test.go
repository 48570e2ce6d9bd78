package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// TestAroundsAreAroundEachAttempt: outside of its timeout, the first of them outermost.
func TestAroundsAreAroundEachAttempt(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Timeout: time.Minute}, func(t *testing.T, r *background.Runner) {
		var events []string
		for _, name := range []string{"outer", "inner"} {
			r.Use(func(ctx context.Context, task *background.Task, run func(context.Context) error) error {
				_, limited := ctx.Deadline()
				events = append(events, fmt.Sprint(name, " ", task.Name(), " ", background.Attempt(ctx), " limited ", limited))
				err := run(context.WithValue(ctx, requestID{}, name))
				events = append(events, fmt.Sprint(name, " ", err))
				return err
			})
		}
		require.NoError(t, r.Submit(t.Context(), background.Func("task", func(ctx context.Context) error {
			_, limited := ctx.Deadline()
			events = append(events, fmt.Sprint("task ", ctx.Value(requestID{}), " limited ", limited))
			if background.Attempt(ctx) == 1 {
				return io.EOF
			}
			panic("on purpose")
		}).WithRetry(background.Retry{Attempts: 3})))
		pass(time.Hour)
		assert.Equal(t, []string{
			"outer task 1 limited false", "inner task 1 limited false", "task inner limited true", "inner EOF", "outer EOF",
			"outer task 2 limited false", "inner task 2 limited false", "task inner limited true", "inner panic: on purpose", "outer panic: on purpose",
		}, events)
		assert.EqualValues(t, 1, r.Stats().Panicked)
	})
}

// TestWhatAnAroundReturnsCounts: in place of what the task did, which it may not even
// have run.
func TestWhatAnAroundReturnsCounts(t *testing.T) {
	for name, test := range map[string]struct {
		around func(run func() error) error
		want   error // nil: success
	}{
		"another error": {func(run func() error) error { return fmt.Errorf("commit: %w", run()) }, io.EOF},
		"none":          {func(run func() error) error { _ = run(); return nil }, nil},
		"not run":       {func(func() error) error { return io.ErrClosedPipe }, io.ErrClosedPipe},
		"a panic":       {func(func() error) error { panic(io.ErrNoProgress) }, io.ErrNoProgress},
		"a final one":   {func(run func() error) error { return background.Permanent(run()) }, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
				r.Use(func(ctx context.Context, _ *background.Task, run func(context.Context) error) error {
					return test.around(func() error { return run(ctx) })
				})
				require.NoError(t, r.Submit(t.Context(), failing("fails", io.EOF)))
				pass(time.Minute)
				if test.want == nil {
					assert.Empty(t, j.failures)
					return
				}
				require.Len(t, j.failures, 1)
				assert.ErrorIs(t, j.failures[0].Err, test.want)
			})
		})
	}
}

func TestAnAroundMayEndItsGoroutine(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		r.Use(func(context.Context, *background.Task, func(context.Context) error) error {
			runtime.Goexit()
			return nil
		})
		require.NoError(t, r.Submit(t.Context(), task("task", func() {})))
		pass(time.Minute)
		assert.EqualValues(t, 1, r.Stats().Failed)
	})
}

func TestUseThatCannotBe(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		assert.PanicsWithValue(t, "background: Use needs a function, got nil", func() { r.Use(nil) })
		end := r.Every(time.Hour, task("periodic", func() {}))
		assert.Panics(t, func() {
			r.Use(func(context.Context, *background.Task, func(context.Context) error) error { return nil })
		})
		end()
		require.NoError(t, r.Submit(t.Context(), task("task", func() {})))
		assert.PanicsWithValue(t, "background: Use comes too late, the runner has work already: call it before", func() {
			r.Use(func(context.Context, *background.Task, func(context.Context) error) error { return nil })
		})
	})
}

func TestPause(t *testing.T) {
	options := background.RunnerOptions{Workers: 2, Queue: 4, Overflow: background.Reject}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		s := newStarts()
		long := task("long", func() { time.Sleep(time.Second) })
		require.NoError(t, r.Submit(t.Context(), long))
		r.Pause()
		require.NoError(t, r.Submit(t.Context(), s.task("single")))
		require.NoError(t, r.Submit(t.Context(), collection(2, s.task("a"), s.task("b"))))
		require.NoError(t, r.Submit(t.Context(), s.task("later").After(time.Minute)))
		require.ErrorIs(t, r.Submit(t.Context(), s.task("too many")), background.ErrFull, "the workers are not free")
		pass(time.Hour)
		assert.Empty(t, s.at)
		assert.EqualValues(t, 1, r.Stats().Succeeded, "what ran goes on")
		assert.Equal(t, 3+1, r.Stats().Queued, "the later one is due")
		r.Resume()
		pass(time.Second)
		assert.Equal(t, map[string]time.Duration{"single": time.Hour, "a": time.Hour, "b": time.Hour, "later": time.Hour}, s.at)
		r.Resume()
		require.NoError(t, r.Submit(t.Context(), s.task("after")))
	})
}

// TestAShutdownEndsAPause, which would have it wait for ever.
func TestAShutdownEndsAPause(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		s := newStarts()
		r.Pause()
		require.NoError(t, r.Submit(t.Context(), s.task("task")))
		require.NoError(t, r.Shutdown(t.Context()))
		r.Pause()
		assert.Contains(t, s.at, "task")
	})
}

func TestIdle(t *testing.T) {
	options := background.RunnerOptions{OnFailure: func(context.Context, *background.TaskError) { time.Sleep(time.Second) }}
	again := failing("again", io.EOF).WithRetry(background.Retry{Attempts: 3, Backoff: time.Minute})
	limit := background.NewLimit(background.LimitOptions{PerSecond: 0.5})
	submit := func(work background.Work) func(*testing.T, *background.Runner) {
		return func(t *testing.T, r *background.Runner) { require.NoError(t, r.Submit(t.Context(), work)) }
	}
	limited := task("limited", func() {}).WithLimit(limit)
	promise := func(end func(*background.Reservation)) func(*testing.T, *background.Runner) {
		return func(t *testing.T, r *background.Runner) {
			v, err := r.Reserve(task("promised", func() {}))
			require.NoError(t, err)
			time.AfterFunc(time.Minute, func() { end(&v) })
		}
	}
	for name, begin := range map[string]func(*testing.T, *background.Runner){
		"nothing":   func(*testing.T, *background.Runner) {},
		"a task":    submit(task("long", func() { time.Sleep(time.Minute) })),
		"retries":   submit(again),
		"a hook":    submit(failing("fails", io.EOF)),
		"a limit":   submit(collection(3, limited, limited, limited, limited)),
		"a promise": promise(func(v *background.Reservation) { assert.NoError(t, v.Start(context.Background(), nil)) }),
		"a promise of what is due later": func(t *testing.T, r *background.Runner) {
			began := time.Now()
			v, err := r.Reserve(task("promised", func() {}).After(time.Minute))
			require.NoError(t, err)
			time.AfterFunc(time.Second, func() { assert.NoError(t, v.Start(context.Background(), nil)) })
			require.NoError(t, r.Idle(t.Context()))
			assert.Equal(t, time.Second, time.Since(began))
			pass(time.Hour)
			require.NoError(t, r.Submit(t.Context(), task("later", func() {}).After(time.Hour)))
		},
		"one that is taken back": promise((*background.Reservation).Cancel),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				require.NoError(t, r.Submit(t.Context(), task("later", func() {}).After(time.Hour)), "which is not waited for")
				begin(t, r)
				require.NoError(t, r.Idle(t.Context()))
				stats := r.Stats()
				assert.Equal(t, 1, stats.Scheduled)
				assert.Zero(t, stats.Queued+stats.Running+stats.Retrying+stats.Limited+stats.Blocked)
				synctest.Wait()
				assert.Equal(t, stats, r.Stats(), "nothing came after it")
				pass(2 * time.Hour)
			})
		})
	}
}

func TestIdleThatDoesNotCome(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		var own error
		require.NoError(t, r.Submit(t.Context(), background.Func("idle", func(ctx context.Context) error { own = r.Idle(ctx); <-release; return nil })))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the test is over"))
		defer cancel()
		require.EqualError(t, r.Idle(ctx), "background: the runner is not idle: the test is over")
		close(release)
		require.NoError(t, r.Idle(t.Context()))
		require.EqualError(t, own, "background: Idle was called with the context of a task, which it would wait for")
		require.NoError(t, r.Idle(t.Context()))
	})
	assert.PanicsWithValue(t, "background: the zero Runner runs nothing: make it by NewRunner", func() { _ = new(background.Runner).Idle(t.Context()) })
}

// TestIdleWaitsForWhatALateReservationTells: one that is started when a shutdown has run
// out of time is given up by who starts it.
func TestIdleWaitsForWhatALateReservationTells(t *testing.T) {
	for name, end := range map[string]func(){"returns": func() {}, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told, done := false, false
				r := background.NewRunner(background.RunnerOptions{OnFailure: func(context.Context, *background.TaskError) {
					time.Sleep(time.Minute)
					told = true
					end()
				}})
				v, err := r.Reserve(task("late", t.FailNow))
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.Error(t, r.Shutdown(ctx))
				go func() { assert.NoError(t, v.Start(t.Context(), func() { done = true })) }()
				synctest.Wait()
				require.NoError(t, r.Idle(t.Context()))
				assert.True(t, told && done)
			})
		})
	}
}

// TestAShutdownWaitsForWhatALateReservationTells, as long as it waits for anything.
func TestAShutdownWaitsForWhatALateReservationTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := false
		r := background.NewRunner(background.RunnerOptions{OnFailure: func(context.Context, *background.TaskError) {
			time.Sleep(time.Minute)
			told = true
		}})
		require.NoError(t, r.Submit(t.Context(), task("long", func() { time.Sleep(10 * time.Second) })))
		v, err := r.Reserve(task("late", t.FailNow))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		go func() { assert.NoError(t, v.Start(t.Context(), nil)) }()
		synctest.Wait()
		require.Error(t, r.Shutdown(t.Context()))
		assert.True(t, told)
	})
}

// TestFailuresGiveTheirTasksBack: to be stored and tried again by another process.
func TestFailuresGiveTheirTasksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := background.Define("mail", func(ctx context.Context, to string) error {
			if to == "waits" {
				<-ctx.Done()
			}
			return io.EOF
		})
		var mu sync.Mutex
		var stored []string
		r := background.NewRunner(background.RunnerOptions{Workers: 1, OnFailure: func(_ context.Context, failure *background.TaskError) {
			record, err := failure.Task.Record()
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			stored = append(stored, string(record.Argument))
		}})
		for _, to := range []string{"fails", "waits", "given up"} {
			require.NoError(t, r.Submit(t.Context(), kind.Task(to)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		slices.Sort(stored)
		assert.Equal(t, []string{`"fails"`, `"given up"`, `"waits"`}, stored)
	})
}
