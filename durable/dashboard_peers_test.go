package durable_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/durable"
)

// What comes due, is tried again by hand or is given back while its kind is paused does not
// run until the pause ends, and then does.
func testBoardWhilePaused[Tx any](t *testing.T, d *database[Tx]) {
	seen := make(chan string, 10)
	fail := make(chan error, 1)
	job := background.Define("job", func(_ context.Context, what string) error {
		seen <- what
		if what == "fails" {
			return <-fail
		}
		return nil
	})
	other := background.Define("other", func(context.Context, string) error { seen <- "other"; return nil })
	q := d.open(t, durable.Options{}, job, other)
	b := boardOf(t, d.open(t, durable.Options{StoreOnly: true}, job, other))
	require.NoError(t, q.Submit(within(t), job.Task("fails").Named("failed"), job.Task("later").Named("later").After(time.Hour)))
	work(t, q, background.RunnerOptions{})
	require.Equal(t, "fails", <-seen)
	fail <- errors.New("on purpose")
	eventually(t, "it has failed", func() bool { return b.task("failed").State == background.Failed })
	b.doTo(source.Pause, "job")
	eventually(t, "the other process has seen it", func() bool { return len(durable.PausedHere(q)) == 1 })
	b.do(source.RetryNow, "failed")
	b.do(source.RetryNow, "later")
	require.NoError(t, q.Submit(within(t), job.Task("died").Named("died")))
	d.exec(t, d.lastDied)
	eventually(t, "it is given back", func() bool { return b.task("died").State == background.Waiting })
	for range 3 { // it looks for tasks between
		require.NoError(t, q.Submit(within(t), other.Task("")))
		require.Equal(t, "other", <-seen)
	}
	k := b.kind("job")
	assert.Equal(t, []int{3, 0, 0}, []int{k.Waiting, k.Running, k.Parked})
	assert.Zero(t, k.Failed, "it waits")
	assert.Len(t, b.list(source.Filter{Kind: "job"}), 3)
	assert.Less(t, k.Oldest, time.Minute)
	assert.Len(t, b.list(source.Filter{Kind: "job", States: []background.State{background.Waiting}}), 3)
	fail <- nil
	b.doTo(source.Resume, "job")
	assert.ElementsMatch(t, []string{"fails", "later", "died"}, []string{<-seen, <-seen, <-seen})
}

// A task that was cancelled while it ran is not tried again, whatever comes of it, until that
// is asked for; then the cancellation is over.
func testBoardCancelsForGood[Tx any](t *testing.T, d *database[Tx]) {
	release, seen := make(chan error), make(chan struct{}, 10)
	job := background.Define("job", func(context.Context, int) error { // which does not look at its context
		seen <- struct{}{}
		return <-release
	}, background.Retry{Attempts: 9, Backoff: time.Millisecond, MaxBackoff: time.Millisecond})
	q := d.open(t, durable.Options{}, job)
	b := boardOf(t, q)
	require.NoError(t, q.Submit(within(t), job.Task(1).Named("one")))
	work(t, q, background.RunnerOptions{})
	<-seen
	b.do(source.Cancel, "one")
	release <- errors.New("on purpose")
	eventually(t, "it is cancelled", func() bool { return b.task("one").State == background.Canceled })
	b.do(source.RetryNow, "one")
	<-seen
	release <- errors.New("on purpose")
	<-seen
	release <- nil
	eventually(t, "it has succeeded", func() bool { return b.task("one").State == background.Succeeded })
	assert.Equal(t, 3, b.task("one").Attempt)
}

// Each task that succeeds is counted once, however often and by how many is looked.
func testBoardCounts[Tx any](t *testing.T, d *database[Tx]) {
	const each = 300
	job := background.Define("job", func(context.Context, int) error { return nil })
	odd := background.Define("odd", func(_ context.Context, n int) error {
		if n%3 == 0 {
			return errors.New("on purpose")
		}
		return nil
	})
	queues := []*durable.Queue[Tx]{d.open(t, durable.Options{Workers: 5}, job, odd), d.open(t, durable.Options{Workers: 5}, job, odd)}
	b := boardOf(t, queues[0])
	b.overview()
	for _, q := range queues {
		work(t, q, background.RunnerOptions{})
	}
	for n := range each {
		require.NoError(t, queues[n%2].Submit(within(t), job.Task(n), odd.Task(n)))
		if n%20 == 0 {
			o := b.overview()
			assert.LessOrEqual(t, o.Succeeded+o.Failed, uint64(2*n+2))
		}
	}
	eventually(t, "all are counted", func() bool {
		o := b.overview()
		return o.Open() == 0 && o.Succeeded+o.Failed == 2*each
	})
	o := b.overview()
	assert.EqualValues(t, each/3, o.Failed)
	assert.EqualValues(t, d.number(t, "select count(*) from river_job where state = 'completed'"), o.Succeeded)
	jobs := b.kind("job")
	assert.EqualValues(t, each, jobs.Durations.Count())
	assert.EqualValues(t, 2*each-each/3, o.Waits.Count())
}
