package background_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// TestFailuresAreRemembered: the last ones, as long as somebody wants to see them.
func TestFailuresAreRemembered(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		fail := func(n int) {
			for i := range n {
				require.NoError(t, r.Submit(request(t.Context(), "r1"), failing(fmt.Sprint("task ", i), fmt.Errorf("error %d", i))))
			}
			synctest.Wait()
		}
		names := func() (all []string) {
			for _, f := range r.Failures() {
				all = append(all, f.Name)
			}
			return all
		}
		fail(2)
		assert.Empty(t, r.Failures(), "nobody wanted to see them")
		r.KeepFailures(3)
		fail(2)
		assert.Equal(t, []string{"task 1", "task 0"}, names())
		fail(5)
		assert.Equal(t, []string{"task 4", "task 3", "task 2"}, names())
		assert.Equal(t, "r1", r.Failures()[0].Context.Value(requestID{}))
		r.KeepFailures(2)
		assert.Equal(t, []string{"task 4", "task 3"}, names())
		r.KeepFailures(4)
		fail(1)
		assert.Equal(t, []string{"task 0", "task 4", "task 3"}, names())
		fail(3)
		assert.Equal(t, []string{"task 2", "task 1", "task 0", "task 0"}, names())
		assert.EqualValues(t, 11, r.Failures()[0].Number, "each has another one")
		r.KeepFailures(0)
		assert.Empty(t, r.Failures())
		assert.Panics(t, func() { r.KeepFailures(-1) })
	})
}

// badError can't be written.
type badError struct{ end func() }

func (e badError) Error() string { e.end(); return "" }

// TestWhatIsRememberedOfAFailure: what can be written of it, and no more than there is room for.
func TestWhatIsRememberedOfAFailure(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		r.KeepFailures(10)
		kind := background.Define("kind", func(context.Context, int) error { return errors.New(strings.Repeat("x", 1<<20)) },
			background.Retry{Attempts: 2, Backoff: time.Minute, MaxBackoff: time.Minute})
		h := background.Track(kind.Task(1).Named("large"))
		require.NoError(t, r.Submit(t.Context(), h))
		synctest.Wait()
		at := time.Now()
		pass(time.Hour)
		require.NoError(t, r.Submit(t.Context(), task("panics", func() { panic("oh") })))
		require.NoError(t, r.Submit(t.Context(), failing("bad", badError{func() { panic("in Error") }})))
		synctest.Wait()
		all := r.Failures()
		require.Len(t, all, 4)
		bad, panics, last, first := all[0], all[1], all[2], all[3]
		assert.Equal(t, "an error whose Error panics", bad.Error)
		assert.Equal(t, background.Failed, bad.State)
		assert.Equal(t, []uint64{4, 3, 2, 1}, []uint64{bad.Number, panics.Number, last.Number, first.Number})
		assert.Equal(t, "panic: oh", panics.Error)
		assert.Contains(t, panics.Stack, "remembered_test.go")
		assert.Less(t, len(panics.Stack), 17<<10)
		for _, f := range []background.FailureInfo{first, last} {
			assert.Equal(t, h.ID(), f.ID)
			assert.Equal(t, "large", f.Name)
			assert.Equal(t, "kind", f.Kind)
			assert.Equal(t, strings.Repeat("x", 4<<10)+"…", f.Error)
			assert.Empty(t, f.Stack)
		}
		assert.Equal(t, at, first.At)
		assert.Equal(t, []any{1, background.Retrying, 2, background.Failed}, []any{first.Attempt, first.State, last.Attempt, last.State})
	})
}

// TestTheHookIsToldAllTheSame: by an error that ends the goroutine, too.
func TestTheHookIsToldAllTheSame(t *testing.T) {
	var told []string
	options := background.RunnerOptions{Workers: 1, OnFailure: func(_ context.Context, f *background.TaskError) { told = append(told, f.Name) }}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		r.KeepFailures(1)
		require.NoError(t, r.Submit(t.Context(), failing("bad", badError{runtime.Goexit})))
		synctest.Wait()
		assert.Equal(t, []string{"bad"}, told)
	})
}

// TestAFailureIsRememberedAllTheSame: where the hook ends the goroutine, too.
func TestAFailureIsRememberedAllTheSame(t *testing.T) {
	options := background.RunnerOptions{OnFailure: func(context.Context, *background.TaskError) { runtime.Goexit() }}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		r.KeepFailures(1)
		require.NoError(t, r.Submit(t.Context(), failing("failed", errors.New("on purpose"))))
		synctest.Wait()
		assert.Len(t, r.Failures(), 1)
	})
}

// TestALongStackIsCut: a panic may be that of anybody.
func TestALongStackIsCut(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		r.KeepFailures(1)
		stack := []byte(strings.Repeat("x", 1<<20))
		require.NoError(t, r.Submit(t.Context(), failing("deep", &background.PanicError{Value: "deep", Stack: stack})))
		synctest.Wait()
		assert.Len(t, r.Failures()[0].Stack, 16<<10)
	})
}

// TestWhatIsGivenUpIsRemembered: with the id of its handle.
func TestWhatIsGivenUpIsRemembered(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{})
	r.KeepFailures(10)
	h := background.Track(task("later", t.FailNow).After(time.Hour))
	require.NoError(t, r.Submit(t.Context(), h))
	canceled := background.Track(task("canceled", t.FailNow).After(time.Hour))
	require.NoError(t, r.Submit(t.Context(), canceled))
	canceled.Cancel(nil)
	require.NoError(t, r.Idle(t.Context()))
	require.Len(t, r.Failures(), 1)
	assert.Equal(t, background.Canceled, r.Failures()[0].State)
	require.ErrorIs(t, r.Shutdown(t.Context()), background.ErrDueLater)
	require.Len(t, r.Failures(), 2)
	assert.Equal(t, background.GivenUp, r.Failures()[0].State)
	assert.Equal(t, h.ID(), r.Failures()[0].ID)
	assert.Equal(t, background.ErrAbandoned.Error(), r.Failures()[0].Error)
}

// TestTasksInSomeStates: and no others.
func TestTasksInSomeStates(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		kind := background.Define("kind", func(context.Context, int) error { <-release; return nil })
		pass(time.Second)
		require.NoError(t, r.Submit(t.Context(), kind.Task(1)))
		pass(time.Second)
		began := time.Now()
		require.NoError(t, r.Submit(t.Context(), kind.Task(2).Named("waiting")))
		require.NoError(t, r.Submit(t.Context(), kind.Task(3).Named("scheduled").After(time.Hour)))
		names := func(in ...background.State) (all []string) {
			for info := range r.Tasks(in...) {
				all = append(all, info.Name)
				if info.State == background.Running {
					assert.Equal(t, began.Add(-time.Second), info.Since.Truncate(time.Millisecond))
				}
			}
			return all
		}
		assert.Equal(t, []string{"kind"}, names(background.Running))
		assert.Equal(t, []string{"waiting", "scheduled"}, names(background.Waiting, background.Scheduled))
		assert.Equal(t, []string{"waiting", "kind"}, names(background.Waiting, background.Running))
		assert.Empty(t, names(background.Retrying))
		assert.Len(t, names(), 3)
		for range r.Tasks(background.Running) {
			break
		}
		close(release)
		pass(2 * time.Hour)
	})
}

// TestTasksInSomeStatesByTheirHandles: which know before the runner that a task is to be tried
// again, while a hook is told.
func TestTasksInSomeStatesByTheirHandles(t *testing.T) {
	var release chan struct{}
	options := background.RunnerOptions{Workers: 1, OnFailure: func(context.Context, *background.TaskError) { <-release }}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		release = make(chan struct{})
		h := background.Track(failing("failing", errors.New("on purpose")).WithRetry(background.Retry{Attempts: 2}))
		require.NoError(t, r.Submit(t.Context(), h))
		synctest.Wait()
		for state, want := range map[background.State]int{background.Running: 0, background.Retrying: 1} {
			n := 0
			for info := range r.Tasks(state) {
				assert.Equal(t, state, info.State)
				n++
			}
			assert.Equal(t, want, n, state)
		}
		close(release)
	})
}

// TestAFailureByATaskThatWasCancelled is a failure, and not a cancellation of the task that
// has waited for it, or was skipped.
func TestAFailureByATaskThatWasCancelled(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		r.KeepFailures(10)
		cause := fmt.Errorf("what it needs: %w", background.ErrCanceled)
		h := background.Track(failing("followed", cause))
		require.NoError(t, r.Submit(t.Context(), failing("plain", cause)))
		require.NoError(t, r.Submit(t.Context(), h))
		require.NoError(t, r.Submit(t.Context(), failing("abandoned", fmt.Errorf("another runner: %w", background.ErrAbandoned))))
		synctest.Wait()
		assert.Equal(t, background.Failed, h.State())
		require.Len(t, r.Failures(), 3)
		for _, f := range r.Failures() {
			assert.Equal(t, background.Failed, f.State, f.Name)
		}
	})
}

// TestWhatIsRememberedKeepsNoArguments: not even those of the other tasks of a collection.
func TestWhatIsRememberedKeepsNoArguments(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{Keep: time.Hour})
	r.KeepFailures(10)
	gone := make(chan struct{})
	ctx := context.WithValue(t.Context(), requestID{}, "r1")
	failed := background.Track(failing("failed", errors.New("on purpose")))
	func() {
		argument := &struct{ Text string }{"secret"}
		runtime.AddCleanup(argument, func(int) { close(gone) }, 0)
		kind := background.Define("kind", func(context.Context, *struct{ Text string }) error { return nil })
		followed := background.Define("followed", nothing, background.Followed())
		all := collection(0, kind.Task(argument), followed.Task(1))
		all.Add(failing("in a collection", errors.New("on purpose")))
		require.NoError(t, r.Submit(ctx, all))
		require.NoError(t, r.Submit(ctx, failed))
	}()
	require.NoError(t, r.Idle(t.Context()))
	require.Len(t, r.Handles(), 2)
	require.Len(t, r.Failures(), 2)
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case <-gone:
			return true
		default:
			return false
		}
	}, 30*time.Second, time.Millisecond)
	for _, f := range r.Failures() {
		assert.Equal(t, "r1", f.Context.Value(requestID{}))
	}
	for _, h := range r.Handles() {
		assert.Equal(t, "r1", h.Context().Value(requestID{}))
		assert.Nil(t, h.Context().Done())
	}
	require.NoError(t, r.Shutdown(t.Context()))
}

// TestWhatIsRememberedOfAStoredTask: where it comes from, and nothing of the store's.
func TestWhatIsRememberedOfAStoredTask(t *testing.T) {
	type own struct{}
	r := background.NewRunner(background.RunnerOptions{})
	r.KeepFailures(10)
	values := map[string]string{background.RequestID: "r1", background.RequestRoute: "POST /orders"}
	_, err := r.Attempt(context.WithValue(t.Context(), own{}, "large"), background.StoredTask{
		Task: failing("stored", errors.New("on purpose")), Attempt: 1, Values: values,
	})
	require.Error(t, err)
	ctx := r.Failures()[0].Context
	assert.Equal(t, values, background.OriginOf(ctx).Values)
	assert.Nil(t, ctx.Value(own{}))
	require.NoError(t, r.Shutdown(t.Context()))
}
