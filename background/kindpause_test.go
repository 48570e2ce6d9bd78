package background_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// TestAPauseHoldsUpNoOtherKind: not where tasks of the paused kind have all of the room, and
// their submitters came first to wait for more.
func TestAPauseHoldsUpNoOtherKind(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		run := func(context.Context, int) error { <-release; return nil }
		paused, other := background.Define("paused", run), background.Define("other", run)
		submit := func(task *background.Task) {
			go func() { assert.NoError(t, r.Submit(context.Background(), task)) }()
			synctest.Wait()
		}
		for _, kind := range []background.Kind[int]{other, other, paused, paused, paused, other} {
			submit(kind.Task(0))
		}
		require.Equal(t, 3, r.Stats().Blocked)
		r.PauseKind("paused")
		for range 3 { // those of the other kind, the last of which waited for room
			require.Equal(t, 1, r.Stats().Running)
			release <- struct{}{}
			synctest.Wait()
		}
		assert.Equal(t, 2, r.Stats().Limited)
		assert.Equal(t, 1, r.Stats().Blocked)
		close(release)
		r.ResumeKind("paused")
		synctest.Wait()
		assert.EqualValues(t, 6, r.Stats().Succeeded)
	})
}

// TestTheEndOfAPauseHoldsUpNobody: a task that waits for room since it came during the pause
// needs none after it.
func TestTheEndOfAPauseHoldsUpNobody(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		kind := background.Define("kind", func(context.Context, int) error { <-release; return nil })
		wait := func(task *background.Task) {
			go func() { assert.NoError(t, r.Submit(context.Background(), task)) }()
			synctest.Wait()
		}
		require.NoError(t, r.Submit(t.Context(), kind.Task(1)))
		for range 2 {
			require.NoError(t, r.Submit(t.Context(), task("later", func() {}).After(time.Hour)))
		}
		r.PauseKind("kind")
		wait(task("needs room", func() {}).WithRetry(background.Retry{Attempts: 2}))
		wait(kind.Task(2))
		require.Equal(t, 2, r.Stats().Blocked)
		r.ResumeKind("kind")
		release <- struct{}{}
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Running)
		close(release)
		pass(time.Hour)
	})
}

// TestAPausedKindLeavesItsLimitToOthers: those that share it don't wait behind its tasks, which
// go on waiting as they did.
func TestAPausedKindLeavesItsLimitToOthers(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		run := func(context.Context, int) error { <-release; return nil }
		limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
		paused, other := background.Define("paused", run, limit), background.Define("other", run, limit)
		h := background.Track(paused.Task(2))
		for _, work := range []background.Work{paused.Task(1), h, paused.Task(3), other.Task(4)} {
			require.NoError(t, r.Submit(t.Context(), work))
		}
		synctest.Wait()
		since := h.Info().Since
		pass(time.Second)
		r.PauseKind("paused")
		release <- struct{}{}
		synctest.Wait()
		for info := range r.Tasks(background.Running) {
			assert.Equal(t, "other", info.Kind)
		}
		assert.Equal(t, []int{1, 2}, []int{r.Stats().Running, r.Stats().Limited})
		assert.Equal(t, background.Limited, h.State())
		assert.Equal(t, since, h.Info().Since)
		release <- struct{}{}
		synctest.Wait()
		assert.Zero(t, r.Stats().Running)
		r.ResumeKind("paused")
		synctest.Wait()
		assert.Equal(t, background.Running, h.State())
		assert.Equal(t, 1, r.Stats().Running, "the limit holds")
		close(release)
	})
}

// TestHasten has a task run that waits for its time, and none that waits for something else.
func TestHasten(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
		limited, second := background.Track(held("limited", release).WithLimit(limit)), background.Track(held("second", release).WithLimit(limit))
		later, last := background.Track(held("later", release).After(time.Hour)), background.Track(held("last", release).After(time.Hour))
		assert.False(t, later.Hasten(), "it was not submitted")
		for _, h := range []*background.Handle{limited, second, later, last} {
			require.NoError(t, r.Submit(t.Context(), h))
		}
		synctest.Wait()
		assert.False(t, limited.Hasten(), "it runs")
		assert.False(t, second.Hasten())
		assert.Equal(t, background.Limited, second.State())
		assert.True(t, later.Hasten())
		synctest.Wait()
		assert.Equal(t, background.Running, later.State())
		assert.True(t, last.Hasten())
		assert.Equal(t, background.Waiting, last.State(), "for a worker")
		assert.False(t, last.Hasten())
		close(release)
		synctest.Wait()
		assert.False(t, last.Hasten(), "it has ended")
		assert.EqualValues(t, 4, r.Stats().Succeeded)
	})
}

// TestAPauseLetsInWhoNeedsNoRoom by now: what the waiters need is looked at anew.
func TestAPauseLetsInWhoNeedsNoRoom(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2, Queue: 2}, func(t *testing.T, r *background.Runner) {
		again := background.Retry{Attempts: 2}
		for range 2 {
			require.NoError(t, r.Submit(t.Context(), task("later", func() {}).After(time.Hour)))
		}
		canceled := background.Track(task("canceled", t.FailNow).After(time.Hour))
		for _, work := range []background.Work{task("needs room", func() {}).WithRetry(again), canceled} {
			go func() { assert.NoError(t, r.Submit(context.Background(), work)) }()
			synctest.Wait()
		}
		require.Equal(t, 2, r.Stats().Blocked)
		canceled.Cancel(nil)
		r.PauseKind("kind")
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Blocked)
		assert.EqualValues(t, 1, r.Stats().Failed, "the cancelled one")
		pass(time.Hour)
	})
}
