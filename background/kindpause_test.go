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
