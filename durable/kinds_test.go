package durable_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// A limit never has more tasks run than the workers of a process.
func testWideLimit[Tx any](t *testing.T, d *database[Tx]) {
	var running, most, ended atomic.Int32
	k := background.Define("wide", func(context.Context, int) error {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		running.Add(-1)
		ended.Add(1)
		return nil
	}, background.NewLimit(background.LimitOptions{Concurrent: 20_000})) // more than the engine allows
	q := d.open(t, durable.Options{Workers: 2}, k)
	for i := range 20 {
		require.NoError(t, q.Submit(within(t), k.Task(i)))
	}
	work(t, q, background.RunnerOptions{})
	eventually(t, "all run", func() bool { return ended.Load() == 20 })
	assert.LessOrEqual(t, most.Load(), int32(2))
}

// A limit of so many a second is none of how many run at once.
func testRateOnly[Tx any](t *testing.T, d *database[Tx]) {
	met := make(chan struct{})
	k := background.Define("meets", func(context.Context, int) error {
		select {
		case met <- struct{}{}:
		case <-met:
		}
		return nil
	}, background.NewLimit(background.LimitOptions{PerSecond: 1000}))
	q := d.open(t, durable.Options{}, k)
	require.NoError(t, q.Submit(within(t), k.Task(1), k.Task(2)))
	work(t, q, background.RunnerOptions{})
	eventually(t, "they meet", func() bool { return len(inState(t, q, background.Succeeded)) == 2 })
}

// Tasks that wait for their limit when the queue shuts down are put back.
func testShutdownOfThoseThatWait[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	hourly := background.Define("hourly", func(context.Context, int) error { seen.note("hourly"); return nil },
		background.NewLimit(background.LimitOptions{PerSecond: 1.0 / 3600}))
	single := background.NewLimit(background.LimitOptions{Concurrent: 1})
	wait := func(ctx context.Context, _ int) error {
		seen.note("single")
		<-ctx.Done()
		return context.Cause(ctx)
	}
	one, two := background.Define("one", wait, single), background.Define("two", wait, single)
	q := d.open(t, durable.Options{}, hourly, one, two)
	r := background.NewRunner(background.RunnerOptions{Store: q, Logger: quiet, OnFailure: seen.onFailure})
	require.NoError(t, q.Submit(within(t), hourly.Task(1), hourly.Task(2), one.Task(1), two.Task(1)))
	require.NoError(t, q.Start(r))
	eventually(t, "one of each runs, and all are in hand", func() bool {
		return len(seen.all()) == 2 && len(inState(t, q, background.Running)) == 3 && len(inState(t, q, background.Succeeded)) == 1
	})
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_ = q.Shutdown(soon) // interrupts
	require.NoError(t, q.Shutdown(within(t)))
	require.NoError(t, r.Shutdown(within(t)))
	assert.Equal(t, 3, d.number(t, "select count(*) from river_job where state = 'available' and attempt = 0"))
	assert.NotContains(t, fmt.Sprint(seen.all()), "failure", "nobody is told") // though another may have begun just before its end
}

// A task that waits for its limit is cancelled at once, however long it would wait.
func testCancelOfOneThatWaits[Tx any](t *testing.T, d *database[Tx]) {
	release := make(chan struct{})
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	hold := func(context.Context, int) error { <-release; return nil }
	one, two := background.Define("one", hold, limit), background.Define("two", hold, limit)
	q := d.open(t, durable.Options{}, one, two)
	work(t, q, background.RunnerOptions{})
	t.Cleanup(func() { close(release) })
	begins := func(task *background.Task, running int) background.Info {
		require.NoError(t, q.Submit(within(t), task))
		eventually(t, "it is in hand", func() bool { return len(inState(t, q, background.Running)) == running })
		return inState(t, q, background.Running)[running-1]
	}
	begins(one.Task(1), 1)
	waits := begins(two.Task(1), 2)
	ok, err := q.Cancel(within(t), waits.ID)
	require.NoError(t, err)
	assert.True(t, ok)
	eventually(t, "it is cancelled", func() bool { return len(inState(t, q, background.Canceled)) == 1 })
	assert.Len(t, inState(t, q, background.Running), 1)
}

// Any name that a kind may have goes with a limit.
func testNamesOfLimited[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	limit := background.NewLimit(background.LimitOptions{Concurrent: 1})
	names := []string{"ab", "Ab", "a.", "__", "_.+", "a--b", strings.Repeat("a", 57), strings.Repeat("a", 127)}
	var kinds []background.Definition
	var tasks []*background.Task
	for _, name := range names {
		k := background.Define(name, func(context.Context, int) error { seen.note(name); return nil }, limit)
		kinds, tasks = append(kinds, k), append(tasks, k.Task(1))
	}
	q := d.open(t, durable.Options{}, kinds...)
	require.NoError(t, q.Submit(within(t), tasks...))
	work(t, q, background.RunnerOptions{})
	eventually(t, "all run", func() bool { return len(seen.all()) == len(names) })
	assert.ElementsMatch(t, names, seen.all())
	assert.Equal(t, len(names), d.number(t, "select count(distinct queue) from river_job"), "each in a line of its own")
}

// Of a key there is one task as long as it has not ended, whatever it waits for.
func testUniqueUntilTheEnd[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	release := make(chan struct{})
	k := background.Define("sync", func(_ context.Context, user string) error {
		seen.note(user)
		if user == "fails" {
			return background.RetryAfter(fmt.Errorf("not now"), time.Hour)
		}
		<-release
		return nil
	}, background.Retry{Attempts: 2})
	q := d.open(t, durable.Options{}, durable.With(k, durable.KindOptions[string]{Unique: func(user string) string { return user }}))
	require.NoError(t, q.Submit(within(t), k.Task("runs"), k.Task("fails"), k.Task("waits").After(time.Hour)))
	work(t, q, background.RunnerOptions{})
	t.Cleanup(func() { close(release) })
	eventually(t, "one runs, and one is to be tried again", func() bool {
		return len(inState(t, q, background.Retrying)) == 1 && len(inState(t, q, background.Running)) == 1
	})
	require.NoError(t, q.Submit(within(t), k.Task("runs"), k.Task("fails"), k.Task("waits"), k.Task("fails").After(time.Hour)))
	assert.Equal(t, 3, d.jobs(t))
}

// fickle is an argument that can be written and not be read.
type fickle struct{}

func (fickle) MarshalJSON() ([]byte, error) { return []byte(`{}`), nil }
func (*fickle) UnmarshalJSON([]byte) error  { return fmt.Errorf("never") }

// A task whose key can't be told is not stored, and nothing beside it. One of more attempts
// than a database counts is.
func testOddKinds[Tx any](t *testing.T, d *database[Tx]) {
	k := background.Define("fickle", func(context.Context, fickle) error { return nil })
	tireless := background.Define("tireless", func(context.Context, int) error { return nil }, background.Retry{Attempts: 1 << 30})
	q := d.open(t, durable.Options{StoreOnly: true}, tireless,
		durable.With(k, durable.KindOptions[fickle]{Unique: func(fickle) string { return "key" }}))
	const why = `durable: the key of a task of kind "fickle": never`
	require.EqualError(t, q.Submit(within(t), tireless.Task(1), k.Task(fickle{})), why)
	require.EqualError(t, d.inTx(t, func(tx Tx) error { return q.StoreTx(within(t), tx, tireless.Task(1), k.Task(fickle{})) }), why)
	assert.Zero(t, d.jobs(t))
	require.NoError(t, q.Submit(within(t)), "nothing")
	require.NoError(t, d.inTx(t, func(tx Tx) error { return q.StoreTx(within(t), tx) }), "nothing")
	require.NoError(t, q.Submit(within(t), tireless.Task(1)))
	assert.Equal(t, 1<<15-1, d.number(t, "select max_attempts from river_job"))
}

func kindTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{
		"wide": testWideLimit[Tx], "rate only": testRateOnly[Tx], "shutdown": testShutdownOfThoseThatWait[Tx],
		"cancel": testCancelOfOneThatWaits[Tx], "names": testNamesOfLimited[Tx], "unique": testUniqueUntilTheEnd[Tx], "odd kinds": testOddKinds[Tx],
	}
}

func TestKindsOnSQLite(t *testing.T)     { onSQLite(t, kindTests[*sql.Tx]()) }
func TestKindsOnPostgreSQL(t *testing.T) { onPostgreSQL(t, kindTests[pgx.Tx]()) }
