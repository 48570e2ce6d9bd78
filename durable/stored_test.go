package durable_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// withOrigin returns a context as a handler has it.
func withOrigin(t *testing.T, values map[string]string) context.Context {
	t.Helper()
	return context.WithValue(within(t), background.OriginKey{}, &background.Origin{Values: values})
}

// A transaction of the queue is committed or rolled back as a whole, with its tasks.
func testInTx[Tx any](t *testing.T, d *database[Tx]) {
	kind := background.Define("kind", func(context.Context, int) error { return nil })
	q := d.open(t, durable.Options{StoreOnly: true}, kind)
	d.exec(t, "create table effects(n integer)")
	no := errors.New("no")
	for _, want := range []error{no, nil} {
		ctx := within(t)
		require.ErrorIs(t, q.InTx(ctx, func(tx Tx) error {
			return errors.Join(d.execTx(ctx, tx, "insert into effects(n) values (1)"), q.StoreTx(ctx, tx, kind.Task(1)), want)
		}), want)
	}
	require.Equal(t, 1, d.number(t, "select count(*) from effects"))
	require.Equal(t, 1, d.jobs(t))
}

// What was stored in a transaction is not stored once more by the same request, and what
// was rolled back is, whatever has become of the row that it had or would have had.
func testStoredTwice[Tx any](t *testing.T, d *database[Tx]) {
	plain := background.Define("plain", func(context.Context, string) error { return nil })
	sync := background.Define("sync", func(context.Context, string) error { return nil })
	greet := background.Define("greet", func(context.Context, string) error { return nil })
	byUser := durable.KindOptions[string]{Unique: func(user string) string { return user }}
	q := d.open(t, durable.Options{StoreOnly: true}, plain, durable.With(sync, byUser), durable.With(greet, byUser))
	r := background.NewRunner(background.RunnerOptions{Store: q, Logger: quiet})
	t.Cleanup(func() { require.NoError(t, r.Shutdown(within(t))) })
	submit := func(ctx context.Context, tasks ...*background.Task) {
		t.Helper()
		all := &background.Tasks{}
		all.Add(tasks...)
		require.NoError(t, r.Submit(ctx, all))
	}

	ctx, rolledBack := withOrigin(t, nil), plain.Task("1")
	require.EqualError(t, d.inTx(t, func(tx Tx) error {
		return errors.Join(q.StoreTx(ctx, tx, rolledBack), errors.New("no"))
	}), "no")
	submit(withOrigin(t, nil), plain.Task("2")) // which has the first one's id on SQLite
	submit(ctx, rolledBack)
	require.Equal(t, 2, d.jobs(t))

	submit(within(t), sync.Task("ada"))
	ctx, again := withOrigin(t, nil), sync.Task("ada")
	require.NoError(t, d.inTx(t, func(tx Tx) error { return q.StoreTx(ctx, tx, again) }))
	d.exec(t, "update river_job set state = 'completed', finalized_at = created_at where kind = 'sync'")
	submit(ctx, again) // it counted as stored
	require.Equal(t, 3, d.jobs(t))

	ctx, known, fresh := withOrigin(t, nil), sync.Task("cleo"), plain.Task("3")
	submit(within(t), sync.Task("cleo"))
	require.EqualError(t, d.inTx(t, func(tx Tx) error {
		return errors.Join(q.StoreTx(ctx, tx, known, fresh), errors.New("no"))
	}), "no")
	submit(ctx, known, fresh) // the one is there all the same, the other was rolled back
	require.Equal(t, 5, d.jobs(t))

	ctx, one, two, other := withOrigin(t, nil), sync.Task("bob"), sync.Task("bob"), sync.Task("eve")
	require.NoError(t, d.inTx(t, func(tx Tx) error { return q.StoreTx(ctx, tx, other, one, greet.Task("bob"), two) }))
	require.Equal(t, 8, d.jobs(t), "two of one kind and key are one")
	d.exec(t, "update river_job set state = 'completed', finalized_at = created_at where kind = 'sync'")
	submit(ctx, one, two, other)
	require.Equal(t, 8, d.jobs(t))
	submit(within(t), one, other, two)
	require.Equal(t, 10, d.jobs(t), "another request")
}

// What is told of a task.
func testInfo[Tx any](t *testing.T, d *database[Tx]) {
	k := background.Define("job", func(ctx context.Context, name string) error {
		background.Progress(ctx, "half\x00way")
		switch n := background.Attempt(ctx); {
		case name == "good" && n == 1, name == "bad":
			return fmt.Errorf("attempt %d", n)
		case name == "long":
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	}, background.Retry{Attempts: 2})
	q := d.open(t, durable.Options{}, k)
	web := d.open(t, durable.Options{StoreOnly: true}, k)
	ctx := withOrigin(t, map[string]string{background.RequestID: "a-1"})
	require.NoError(t, web.Submit(ctx, k.Task("good").Named("a good one"), k.Task("bad"), k.Task("long")))
	d.exec(t, "update river_job set created_at = '2020-01-01 00:00:00'")
	start := time.Now()
	work(t, q, background.RunnerOptions{})
	eventually(t, "two have ended", func() bool {
		return len(inState(t, web, background.Succeeded, background.Failed)) == 2
	})
	all := make(map[string]background.Info)
	for _, info := range inState(t, web, background.Succeeded, background.Failed, background.Running) {
		assert.WithinDuration(t, start, info.Since, patience, info.Name)
		assert.Equal(t, "a-1", background.OriginOf(info.Context).Values[background.RequestID])
		all[fmt.Sprint(info.Name, " ", info.State)] = info
	}
	require.Len(t, all, 3)
	good, bad, long := all["a good one succeeded"], all["job failed"], all["job running"]
	require.NoError(t, good.Err, "of the last attempt")
	assert.Equal(t, 2, good.Attempt)
	require.EqualError(t, bad.Err, "attempt 2")
	assert.Equal(t, 2, bad.Attempt)
	assert.Equal(t, 1, long.Attempt)
	eventually(t, "its progress is seen elsewhere", func() bool {
		return inState(t, web, background.Running)[0].Progress == "half\uFFFDway"
	})
}

// lockBuffer is a buffer for a log.
type lockBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *lockBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockBuffer) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), text)
}

// What those who run a service read of the database, and of processes that died.
func testLog[Tx any](t *testing.T, d *database[Tx]) {
	var log lockBuffer
	var seen recorder
	k := background.Define("job", func(context.Context, string) error { seen.note("ran"); return nil })
	first := d.open(t, durable.Options{}, k)
	require.NoError(t, first.Submit(within(t), k.Task("done"), k.Task("its process dies").After(time.Hour)))
	work(t, first, background.RunnerOptions{})
	eventually(t, "one is done", func() bool { return len(inState(t, first, background.Succeeded)) == 1 })
	require.NoError(t, first.Shutdown(within(t)))
	d.exec(t, `update river_job set state = 'running', attempt = 1, attempted_at = created_at, scheduled_at = created_at,
		attempted_by = (select attempted_by from river_job where id = 1) where id = 2`)

	q := d.open(t, durable.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, k)
	work(t, q, background.RunnerOptions{})
	eventually(t, "it runs again", func() bool { return len(seen.all()) == 2 })
	eventually(t, "it is told", func() bool {
		return log.has(`level=WARN msg="processes died, and their tasks run again" tasks=1`)
	})
	d.exec(t, "alter table river_job rename to elsewhere")
	eventually(t, "the table is missed", func() bool {
		return log.has(`level=ERROR msg="the queue's database can't be reached, or refuses" error=`)
	})
	assert.False(t, log.has("is back"))
	d.exec(t, "alter table elsewhere rename to river_job")
	eventually(t, "it is there again", func() bool { return log.has(`level=INFO msg="the queue's database is back"`) })
}

// locks returns how many processes hold their lock.
func (d *database[Tx]) locks(t *testing.T) int {
	t.Helper()
	if strings.HasPrefix(d.place, "postgres:") {
		return d.number(t, `select count(*) from pg_locks where locktype = 'advisory'
			and database = (select oid from pg_database where datname = current_database())`)
	}
	entries, err := os.ReadDir(d.place + ".owners")
	require.NoError(t, err)
	return len(entries)
}

// A queue that could not start, or has shut down, holds no lock; and one that was shut down
// names the tasks that go on all the same.
func testEnds[Tx any](t *testing.T, d *database[Tx]) {
	release := make(chan struct{})
	stubborn := background.Define("stubborn", func(context.Context, int) error { <-release; return nil })
	r := background.NewRunner(background.RunnerOptions{Logger: quiet})
	t.Cleanup(func() { require.NoError(t, r.Shutdown(within(t))) })

	fails := d.open(t, durable.Options{}, stubborn)
	d.exec(t, "alter table river_queue rename to elsewhere")
	failure, ok := errors.AsType[*durable.Error](fails.Start(r))
	require.True(t, ok)
	assert.Equal(t, "start", failure.Op)
	d.exec(t, "alter table elsewhere rename to river_queue")
	eventually(t, "its lock is free", func() bool { return d.locks(t) == 0 })

	q := d.open(t, durable.Options{}, stubborn)
	require.NoError(t, q.Submit(within(t), stubborn.Task(1), stubborn.Task(2).After(time.Hour), stubborn.Task(3)))
	require.NoError(t, q.Start(r))
	eventually(t, "two run", func() bool { return len(inState(t, q, background.Running)) == 2 })
	assert.Equal(t, 1, d.locks(t))
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	require.EqualError(t, q.Shutdown(ctx), "durable: the shutdown ended early: context deadline exceeded; still running: [1 3]")
	assert.Equal(t, 1, d.locks(t), "or others would run them, too")
	close(release)
	require.NoError(t, q.Shutdown(within(t)))
	eventually(t, "its lock is free", func() bool { return d.locks(t) == 0 })
}

// Tasks have nine tenths of the time of a shutdown.
func testTimeToEnd[Tx any](t *testing.T, d *database[Tx]) {
	var begun recorder
	interrupted := make(chan time.Time, 1)
	k := background.Define("job", func(ctx context.Context, _ int) error {
		begun.note("begun")
		<-ctx.Done()
		interrupted <- time.Now()
		return context.Cause(ctx)
	})
	q := d.open(t, durable.Options{}, k)
	r := background.NewRunner(background.RunnerOptions{Logger: quiet})
	t.Cleanup(func() { require.NoError(t, r.Shutdown(within(t))) })
	require.NoError(t, q.Submit(within(t), k.Task(1)))
	require.NoError(t, q.Start(r))
	eventually(t, "it runs", func() bool { return len(begun.all()) == 1 })
	begin := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = q.Shutdown(ctx) // which on a busy machine may end too early
	assert.GreaterOrEqual(t, (<-interrupted).Sub(begin), 800*time.Millisecond)
	require.NoError(t, q.Shutdown(within(t)))
}

// A task that another process has taken meanwhile, at the same attempt, is that one's.
func testDoneByAnother[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	var q *durable.Queue[Tx]
	k := background.Define("job", func(ctx context.Context, n int) error {
		err := d.inTx(t, func(tx Tx) error {
			if n == 2 {
				err := d.execTx(ctx, tx, "update river_job set attempted_by = (select attempted_by from river_job where id = 1) where id = 2")
				if err != nil {
					return err
				}
			}
			return q.DoneTx(ctx, tx)
		})
		seen.note(fmt.Sprint(n, " ", err))
		return background.Permanent(err)
	})
	for n := 1; n <= 2; n++ {
		q = d.open(t, durable.Options{}, k)
		work(t, q, background.RunnerOptions{})
		require.NoError(t, q.Submit(within(t), k.Task(n)))
		eventually(t, "it ends", func() bool { return len(inState(t, q, background.Succeeded, background.Failed)) == n })
		require.NoError(t, q.Shutdown(within(t)))
	}
	assert.Equal(t, []string{"1 <nil>", "2 " + durable.ErrNotOurs.Error()}, seen.all())
	assert.Len(t, inState(t, q, background.Failed), 1)
}

// A transaction that marks a task as done, while the commit of another one that did is under
// way, fails, though it saw the task run when it looked. SQLite has one transaction at once.
func testDoneTwiceAtOnce(t *testing.T, d *database[pgx.Tx]) {
	var seen recorder
	var q *durable.Queue[pgx.Tx]
	k := background.Define("job", func(ctx context.Context, _ int) error {
		first, second := d.begin(t), d.begin(t)
		seen.note(fmt.Sprint(q.DoneTx(ctx, first)))
		ended := make(chan error)
		go func() { ended <- q.DoneTx(ctx, second) }()
		eventually(t, "it waits for the first", func() bool {
			return d.number(t, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == 1
		})
		seen.note(fmt.Sprint(d.commit(first)))
		seen.note(fmt.Sprint(<-ended))
		return d.rollback(second)
	})
	q = d.open(t, durable.Options{}, k)
	work(t, q, background.RunnerOptions{})
	require.NoError(t, q.Submit(within(t), k.Task(1)))
	eventually(t, "it ends", func() bool { return len(inState(t, q, background.Succeeded)) == 1 })
	eventually(t, "all is noted", func() bool { return len(seen.all()) == 3 })
	assert.Equal(t, []string{"<nil>", "<nil>", durable.ErrNotOurs.Error()}, seen.all())
}

func storedTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"in a transaction": testInTx[Tx], "twice": testStoredTwice[Tx], "info": testInfo[Tx], "log": testLog[Tx], "ends": testEnds[Tx], "time to end": testTimeToEnd[Tx], "done by another": testDoneByAnother[Tx]}
}

func TestStoredOnSQLite(t *testing.T) { onSQLite(t, storedTests[*sql.Tx]()) }

func TestStoredOnPostgreSQL(t *testing.T) {
	tests := storedTests[pgx.Tx]()
	tests["done twice at once"] = testDoneTwiceAtOnce
	onPostgreSQL(t, tests)
}
