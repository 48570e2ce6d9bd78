package durable_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

func testShutdown[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	release := make(chan struct{})
	k := background.Define("job", func(ctx context.Context, name string) error {
		seen.note(fmt.Sprint(name, " ", background.Attempt(ctx)))
		switch name {
		case "stubborn":
			<-release
			return nil
		case "quick":
			time.Sleep(50 * time.Millisecond)
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}, background.Retry{Attempts: 2})
	q := d.open(t, durable.Options{}, k)
	r := background.NewRunner(background.RunnerOptions{Store: q, Logger: quiet, OnFailure: seen.onFailure})
	require.NoError(t, q.Start(r))
	require.EqualError(t, q.Start(r), "durable: the queue was started before")
	require.NoError(t, q.Submit(within(t), k.Task("obedient"), k.Task("quick")))
	eventually(t, "both run", func() bool { return len(seen.all()) == 2 })
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { assert.NoError(t, q.Shutdown(ctx)) })
	}
	calls.Wait()
	require.NoError(t, ctx.Err(), "in time")
	assert.Len(t, seen.all(), 2, "nobody is told of a task that is put back")
	assert.Equal(t, 1, d.number(t, "select count(*) from river_job where state = 'available' and attempt = 0"))
	assert.Equal(t, 1, d.number(t, "select count(*) from river_job where state = 'completed'"))
	require.NoError(t, q.Submit(within(t), k.Task("stubborn")), "it stores all the same")

	next := d.open(t, durable.Options{}, k)
	require.NoError(t, next.Start(r))
	eventually(t, "it runs again", func() bool { return len(seen.all()) == 4 })
	assert.Contains(t, seen.all()[2:], "obedient 1", "no attempt was used up")
	short, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, next.Shutdown(short), context.DeadlineExceeded)
	close(release)
	require.NoError(t, next.Shutdown(within(t)))
	require.NoError(t, r.Shutdown(within(t)))

	never := d.open(t, durable.Options{}, k)
	require.NoError(t, never.Shutdown(within(t)))
	require.NoError(t, never.Start(r), "it does nothing")
}

func testEvery[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	tick := background.Define("tick", func(context.Context, int) error { seen.note("tick"); return nil })
	for range 2 {
		q := d.open(t, durable.Options{}, tick)
		r := work(t, q, background.RunnerOptions{})
		stop := r.Every(time.Second, tick.Task(1))
		t.Cleanup(stop)
		assert.Panics(t, func() { q.Every(time.Second, tick.Task(1)) }, "there is one")
		assert.Panics(t, func() { q.Every(0, tick.Task(1).Named("other")) })
	}
	eventually(t, "it runs thrice", func() bool { return len(seen.all()) >= 3 })
	seen.mu.Lock()
	defer seen.mu.Unlock()
	assert.Greater(t, seen.times[2].Sub(seen.times[0]), 1500*time.Millisecond, "by one of the two")
}

func testDoneTx[Tx any](t *testing.T, d *database[Tx]) {
	d.exec(t, "create table effects(n integer)")
	var seen recorder
	var q *durable.Queue[Tx]
	const again = "attempted_at = '2026-01-02 03:04:05.678'" // the time of another attempt
	taken := []string{2: "state = 'available'", 3: again, 4: "state = 'completed', finalized_at = scheduled_at, " + again}
	k := background.Define("job", func(ctx context.Context, n int) error {
		err := d.inTx(t, func(tx Tx) error {
			if err := d.execTx(ctx, tx, "insert into effects(n) values ($1)", n); err != nil {
				return err
			}
			if taken[n] != "" { // another process has taken it, or so it seems
				if err := d.execTx(ctx, tx, "update river_job set "+taken[n]+" where state = 'running' and id = "+fmt.Sprint(n)); err != nil {
					return err
				}
			}
			return q.DoneTx(ctx, tx)
		})
		seen.note(fmt.Sprint(n, " ", err))
		if n == 1 {
			return errors.New("too late: it is done")
		}
		return background.Permanent(err)
	}, background.Retry{Attempts: 3})
	q = d.open(t, durable.Options{}, k)
	require.NoError(t, d.inTx(t, func(tx Tx) error { return q.DoneTx(context.Background(), tx) }), "of no task")
	work(t, q, background.RunnerOptions{})
	require.NoError(t, q.Submit(within(t), k.Task(1)))
	eventually(t, "it is done", func() bool { return len(inState(t, q, background.Succeeded)) == 1 })
	require.NoError(t, q.Submit(within(t), k.Task(2), k.Task(3), k.Task(4)))
	eventually(t, "the others fail", func() bool { return len(inState(t, q, background.Failed)) == 3 })
	assert.ElementsMatch(t, []string{
		"1 <nil>", "2 " + durable.ErrNotOurs.Error(), "3 " + durable.ErrNotOurs.Error(), "4 " + durable.ErrNotOurs.Error(),
	}, seen.all())
	assert.Equal(t, 1, d.number(t, "select count(*) from effects"))
}

func testTasksPages[Tx any](t *testing.T, d *database[Tx]) {
	k := background.Define("job", func(context.Context, int) error { return nil })
	q := d.open(t, durable.Options{StoreOnly: true}, k)
	tasks := make([]*background.Task, 1001)
	for i := range tasks {
		tasks[i] = k.Task(i)
	}
	require.NoError(t, q.Submit(within(t), tasks...))
	assert.Len(t, inState(t, q), 1001)
	n := 0
	for _, err := range q.Tasks(within(t)) {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	assert.Empty(t, inState(t, q, background.GivenUp))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range q.Tasks(gone) {
		require.ErrorIs(t, err, context.Canceled)
		failure, ok := errors.AsType[*durable.Error](err)
		require.True(t, ok)
		assert.Equal(t, 503, failure.StatusCode())
	}
}

// A task that was taken, of which the process never heard: its connection was cut.
func testLost[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	k := background.Define("job", func(ctx context.Context, name string) error {
		seen.note(fmt.Sprint(name, " ", background.Attempt(ctx)))
		if name == "long" {
			<-ctx.Done()
		}
		return ctx.Err()
	})
	q := d.open(t, durable.Options{}, k)
	require.NoError(t, q.Submit(within(t), k.Task("lost").After(time.Hour), k.Task("long")))
	work(t, q, background.RunnerOptions{})
	eventually(t, "the long one runs", func() bool { return len(seen.all()) == 1 })
	d.exec(t, `update river_job set state = 'running', attempt = 1, attempted_at = scheduled_at,
		attempted_by = (select attempted_by from river_job where id = 2) where id = 1`)
	eventually(t, "the lost one runs, too", func() bool { return len(seen.all()) == 2 })
	assert.Equal(t, []string{"long 1", "lost 1"}, seen.all())
}
