package durable_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// The leader of a rolling deploy may be an old process. The engine's rescuer, which looks
// as soon as a process leads, discards what has run for too long and is of a kind that it
// does not know: here, what has run for more than a century, by which the test sees that it
// has looked. Tasks of kinds that it knows have no such time.
func testOldLeader[Tx any](t *testing.T, d *database[Tx]) {
	var seen recorder
	release := make(chan struct{})
	job := func(_ context.Context, name string) error {
		seen.note(name)
		if name != "waiting" && name != "scheduled" {
			<-release
		}
		return nil
	}
	old, fresh := background.Define("old", job), background.Define("fresh", job)
	newer := d.open(t, durable.Options{Workers: 3}, old, fresh)
	work(t, newer, background.RunnerOptions{})
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let) // or the shutdown would wait for them
	require.NoError(t, newer.Submit(within(t), old.Task("known for centuries"), fresh.Task("for decades"), fresh.Task("for centuries")))
	eventually(t, "they run", func() bool { return len(seen.all()) == 3 })
	require.NoError(t, newer.Submit(within(t), fresh.Task("waiting"), fresh.Task("scheduled").After(time.Hour)))
	d.exec(t, "create table attempts as select id, attempted_at from river_job")
	d.exec(t, "update river_job set attempted_at = '2006-01-01 00:00:00' where id = 2")
	d.exec(t, "update river_job set attempted_at = '1826-01-01 00:00:00' where id in (1, 3)")
	d.exec(t, "update river_job set scheduled_at = created_at where id = 5") // for the leader to see

	older := d.open(t, durable.Options{}, old)
	depose := func() { d.exec(t, "delete from river_leader where leader_id <> $1", older.Client().ID()) }
	depose()
	work(t, older, background.RunnerOptions{})
	eventually(t, "the old process leads", func() bool {
		depose() // should the new one have been quicker
		return d.number(t, "select count(*) from river_leader") == 1
	})
	eventually(t, "its rescuer has looked", func() bool { return len(inState(t, newer, background.Failed)) > 0 })
	discarded := inState(t, newer, background.Failed)
	require.EqualError(t, discarded[0].Err, "Stuck job rescued by JobRescuer")
	require.Len(t, discarded, 1, "what has run for decades is not the rescuer's business")
	assert.Equal(t, 2, d.number(t, "select count(*) from river_job where state = 'running' and id <= 2 and attempt = 1"))
	eventually(t, "both others wait", func() bool { return len(inState(t, newer, background.Waiting)) == 2 })

	// By its time an attempt knows its own row.
	d.exec(t, "update river_job set attempted_at = (select a.attempted_at from attempts a where a.id = river_job.id) where id <= 3")
	let()
	eventually(t, "all others are done", func() bool { return len(inState(t, newer, background.Succeeded)) == 4 })
	assert.Equal(t, 4, d.number(t, "select count(*) from river_job where state = 'completed' and attempt = 1"))
	assert.Len(t, seen.all(), 5, "once each")
}

// The leader removes tasks that have ended, when their time is up.
func testKeep[Tx any](t *testing.T, d *database[Tx]) {
	const day = 24 * time.Hour
	k := background.Define("job", func(context.Context, int) error { return nil })
	for keep, succeeded := range map[time.Duration]time.Duration{0: day, 2 * time.Hour: 2 * time.Hour} {
		q := d.open(t, durable.Options{Keep: keep}, k)
		for state, kept := range map[string]time.Duration{"completed": succeeded, "cancelled": 7 * day, "discarded": 7 * day} {
			for priority, ago := range map[int]time.Duration{2: kept - time.Hour, 3: kept + time.Hour} { // by which they are told apart
				require.NoError(t, q.Submit(within(t), k.Task(1)))
				d.exec(t, "update river_job set state = $1, priority = $2, finalized_at = $3 where state = 'available'", state, priority, time.Now().UTC().Add(-ago))
			}
		}
		assert.Equal(t, 6, d.jobs(t))
		work(t, q, background.RunnerOptions{})
		eventually(t, "some are removed", func() bool { return d.jobs(t) < 6 })
		assert.Equal(t, 3, d.jobs(t))
		assert.Equal(t, 3, d.number(t, "select count(*) from river_job where priority = 2"))
		require.NoError(t, q.Shutdown(within(t)))
		d.exec(t, "delete from river_job")
	}
}

func leaders[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"old": testOldLeader[Tx], "keep": testKeep[Tx]}
}

func TestLeadersOnSQLite(t *testing.T)     { onSQLite(t, leaders[*sql.Tx]()) }
func TestLeadersOnPostgreSQL(t *testing.T) { onPostgreSQL(t, leaders[pgx.Tx]()) }
