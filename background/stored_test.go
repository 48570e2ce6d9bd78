package background_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// failures collects what OnFailure is told.
type failures struct {
	mu  sync.Mutex
	all []background.TaskError
}

func (f *failures) tell(_ context.Context, failure *background.TaskError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, *failure)
}

func TestAttemptIsMadeAsTheRunnerMakesIts(t *testing.T) {
	var told failures
	inBubble(t, background.RunnerOptions{OnFailure: told.tell, Timeout: time.Minute}, func(t *testing.T, r *background.Runner) {
		broken := errors.New("broken")
		var events []string
		r.Use(func(ctx context.Context, task *background.Task, run func(context.Context) error) error {
			events = append(events, "before "+task.Name())
			defer func() { events = append(events, "after") }()
			return run(ctx)
		})
		kind := background.Define("dig", func(ctx context.Context, _ int) error {
			deadline, _ := ctx.Deadline()
			assert.Equal(t, time.Minute, time.Until(deadline))
			assert.Equal(t, 2, background.Attempt(ctx))
			assert.True(t, r.Owns(ctx))
			assert.Equal(t, "a-1", background.OriginOf(ctx).Values[background.RequestID])
			background.Progress(ctx, 40)
			return broken
		}, background.Retry{Attempts: 3, Backoff: time.Second})
		var progress any
		wait, err := r.Attempt(t.Context(), background.StoredTask{
			Task: kind.Task(1), Attempt: 2, Values: map[string]string{background.RequestID: "a-1"},
			Progress: func(value any) { progress = value },
		})
		failure, ok := errors.AsType[*background.TaskError](err)
		require.True(t, ok)
		assert.True(t, failure.WillRetry)
		assert.Equal(t, 2, failure.Attempt)
		require.ErrorIs(t, err, broken)
		assert.GreaterOrEqual(t, wait, time.Second)
		assert.LessOrEqual(t, wait, 2*time.Second)
		assert.Equal(t, 40, progress)
		assert.Equal(t, []string{"before dig", "after"}, events)
		assert.Equal(t, []background.TaskError{*failure}, told.all)
	})
}

func TestHowAnAttemptEnds(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		f       func(ctx context.Context) error
		attempt int
		again   bool
		told    int
		ok      bool
		is      error
		wait    time.Duration
	}{
		"success":       {f: func(context.Context) error { return nil }, attempt: 1, ok: true},
		"last attempt":  {f: func(context.Context) error { return boom }, attempt: 3, told: 1, is: boom},
		"permanent":     {f: func(context.Context) error { return background.Permanent(boom) }, attempt: 1, told: 1, is: boom},
		"panic":         {f: func(context.Context) error { panic(boom) }, attempt: 1, told: 1, is: boom},
		"Goexit":        {f: func(context.Context) error { runtime.Goexit(); return nil }, attempt: 1, told: 1},
		"RetryAfter":    {f: func(context.Context) error { return background.RetryAfter(boom, time.Hour) }, attempt: 1, told: 1, again: true, is: boom, wait: time.Hour},
		"timeout":       {f: func(ctx context.Context) error { <-ctx.Done(); return background.RetryAfter(ctx.Err(), 0) }, attempt: 1, told: 1, again: true, is: context.DeadlineExceeded},
		"no Progress":   {f: func(ctx context.Context) error { background.Progress(ctx, 1); return nil }, attempt: 1, ok: true},
		"Stop in a log": {f: func(context.Context) error { return boom }, attempt: 3, told: 1, is: boom},
	} {
		t.Run(name, func(t *testing.T) {
			var told failures
			inBubble(t, background.RunnerOptions{OnFailure: func(ctx context.Context, failure *background.TaskError) {
				told.tell(ctx, failure)
				failure.WillRetry = !failure.WillRetry // which changes nothing
				runtime.Goexit()
			}}, func(t *testing.T, r *background.Runner) {
				kind := background.Define("dig", func(ctx context.Context, _ int) error { return c.f(ctx) },
					background.Retry{Attempts: 3}, background.Timeout(time.Minute))
				wait, err := r.Attempt(t.Context(), background.StoredTask{Task: kind.Task(1), Attempt: c.attempt})
				assert.Len(t, told.all, c.told)
				assert.Equal(t, c.wait, wait)
				if c.ok {
					require.NoError(t, err)
					return
				}
				failure, ok := errors.AsType[*background.TaskError](err)
				require.True(t, ok)
				assert.Equal(t, c.again, failure.WillRetry)
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				}
			})
		})
	}
}

func TestAnAttemptThatIsInterruptedDoesNotCount(t *testing.T) {
	var told failures
	inBubble(t, background.RunnerOptions{OnFailure: told.tell}, func(t *testing.T, r *background.Runner) {
		kind := background.Define("dig", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, background.Retry{Attempts: 3})
		r.KeepFailures(10)
		for _, c := range []struct {
			cause       error
			interrupted bool
		}{
			{errors.New("shut down"), true},
			{background.ErrCanceled, false},
			{(*nastyError)(nil), true}, // its methods panic
		} {
			told.all = nil
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(c.cause) })
			_, err := r.Attempt(ctx, background.StoredTask{Task: kind.Task(1), Attempt: 1})
			require.Error(t, err)
			failure, isFailure := err.(*background.TaskError) //nolint:errorlint // its methods panic
			assert.Equal(t, c.interrupted, !isFailure)
			assert.Equal(t, c.interrupted, len(told.all) == 0)
			if isFailure {
				assert.False(t, failure.WillRetry)
			}
		}
		require.Len(t, r.Failures(), 1)
		assert.Equal(t, background.Canceled, r.Failures()[0].State)
	})
}

// nastyError is an error whose methods panic if it is nil.
type nastyError struct{ text string }

func (e *nastyError) Error() string   { return e.text }
func (e *nastyError) Is(error) bool   { return e.text == "" }
func (e *nastyError) Unwrap() []error { return []error{errors.New(e.text)} }

func TestMaxElapsedOfAStoredTask(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		kind := background.Define("dig", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}, background.Retry{Attempts: 3, MaxElapsed: time.Minute})
		start := time.Now()
		_, err := r.Attempt(t.Context(), background.StoredTask{Task: kind.Task(1), Attempt: 1})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		again := time.Now()
		_, err = r.Attempt(t.Context(), background.StoredTask{Task: kind.Task(1), Attempt: 2, Began: again.Add(-40 * time.Second)})
		failure, _ := errors.AsType[*background.TaskError](err)
		require.NotNil(t, failure)
		assert.False(t, failure.WillRetry, "there is no time")
		assert.Equal(t, 20*time.Second, time.Since(again))
	})
}

func TestDefinition(t *testing.T) {
	limit := background.NewLimit(background.LimitOptions{Concurrent: 2, PerSecond: 3, Burst: 4})
	var d background.Definition = background.Define("dig", func(context.Context, int) error { return nil }, limit)
	assert.Equal(t, "dig", d.Name())
	assert.Equal(t, background.LimitOptions{Concurrent: 2, PerSecond: 3, Burst: 4}, d.Limit().Options())
	assert.Nil(t, background.Define("fill", func(context.Context, int) error { return nil }).Limit())
}
