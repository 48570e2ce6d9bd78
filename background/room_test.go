package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
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

// TestBlockIsFair: a large collection that waits for room is overtaken by small
// ones as long as it waits for what was there before it, and by none that could
// make it wait any longer.
func TestBlockIsFair(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		var order []string
		note := func(name string) *background.Task {
			return task(name, func() { order = append(order, name); time.Sleep(time.Second) })
		}
		submit := func(work background.Work) {
			go func() { assert.NoError(t, r.Submit(t.Context(), work)) }()
			synctest.Wait()
		}
		submit(note("1"))
		submit(note("2"))
		submit(collection(1, note("5"), note("7"))) // there is room for one
		submit(note("3"))
		assert.Equal(t, 2, r.Stats().Queued, "3 has overtaken it")
		submit(note("6"))
		pass(1500 * time.Millisecond) // 2 runs and 3 waits, which the collection needs room of
		submit(note("8"))
		pass(time.Hour)
		assert.Equal(t, []string{"1", "2", "3", "5", "6", "7", "8"}, order)
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

// TestRetriesKeepTheirRoom: what waits for its first or its next attempt is never
// more than Queue, and a retry is not refused.
func TestRetriesKeepTheirRoom(t *testing.T) {
	options := background.RunnerOptions{Workers: 4, Queue: 10, Overflow: background.Reject}
	for name, submit := range map[string]func(context.Context, *background.Runner, *background.Task) error{
		"single tasks": func(ctx context.Context, r *background.Runner, task *background.Task) error {
			return r.Submit(ctx, task)
		},
		"collections": func(ctx context.Context, r *background.Runner, task *background.Task) error {
			return r.Submit(ctx, collection(2, task, task, task))
		},
		"reservations": func(ctx context.Context, r *background.Runner, task *background.Task) error {
			v, err := r.Reserve(collection(3, task, task))
			if err == nil {
				err = v.Start(ctx, nil)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				retry := background.Retry{Attempts: 3, Backoff: 20 * time.Second}
				most := 0
				for i := range 20_000 {
					_ = submit(t.Context(), r, failing("fails", io.EOF).WithRetry(retry))
					if i%100 == 0 {
						pass(10 * time.Millisecond)
					}
					stats := r.Stats()
					most = max(most, stats.Queued+stats.Retrying)
				}
				assert.LessOrEqual(t, most, options.Queue)
				assert.Greater(t, most, options.Queue-3)
				pass(time.Hour)
				assert.Equal(t, 2*r.Stats().Accepted, r.Stats().Retried, "none was refused")

				release := make(chan struct{})
				fill(t, r, options.Workers+options.Queue, release) // all the room is back
				require.ErrorIs(t, r.Submit(t.Context(), task("one more", func() {})), background.ErrFull)
				close(release)
			})
		})
	}
}

// TestTheLastAttemptNeedsNoRoom: a task that will not be tried again gives its
// room back when it starts, as one without retries does.
func TestTheLastAttemptNeedsNoRoom(t *testing.T) {
	options := background.RunnerOptions{Workers: 3, Queue: 1, Overflow: background.Reject}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		attempts, release := 0, make(chan struct{})
		flaky := background.Func("flaky", func(context.Context) error {
			attempts++
			<-release
			return io.EOF
		}).WithRetry(background.Retry{Attempts: 2})
		require.NoError(t, r.Submit(t.Context(), flaky))
		require.ErrorIs(t, r.Submit(t.Context(), flaky), background.ErrFull, "a worker is free, but no room")
		require.NoError(t, r.Submit(t.Context(), held("held", release)), "it needs none")
		release <- struct{}{}
		release <- struct{}{}
		pass(time.Second)
		assert.Equal(t, 2, attempts)
		require.NoError(t, r.Submit(t.Context(), flaky))
		close(release)
	})
}

// TestBlockedSubmittersAreBounded: no more than Workers + Queue wait, and they
// are counted.
func TestBlockedSubmittersAreBounded(t *testing.T) {
	const bound = 2 + 10
	options := background.RunnerOptions{Workers: 2, Queue: 10}
	for name, submit := range map[string]func(context.Context, *background.Runner, background.Work) error{
		"Submit": func(ctx context.Context, r *background.Runner, work background.Work) error {
			return r.Submit(ctx, work)
		},
		"Reserve": func(ctx context.Context, r *background.Runner, work background.Work) error {
			v, err := r.Reserve(work)
			if err == nil {
				err = v.Start(ctx, nil)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				release := make(chan struct{})
				fill(t, r, 12, release)
				time.Sleep(time.Second)
				var refused, accepted atomic.Int64
				for range 1000 {
					go func() {
						switch err := submit(t.Context(), r, held("waits", release)); {
						case err == nil:
							accepted.Add(1)
						case errors.Is(err, background.ErrFull):
							refused.Add(1)
						}
					}()
				}
				synctest.Wait()
				assert.EqualValues(t, 1000-bound, refused.Load())
				assert.EqualValues(t, 1000-bound, r.Stats().Rejected)
				assert.Equal(t, bound, r.Stats().Blocked)
				time.Sleep(time.Minute)
				assert.Equal(t, time.Minute+time.Second, r.Stats().OldestWaiting, "of what was accepted before")
				close(release)
				synctest.Wait()
				assert.EqualValues(t, bound, accepted.Load())
			})
		})
	}
}

// TestReservationsMayHaveToWait, all of them, so they count as submitters who do.
func TestReservationsMayHaveToWait(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		var all []background.Reservation
		for range 3 {
			v, err := r.Reserve(task("promised", func() {}))
			require.NoError(t, err)
			all = append(all, v)
		}
		_, err := r.Reserve(task("one too many", t.FailNow))
		require.ErrorIs(t, err, background.ErrFull)
		all[0].Cancel()
		v, err := r.Reserve(task("in its place", func() {}))
		require.NoError(t, err)
		all[0] = v
		for i := range all {
			require.NoError(t, all[i].Start(t.Context(), nil))
		}
	})
}

// TestLargeCollectionThatWaits for room gets it, however much small work there is.
func TestLargeCollectionThatWaits(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 8}, func(t *testing.T, r *background.Runner) {
		second := task("second", func() { time.Sleep(time.Second) })
		for range 9 {
			require.NoError(t, r.Submit(t.Context(), second))
		}
		start := time.Now()
		var large time.Duration
		all := collection(1)
		for range 8 {
			all.Add(second)
		}
		go func() {
			assert.NoError(t, r.Submit(t.Context(), all))
			large = time.Since(start)
		}()
		synctest.Wait()
		// As many as there is room for, all the time.
		stopped, stop := context.WithCancel(t.Context())
		var small []time.Duration
		for range 3 {
			go func() {
				for stopped.Err() == nil {
					if r.Submit(stopped, second) == nil {
						small = append(small, time.Since(start))
					}
				}
			}()
		}
		pass(20 * time.Second)
		stop()
		assert.NotZero(t, large)
		assert.LessOrEqual(t, large, 17*time.Second)
		require.NotEmpty(t, small)
		assert.LessOrEqual(t, small[0], 2*time.Second)
		pass(time.Hour)
	})
}

// TestSmallWorkOvertakesALargeCollection that would wait for an hour.
func TestSmallWorkOvertakesALargeCollection(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 3, Queue: 8}, func(t *testing.T, r *background.Runner) {
		slow := task("slow", func() { time.Sleep(time.Hour) })
		require.NoError(t, r.Submit(t.Context(), collection(1, slow, slow, slow, slow))) // room for 5 more
		all := collection(1)
		for range 8 {
			all.Add(task("large", func() {}))
		}
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, r.Submit(t.Context(), all)) })
		synctest.Wait()
		start := time.Now()
		quick := task("quick", func() { time.Sleep(time.Second) })
		wg.Go(func() {
			for range 100 {
				assert.NoError(t, r.Submit(t.Context(), quick))
				assert.NoError(t, r.Submit(t.Context(), collection(1, quick, quick, quick)))
			}
			assert.Less(t, time.Since(start), time.Hour)
		})
		wg.Wait()
	})
}

// TestWorkThatNeedsNoRoomDoesNotWaitForIt: all the room is held by tasks that
// wait to be tried again, and workers are free.
func TestWorkThatNeedsNoRoomDoesNotWaitForIt(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2, Queue: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		again := background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}
		for range 2 {
			require.NoError(t, r.Submit(t.Context(), failing("again", io.EOF).WithRetry(again)))
			synctest.Wait()
		}
		fill(t, r, 2, release)
		ran := make(chan string, 2)
		submit := func(name string, retry background.Retry) {
			go func() {
				assert.NoError(t, r.Submit(t.Context(), task(name, func() { ran <- name }).WithRetry(retry)))
			}()
			synctest.Wait()
		}
		submit("has retries", again)
		submit("has none", background.Retry{})
		close(release)
		pass(time.Second)
		require.Len(t, ran, 1)
		assert.Equal(t, "has none", <-ran)
		pass(time.Hour)
		require.Len(t, ran, 1)
		assert.Equal(t, "has retries", <-ran)
	})
}

// TestCollectionThatNeedsNoRoomDoesNotWaitForIt: a smaller submission waits, which
// does need some. Of two such collections the smaller one is first.
func TestCollectionThatNeedsNoRoomDoesNotWaitForIt(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 5, Queue: 1}, func(t *testing.T, r *background.Runner) {
		all, first, second, last := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
		again := background.Retry{Attempts: 2}
		require.NoError(t, r.Submit(t.Context(), held("holds the room", all).WithRetry(again)))
		fill(t, r, 2, first)
		fill(t, r, 2, second)
		ran := make(chan string, 10)
		submit := func(work background.Work) {
			go func() { assert.NoError(t, r.Submit(t.Context(), work)) }()
			synctest.Wait()
		}
		note := func(name string) *background.Task {
			return task(name, func() { ran <- name; <-last })
		}
		begun := func() (names []string) {
			for len(ran) > 0 {
				names = append(names, <-ran)
			}
			return names
		}
		submit(note("single with retries").WithRetry(again))
		submit(collection(3, note("one of three"), note("one of three"), note("one of three")))
		submit(collection(2, note("with a retry"), note("with a retry").WithRetry(again)))
		submit(collection(1, note("one at a time"), note("one at a time")))
		submit(collection(2, note("one of two"), note("one of two")))
		close(first)
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 7, Succeeded: 2, Running: 5, Blocked: 4}, r.Stats())
		assert.Equal(t, []string{"one of two", "one of two"}, begun())
		close(second)
		synctest.Wait()
		assert.Empty(t, begun(), "two workers are free, too few for three tasks")
		close(last)
		synctest.Wait()
		assert.Equal(t, []string{"one of three", "one of three", "one of three"}, begun())
		close(all)
	})
}

// TestSmallestOvertakesWithoutAFreeWorker: a collection without retries would hold
// no room if workers were free, but none is.
func TestSmallestOvertakesWithoutAFreeWorker(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 3, Queue: 3}, func(t *testing.T, r *background.Runner) {
		one, others := make(chan struct{}), make(chan struct{})
		fill(t, r, 1, one)
		fill(t, r, 5, others)
		nop := func() {}
		for _, work := range []background.Work{
			collection(3, task("a", nop), task("b", nop), task("c", nop)),
			task("single", nop).WithRetry(background.Retry{Attempts: 2}),
		} {
			go func() { assert.NoError(t, r.Submit(t.Context(), work)) }()
			synctest.Wait()
		}
		close(one)
		synctest.Wait()
		stats := r.Stats()
		assert.Equal(t, 3, stats.Queued)
		assert.Equal(t, 1, stats.Blocked)
		close(others)
	})
}

// TestTwoRunnersThatSubmitToEachOther don't wait for each other: a task never
// waits for room, of whichever runner.
func TestTwoRunnersThatSubmitToEachOther(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, a *background.Runner) {
		inner := background.NewRunner(background.RunnerOptions{Workers: 1, Queue: 1})
		var refused atomic.Int64
		to := func(r *background.Runner) *background.Task {
			return background.Func("submits", func(ctx context.Context) error {
				time.Sleep(time.Second)
				for range 3 {
					if errors.Is(r.Submit(ctx, task("next", func() {})), background.ErrFull) {
						refused.Add(1)
					}
				}
				return nil
			})
		}
		for range 2 {
			require.NoError(t, a.Submit(t.Context(), to(inner)))
			require.NoError(t, inner.Submit(t.Context(), to(a)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, a.Shutdown(ctx))
		require.NoError(t, inner.Shutdown(ctx))
		assert.NotZero(t, refused.Load())
	})
}

// TestStatsOldestWaitingOfBlocked: all that is accepted runs, and a submitter
// waits.
func TestStatsOldestWaitingOfBlocked(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 2, Queue: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		again := background.Retry{Attempts: 2}
		require.NoError(t, r.Submit(t.Context(), held("holds room", release).WithRetry(again)))
		go func() { assert.NoError(t, r.Submit(t.Context(), task("waits", func() {}).WithRetry(again))) }()
		pass(time.Minute)
		assert.Equal(t, background.Stats{Accepted: 1, Running: 1, Blocked: 1, OldestWaiting: time.Minute}, r.Stats())
		close(release)
	})
}
