package background_test

import (
	"context"
	"errors"
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

// waits runs a failing task and returns the time between its attempts.
func waits(ctx context.Context, r background.Retry) (waits []time.Duration, err error) {
	var last time.Time
	err = background.Func("flaky", func(context.Context) error {
		if !last.IsZero() {
			waits = append(waits, time.Since(last))
		}
		last = time.Now()
		return io.EOF
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
