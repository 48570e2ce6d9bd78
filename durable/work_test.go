package durable_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// recorder notes what happens.
type recorder struct {
	mu    sync.Mutex // guards what follows
	notes []string
	times []time.Time
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes, r.times = append(r.notes, text), append(r.times, time.Now())
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.notes...)
}

func (r *recorder) onFailure(_ context.Context, f *background.TaskError) {
	r.note(fmt.Sprintf("failure %s %d %t", f.Name, f.Attempt, f.WillRetry))
}

// ended returns what is known of the tasks that have ended in a state.
func inState[Tx any](t *testing.T, q *durable.Queue[Tx], states ...background.State) (all []background.Info) {
	t.Helper()
	for info, err := range q.Tasks(within(t), states...) {
		require.NoError(t, err)
		all = append(all, info)
	}
	return all
}

func testFailures[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	boom := errors.New("boom\x00\xff")
	fails := background.Define("fails", func(ctx context.Context, _ int) error {
		seen.note(fmt.Sprintf("attempt %d", background.Attempt(ctx)))
		return boom
	}, background.Retry{Attempts: 3, Backoff: 10 * time.Millisecond})
	permanent := background.Define("permanent", func(context.Context, int) error { return background.Permanent(boom) }, background.Retry{Attempts: 3})
	panics := background.Define("panics", func(context.Context, int) error { panic("oh") }, background.Retry{Attempts: 3})
	exits := background.Define("exits", func(context.Context, int) error { runtime.Goexit(); return nil }, background.Retry{Attempts: 3})
	once := background.Define("once", func(context.Context, int) error { return explosive{} })
	q := d.open(t, durable.Options{}, fails, permanent, panics, exits, once)
	r := work(t, q, background.RunnerOptions{OnFailure: seen.onFailure})
	require.NoError(t, r.Submit(within(t), fails.Task(1)))
	eventually(t, "it fails", func() bool { return len(inState(t, q, background.Failed)) == 1 })
	assert.Equal(t, []string{
		"attempt 1", "failure fails 1 true", "attempt 2", "failure fails 2 true", "attempt 3", "failure fails 3 false",
	}, seen.all())
	failed := inState(t, q, background.Failed)[0]
	assert.Equal(t, "fails", failed.Name)
	assert.Equal(t, 3, failed.Attempt)
	require.EqualError(t, failed.Err, "boom\uFFFD\uFFFD")
	assert.True(t, failed.State.Ended())

	require.NoError(t, q.Submit(within(t), permanent.Task(1), panics.Task(1), exits.Task(1), once.Task(1)))
	eventually(t, "all fail", func() bool { return len(inState(t, q, background.Failed)) == 5 })
	var texts []string
	for _, f := range inState(t, q, background.Failed)[1:] {
		assert.Equal(t, 1, f.Attempt)
		texts = append(texts, f.Err.Error())
	}
	assert.Equal(t, []string{
		"boom\uFFFD\uFFFD", "panic: oh", "task called runtime.Goexit",
		"an error of type durable_test.explosive whose Error method panics",
	}, texts)
}

// explosive is an error whose methods panic.
type explosive struct{}

func (explosive) Error() string { panic("no text") }

func testTimes[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	k := background.Define("job", func(_ context.Context, name string) error {
		seen.note(name)
		return nil
	})
	later := background.Define("later", func(ctx context.Context, wait time.Duration) error {
		seen.note(fmt.Sprint("later ", background.Attempt(ctx)))
		if background.Attempt(ctx) == 1 {
			return background.RetryAfter(errors.New("not yet"), wait)
		}
		return nil
	}, background.Retry{Attempts: 2})
	q := d.open(t, durable.Options{}, k, later)
	start := time.Now()
	require.NoError(t, q.Submit(within(t), k.Task("after").After(time.Hour), k.Task("at").At(start.Add(time.Hour)), k.Task("past").At(start.Add(-time.Hour))))
	scheduled := inState(t, q, background.Scheduled)
	require.Len(t, scheduled, 2)
	for _, info := range scheduled {
		assert.WithinDuration(t, start.Add(time.Hour), info.Due, patience)
	}
	work(t, q, background.RunnerOptions{})
	require.NoError(t, q.Submit(within(t), later.Task(0)))
	eventually(t, "what is due runs", func() bool { return len(seen.all()) == 3 })
	assert.ElementsMatch(t, []string{"past", "later 1", "later 2"}, seen.all())
	require.NoError(t, q.Submit(within(t), later.Task(time.Hour)))
	eventually(t, "it is to be tried again", func() bool { return len(inState(t, q, background.Retrying)) == 1 })
	assert.WithinDuration(t, start.Add(time.Hour), inState(t, q, background.Retrying)[0].Due, patience)
}

func testArguments[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	k := background.Define("argument", func(_ context.Context, s string) error { seen.note(s); return nil })
	texts := []string{"", "\x00", `\u0000`, "<&>\u2028", "日本", "a\x00b\"c"}
	q := d.open(t, durable.Options{}, k)
	for _, text := range texts {
		require.NoError(t, q.Submit(within(t), k.Task(text).Named("n"+text)))
	}
	d.exec(t, "update river_job set args = '{\"argument\":7}' where id = 1")
	d.exec(t, "update river_job set args = '{}' where id = 2")
	require.NoError(t, q.Submit(within(t), k.Task(""), k.Task("\x00")))
	work(t, q, background.RunnerOptions{OnFailure: seen.onFailure})
	eventually(t, "all run or fail", func() bool { return len(seen.all()) == len(texts)+2 })
	assert.ElementsMatch(t, append(texts, "failure argument 1 false", "failure argument 1 false"), seen.all())
	eventually(t, "what can't be read is there to be seen", func() bool { return len(inState(t, q, background.Failed)) == 2 })
	for _, f := range inState(t, q, background.Failed) {
		assert.ErrorContains(t, f.Err, `durable: a stored task of kind "argument" can't be read: `)
	}
}

func testUnknownKinds[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	old := background.Define("old", func(context.Context, int) error { seen.note("old"); return nil })
	fresh := background.Define("fresh", func(context.Context, int) error { seen.note("fresh"); return nil })
	newer := d.open(t, durable.Options{StoreOnly: true}, old, fresh)
	require.NoError(t, newer.Submit(within(t), fresh.Task(1), old.Task(1)))
	older := d.open(t, durable.Options{}, old)
	work(t, older, background.RunnerOptions{})
	eventually(t, "the old one runs", func() bool { return len(inState(t, older, background.Succeeded)) == 1 })
	assert.Equal(t, []string{"old"}, seen.all())
	waiting := inState(t, older, background.Waiting)
	require.Len(t, waiting, 1)
	assert.Equal(t, "fresh", waiting[0].Name)
	assert.Zero(t, waiting[0].Attempt)
	require.EqualError(t, older.Submit(within(t), fresh.Task(1)), `durable: the queue does not have the kind "fresh": give it to Open`)
}

func testUniqueAndPriority[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	sync := background.Define("sync", func(_ context.Context, user string) error { seen.note("sync " + user); return nil })
	rush := background.Define("rush", func(context.Context, string) error { seen.note("rush"); return nil })
	q := d.open(t, durable.Options{Workers: 1},
		durable.With(sync, durable.KindOptions[string]{Unique: func(user string) string { return user }, Priority: 3}), rush)
	for _, user := range []string{"ada", "ada", "bob", "a\x00", "a\x00", "", ""} {
		require.NoError(t, q.Submit(within(t), sync.Task(user)))
	}
	require.NoError(t, d.inTx(t, func(tx Tx) error { return q.StoreTx(within(t), tx, sync.Task("ada"), rush.Task("")) }))
	assert.Equal(t, 6, d.jobs(t), "one of ada, bob and a NUL; two without a key; and one in a hurry")
	work(t, q, background.RunnerOptions{})
	eventually(t, "all run", func() bool { return len(inState(t, q, background.Succeeded)) == 6 })
	assert.Equal(t, "rush", seen.all()[0])
	require.NoError(t, q.Submit(within(t), sync.Task("ada")))
	eventually(t, "a key is free when its task has ended", func() bool { return len(seen.all()) == 7 })
}

func testLimits[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	running, most := 0, 0
	var mu sync.Mutex
	limit := background.NewLimit(background.LimitOptions{Concurrent: 2})
	freed := make(chan struct{})
	limited := func(context.Context, int) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-freed // all of them wait for one that is not limited
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		running--
		mu.Unlock()
		seen.note("limited")
		return nil
	}
	one, two := background.Define("limited.One", limited, limit), background.Define("limited_two", limited, limit)
	slow := background.Define("slow", func(context.Context, int) error { seen.note("slow"); return nil },
		background.NewLimit(background.LimitOptions{PerSecond: 10, Burst: 2}))
	free := background.Define("free", func(context.Context, int) error { close(freed); return nil })
	q := d.open(t, durable.Options{Workers: 5}, one, two, slow, free)
	for i := range 6 {
		require.NoError(t, q.Submit(within(t), one.Task(i), two.Task(i)))
	}
	require.NoError(t, q.Submit(within(t), free.Task(1)))
	work(t, q, background.RunnerOptions{})
	eventually(t, "all run", func() bool { return len(seen.all()) == 12 })
	assert.Equal(t, 2, most, "both kinds share the limit")

	seen.notes, seen.times = nil, nil
	for i := range 4 {
		require.NoError(t, q.Submit(within(t), slow.Task(i)))
	}
	eventually(t, "all run", func() bool { return len(seen.all()) == 4 })
	assert.GreaterOrEqual(t, seen.times[3].Sub(seen.times[0]), 150*time.Millisecond, "two at once, and two at distances of 100 ms")

	// A later version has no limit for the kind, and runs what the one before has stored.
	require.NoError(t, q.Shutdown(within(t)))
	require.NoError(t, q.Submit(within(t), one.Task(1)))
	unlimited := background.Define("limited.One", func(context.Context, int) error { seen.note("unlimited"); return nil })
	work(t, d.open(t, durable.Options{}, unlimited), background.RunnerOptions{})
	eventually(t, "it runs", func() bool { return len(seen.all()) == 5 })
}

func testCancel[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	waits := background.Define("waits", func(ctx context.Context, _ int) error {
		background.Progress(ctx, 40)
		seen.note("begun")
		<-ctx.Done()
		assert.ErrorIs(t, context.Cause(ctx), background.ErrCanceled)
		return context.Cause(ctx)
	}, background.Retry{Attempts: 3})
	worker := d.open(t, durable.Options{}, waits)
	web := d.open(t, durable.Options{StoreOnly: true}, waits)
	require.NoError(t, web.Submit(within(t), waits.Task(1).After(time.Hour), waits.Task(2)))
	work(t, worker, background.RunnerOptions{OnFailure: seen.onFailure})
	eventually(t, "it runs", func() bool { return len(seen.all()) == 1 })
	running := inState(t, web, background.Running)
	require.Len(t, running, 1)
	assert.Equal(t, 1, running[0].Attempt)
	eventually(t, "another process sees how far it has come", func() bool {
		return inState(t, web, background.Running)[0].Progress == float64(40)
	})
	assert.Equal(t, 40, inState(t, worker, background.Running)[0].Progress)
	for _, info := range inState(t, web) {
		ok, err := web.Cancel(within(t), info.ID)
		require.NoError(t, err)
		assert.True(t, ok)
	}
	eventually(t, "both end", func() bool { return len(inState(t, web, background.Canceled)) == 2 })
	assert.Equal(t, []string{"begun", "failure waits 1 false"}, seen.all())
	for _, id := range []string{running[0].ID, "4711"} {
		ok, err := web.Cancel(within(t), id)
		require.NoError(t, err)
		assert.False(t, ok)
	}
	_, err := web.Cancel(within(t), "x")
	require.EqualError(t, err, `durable: "x" is not the id of a task`)
}

func behaviour[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{
		"failures": testFailures[Tx], "times": testTimes[Tx], "arguments": testArguments[Tx],
		"unknown kinds": testUnknownKinds[Tx], "unique and priority": testUniqueAndPriority[Tx],
		"limits": testLimits[Tx], "cancel": testCancel[Tx], "shutdown": testShutdown[Tx],
		"every": testEvery[Tx], "DoneTx": testDoneTx[Tx], "DoneTx again": testDoneTxAgain[Tx], "pages": testTasksPages[Tx], "lost": testLost[Tx],
		"ahead of what is written": testAheadOfWhatIsWritten[Tx], "given away": testGivenAway[Tx], "events": testEvents[Tx],
	}
}

func TestOnSQLite(t *testing.T)     { onSQLite(t, behaviour[*sql.Tx]()) }
func TestOnPostgreSQL(t *testing.T) { onPostgreSQL(t, behaviour[pgx.Tx]()) }
