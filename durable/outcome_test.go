package durable_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex // guards what follows
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A worker is ahead of what is written by two tasks at most: so many can run twice after a
// kill, besides the one that runs.
func testAheadOfWhatIsWritten[Tx any](t *testing.T, d *database[Tx]) {
	const tasks = 30
	var seen recorder
	k := background.Define("short", func(_ context.Context, n int) error {
		written := d.number(t, "select count(*) from river_job where state in ('completed', 'discarded')")
		assert.GreaterOrEqual(t, written, n-2)
		seen.note("")
		if n%3 == 0 {
			return errors.New("failed")
		}
		return nil
	})
	q := d.open(t, durable.Options{Workers: 1}, k)
	for i := range tasks {
		require.NoError(t, q.Submit(within(t), k.Task(i)))
	}
	work(t, q, background.RunnerOptions{})
	eventually(t, "all run", func() bool { return len(seen.all()) == tasks })
}

// A process that stood still writes nothing of tasks that were given away meanwhile,
// whatever came of them, and all of those that end at the same time.
func testGivenAway[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	release := make(chan struct{})
	k := background.Define("job", func(ctx context.Context, name string) error {
		seen.note(name)
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		switch name {
		case "fails":
			return errors.New("too late")
		case "fails for good":
			return background.Permanent(errors.New("too late"))
		}
		return nil
	}, background.Retry{Attempts: 2})
	var log lines
	q := d.open(t, durable.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, k)
	names := []string{"succeeds", "fails", "fails for good", "is cancelled", "kept"}
	for _, name := range names {
		require.NoError(t, q.Submit(within(t), k.Task(name)))
	}
	work(t, q, background.RunnerOptions{Logger: quiet})
	eventually(t, "all run", func() bool { return len(seen.all()) == len(names) })
	// The process that has them now is one that nobody misses: it is this one, as it seems.
	d.exec(t, "update river_job set attempted_at = '2026-01-02 03:04:05.678' where id < 5")
	stopped, err := q.Cancel(within(t), "4")
	require.NoError(t, err)
	assert.True(t, stopped)
	eventually(t, "the cancelled one has ended", func() bool { return strings.Count(log.String(), "what came of a task is not written") == 1 })
	close(release)
	eventually(t, "the others have, too", func() bool { return strings.Count(log.String(), "what came of a task is not written") == 4 })
	eventually(t, "what is ours is done", func() bool { return len(inState(t, q, background.Succeeded)) == 1 })
	assert.Equal(t, 4, d.number(t, "select count(*) from river_job where state = 'running' and attempt = 1 and errors is null and id < 5"))
	assert.Contains(t, log.String(), "kind=job id=4")
}

// Those who subscribe to the engine's events are told what came of tasks.
func testEvents[Tx any](t *testing.T, d *database[Tx]) {
	k := background.Define("job", func(_ context.Context, fail bool) error {
		if fail {
			return errors.New("failed")
		}
		return nil
	})
	q := d.open(t, durable.Options{Workers: 1}, k)
	events, cancel := q.Client().Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	require.NoError(t, q.Submit(within(t), k.Task(false), k.Task(true)))
	work(t, q, background.RunnerOptions{})
	told := make(map[int64]river.EventKind)
	for range 2 {
		select {
		case e := <-events:
			told[e.Job.ID] = e.Kind
		case <-within(t).Done():
			require.Fail(t, "there are no events")
		}
	}
	assert.Equal(t, map[int64]river.EventKind{1: river.EventKindJobCompleted, 2: river.EventKindJobFailed}, told)
	assert.Zero(t, q.Untold(), "nothing is kept")
}

// hold locks the row of the first task, which runs until release is closed, so that what
// came of it can't be written until the transaction ends.
func hold(t *testing.T, d *database[pgx.Tx], release chan struct{}) pgx.Tx {
	t.Helper()
	eventually(t, "it runs", func() bool { return d.number(t, "select count(*) from river_job where state = 'running'") == 1 })
	tx := d.begin(t)
	require.NoError(t, d.execTx(within(t), tx, "select from river_job where id = 1 for update"))
	close(release)
	eventually(t, "it waits to be written", func() bool {
		return d.number(t, "select count(*) from pg_locks where not granted") == 1
	})
	return tx
}

// Workers wait while too much is unwritten, and so do those who subscribe to events.
func TestWorkersWait(t *testing.T) {
	onPostgreSQL(t, map[string]test[pgx.Tx]{"postgres": func(t *testing.T, d *database[pgx.Tx]) {
		var seen recorder
		release := make(chan struct{})
		k := background.Define("job", func(_ context.Context, n int) error {
			if n == 1 {
				<-release
			}
			seen.note("")
			return nil
		})
		q := d.open(t, durable.Options{Workers: 1}, k)
		events, cancel := q.Client().Subscribe(river.EventKindJobCompleted)
		defer cancel()
		require.NoError(t, q.Submit(within(t), k.Task(1)))
		work(t, q, background.RunnerOptions{})
		tx := hold(t, d, release)
		require.NoError(t, q.Submit(within(t), k.Task(2), k.Task(3), k.Task(4), k.Task(5)))
		eventually(t, "two more run", func() bool { return len(seen.all()) == 3 })
		time.Sleep(time.Second) // in which the engine asks for its events, and would begin others
		assert.Len(t, seen.all(), 3)
		require.NoError(t, d.rollback(tx))
		told := make(map[int64]bool)
		for range 5 {
			select {
			case e := <-events:
				told[e.Job.ID] = true
			case <-within(t).Done():
				require.Fail(t, "there are no events")
			}
		}
		assert.Len(t, told, 5)
	}})
}

// A process has one suspect in hand, until what came of it is written.
func TestSuspectsWait(t *testing.T) {
	onPostgreSQL(t, map[string]test[pgx.Tx]{"postgres": func(t *testing.T, d *database[pgx.Tx]) {
		var seen recorder
		release := make(chan struct{})
		k := background.Define("job", func(_ context.Context, _ int) error {
			<-release
			seen.note("")
			return nil
		})
		q := d.open(t, durable.Options{}, k)
		require.NoError(t, q.Submit(within(t), k.Task(1), k.Task(2)))
		d.exec(t, "update river_job set queue = '"+durable.Suspects+"'")
		work(t, q, background.RunnerOptions{})
		tx := hold(t, d, release)
		time.Sleep(time.Second) // in which the second one would begin
		assert.Len(t, seen.all(), 1)
		require.NoError(t, d.rollback(tx))
		eventually(t, "both are done", func() bool { return len(inState(t, q, background.Succeeded)) == 2 })
	}})
}

// A task may be given away and back while what came of its first attempt waits to be
// written, here for a row that a transaction has locked.
func TestTwoAttemptsInOneProcess(t *testing.T) {
	onPostgreSQL(t, map[string]test[pgx.Tx]{"postgres": func(t *testing.T, d *database[pgx.Tx]) {
		var seen recorder
		k := background.Define("job", func(_ context.Context, name string) error {
			seen.note(name)
			return nil
		})
		release := make(chan struct{})
		held := background.Define("held", func(context.Context, int) error { <-release; return nil })
		var log lines
		q := d.open(t, durable.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, k, held)
		require.NoError(t, q.Submit(within(t), held.Task(1)))
		work(t, q, background.RunnerOptions{Logger: quiet})
		tx := hold(t, d, release)
		require.NoError(t, q.Submit(within(t), k.Task("again")))
		eventually(t, "it runs", func() bool { return len(seen.all()) == 1 })
		d.exec(t, "update river_job set state = 'available' where id = 2")
		eventually(t, "it runs again", func() bool { return len(seen.all()) == 2 })
		eventually(t, "the first attempt has nothing to write", func() bool {
			return strings.Contains(log.String(), "what came of a task is not written\" kind=job id=2")
		})
		require.NoError(t, d.rollback(tx))
		eventually(t, "both are done", func() bool { return len(inState(t, q, background.Succeeded)) == 2 })
		assert.Equal(t, 2, d.number(t, "select attempt from river_job where id = 2"))
	}})
}

// A task that a process never heard of is not put back if another process was given it
// meanwhile: here it dies with that one, by which its row tells what has happened.
func TestLostAndGivenAway(t *testing.T) {
	onPostgreSQL(t, map[string]test[pgx.Tx]{"postgres": func(t *testing.T, d *database[pgx.Tx]) {
		k := background.Define("job", func(context.Context, int) error { return nil })
		q := d.open(t, durable.Options{}, k)
		require.NoError(t, q.Submit(within(t), k.Task(1).After(time.Hour)))
		d.exec(t, "update river_job set state = 'running', attempt = 1, attempted_at = now(), attempted_by = array[$1]", q.Client().ID())
		tx := d.begin(t)
		require.NoError(t, d.execTx(within(t), tx, "update river_job set attempted_at = '2026-01-02 03:04:05', attempted_by = array['another']"))
		work(t, q, background.RunnerOptions{})
		eventually(t, "it is to be put back", func() bool {
			return d.number(t, "select count(*) from pg_locks where not granted") == 1
		})
		require.NoError(t, d.commit(tx))
		eventually(t, "it is done", func() bool { return len(inState(t, q, background.Succeeded)) == 1 })
		assert.Equal(t, 2, d.number(t, "select attempt from river_job"))
		assert.Equal(t, 1, d.number(t, "select count(*) from river_job where errors[1]->>'error' = '"+durable.Died+"'"))
	}})
}
