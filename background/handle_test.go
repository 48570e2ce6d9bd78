package background_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/background/internal/schedule"
)

// TestAHandleTellsWhatBecomesOfATask, from when it is submitted, by each of its states.
func TestAHandleTellsWhatBecomesOfATask(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	retry := background.Retry{Attempts: 2, Backoff: time.Second, MaxBackoff: time.Second}
	sleeping := background.Func("task", func(context.Context) error { time.Sleep(time.Second); return nil })
	for name, test := range map[string]struct {
		task *background.Task
		want []background.State
		err  error
	}{
		"at once":  {sleeping, []background.State{background.Waiting, background.Running, background.Succeeded}, nil},
		"later":    {sleeping.After(time.Minute), []background.State{background.Scheduled, background.Waiting, background.Running, background.Succeeded}, nil},
		"limited":  {sleeping.WithLimit(limit), []background.State{background.Limited, background.Running, background.Succeeded}, nil},
		"fails":    {failing("task", io.EOF), []background.State{background.Waiting, background.Running, background.Failed}, io.EOF},
		"retrying": {failing("task", io.EOF).WithRetry(retry), []background.State{background.Waiting, background.Running, background.Retrying, background.Waiting, background.Running, background.Failed}, io.EOF},
		"panics":   {task("task", func() { panic(io.ErrNoProgress) }), []background.State{background.Waiting, background.Running, background.Failed}, io.ErrNoProgress},
		"exits":    {task("task", runtime.Goexit), []background.State{background.Waiting, background.Running, background.Failed}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{Workers: 2}, func(t *testing.T, r *background.Runner) {
				require.NoError(t, r.Submit(t.Context(), task("limits", func() { time.Sleep(time.Minute) }).WithLimit(limit)))
				require.NoError(t, r.Submit(t.Context(), task("fills", func() { time.Sleep(time.Second) })))
				h := background.Track(test.task)
				_, found := r.Lookup(h.ID())
				assert.False(t, found)
				require.NoError(t, r.Submit(t.Context(), h))
				found2, _ := r.Lookup(h.ID())
				assert.Same(t, h, found2)
				var states []background.State
				for {
					changed := h.Changed()
					info := h.Info()
					if n := len(states); n == 0 || states[n-1] != info.State {
						states = append(states, info.State)
					}
					if info.State.Ended() {
						break
					}
					<-changed
				}
				for _, state := range test.want { // some follow each other at once
					if state != background.Waiting && state != background.Running {
						assert.Contains(t, states, state)
					}
				}
				assert.Equal(t, test.want[0], states[0])
				assert.Equal(t, test.want[len(test.want)-1], states[len(states)-1])
				<-h.Changed() // there is nothing to wait for
				err := h.Wait(t.Context())
				if test.err == nil && test.want[len(test.want)-1] == background.Succeeded {
					require.NoError(t, err)
				} else {
					failure, ok := errors.AsType[*background.TaskError](err)
					require.True(t, ok, err)
					assert.False(t, failure.WillRetry)
					assert.Same(t, test.task, failure.Task)
				}
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
				}
				pass(time.Hour)
			})
		})
	}
}

// TestAHandleOfWorkThatIsGivenUp: it ends, whichever way that comes.
func TestAHandleOfWorkThatIsGivenUp(t *testing.T) {
	options := background.RunnerOptions{Workers: 1, Queue: 1, Overflow: background.Reject}
	never := task("never", func() { panic("it ran") })
	for name, test := range map[string]struct {
		giveUp func(*testing.T, *background.Runner, *background.Handle)
		want   error
	}{
		"refused": {func(t *testing.T, r *background.Runner, h *background.Handle) {
			require.NoError(t, r.Submit(t.Context(), obedient("waits")))
			require.ErrorIs(t, r.Submit(t.Context(), h), background.ErrFull)
		}, background.ErrFull},
		"not promised": {func(t *testing.T, r *background.Runner, h *background.Handle) {
			require.NoError(t, r.Submit(t.Context(), obedient("waits")))
			_, err := r.Reserve(h)
			require.ErrorIs(t, err, background.ErrFull)
		}, background.ErrFull},
		"a promise that is taken back": {func(t *testing.T, r *background.Runner, h *background.Handle) {
			v, err := r.Reserve(h)
			require.NoError(t, err)
			assert.Equal(t, background.Waiting, h.State())
			_, found := r.Lookup(h.ID())
			assert.True(t, found, "its id may be told before the work is submitted")
			v.Cancel()
		}, background.ErrCanceled},
		"abandoned": {func(t *testing.T, r *background.Runner, h *background.Handle) {
			require.NoError(t, r.Submit(t.Context(), h))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.Error(t, r.Shutdown(ctx))
		}, background.ErrAbandoned},
		"too late": {func(t *testing.T, r *background.Runner, h *background.Handle) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = r.Shutdown(ctx)
			require.ErrorIs(t, r.Submit(t.Context(), h), background.ErrClosed)
		}, background.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := background.NewRunner(options)
				require.NoError(t, r.Submit(t.Context(), obedient("runs")))
				h := background.Track(never)
				test.giveUp(t, r, h)
				require.ErrorIs(t, h.Wait(t.Context()), test.want)
				assert.Equal(t, background.GivenUp, h.State())
				assert.False(t, h.Cancel(nil))
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_ = r.Shutdown(ctx)
				pass(time.Minute)
			})
		})
	}
}

// TestCancel: wherever the task is, it does not run from then on, and its room is back.
func TestCancel(t *testing.T) {
	cause := errors.New("the customer has changed his mind")
	options := background.RunnerOptions{Workers: 1, Queue: 2, Overflow: background.Reject}
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	for name, test := range map[string]struct {
		task func(runs func()) *background.Task
		runs int // how often it has
		busy bool
	}{
		"waiting": {func(runs func()) *background.Task { return task("task", runs) }, 0, true},
		"later":   {func(runs func()) *background.Task { return task("task", runs).After(time.Hour) }, 0, false},
		"limited": {func(runs func()) *background.Task { return task("task", runs).WithLimit(limit) }, 0, true},
		"retrying": {func(runs func()) *background.Task {
			return background.Func("task", func(context.Context) error { runs(); return io.EOF }).WithRetry(background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour})
		}, 1, false},
		"running": {func(runs func()) *background.Task {
			return background.Func("task", func(ctx context.Context) error { runs(); <-ctx.Done(); return context.Cause(ctx) }).WithRetry(background.Retry{Attempts: 2})
		}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var told []error
			options := options
			options.OnFailure = func(_ context.Context, failure *background.TaskError) {
				if !failure.WillRetry {
					told = append(told, failure)
				}
			}
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				if test.busy {
					require.NoError(t, r.Submit(t.Context(), task("busy", func() { time.Sleep(time.Minute) }).WithLimit(limit)))
				}
				runs := 0
				h := background.Track(test.task(func() { runs++ }))
				require.NoError(t, r.Submit(t.Context(), h))
				pass(time.Second)
				began := time.Now()
				assert.True(t, h.Cancel(cause))
				err := h.Wait(t.Context())
				require.ErrorIs(t, err, cause)
				require.ErrorIs(t, err, background.ErrCanceled)
				assert.Zero(t, time.Since(began))
				assert.Equal(t, background.Canceled, h.State())
				assert.False(t, h.Cancel(nil))
				pass(2 * time.Minute)
				assert.Equal(t, test.runs, runs)
				require.Len(t, told, 1)
				require.ErrorIs(t, told[0], cause)
				require.NoError(t, r.Idle(t.Context()))
				release := make(chan struct{})
				fill(t, r, 1+2, release) // all the room is back
				close(release)
			})
		})
	}
}

// TestCancelThatComesTooLate: a task that does not look at its context may succeed, and
// one that is not submitted yet fails when it is.
func TestCancelThatComesTooLate(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		deaf := background.Track(task("deaf", func() { time.Sleep(time.Minute) }))
		require.NoError(t, r.Submit(t.Context(), deaf))
		pass(time.Second)
		assert.True(t, deaf.Cancel(nil))
		assert.True(t, deaf.Cancel(io.EOF), "it has not ended")
		assert.Equal(t, background.Running, deaf.State())
		require.NoError(t, deaf.Wait(t.Context()))
		assert.Equal(t, background.Succeeded, deaf.State())

		early := background.Track(task("early", func() { panic("it ran") }))
		assert.True(t, early.Cancel(io.EOF))
		assert.Equal(t, background.Waiting, early.State())
		require.NoError(t, r.Submit(t.Context(), early))
		require.ErrorIs(t, early.Wait(t.Context()), io.EOF)
		assert.Equal(t, background.Canceled, early.State())
	})
}

func TestWaitMayEndFirst(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		h := background.Track(task("long", func() { time.Sleep(time.Hour) }))
		require.NoError(t, r.Submit(t.Context(), h))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		require.EqualError(t, h.Wait(ctx), `background: task "long" has not ended: multiple Read calls return no data or error`)
	})
}

// TestProgress: of the task itself, and not of one that it submits.
func TestProgress(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		background.Progress(t.Context(), "nobody's")
		h := background.Track(background.Func("report", func(ctx context.Context) error {
			background.Progress(ctx, 10)
			err := r.Submit(ctx, background.Func("other", func(ctx context.Context) error { background.Progress(ctx, 99); return nil }))
			time.Sleep(time.Second)
			background.Progress(ctx, 20)
			return err
		}))
		require.NoError(t, r.Submit(t.Context(), h))
		synctest.Wait()
		assert.Equal(t, 10, h.Info().Progress)
		changed := h.Changed()
		<-changed
		assert.Equal(t, 20, h.Info().Progress)
		require.NoError(t, h.Wait(t.Context()))
		assert.Equal(t, 20, h.Info().Progress)
		assert.Equal(t, 1, h.Info().Attempt)
		body, err := json.Marshal(h.Info())
		require.NoError(t, err)
		since, err := json.Marshal(h.Info().Since)
		require.NoError(t, err)
		assert.JSONEq(t, `{"id":"`+h.ID()+`","name":"report","state":"succeeded","attempt":1,"since":`+string(since)+`,"progress":20}`, string(body))
	})
}

// TestHandlesAreKeptForAWhile after the end, and no longer.
func TestHandlesAreKeptForAWhile(t *testing.T) {
	for keep, want := range map[time.Duration]time.Duration{0: 5 * time.Minute, time.Second: time.Second} {
		inBubble(t, background.RunnerOptions{Keep: keep}, func(t *testing.T, r *background.Runner) {
			var ids []string
			for i := range 3 {
				h := background.Track(task("task", func() { time.Sleep(time.Hour) }).After(time.Duration(i)))
				require.NoError(t, r.Submit(t.Context(), h))
				ids = append(ids, h.ID())
			}
			pass(time.Hour + 2)
			found := func() (n int) {
				for _, id := range ids {
					if _, ok := r.Lookup(id); ok {
						n++
					}
				}
				return n
			}
			pass(want - 3)
			assert.Equal(t, 3, found())
			pass(1)
			assert.Equal(t, 2, found())
			pass(2)
			assert.Zero(t, found())
			slices.Sort(ids)
			assert.Len(t, slices.Compact(ids), 3)
		})
	}
}

func TestHandlesThatCannotBe(t *testing.T) {
	assert.PanicsWithValue(t, "background: Track needs a task, got nil", func() { background.Track(nil) })
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		assert.PanicsWithValue(t, "background: the work to run is a nil or zero *Handle: make it by Track", func() { _ = r.Submit(t.Context(), (*background.Handle)(nil)) })
		h := background.Track(task("twice", func() {}))
		v, err := r.Reserve(h)
		require.NoError(t, err)
		const want = `background: the handle of task "twice" was submitted before: Track the task once more`
		assert.PanicsWithValue(t, want, func() { _ = r.Submit(t.Context(), h) })
		assert.PanicsWithValue(t, want, func() { _, _ = r.Reserve(h) })
		require.NoError(t, v.Start(t.Context(), nil))
		require.NoError(t, h.Wait(t.Context()))
	})
	assert.Equal(t, "State(9)", background.State(9).String())
	assert.Equal(t, "State(-1)", background.State(-1).String())
}

// TestNothingComesAfterTheEnd: a goroutine that a task has left behind may go on.
func TestNothingComesAfterTheEnd(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var kept context.Context
		h := background.Track(background.Func("task", func(ctx context.Context) error {
			background.Progress(ctx, 1)
			kept = ctx
			return nil
		}))
		require.NoError(t, r.Submit(t.Context(), h))
		require.NoError(t, h.Wait(t.Context()))
		<-h.Changed()
		background.Progress(kept, 2)
		assert.Equal(t, 1, h.Info().Progress)
	})
}

// TestCancelWhileARetryIsDecided: by a hook, for instance.
func TestCancelWhileARetryIsDecided(t *testing.T) {
	var h *background.Handle
	var told []*background.TaskError
	options := background.RunnerOptions{OnFailure: func(_ context.Context, failure *background.TaskError) {
		told = append(told, failure)
		h.Cancel(io.ErrClosedPipe)
	}}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		began := time.Now()
		h = background.Track(failing("task", io.EOF).WithRetry(background.Retry{Attempts: 3, Backoff: time.Hour, MaxBackoff: time.Hour}))
		require.NoError(t, r.Submit(t.Context(), h))
		require.ErrorIs(t, h.Wait(t.Context()), io.ErrClosedPipe)
		require.NoError(t, r.Idle(t.Context()))
		assert.Zero(t, time.Since(began))
		require.Len(t, told, 2)
		assert.False(t, told[1].WillRetry)
		assert.Equal(t, 1, told[1].Attempt)
		require.ErrorIs(t, told[1], io.ErrClosedPipe)
	})
}

// TestCancelBeforeTheTaskHasItsPlace: it waits for nothing then but a worker.
func TestCancelBeforeTheTaskHasItsPlace(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	for name, change := range map[string]func(*background.Task) *background.Task{
		"later":   func(task *background.Task) *background.Task { return task.After(time.Hour) },
		"limited": func(task *background.Task) *background.Task { return task.WithLimit(limit) },
	} {
		for when, submit := range map[string]func(*testing.T, *background.Runner, *background.Handle){
			"before": func(t *testing.T, r *background.Runner, h *background.Handle) {
				assert.True(t, h.Cancel(io.EOF))
				require.NoError(t, r.Submit(t.Context(), h))
			},
			"reserved": func(t *testing.T, r *background.Runner, h *background.Handle) {
				v, err := r.Reserve(h)
				require.NoError(t, err)
				assert.True(t, h.Cancel(io.EOF))
				require.NoError(t, v.Start(t.Context(), func() {}))
			},
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				options := background.RunnerOptions{Workers: 2, Queue: 2, Overflow: background.Reject}
				inBubble(t, options, func(t *testing.T, r *background.Runner) {
					busy := make(chan struct{})
					require.NoError(t, r.Submit(t.Context(), held("busy", busy).WithLimit(limit)))
					h := background.Track(change(task("task", func() { panic("it ran") })))
					submit(t, r, h)
					synctest.Wait()
					require.ErrorIs(t, h.Wait(t.Context()), io.EOF)
					assert.Equal(t, background.Canceled, h.State())
					assert.Equal(t, 1, r.Stats().Running)
					release := make(chan struct{})
					fill(t, r, 1+2, release) // all the room is back
					close(release)
					close(busy)
				})
			})
		}
	}
}

// TestCancelAndTheEnd: whichever comes first, the handle and the numbers agree.
func TestCancelAndTheEnd(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{Workers: 4})
	var succeeded, canceled uint64
	for range 2000 {
		h := background.Track(task("task", func() {}))
		require.NoError(t, r.Submit(t.Context(), h))
		h.Cancel(nil)
		if err := h.Wait(t.Context()); err == nil {
			succeeded++
		} else {
			require.ErrorIs(t, err, background.ErrCanceled)
			canceled++
		}
	}
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, succeeded, r.Stats().Succeeded)
	assert.Equal(t, canceled, r.Stats().Failed)
}

// TestHandlesEndBeforeHooksAreTold: which may take for ever.
func TestHandlesEndBeforeHooksAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		r := background.NewRunner(background.RunnerOptions{Workers: 1, OnFailure: func(context.Context, *background.TaskError) { <-hang }})
		require.NoError(t, r.Submit(t.Context(), task("busy", func() { time.Sleep(time.Minute) })))
		var handles []*background.Handle
		for range 3 {
			h := background.Track(task("lost", t.FailNow))
			require.NoError(t, r.Submit(t.Context(), h))
			handles = append(handles, h)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, r.Shutdown(ctx))
		for _, h := range handles {
			failure, ok := errors.AsType[*background.TaskError](h.Wait(t.Context()))
			require.True(t, ok)
			require.ErrorIs(t, failure, background.ErrAbandoned)
			assert.Zero(t, failure.Attempt)
		}
		close(hang)
		pass(time.Hour)
	})
}

// TestNothingIsLeftOfATrackedAttempt, which has a context of its own that would hang on the
// runner's.
func TestNothingIsLeftOfATrackedAttempt(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var derived context.Context
		h := background.Track(background.Func("look", func(ctx context.Context) error {
			derived = ctx
			return ctx.Err()
		}))
		require.NoError(t, r.Submit(t.Context(), h))
		require.NoError(t, h.Wait(t.Context()))
		synctest.Wait()
		require.ErrorIs(t, derived.Err(), context.Canceled)
	})
}

// TestAHandlesErrorIsNotTheRunners, who goes by what it had decided.
func TestAHandlesErrorIsNotTheRunners(t *testing.T) {
	var h *background.Handle
	change := func(context.Context) []slog.Attr {
		failure, ok := errors.AsType[*background.TaskError](h.Info().Err)
		require.True(t, ok)
		failure.WillRetry = false
		return nil
	}
	inBubble(t, background.RunnerOptions{LogAttrs: change}, func(t *testing.T, r *background.Runner) {
		h = background.Track(failing("twice", io.EOF).WithRetry(background.Retry{Attempts: 2}))
		require.NoError(t, r.Submit(t.Context(), h))
		require.Error(t, h.Wait(t.Context()))
		assert.Equal(t, 2, h.Info().Attempt)
	})
}

// TestAroundsGetTheTaskItself, which can be submitted again.
func TestAroundsGetTheTaskItself(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		again := task("task", func() {})
		r.Use(func(ctx context.Context, task *background.Task, run func(context.Context) error) error {
			assert.Same(t, again, task)
			return run(ctx)
		})
		h := background.Track(again)
		names, _ := background.Summary(h)
		assert.Equal(t, []string{"task"}, names)
		require.NoError(t, r.Submit(t.Context(), h))
		require.NoError(t, h.Wait(t.Context()))
	})
}

// TestACancelledTaskGivesItsRoomBack at once, if a worker is free.
func TestACancelledTaskGivesItsRoomBack(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		for range 100 {
			h := background.Track(task("later", t.FailNow).After(time.Hour))
			require.NoError(t, r.Submit(t.Context(), h))
			require.True(t, h.Cancel(nil))
			require.NoError(t, r.Submit(t.Context(), task("now", func() {}).WithRetry(background.Retry{Attempts: 2})))
			synctest.Wait()
		}
	})
}

// TestTheFirstStatesAreTheSchedulers: they are converted.
func TestTheFirstStatesAreTheSchedulers(t *testing.T) {
	for state, want := range map[background.State]schedule.State{
		background.Waiting:   schedule.Waiting,
		background.Scheduled: schedule.Scheduled,
		background.Limited:   schedule.Limited,
		background.Running:   schedule.Running,
		background.Retrying:  schedule.Retrying,
	} {
		assert.EqualValues(t, want, state)
	}
}

// A task that was told to end says why, also while it runs on.
func TestCancelCause(t *testing.T) {
	errOnPurpose := errors.New("on purpose")
	r := background.NewRunner(background.RunnerOptions{})
	release, begun := make(chan struct{}), make(chan struct{})
	h := background.Track(background.Func("deaf", func(context.Context) error {
		close(begun)
		<-release
		return nil
	}))
	require.NoError(t, r.Submit(t.Context(), h))
	<-begun
	require.NoError(t, h.CancelCause())
	require.True(t, h.Cancel(errOnPurpose))
	require.Equal(t, background.Running, h.State())
	require.ErrorIs(t, h.CancelCause(), background.ErrCanceled)
	require.ErrorIs(t, h.CancelCause(), errOnPurpose)
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))
}

// Discard ends what waits, and nothing that has begun: a task that is tried again in between, too.
func TestDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{Workers: 1, Logger: slog.New(slog.DiscardHandler)})
		release := make(chan error)
		runs := func(context.Context) error { return <-release }
		first := background.Track(background.Func("first", runs).WithRetry(background.Retry{Attempts: 3, Backoff: time.Hour, MaxBackoff: time.Hour}))
		second := background.Track(background.Func("second", runs))
		for _, h := range []*background.Handle{first, second} {
			require.NoError(t, r.Submit(t.Context(), h))
		}
		synctest.Wait()
		assert.False(t, first.Discard(nil))
		assert.Equal(t, background.Running, first.State())
		assert.NotNil(t, first.Context())
		assert.Nil(t, second.Context())
		assert.True(t, second.Discard(errors.New("unwelcome")))
		assert.ErrorContains(t, second.Info().Err, "unwelcome")
		release <- errors.New("on purpose")
		synctest.Wait()
		assert.Equal(t, background.Retrying, first.State())
		assert.True(t, first.Discard(nil))
		assert.Equal(t, background.Canceled, first.State())
		assert.Equal(t, background.Canceled, second.State())
		assert.False(t, second.Discard(nil))
		require.NoError(t, r.Shutdown(t.Context()))
	})
}
