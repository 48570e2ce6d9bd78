package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// waits runs a failing task and returns the time between its attempts.
func waits(ctx context.Context, r background.Retry) ([]time.Duration, error) {
	return waitsOf(ctx, io.EOF, r)
}

func waitsOf(ctx context.Context, failure error, r background.Retry) (waits []time.Duration, err error) {
	var last time.Time
	err = background.Func("flaky", func(context.Context) error {
		if !last.IsZero() {
			waits = append(waits, time.Since(last))
		}
		last = time.Now()
		return failure
	}).WithRetry(r).Run(ctx)
	return waits, err
}

func TestRetryBackoff(t *testing.T) {
	for name, c := range map[string]struct {
		retry   background.Retry
		longest []time.Duration
	}{
		"none":     {background.Retry{}, nil},
		"once":     {background.Retry{Attempts: 1}, nil},
		"defaults": {background.Retry{Attempts: 4}, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}},
		"bounded":  {background.Retry{Attempts: 4, Backoff: 20 * time.Second}, []time.Duration{20 * time.Second, 30 * time.Second, 30 * time.Second}},
		"own bound": {
			background.Retry{Attempts: 4, Backoff: time.Second, MaxBackoff: 3 * time.Second},
			[]time.Duration{time.Second, 2 * time.Second, 3 * time.Second},
		},
		"cut": {background.Retry{Attempts: 3, Backoff: time.Hour}, []time.Duration{30 * time.Second, 30 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := waits(t.Context(), c.retry)
				require.ErrorIs(t, err, io.EOF)
				require.Len(t, got, len(c.longest))
				for i, longest := range c.longest {
					assert.LessOrEqual(t, got[i], longest)
					assert.GreaterOrEqual(t, got[i], longest/2)
				}
			})
		})
	}
}

// A wait is anything from a half of the backoff to all of it.
func TestRetryBackoffIsSpread(t *testing.T) {
	var seen []time.Duration
	for range 200 {
		seen = append(seen, background.WaitAfter(&background.Retry{Backoff: 4}, 1))
	}
	slices.Sort(seen)
	assert.Equal(t, []time.Duration{2, 3, 4}, slices.Compact(seen))
}

func TestRetryBackoffDoesNotOverflow(t *testing.T) {
	const longest = 1<<63 - 1
	r := &background.Retry{Backoff: 3, MaxBackoff: longest}
	for _, attempt := range []int{63, 64, 65, 1000} {
		assert.GreaterOrEqual(t, background.WaitAfter(r, attempt), time.Duration(longest/2), "attempt %d", attempt)
	}
}

func TestRetryManyAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := waits(t.Context(), background.Retry{Attempts: 200, MaxBackoff: time.Second})
		require.EqualError(t, err, `background: task "flaky", attempt 200: EOF`)
		assert.Len(t, got, 199)
	})
}

func TestRetrySucceedsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		err := background.Func("flaky", func(context.Context) error {
			if attempts++; attempts < 3 {
				return io.EOF
			}
			return nil
		}).WithRetry(background.Retry{Attempts: 5}).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, attempts)
	})
}

func TestRetryStopsWaitingWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := waits(ctx, background.Retry{Attempts: 2, Backoff: 10 * time.Second})
		require.EqualError(t, err, `background: task "flaky": EOF`)
		assert.Empty(t, got)
		assert.Equal(t, time.Second, time.Since(start))
		failure, _ := errors.AsType[*background.TaskError](err)
		assert.False(t, failure.WillRetry)
	})
}

func TestRetryFinalFailures(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx context.Context
		err error
		If  func(error) bool
	}{
		"permanent":         {t.Context(), background.Permanent(io.EOF), nil},
		"wrapped permanent": {t.Context(), fmt.Errorf("read: %w", background.Permanent(io.EOF)), nil},
		"context done":      {cancelled, io.EOF, nil},
		"If":                {t.Context(), io.EOF, func(err error) bool { return !errors.Is(err, io.EOF) }},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			err := background.Func("final", func(context.Context) error { attempts++; return c.err }).
				WithRetry(background.Retry{Attempts: 3, If: c.If}).
				Run(c.ctx)
			require.ErrorIs(t, err, io.EOF)
			require.EqualError(t, err, `background: task "final": `+c.err.Error())
			assert.Equal(t, 1, attempts)
		})
	}
}

func TestRetryIfPanics(t *testing.T) {
	err := failing("flaky", io.EOF).
		WithRetry(background.Retry{Attempts: 3, If: func(error) bool { panic("boom") }}).
		Run(t.Context())
	require.EqualError(t, err, "background: task \"flaky\": EOF\npanic: boom")
	assert.ErrorIs(t, err, io.EOF)
}

func TestPermanentNil(t *testing.T) {
	assert.NoError(t, background.Permanent(nil))
	assert.EqualError(t, background.Permanent(io.EOF), "EOF")
}

// A task knows at which attempt it is, also where another one has started it.
func TestAttempt(t *testing.T) {
	assert.Equal(t, 1, background.Attempt(t.Context()), "of no task")
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		var seen []int
		three := background.Retry{Attempts: 3, Backoff: time.Second}
		inner := func(name string) *background.Task {
			return background.Func(name, func(ctx context.Context) error {
				seen = append(seen, background.Attempt(ctx))
				return io.EOF
			}).WithRetry(background.Retry{Attempts: 2, Backoff: time.Nanosecond})
		}
		outer := background.Func("outer", func(ctx context.Context) error {
			seen = append(seen, 10*background.Attempt(ctx))
			if background.Attempt(ctx) == 2 {
				require.Error(t, inner("run").Run(ctx))
				for _, work := range []background.Work{inner("submitted"), collection(1, inner("collected"))} {
					require.NoError(t, r.Submit(ctx, work))
					time.Sleep(time.Millisecond)
				}
			}
			return io.EOF
		}).WithRetry(three)
		require.NoError(t, r.Submit(t.Context(), outer))
		pass(time.Minute)
		assert.Equal(t, []int{10, 20, 1, 2, 1, 2, 1, 2, 30}, seen)
	})
}

// Who refuses a task may know when to come again, and the task says it.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := background.RetryAfter(io.EOF, time.Hour)
		assert.EqualError(t, busy, io.EOF.Error())
		require.ErrorIs(t, busy, io.EOF)
		require.NoError(t, background.RetryAfter(nil, time.Hour))
		for want, test := range map[time.Duration]struct {
			err   error
			retry background.Retry
		}{
			time.Hour:       {fmt.Errorf("webhook: %w", busy), background.Retry{Attempts: 2, MaxBackoff: time.Second}},
			2 * time.Hour:   {errors.Join(io.EOF, background.RetryAfter(busy, 2*time.Hour)), background.Retry{Attempts: 2}},
			time.Nanosecond: {background.RetryAfter(io.EOF, time.Nanosecond), background.Retry{Attempts: 2, Delay: func(int, error) time.Duration { return time.Minute }}},
			0:               {background.RetryAfter(io.EOF, -time.Hour), background.Retry{Attempts: 2}},
		} {
			got, err := waitsOf(t.Context(), test.err, test.retry)
			require.Error(t, err)
			assert.Equal(t, []time.Duration{want}, got)
		}
		got, err := waitsOf(t.Context(), background.Permanent(busy), background.Retry{Attempts: 2})
		require.ErrorIs(t, err, io.EOF)
		assert.Empty(t, got)
		got, _ = waitsOf(t.Context(), busy, background.Retry{Attempts: 2, If: func(error) bool { return false }})
		assert.Empty(t, got)
	})
}

func TestRetryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		got, err := waits(t.Context(), background.Retry{Attempts: 4, Backoff: time.Hour, Delay: func(attempt int, err error) time.Duration {
			told = append(told, err)
			return time.Duration(2-attempt) * time.Second
		}})
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, []time.Duration{time.Second, 0, 0}, got)
		assert.Equal(t, []error{io.EOF, io.EOF, io.EOF}, told)

		got, err = waits(t.Context(), background.Retry{Attempts: 4, Delay: func(int, error) time.Duration { panic("no idea") }})
		require.ErrorIs(t, err, io.EOF)
		failure, ok := errors.AsType[*background.PanicError](err)
		require.True(t, ok)
		assert.Equal(t, "no idea", failure.Value)
		assert.Empty(t, got)
	})
}

// A time that is over is none, also in the log.
func TestRetryWithoutWait(t *testing.T) {
	for name, retry := range map[string]background.Retry{
		"delay": {Attempts: 2, Delay: func(int, error) time.Duration { return -time.Hour }},
		"mark":  {Attempts: 2},
		"marks": {Attempts: 2, If: func(error) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			failure := io.EOF
			if retry.Delay == nil {
				failure = background.RetryAfter(io.EOF, -time.Hour)
			}
			var log strings.Builder
			inBubble(t, background.RunnerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, r *background.Runner) {
				require.NoError(t, r.Submit(t.Context(), failing("again", failure).WithRetry(retry)))
				pass(0)
				assert.EqualValues(t, 1, r.Stats().Failed)
			})
			assert.Contains(t, log.String(), "retry_in=0s")
		})
	}
}

// All attempts together have a time, whoever runs them.
func TestRetryMaxElapsed(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *background.Task){
		"run":       func(t *testing.T, task *background.Task) { require.Error(t, task.Run(t.Context())) },
		"submitted": func(t *testing.T, task *background.Task) { runAlone(t, task) },
		"collected": func(t *testing.T, task *background.Task) { runAlone(t, collection(1, task)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var begun []time.Duration
				each := func(wait time.Duration) func(int, error) time.Duration {
					return func(int, error) time.Duration { return wait }
				}
				task := background.Func("slow", func(ctx context.Context) error {
					begun = append(begun, time.Since(start))
					<-ctx.Done()
					return ctx.Err()
				}).WithTimeout(10 * time.Second)
				run(t, task.WithRetry(background.Retry{Attempts: 100, Delay: each(5 * time.Second), MaxElapsed: 32 * time.Second}))
				assert.Equal(t, []time.Duration{0, 15 * time.Second, 30 * time.Second}, begun)
				assert.Equal(t, 32*time.Second, time.Since(start), "the last is cut short")

				start, begun = time.Now(), nil
				run(t, task.WithRetry(background.Retry{Attempts: 100, Delay: each(5 * time.Second), MaxElapsed: 15 * time.Second}))
				assert.Equal(t, []time.Duration{0}, begun)
				assert.Equal(t, 10*time.Second, time.Since(start), "nobody waits for an attempt that is not made")
			})
		})
	}
}

// runAlone runs work by a runner of its own.
func runAlone(t *testing.T, work background.Work) {
	t.Helper()
	r := background.NewRunner(background.RunnerOptions{})
	require.NoError(t, r.Submit(t.Context(), work))
	require.NoError(t, r.Shutdown(t.Context()))
}

// TestNoAttemptBeginsTooLate: when a limit or a pause has held it up, the task fails
// as it did before.
func TestNoAttemptBeginsTooLate(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		calls := 0
		task := background.Func("task", func(context.Context) error { calls++; return io.EOF })
		require.NoError(t, r.Submit(t.Context(), task.WithRetry(background.Retry{Attempts: 3, Backoff: 10 * time.Second, MaxElapsed: time.Minute})))
		pass(time.Second)
		r.Pause()
		pass(time.Hour)
		r.Resume()
		pass(time.Hour)
		assert.Equal(t, 1, calls)
		require.Len(t, j.failures, 2)
		last := j.failures[1]
		assert.False(t, last.WillRetry)
		assert.Equal(t, 1, last.Attempt)
		require.ErrorIs(t, last.Err, io.EOF)
		assert.EqualValues(t, 1, r.Stats().Failed)
	})
}

// TestMaxElapsedOfACancelledTask: that it was cancelled is what all are told, also if
// there would be no time for it any more.
func TestMaxElapsedOfACancelledTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		r := background.NewRunner(background.RunnerOptions{
			Workers:   1,
			OnFailure: func(_ context.Context, failure *background.TaskError) { told = append(told, failure.Err) },
		})
		retry := background.Retry{Attempts: 2, Backoff: time.Second, MaxElapsed: time.Minute}
		h := background.Track(failing("elapsing", io.EOF).WithRetry(retry))
		require.NoError(t, r.Submit(t.Context(), h))
		synctest.Wait()
		release := make(chan struct{})
		require.NoError(t, r.Submit(t.Context(), held("in the way", release)))
		time.Sleep(2 * time.Minute)
		require.True(t, h.Cancel(nil))
		close(release)
		require.NoError(t, r.Shutdown(t.Context()))

		require.Len(t, told, 2)
		require.ErrorIs(t, told[0], io.EOF)
		require.ErrorIs(t, told[1], background.ErrCanceled)
		require.ErrorIs(t, h.Info().Err, background.ErrCanceled)
	})
}
