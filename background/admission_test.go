package background_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// fill submits tasks, which run until release is closed, until Workers run and
// Queue wait.
func fill(t *testing.T, r *background.Runner, n int, release <-chan struct{}) {
	t.Helper()
	for i := range n {
		require.NoError(t, r.Submit(t.Context(), held("fill", release)), "task %d of %d", i+1, n)
	}
}

func TestRejectAtTheBound(t *testing.T) {
	for _, c := range []struct{ workers, queue int }{{1, 1}, {2, 1}, {1, 5}, {3, 7}} {
		t.Run(fmt.Sprintf("%d workers, %d wait", c.workers, c.queue), func(t *testing.T) {
			options := background.RunnerOptions{Workers: c.workers, Queue: c.queue, Overflow: background.Reject}
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				release := make(chan struct{})
				fill(t, r, c.workers+c.queue, release)
				require.ErrorIs(t, r.Submit(t.Context(), held("one more", release)), background.ErrFull)
				require.ErrorIs(t, r.Submit(t.Context(), collection(1, held("a", release), held("b", release))), background.ErrFull)
				require.NoError(t, r.Submit(t.Context(), &background.Tasks{}), "nothing takes no room")
				stats := r.Stats()
				assert.Equal(t, c.workers, stats.Running)
				assert.Equal(t, c.queue, stats.Queued)
				assert.EqualValues(t, 3, stats.Rejected)
				close(release)
				synctest.Wait()
				require.NoError(t, r.Submit(t.Context(), task("later", func() {})))
			})
		})
	}
}

func TestCollectionsNeedRoomForAll(t *testing.T) {
	options := background.RunnerOptions{Workers: 2, Queue: 3, Overflow: background.Reject}
	tasks := func(n, concurrent int, release <-chan struct{}) *background.Tasks {
		c := collection(concurrent)
		for range n {
			c.Add(held("held", release))
		}
		return c
	}
	t.Run("two start, three wait", func(t *testing.T) {
		inBubble(t, options, func(t *testing.T, r *background.Runner) {
			release := make(chan struct{})
			defer close(release)
			require.NoError(t, r.Submit(t.Context(), tasks(5, 2, release)))
			require.ErrorIs(t, r.Submit(t.Context(), tasks(1, 1, release)), background.ErrFull)
		})
	})
	t.Run("one starts, three wait, one worker is free", func(t *testing.T) {
		inBubble(t, options, func(t *testing.T, r *background.Runner) {
			release := make(chan struct{})
			defer close(release)
			require.NoError(t, r.Submit(t.Context(), tasks(4, 1, release)))
			require.ErrorIs(t, r.Submit(t.Context(), tasks(2, 1, release)), background.ErrFull)
			require.NoError(t, r.Submit(t.Context(), tasks(1, 1, release)), "it starts at once")
		})
	})
	t.Run("larger than the queue", func(t *testing.T) {
		inBubble(t, options, func(t *testing.T, r *background.Runner) {
			release := make(chan struct{})
			require.NoError(t, r.Submit(t.Context(), tasks(100, 1, release)))
			require.ErrorIs(t, r.Submit(t.Context(), tasks(2, 1, release)), background.ErrFull)
			close(release)
			synctest.Wait()
			require.NoError(t, r.Submit(t.Context(), tasks(5, 5, release)), "all the room is back")
		})
	})
	t.Run("larger than what is left", func(t *testing.T) {
		inBubble(t, options, func(t *testing.T, r *background.Runner) {
			release := make(chan struct{})
			defer close(release)
			fill(t, r, 3, release)
			require.ErrorIs(t, r.Submit(t.Context(), tasks(100, 1, release)), background.ErrFull)
			require.ErrorIs(t, r.Submit(t.Context(), tasks(3, 1, release)), background.ErrFull)
			require.NoError(t, r.Submit(t.Context(), tasks(2, 1, release)))
		})
	})
}

// TestBlockIsFair: a large collection that waits for room is not overtaken by
// small ones which would fit.
func TestBlockIsFair(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		var order []string
		note := func(name string) *background.Task {
			return task(name, func() { order = append(order, name); time.Sleep(time.Second) })
		}
		submit := func(work background.Runnable) {
			go func() { assert.NoError(t, r.Submit(t.Context(), work)) }()
			synctest.Wait()
		}
		submit(note("1"))
		submit(note("2"))
		submit(collection(1, note("3"), note("4"))) // there is room for one
		submit(note("5"))
		assert.Equal(t, 1, r.Stats().Queued)
		pass(time.Hour)
		assert.Equal(t, []string{"1", "2", "3", "5", "4"}, order, "and then they take turns")
	})
}

func TestBlockUntilTheContextIsDone(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 2, release)
		start := time.Now()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, io.ErrNoProgress)
		defer cancel()

		// The one behind a large collection gets its place once that gives up.
		go func() {
			synctest.Wait() // until the collection waits
			assert.NoError(t, r.Submit(t.Context(), task("behind", func() {})))
		}()
		err := r.Submit(ctx, collection(1, task("a", t.FailNow), task("b", t.FailNow)))
		require.EqualError(t, err, "background: no room in the queue: multiple Read calls return no data or error")
		require.ErrorIs(t, err, io.ErrNoProgress)
		assert.Equal(t, time.Minute, time.Since(start))
		assert.EqualValues(t, 2, r.Stats().Rejected)
		close(release)
		synctest.Wait()
		assert.EqualValues(t, 3, r.Stats().Succeeded)
	})
}

// lateContext is done when room was made for who waits with it.
type lateContext struct {
	context.Context
	makeRoom func()
}

func (c lateContext) Done() <-chan struct{} { c.makeRoom(); return c.Context.Done() }

// TestBlockAdmittedAtTheLastMoment: who was let in is not told that its time is
// up, even if it is. Which of the two it hears of first is left to chance.
func TestBlockAdmittedAtTheLastMoment(t *testing.T) {
	for range 20 {
		inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
			release := make(chan struct{})
			fill(t, r, 2, release)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ran := false
			require.NoError(t, r.Submit(lateContext{ctx, func() { close(release); synctest.Wait() }}, task("late", func() { ran = true })))
			synctest.Wait()
			assert.True(t, ran)
			assert.Zero(t, r.Stats().Rejected)
		})
	}
}

func TestContextBoundsTheWaitOnly(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, r.Submit(ctx, task("a", func() {})), "there is room")
	})
}
