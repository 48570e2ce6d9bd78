package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// brokenError can't be looked into when it is a nil pointer, as it is when a
// function returns a variable of this type instead of nil.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

func TestErrorsThatPanic(t *testing.T) {
	attempts := 0
	broken := background.Func("broken", func(context.Context) error {
		attempts++
		return (*brokenError)(nil)
	}).WithRetry(background.Retry{Attempts: 2})
	t.Run("Run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			attempts = 0
			failure, ok := errors.AsType[*background.TaskError](collection(1, broken).Run(t.Context()))
			require.True(t, ok)
			assert.Equal(t, &background.TaskError{Name: "broken", Task: broken, Attempt: 2, Err: (*brokenError)(nil)}, failure)
			assert.Equal(t, 2, attempts)
		})
	})
	t.Run("Submit", func(t *testing.T) {
		var j journal
		inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
			require.NoError(t, r.Submit(t.Context(), broken))
			require.NoError(t, r.Submit(t.Context(), task("panics", func() { panic((*brokenError)(nil)) }).WithRetry(background.Retry{Attempts: 2})))
			pass(time.Hour)
			assert.Equal(t, background.Stats{Accepted: 2, Failed: 2, Panicked: 1, Retried: 1}, r.Stats())
			assert.Len(t, j.records(t), 3)
		})
	})
}

// claimed says that it is a panic, and does not say which.
type claimed struct{}

func (claimed) Error() string { return "claimed" }
func (claimed) As(any) bool   { return true }

// TestPanicsThatAreNone: an error may have the type of a panic and be none, as what
// errors.As has not set.
func TestPanicsThatAreNone(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		var none *background.PanicError
		for _, err := range []error{none, fmt.Errorf("wrapped: %w", error(none)), claimed{}} {
			require.NoError(t, r.Submit(t.Context(), failing("fails", err)))
		}
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 3, Failed: 3}, r.Stats())
		assert.Len(t, j.records(t), 3)
	})
}

// TestTaskSubmitsToItsRunner: a task that submits work does not wait for room,
// which only its own worker might make.
func TestTaskSubmitsToItsRunner(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2, Queue: 1}, func(t *testing.T, r *background.Runner) {
		var results []error
		var ran atomic.Int64
		count := func() { ran.Add(1) }
		submit := func(ctx context.Context) error {
			results = append(results, r.Submit(ctx, task("next", count)))
			v, err := r.Reserve(collection(1, task("a", count), task("b", count)))
			require.NoError(t, err)
			results = append(results, v.Start(ctx, nil))
			return nil
		}
		release := make(chan struct{})
		fill(t, r, 1, release)
		require.NoError(t, r.Submit(t.Context(), background.Func("submits", submit)))
		synctest.Wait()
		assert.Equal(t, []error{nil, background.ErrFull}, results, "there was room for one")
		assert.EqualValues(t, 2, r.Stats().Rejected)
		close(release)
		synctest.Wait()

		results = nil
		require.NoError(t, r.Submit(t.Context(), collection(1, background.Func("submits", submit))))
		synctest.Wait()
		assert.Equal(t, []error{nil, nil}, results)
		assert.EqualValues(t, 4, ran.Load())
	})
}

// TestTasksMaySubmitWhileTheirRunnerDrains: a chain goes on to its end.
func TestTasksMaySubmitWhileTheirRunnerDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 1})
		links := 0
		var kept context.Context
		var link func(ctx context.Context) error
		link = func(ctx context.Context) error {
			kept = ctx
			time.Sleep(time.Second)
			if links++; links == 5 {
				return nil
			}
			assert.Equal(t, background.ErrClosed, r.Submit(t.Context(), task("a stranger's", t.FailNow)))
			return r.Submit(ctx, background.Func("link", link))
		}
		require.NoError(t, r.Submit(t.Context(), background.Func("link", link)))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, 5, links)
		assert.Equal(t, background.Stats{Accepted: 5, Succeeded: 5, Rejected: 4}, r.Stats())
		require.ErrorIs(t, r.Submit(kept, task("late", t.FailNow)), background.ErrClosed, "the drain is over")
	})
}

// TestChainsEndWithTheTime of a shutdown.
func TestChainsEndWithTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 1})
		var results []error
		var link func(ctx context.Context) error
		link = func(ctx context.Context) error {
			time.Sleep(4 * time.Second)
			results = append(results, r.Submit(ctx, background.Func("link", link)))
			return nil
		}
		require.NoError(t, r.Submit(t.Context(), background.Func("link", link)))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.EqualError(t, r.Shutdown(ctx), `background: drain ended early: context deadline exceeded; 1 still running: "link"`)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, []error{nil, nil, background.ErrClosed}, results)
	})
}

// TestShutdownByATask fails at once: it would wait for itself.
func TestShutdownByATask(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		type key struct{}
		var err error
		stops := background.Func("stops", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(context.WithValue(ctx, key{}, 1), time.Minute)
			defer cancel()
			err = r.Shutdown(ctx)
			return nil
		})
		require.NoError(t, r.Submit(t.Context(), collection(1, stops)))
		start := time.Now()
		pass(time.Hour)
		assert.EqualError(t, err, "background: Shutdown was called with the context of a task, which it would wait for")
		assert.Equal(t, start.Add(time.Hour), time.Now())
		require.NoError(t, r.Submit(t.Context(), task("next", func() {})), "the runner is not closed")
		assert.False(t, r.Owns(t.Context()))

		other := background.NewRunner(background.RunnerOptions{})
		require.NoError(t, r.Submit(t.Context(), background.Func("stops another", func(ctx context.Context) error {
			err = other.Shutdown(ctx)
			return nil
		})))
		synctest.Wait()
		require.NoError(t, err)
	})
}

// TestHooksMayUseTheRunner: it holds no lock while they run.
func TestHooksMayUseTheRunner(t *testing.T) {
	var r *background.Runner
	ran := 0
	use := func(ctx context.Context) {
		assert.EqualValues(t, 1, r.Stats().Accepted)
		assert.NoError(t, r.Submit(ctx, task("next", func() { ran++ })))
	}
	for name, options := range map[string]background.RunnerOptions{
		"OnFailure": {OnFailure: func(ctx context.Context, _ *background.TaskError) { use(ctx) }},
		"LogAttrs":  {LogAttrs: func(ctx context.Context) []slog.Attr { use(ctx); return nil }},
		"Logger":    {Logger: slog.New(recorder{slog.DiscardHandler, func(ctx context.Context, _ slog.Record) { use(ctx) }})},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options, func(t *testing.T, runner *background.Runner) {
				r, ran = runner, 0
				require.NoError(t, r.Submit(t.Context(), failing("fails", io.EOF)))
				synctest.Wait()
				assert.Equal(t, 1, ran)
			})
		})
	}
	t.Run("done", func(t *testing.T) {
		inBubble(t, background.RunnerOptions{}, func(t *testing.T, runner *background.Runner) {
			r, ran = runner, 0
			v, err := r.Reserve(task("ok", func() {}))
			require.NoError(t, err)
			require.NoError(t, v.Start(t.Context(), func() { use(t.Context()) }))
			synctest.Wait()
			assert.Equal(t, 1, ran)
		})
	})
}

// curious is a context which looks at the runner when it is asked for something.
type curious struct {
	context.Context
	r *background.Runner
}

func (c curious) Done() <-chan struct{} { c.r.Stats(); return c.Context.Done() }
func (c curious) Err() error            { c.r.Stats(); return c.Context.Err() }
func (c curious) Value(key any) any     { c.r.Stats(); return c.Context.Value(key) }
func (c curious) Deadline() (time.Time, bool) {
	c.r.Stats()
	return c.Context.Deadline()
}

func TestContextsMayUseTheRunner(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		stopped := collection(1, held("held", release), failing("fails", io.EOF))
		stopped.StopOnError = true
		require.NoError(t, r.Submit(curious{ctx, r}, stopped))
		time.AfterFunc(time.Second, cancel)
		require.ErrorIs(t, r.Submit(curious{ctx, r}, task("late", t.FailNow)), context.Canceled)
		require.ErrorIs(t, r.Submit(curious{ctx, r}, task("late", t.FailNow)), context.Canceled)
		close(release)
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 2, Succeeded: 1, Failed: 1, Rejected: 2}, r.Stats())
		require.NoError(t, r.Shutdown(curious{t.Context(), r}))
		require.NoError(t, r.Shutdown(curious{ctx, r}))
	})
}

// TestHooksThatBlock: a hook that does not return holds up its worker, and no
// more. Shutdown waits for it until its time is up, and has its context done.
func TestHooksThatBlock(t *testing.T) {
	obey := func(ctx context.Context) { <-ctx.Done() }
	for name, options := range map[string]background.RunnerOptions{
		"OnFailure": {OnFailure: func(ctx context.Context, _ *background.TaskError) { obey(ctx) }},
		"LogAttrs":  {LogAttrs: func(ctx context.Context) []slog.Attr { obey(ctx); return nil }},
		"Logger":    {Logger: slog.New(recorder{slog.DiscardHandler, func(ctx context.Context, _ slog.Record) { obey(ctx) }})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options.Workers = 2
				r := background.NewRunner(options)
				require.NoError(t, r.Submit(t.Context(), failing("fails", io.EOF)))
				ran := 0
				for range 3 {
					require.NoError(t, r.Submit(t.Context(), task("next", func() { ran++ })))
				}
				synctest.Wait()
				assert.Equal(t, 3, ran)
				assert.Equal(t, background.Stats{Accepted: 4, Succeeded: 3, Running: 1}, r.Stats())

				require.NoError(t, r.Submit(t.Context(), held("held", t.Context().Done())))
				require.NoError(t, r.Submit(t.Context(), task("waits", t.FailNow)))
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.EqualError(t, r.Shutdown(ctx), "background: drain ended early: context deadline exceeded; "+
					`1 still running: "held"; 1 given up: "waits"`)
				assert.Equal(t, time.Minute, time.Since(start))
				synctest.Wait()
				assert.EqualValues(t, 1, r.Stats().Failed)
			})
		})
	}
}

// TestHooksThatIgnoreTheirContext hold up no Shutdown beyond its time. They go on,
// for all that was given up, and another Shutdown waits for them.
func TestHooksThatIgnoreTheirContext(t *testing.T) {
	slow := func() { time.Sleep(time.Hour) }
	for name, options := range map[string]background.RunnerOptions{
		"OnFailure": {OnFailure: func(context.Context, *background.TaskError) { slow() }},
		"Logger":    {Logger: slog.New(recorder{slog.DiscardHandler, func(context.Context, slog.Record) { slow() }})},
	} {
		for reason, end := range map[string]struct {
			after, takes time.Duration
		}{
			"out of time": {time.Minute, time.Minute},
			"cancelled":   {0, 100 * time.Millisecond}, // for the reports
		} {
			t.Run(name+", "+reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					options.Workers = 1
					r := background.NewRunner(options)
					var ended atomic.Int32 // on the goroutine of the reports
					require.NoError(t, r.Submit(t.Context(), held("held", t.Context().Done())))
					for range 3 {
						v, err := r.Reserve(task("waits", t.FailNow))
						require.NoError(t, err)
						require.NoError(t, v.Start(t.Context(), func() { ended.Add(1) }))
					}
					start := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), end.after)
					defer cancel()
					require.Error(t, r.Shutdown(ctx))
					assert.Equal(t, end.takes, time.Since(start))
					assert.Zero(t, ended.Load())
					again, cancel := context.WithCancel(t.Context())
					cancel()
					require.Error(t, r.Shutdown(again))
					pass(4 * time.Hour)
					assert.EqualValues(t, 3, ended.Load())
				})
			})
		}
	}
}

// TestDoneThatBlocks: all work has run by then, so Shutdown has nothing to name
// when its time is up.
func TestDoneThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		v, err := r.Reserve(task("ok", func() {}))
		require.NoError(t, err)
		release := make(chan struct{})
		require.NoError(t, v.Start(t.Context(), func() { <-release }))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, r.Shutdown(ctx))
		assert.Equal(t, time.Minute, time.Since(start))
		close(release)
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// unspeakable is a value that can't be printed.
type unspeakable struct{}

func (unspeakable) String() string { panic("boom") }

func TestPanicsOfAllKinds(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		for _, value := range []any{nil, unspeakable{}, (*brokenError)(nil), io.EOF, background.Permanent(io.EOF)} {
			require.NoError(t, r.Submit(t.Context(), task("panics", func() { panic(value) }).WithRetry(background.Retry{Attempts: 2})))
		}
		require.NoError(t, r.Submit(t.Context(), task("exits while it panics", func() {
			defer runtime.Goexit()
			panic("boom")
		})))
		pass(time.Hour)
		assert.Equal(t, background.Stats{Accepted: 6, Failed: 6, Panicked: 5}, r.Stats())
	})
}

func TestLargestNumbers(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	options := background.RunnerOptions{Workers: math.MaxInt, Queue: math.MaxInt, Timeout: longest}
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(options)
		attempts := 0
		patient := func(name string) *background.Task {
			return background.Func(name, func(context.Context) error { attempts++; return io.EOF }).
				WithTimeout(longest).
				WithRetry(background.Retry{Attempts: math.MaxInt, Backoff: longest, MaxBackoff: longest})
		}
		v, err := r.Reserve(collection(math.MaxInt, patient("a"), obedient("b")))
		require.NoError(t, err)
		require.NoError(t, v.Start(t.Context(), nil))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), patient("c")))
		pass(100 * 365 * 24 * time.Hour)
		assert.Equal(t, 2, attempts, "half of the wait is longer than a century")
		assert.Equal(t, background.Stats{Accepted: 3, Retried: 2, Retrying: 2, Running: 1}, r.Stats())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, r.Shutdown(ctx))
		require.EqualError(t, r.Shutdown(t.Context()), "background: drain ended early: context canceled; "+
			`1 stopped: "b"; 2 given up: "a", "c"`)
	})
}

// TestHooksThatEndTheReport: what was given up goes on being reported when a hook
// ends the goroutine that does it.
func TestHooksThatEndTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		r := background.NewRunner(background.RunnerOptions{
			Workers:   1,
			OnFailure: func(context.Context, *background.TaskError) { told++; runtime.Goexit() },
		})
		release := make(chan struct{})
		fill(t, r, 4, release)
		nothing, err := r.Reserve(&background.Tasks{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		assert.Equal(t, 3, told)
		require.NoError(t, nothing.Start(t.Context(), func() { told++ }), "there is nothing to give up")
		assert.Equal(t, 4, told)
		close(release)
		require.Error(t, r.Shutdown(t.Context()))
	})
}

// TestAttributesThatEndTheGoroutine: the record is written without them.
func TestAttributesThatEndTheGoroutine(t *testing.T) {
	var j journal
	options := j.options()
	options.LogAttrs = func(context.Context) []slog.Attr { runtime.Goexit(); return nil }
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(t.Context(), failing("fails", io.EOF)))
		synctest.Wait()
		assert.Len(t, j.records(t), 1)
	})
}

// slowlyTold returns a runner whose hook takes some time, and the names it was told.
func slowlyTold(d time.Duration) (told *[]string, r *background.Runner) {
	told = new([]string)
	return told, background.NewRunner(background.RunnerOptions{OnFailure: func(_ context.Context, failure *background.TaskError) {
		time.Sleep(d)
		*told = append(*told, failure.Name)
	}})
}

// TestHooksAreToldWithoutTime: also of retries, by a shutdown that has no time at all.
func TestHooksAreToldWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, r := slowlyTold(time.Millisecond)
		require.NoError(t, r.Submit(t.Context(), failing("again", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour})))
		pass(time.Second)
		require.Equal(t, []string{"again"}, *told)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		assert.Equal(t, []string{"again", "again"}, *told)
		require.Error(t, r.Shutdown(t.Context()))
	})
}

// TestACollectionIsItsOwnersAgain once it is done, while a shutdown still tells of
// what it gave up.
func TestACollectionIsItsOwnersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, r := slowlyTold(time.Minute)
		release := make(chan struct{})
		tasks := collection(1, held("a", release), task("b", t.FailNow), task("c", t.FailNow))
		v, err := r.Reserve(tasks)
		require.NoError(t, err)
		require.NoError(t, v.Start(t.Context(), tasks.Clear))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		close(release)
		synctest.Wait()
		require.Zero(t, tasks.Len())
		require.Error(t, r.Shutdown(t.Context()))
		assert.Equal(t, []string{"b", "c"}, *told)
	})
}

// TestHooksThatEndTheTelling: all tasks that were lost together are told, before
// done is called, even if the log or each call of the hook ends its goroutine.
func TestHooksThatEndTheTelling(t *testing.T) {
	for name, exits := range map[string]struct{ hook, log func() }{
		"OnFailure": {runtime.Goexit, func() {}},
		"Logger":    {func() {}, runtime.Goexit},
		"both":      {runtime.Goexit, runtime.Goexit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told []string
				note := func(name string) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, name)
				}
				r := background.NewRunner(background.RunnerOptions{
					Workers:   1,
					OnFailure: func(_ context.Context, failure *background.TaskError) { note(failure.Name); exits.hook() },
					Logger:    slog.New(handler{slog.DiscardHandler, exits.log}),
				})
				submit := func(first *background.Task) {
					all := collection(1, first, task("b", t.FailNow), task("c", t.FailNow), task("d", t.FailNow))
					all.StopOnError = true
					v, err := r.Reserve(all)
					require.NoError(t, err)
					require.NoError(t, v.Start(t.Context(), func() { note("done") }))
				}
				submit(failing("fails", io.EOF))
				synctest.Wait()
				assert.Equal(t, []string{"fails", "b", "c", "d", "done"}, told)

				told = nil
				submit(obedient("stopped"))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.Error(t, r.Shutdown(ctx))
				require.Error(t, r.Shutdown(t.Context()))
				assert.ElementsMatch(t, []string{"stopped", "b", "c", "d", "done"}, told)
			})
		})
	}
}
