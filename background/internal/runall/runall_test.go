package runall

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// item is a function to call.
type item func(context.Context) error

func callsOf(limit int, stopOnError bool) Calls[item] {
	return Calls[item]{
		Call:        item.call,
		Goexit:      func(item) error { return errExit },
		Limit:       limit,
		StopOnError: stopOnError,
	}
}

var errExit = errors.New("exit")

func (f item) call(ctx context.Context) error { return f(ctx) }

func failing(err error) item { return func(context.Context) error { return err } }

func sleeping(d time.Duration, err error) item {
	return func(context.Context) error { time.Sleep(d); return err }
}

func exiting(context.Context) error { runtime.Goexit(); return nil }

// TestNothingIsLeftOfARun whose context is derived: it would hang on the caller's.
func TestNothingIsLeftOfARun(t *testing.T) {
	var derived context.Context
	look := func(ctx context.Context) error { derived = ctx; return ctx.Err() }
	failures, _, _ := Run(t.Context(), []item{look}, callsOf(1, true))
	require.Empty(t, failures)
	require.Error(t, derived.Err())
}

func TestFailuresAreAtTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := []item{sleeping(time.Hour, io.EOF), failing(nil), exiting, failing(fs.ErrExist)}
		failures, skipped, cause := Run(t.Context(), items, callsOf(2, false))
		assert.Equal(t, []error{io.EOF, nil, errExit, fs.ErrExist}, failures)
		assert.Empty(t, skipped)
		require.NoError(t, cause)

		failures, skipped, _ = Run(t.Context(), items[1:2], callsOf(2, true))
		assert.Nil(t, failures)
		assert.Empty(t, skipped)
	})
}

// TestAsManyAsTheLimitRunAtOnce, and no more.
func TestAsManyAsTheLimitRunAtOnce(t *testing.T) {
	for limit := 1; limit <= 12; limit++ {
		synctest.Test(t, func(t *testing.T) {
			var running, most, ran int
			var mu sync.Mutex
			add := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				running += n
				most = max(most, running)
				ran += max(n, 0)
			}
			items := slices.Repeat([]item{func(context.Context) error {
				add(1)
				time.Sleep(time.Second)
				add(-1)
				return nil
			}}, 10)
			_, _, _ = Run(t.Context(), items, callsOf(limit, false))
			assert.Equal(t, min(limit, 10), most)
			assert.Equal(t, 10, ran)
		})
	}
}

// TestOneAtATimeIsTheCallersGoroutine: else the race detector objects.
func TestOneAtATimeIsTheCallersGoroutine(t *testing.T) {
	var order []int
	items := make([]item, 100)
	for i := range items {
		items[i] = func(context.Context) error { order = append(order, i); return nil }
	}
	failures, _, _ := Run(t.Context(), items, callsOf(1, false))
	assert.Empty(t, failures)
	assert.Len(t, order, 100)
	assert.True(t, slices.IsSorted(order))
}

// TestStopOnError: the contexts of the others end, which are waited for.
func TestStopOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		waits := func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Minute)
			stopped = true
			return context.Cause(ctx)
		}
		items := []item{waits, sleeping(time.Second, io.ErrNoProgress), failing(nil), failing(nil)}
		failures, skipped, cause := Run(t.Context(), items, callsOf(2, true))
		assert.Equal(t, []error{io.ErrNoProgress, io.ErrNoProgress, nil, nil}, failures)
		assert.True(t, stopped)
		assert.Len(t, skipped, 2)
		require.NoError(t, cause, "it is among the failures")
	})
}

func TestContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stopOnError := range []bool{false, true} {
			ctx, cancel := context.WithCancelCause(t.Context())
			first := func(context.Context) error { cancel(io.ErrClosedPipe); return nil }
			failures, skipped, cause := Run(ctx, []item{failing(nil), first, failing(nil)}, callsOf(1, stopOnError))
			assert.Nil(t, failures)
			assert.Len(t, skipped, 1)
			assert.Equal(t, io.ErrClosedPipe, cause)

			_, skipped, cause = Run(ctx, []item{failing(nil), first}, callsOf(2, stopOnError))
			assert.Len(t, skipped, 2)
			assert.Equal(t, io.ErrClosedPipe, cause)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, skipped, cause := Run(ctx, []item{func(context.Context) error { cancel(); return nil }}, callsOf(1, false))
		assert.Empty(t, skipped, "all had begun")
		require.NoError(t, cause)
	})
}

func TestNoneOutlivesACallerThatIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		items := []item{exiting, func(context.Context) error { time.Sleep(time.Minute); ended = true; return nil }}
		var caller sync.WaitGroup
		caller.Go(func() {
			defer func() { assert.True(t, ended) }()
			_, _, _ = Run(t.Context(), items, callsOf(2, false))
		})
		caller.Wait()
	})
}

// TestEachOnce runs many, of which some fail at the same time while others go on: each
// item has one call, or is skipped.
func TestEachOnce(t *testing.T) {
	const n = 50
	for round := range 1000 {
		limit := 2 + round%3
		ran := make([]atomic.Int64, n)
		items := make([]item, n)
		var begun atomic.Int64
		for k := range items {
			items[k] = func(context.Context) error {
				ran[k].Add(1)
				for begun.Add(1); begun.Load() < int64(limit); {
					runtime.Gosched()
				}
				if k%2 == 1 {
					return io.EOF
				}
				return nil
			}
		}
		failures, skipped, cause := Run(t.Context(), items, callsOf(limit, true))
		for k := range ran {
			want := int64(1)
			if k >= n-len(skipped) {
				want = 0
			}
			require.Equal(t, want, ran[k].Load())
		}
		require.NoError(t, cause)
		require.ErrorIs(t, failures[1], io.EOF)
	}
}
