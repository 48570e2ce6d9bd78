package background_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// TestTasksAreSeen: in each of their states, and once if nothing changes.
func TestTasksAreSeen(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 3}, func(t *testing.T, r *background.Runner) {
		limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
		again := background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}
		release := make(chan struct{})
		ctx := request(t.Context(), "r1")
		began := time.Now()
		require.NoError(t, r.Submit(ctx, failing("retrying", io.EOF).WithRetry(again)))
		pass(time.Second)
		require.NoError(t, r.Submit(ctx, held("running", release).WithLimit(limit)))
		require.NoError(t, r.Submit(ctx, held("limited", release).WithLimit(limit)))
		require.NoError(t, r.Submit(ctx, held("scheduled", release).After(time.Hour)))
		tracked := background.Track(background.Func("tracked", func(ctx context.Context) error {
			background.Progress(ctx, 7)
			<-release
			return nil
		}))
		require.NoError(t, r.Submit(ctx, tracked))
		require.NoError(t, r.Submit(ctx, collection(1, held("first", release), held("second", release), held("third", release))))
		require.NoError(t, r.Submit(ctx, held("waiting", release)))
		synctest.Wait()
		var seen []string
		for info := range r.Tasks() {
			seen = append(seen, fmt.Sprint(info.Name, " ", info.State, " ", info.Attempt))
			assert.Equal(t, "r1", info.Context.Value(requestID{}), info.Name)
			switch info.State {
			case background.Scheduled:
				assert.Equal(t, began.Add(time.Second+time.Hour), info.Due)
			case background.Waiting:
				assert.Equal(t, began.Add(time.Second), info.Since.Truncate(time.Millisecond), info.Name)
			}
			if info.Name == "tracked" {
				assert.Equal(t, tracked.ID(), info.ID)
				assert.Equal(t, 7, info.Progress)
			}
		}
		slices.Sort(seen)
		assert.Equal(t, []string{
			"first running 1", "limited limited 0", "retrying retrying 1", "running running 1", "scheduled scheduled 0",
			"second waiting 0", "third waiting 0", "tracked running 1", "waiting waiting 0",
		}, seen)
		close(release)
		pass(3 * time.Hour)
		for info := range r.Tasks() {
			assert.Fail(t, "it has ended", info.Name)
		}
	})
}

// TestManyTasksAreSeen: all that stay, each once, while others come and go between.
func TestManyTasksAreSeen(t *testing.T) {
	const n = 1000
	for name, submit := range map[string]func(*testing.T, *background.Runner, int, <-chan struct{}){
		"single tasks": func(t *testing.T, r *background.Runner, i int, release <-chan struct{}) {
			require.NoError(t, r.Submit(t.Context(), held(fmt.Sprint(i), release)))
		},
		"a collection": func(t *testing.T, r *background.Runner, i int, release <-chan struct{}) {
			if i == 0 {
				all := collection(1)
				for i := range n {
					all.Add(held(fmt.Sprint(i), release))
				}
				require.NoError(t, r.Submit(t.Context(), all))
			}
		},
		"collections": func(t *testing.T, r *background.Runner, i int, release <-chan struct{}) {
			require.NoError(t, r.Submit(t.Context(), collection(1, held(fmt.Sprint(i), release))))
		},
		"scheduled": func(t *testing.T, r *background.Runner, i int, release <-chan struct{}) {
			require.NoError(t, r.Submit(t.Context(), held(fmt.Sprint(i), release).After(time.Duration(i%7+1)*time.Hour)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
				release, first := make(chan struct{}), make(chan struct{})
				fill(t, r, 1, first)
				for i := range n {
					submit(t, r, i, release)
				}
				times := make(map[string]int)
				for info := range r.Tasks() {
					times[info.Name]++
					if len(times) == n/2 { // one of them starts
						close(first)
						synctest.Wait()
						submit(t, r, 5000, release)
					}
				}
				for i := range n {
					assert.LessOrEqual(t, 1, times[fmt.Sprint(i)], i)
				}
				for range r.Tasks() {
					break
				}
				close(release)
				pass(8 * time.Hour)
			})
		})
	}
}

// TestAWalkGoesOnBehindWhatLeaves: half of the tasks run when it has seen a few of them,
// those included to which it has come. The others are seen, each once.
func TestAWalkGoesOnBehindWhatLeaves(t *testing.T) {
	const n, leave = 600, 300
	for name, submit := range map[string]func(*testing.T, *background.Runner, []*background.Task){
		"single tasks": func(t *testing.T, r *background.Runner, tasks []*background.Task) {
			for _, task := range tasks {
				require.NoError(t, r.Submit(t.Context(), task))
			}
		},
		"a collection": func(t *testing.T, r *background.Runner, tasks []*background.Task) {
			require.NoError(t, r.Submit(t.Context(), collection(1, tasks...)))
		},
		"collections": func(t *testing.T, r *background.Runner, tasks []*background.Task) {
			for _, task := range tasks {
				require.NoError(t, r.Submit(t.Context(), collection(1, task)))
			}
		},
		"scheduled": func(t *testing.T, r *background.Runner, tasks []*background.Task) {
			for i, task := range tasks {
				require.NoError(t, r.Submit(t.Context(), task.After(time.Duration(1+i/leave)*time.Hour)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
				first, release := make(chan struct{}), make(chan struct{})
				fill(t, r, 1, first)
				var tasks []*background.Task
				for i := range n {
					if i < leave {
						tasks = append(tasks, task(fmt.Sprint(i), func() {}))
					} else {
						tasks = append(tasks, held(fmt.Sprint(i), release))
					}
				}
				submit(t, r, tasks)
				times := make(map[string]int)
				for info := range r.Tasks() {
					if times[info.Name]++; len(times) == 1 {
						close(first)
						pass(time.Hour)
						assert.EqualValues(t, 1+leave, r.Stats().Succeeded)
					}
				}
				for i := range n {
					if i < leave {
						assert.LessOrEqual(t, times[fmt.Sprint(i)], 1, i)
					} else {
						assert.Equal(t, 1, times[fmt.Sprint(i)], i)
					}
				}
				close(release)
				pass(8 * time.Hour)
			})
		})
	}
}

// TestAWalkEnds: whatever comes while it is under way.
func TestAWalkEnds(t *testing.T) {
	for name, another := range map[string]func() background.Work{
		"single tasks": func() background.Work { return task("task", func() {}) },
		"collections":  func() background.Work { return collection(1, task("task", func() {})) },
		"later":        func() background.Work { return task("task", func() {}).After(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
				release := make(chan struct{})
				fill(t, r, 1, release)
				const n = 600
				for range n {
					require.NoError(t, r.Submit(t.Context(), another()))
				}
				seen := 0
				for range r.Tasks() {
					seen++
					require.LessOrEqual(t, seen, n+1)
					require.NoError(t, r.Submit(t.Context(), another()))
				}
				assert.Equal(t, n+1, seen)
				close(release)
				pass(2 * time.Hour)
			})
		})
	}
}

// TestAWalkLeavesACollectionBehind whose tasks come again all the time.
func TestAWalkLeavesACollectionBehind(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4}, func(t *testing.T, r *background.Runner) {
		const n = 600
		again := background.Retry{Attempts: 100, Delay: func(int, error) time.Duration { return time.Millisecond }}
		all := collection(n)
		for range n {
			all.Add(failing("again", io.EOF).WithRetry(again))
		}
		require.NoError(t, r.Submit(t.Context(), all))
		pass(0)
		require.NoError(t, r.Submit(t.Context(), task("behind", func() {}).After(time.Hour)))
		seen := 0
		for range r.Tasks() {
			seen++
			require.LessOrEqual(t, seen, 10*n)
			if seen%100 == 0 {
				pass(time.Millisecond)
			}
		}
		pass(2 * time.Hour)
	})
}

// TestTasksThatHaveEndedAreNotSeen: though their places are still there.
func TestTasksThatHaveEndedAreNotSeen(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 1, release)
		h := background.Track(task("cancelled", func() {}))
		require.NoError(t, r.Submit(t.Context(), h))
		h.Cancel(nil)
		for info := range r.Tasks() {
			assert.Equal(t, "fill", info.Name)
		}
		close(release)
	})
}

// TestATaskMayBeLookedAtWhileItRuns: for the race detector.
func TestATaskMayBeLookedAtWhileItRuns(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{Workers: 4})
	elapsing := failing("elapsing", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: 1, MaxElapsed: time.Minute})
	for range 500 {
		require.NoError(t, r.Submit(t.Context(), background.Track(elapsing)))
		r.Kinds()
		for range r.Tasks() {
			break
		}
	}
	require.NoError(t, r.Shutdown(t.Context()))
}
