package background_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestKinds(t *testing.T) {
	mail := background.Define("mail", func(_ context.Context, d time.Duration) error {
		time.Sleep(d)
		if d == 0 {
			return io.EOF
		}
		return nil
	})
	report := background.Define("report", func(context.Context, int) error { panic("on purpose") })
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		assert.Empty(t, r.Kinds())
		require.NoError(t, r.Submit(t.Context(), mail.Task(3*time.Second)))
		require.NoError(t, r.Submit(t.Context(), mail.Task(time.Second)))
		require.NoError(t, r.Submit(t.Context(), report.Task(1)))
		require.NoError(t, r.Submit(t.Context(), task("plain", func() {})))
		limited := report.Task(1).WithLimit(background.NewLimit(background.LimitOptions{PerSecond: 1.0 / 600}))
		require.NoError(t, r.Submit(t.Context(), collection(2, limited, limited)))
		stopped := collection(1, mail.Task(0).WithRetry(background.Retry{Attempts: 2, Backoff: time.Minute, MaxBackoff: time.Minute}), report.Task(1))
		stopped.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), stopped))
		require.NoError(t, r.Submit(t.Context(), mail.Task(1).After(time.Hour)))
		pass(2 * time.Second)
		kinds := r.Kinds()
		require.Len(t, kinds, 3)
		assert.Equal(t, []string{"", "mail", "report"}, []string{kinds[0].Kind, kinds[1].Kind, kinds[2].Kind})
		assert.Equal(t, 1, kinds[0].Queued)
		assert.Equal(t, background.KindStats{Kind: "mail", Running: 1, Queued: 2, Scheduled: 1, OldestWaiting: 2 * time.Second}, kinds[1])
		assert.Equal(t, background.KindStats{Kind: "report", Queued: 4, OldestWaiting: 2 * time.Second}, kinds[2])

		pass(10 * time.Second)
		kinds = r.Kinds()
		assert.Equal(t, 1, kinds[1].Retrying)
		assert.EqualValues(t, 1, kinds[1].Retried)
		assert.Equal(t, 1, kinds[2].Limited)
		assert.Equal(t, 1, kinds[2].Queued)

		pass(2 * time.Hour)
		kinds = r.Kinds()
		assert.EqualValues(t, 1, kinds[0].Succeeded)
		assert.Zero(t, kinds[0].Waits.Count()+kinds[0].Durations.Count(), "no kind, no time")
		mails := kinds[1]
		assert.EqualValues(t, 3, mails.Succeeded)
		assert.EqualValues(t, 1, mails.Failed)
		assert.InDelta(t, 4, mails.Durations.Sum, 1e-6)
		assert.EqualValues(t, 5, mails.Durations.Count(), "attempts")
		assert.EqualValues(t, 4, mails.Waits.Count(), "tasks")
		assert.EqualValues(t, 3, kinds[2].Panicked)
		assert.EqualValues(t, 1, kinds[2].Skipped)
		assert.Zero(t, mails.Queued+mails.Running+mails.Retrying+mails.Scheduled+mails.Limited)
	})
}

func TestIsFull(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		assert.False(t, r.IsFull(), "a free worker")
		require.NoError(t, r.Submit(t.Context(), held("first", release)))
		assert.False(t, r.IsFull(), "a free place")
		require.NoError(t, r.Submit(t.Context(), held("second", release)))
		assert.True(t, r.IsFull())
		submitted := make(chan error, 1)
		go func() { submitted <- r.Submit(t.Context(), task("third", func() {})) }()
		synctest.Wait()
		assert.True(t, r.IsFull(), "and one who waits")
		release <- struct{}{}
		require.NoError(t, <-submitted)
		assert.True(t, r.IsFull())
		release <- struct{}{}
		synctest.Wait()
		assert.False(t, r.IsFull())
	})
}

func TestARunnerInWhichOthersWaitIsFull(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 2}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		for range 2 {
			require.NoError(t, r.Submit(t.Context(), held("small", release)))
		}
		assert.False(t, r.IsFull(), "one more has a place")
		submitted := make(chan error, 1)
		go func() { submitted <- r.Submit(t.Context(), collection(1, task("a", func() {}), task("b", func() {}))) }()
		synctest.Wait()
		assert.True(t, r.IsFull(), "a collection waits for two")
		close(release)
		require.NoError(t, <-submitted)
		synctest.Wait()
		assert.False(t, r.IsFull())
	})
}

func TestTheKindOfATask(t *testing.T) {
	mail := background.Define("mail", func(context.Context, int) error { return nil })
	assert.Equal(t, "mail", mail.Task(1).Named("mail to Ada").Kind())
	assert.Empty(t, task("plain", func() {}).Kind())
	assert.Empty(t, task("plain", func() {}).WithTimeout(time.Second).Kind())
}

// TestQuantilesAreNear, and never below.
func TestQuantilesAreNear(t *testing.T) {
	var h background.Histogram
	assert.Zero(t, h.Quantile(0.5))
	for i := range 100 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	assert.EqualValues(t, 100, h.Count())
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		exact := time.Duration(max(1, 100*q)) * time.Millisecond
		assert.Greater(t, h.Quantile(q), exact)
		assert.LessOrEqual(t, h.Quantile(q), 2*exact+48*time.Microsecond, q)
	}
}

// TestAttemptsThatAreNotMadeDoNotCount: cancelled, or too late.
func TestAttemptsThatAreNotMadeDoNotCount(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		late := background.Define("late", func(context.Context, int) error { return io.EOF }, background.Retry{Attempts: 3, Backoff: time.Second, MaxElapsed: 10 * time.Second})
		dropped := background.Define("dropped", func(context.Context, int) error { return nil })
		require.NoError(t, r.Submit(t.Context(), late.Task(1)))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), task("long", func() { time.Sleep(time.Minute) })))
		h := background.Track(dropped.Task(1))
		require.NoError(t, r.Submit(t.Context(), h))
		assert.True(t, h.Cancel(nil))
		pass(time.Hour)
		for _, kind := range r.Kinds() {
			switch kind.Kind {
			case "late":
				assert.EqualValues(t, 1, kind.Failed)
				assert.EqualValues(t, 1, kind.Durations.Count())
				assert.EqualValues(t, 1, kind.Waits.Count())
			case "dropped":
				assert.EqualValues(t, 1, kind.Failed)
				assert.Zero(t, kind.Durations.Count()+kind.Waits.Count())
			}
		}
	})
}

// TestKindsAgreeWithStats: also of tasks whose time has come.
func TestKindsAgreeWithStats(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(t.Context(), failing("again", io.EOF).WithRetry(background.Retry{Attempts: 2, Backoff: time.Second})))
		synctest.Wait()
		require.NoError(t, r.Submit(t.Context(), task("long", func() { time.Sleep(time.Hour) })))
		require.NoError(t, r.Submit(t.Context(), task("due", func() {}).After(10*time.Second)))
		pass(30 * time.Second)
		stats, kinds := r.Stats(), r.Kinds()
		require.Len(t, kinds, 1)
		assert.Equal(t, []int{1, 1, 1, 0}, []int{stats.Queued, stats.Running, stats.Retrying, stats.Scheduled})
		assert.Equal(t, []int{1, 1, 1, 0}, []int{kinds[0].Queued, kinds[0].Running, kinds[0].Retrying, kinds[0].Scheduled})
		assert.InDelta(t, 20*time.Second, stats.OldestWaiting, float64(time.Millisecond))
		assert.InDelta(t, 20*time.Second, kinds[0].OldestWaiting, float64(time.Millisecond))
	})
}
