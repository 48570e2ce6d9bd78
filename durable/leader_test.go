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

	let()
	eventually(t, "all others are done", func() bool { return len(inState(t, newer, background.Succeeded)) == 4 })
	assert.Equal(t, 4, d.number(t, "select count(*) from river_job where state = 'completed' and attempt = 1"))
	assert.Len(t, seen.all(), 5, "once each")
}

func leaders[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"old": testOldLeader[Tx]}
}

func TestLeadersOnSQLite(t *testing.T)     { onSQLite(t, leaders[*sql.Tx]()) }
func TestLeadersOnPostgreSQL(t *testing.T) { onPostgreSQL(t, leaders[pgx.Tx]()) }
