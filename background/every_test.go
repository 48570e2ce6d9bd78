package background_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestEveryStartsAtEqualDistances(t *testing.T) {
	phases := make(map[time.Duration]bool)
	for range 10 {
		inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
			var g gauge
			end := r.Every(time.Minute, g.task(time.Second))
			pass(10 * time.Minute)
			require.Len(t, g.starts, 10)
			phases[g.starts[0]] = true
			assert.Less(t, g.starts[0], time.Minute)
			for i, start := range g.starts {
				assert.Equal(t, g.starts[0]+time.Duration(i)*time.Minute, start)
			}
			assert.Zero(t, r.Stats().Scheduled+r.Stats().Queued, "it holds no room between")
			end()
			end()
			pass(time.Hour)
			assert.Len(t, g.starts, 10)
		})
	}
	assert.Greater(t, len(phases), 1, "each begins at a time of its own")
}

// TestEveryDoesNotOverlap: with itself, its retries included.
func TestEveryDoesNotOverlap(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		g := gauge{began: time.Now()}
		end := r.Every(time.Minute, background.Func("long", func(ctx context.Context) error {
			g.add(+1)
			time.Sleep(90 * time.Second)
			g.add(-1)
			if background.Attempt(ctx) == 1 {
				return io.EOF
			}
			return nil
		}).WithRetry(background.Retry{Attempts: 2, Backoff: time.Nanosecond}))
		pass(10 * time.Minute)
		end()
		pass(5 * time.Minute)
		require.GreaterOrEqual(t, len(g.starts), 5)
		first := g.starts[0]
		for i, start := range g.starts {
			want := first + time.Duration(i/2)*4*time.Minute // 3 minutes and a nanosecond in all
			if i%2 == 1 {
				want += 90*time.Second + time.Nanosecond
			}
			assert.InDelta(t, want, start, 2)
		}
	})
}

// TestEveryPassesOverWhatFindsNoRoom, and says so, even if others would wait.
func TestEveryPassesOverWhatFindsNoRoom(t *testing.T) {
	var log bytes.Buffer
	options := background.RunnerOptions{Workers: 1, Queue: 1, Logger: slog.New(slog.NewJSONHandler(&log, nil))}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 2, release)
		s := newStarts()
		defer r.Every(time.Minute, s.task("periodic"))()
		pass(2 * time.Minute)
		assert.EqualValues(t, 2, r.Stats().Accepted)
		assert.Equal(t, 2, bytes.Count(log.Bytes(), []byte(`"level":"WARN","msg":"periodic task was not started","task":"periodic","error":"background: queue full"`)), log.String())
		close(release)
		pass(time.Minute)
		assert.Len(t, s.at, 1, "it goes on")
	})
}

// TestEveryEndsWithTheShutdown, which waits for what has been submitted.
func TestEveryEndsWithTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := background.NewRunner(background.RunnerOptions{})
		var g gauge
		r.Every(time.Minute, g.task(50*time.Second))
		r.Every(time.Hour, g.task(time.Second))
		for r.Stats().Running == 0 {
			pass(time.Second)
		}
		require.NoError(t, r.Shutdown(t.Context()))
		assert.EqualValues(t, 1, r.Stats().Succeeded)
		r.Every(time.Second, g.task(0))()
		pass(time.Hour)
		assert.Len(t, g.starts, 1)
	})
}

func TestEveryThatCannotBe(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{})
	assert.PanicsWithValue(t, `background: Every(0s) of task "x": the time has to be above zero`, func() { r.Every(0, task("x", func() {})) })
	assert.PanicsWithValue(t, "background: the work to run is a nil *Task", func() { r.Every(1, nil) })
	assert.PanicsWithValue(t, "background: the zero Runner runs nothing: make it by NewRunner", func() { new(background.Runner).Every(1, task("x", func() {})) })
}

// TestEveryStartsNothingOnceItWasStopped: its timer may have fired.
func TestEveryStartsNothingOnceItWasStopped(t *testing.T) {
	for name, stop := range map[string]func(*background.Runner, func()){
		"by its owner":  func(_ *background.Runner, end func()) { end() },
		"by a shutdown": func(r *background.Runner, _ func()) { assert.NoError(t, r.Shutdown(context.Background())) },
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
				end, fire := background.EveryByHand(r, time.Hour, task("periodic", t.FailNow))
				stop(r, end)
				fire()
				pass(time.Second)
				assert.Zero(t, r.Stats().Accepted+r.Stats().Rejected)
				assert.Empty(t, j.log.String())
			})
		})
	}
}

// TestEveryGoesOnWhateverTheLogDoes: it may end its goroutine.
func TestEveryGoesOnWhateverTheLogDoes(t *testing.T) {
	options := background.RunnerOptions{Workers: 1, Queue: 1, LogAttrs: func(context.Context) []slog.Attr { runtime.Goexit(); return nil }}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 2, release)
		s := newStarts()
		defer r.Every(time.Minute, s.task("periodic"))()
		pass(5 * time.Minute)
		close(release)
		pass(time.Minute)
		assert.Len(t, s.at, 1)
	})
}
