package postgres

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

var nothing = background.Define("nothing", func(context.Context, int) error { return nil })

// newPool returns a pool of a new database on the server that the tests are given.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	server := os.Getenv(serverEnv)
	conn, err := pgx.Connect(within(t), server)
	require.NoError(t, err)
	name := "test_" + strings.ToLower(rand.Text())
	_, err = conn.Exec(within(t), "create database "+name)
	require.NoError(t, err)
	place, err := url.Parse(server)
	require.NoError(t, err)
	place.Path = "/" + name
	pool, err := pgxpool.New(within(t), place.String())
	require.NoError(t, err)
	t.Cleanup(func() {
		pool.Close()
		_, err := conn.Exec(context.Background(), "drop database "+name+" with (force)")
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
	})
	return pool
}

func TestOpen(t *testing.T) {
	pool := newPool(t)
	_, err := Open(within(t), pool, durable.Options{}, nothing)
	require.ErrorContains(t, err, "durable/postgres: the tables are not up to date, call Migrate: ")
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() { assert.NoError(t, Migrate(within(t), pool)) })
	}
	calls.Wait()
	_, err = Open(within(t), pool, durable.Options{}, nothing)
	require.NoError(t, err)
}

func TestOwners(t *testing.T) {
	pool := newPool(t)
	require.NoError(t, Migrate(within(t), pool))
	mine, other := &owners{pool: pool}, &owners{pool: pool}
	require.NoError(t, mine.Hold(within(t), "mine"))
	require.NoError(t, mine.Hold(within(t), "mine"), "it is held")
	require.ErrorContains(t, other.Hold(within(t), "mine"), "is another session's")
	require.NoError(t, other.Hold(within(t), "other"))
	_, err := pool.Exec(within(t), `
		insert into river_job(kind, args, max_attempts, state, attempt, attempted_by, attempted_at)
		select 'nothing', '{}', j.attempts, 'running', 1, array['before', j.owner], now()
		from (values (4, 'mine'), (4, 'other'), (4, 'dead'), (1, 'dead')) as j(attempts, owner)`)
	require.NoError(t, err)
	_, err = pool.Exec(within(t), `
		insert into river_job(kind, args, max_attempts, state, attempt, attempted_by, attempted_at, metadata)
		values ('nothing', '{}', 4, 'running', 1, array['dead'], now(), '{"cancel_attempted_at":"2026-11-29T10:00:00Z"}')`)
	require.NoError(t, err)
	_, err = pool.Exec(within(t), "insert into river_leader(elected_at, expires_at, leader_id) values (now(), now() + interval '1 hour', 'idle')")
	require.NoError(t, err)

	giveBack := func(want int) {
		t.Helper()
		n, err := mine.GiveBack(within(t), "mine")
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	giveBack(0)
	giveBack(0)
	giveBack(3)
	giveBack(0)
	for query, want := range map[string]int{
		"select count(*) from river_job where state = 'running'":                                                            2,
		"select count(*) from river_job where state = 'available' and errors[1]->>'error' = '" + durable.Died + "'":         1,
		"select count(*) from river_job where state = 'discarded' and finalized_at is not null and cardinality(errors) = 1": 1,
		"select count(*) from river_job where state = 'cancelled' and finalized_at is not null and cardinality(errors) = 1": 1,
		"select count(*) from river_leader": 0,
	} {
		var got int
		require.NoError(t, pool.QueryRow(within(t), query).Scan(&got))
		assert.Equal(t, want, got, query)
	}

	// The second time a task waits for a while, and the third time it is a suspect.
	dies := func() {
		t.Helper()
		_, err := pool.Exec(within(t), "update river_job set state = 'running', attempted_by = array['gone'] where state = 'available'")
		require.NoError(t, err)
		giveBack(0)
		giveBack(0)
		giveBack(1)
		giveBack(0)
	}
	number := func(query string) (n int) {
		t.Helper()
		require.NoError(t, pool.QueryRow(within(t), query).Scan(&n))
		return n
	}
	dies()
	assert.Equal(t, 1, number("select count(*) from river_job where state = 'available' and scheduled_at > (errors[2]->>'at')::timestamptz and queue = 'default'"))
	dies()
	assert.Equal(t, 1, number("select count(*) from river_job where state = 'available' and scheduled_at <= now() and queue = '"+durable.Suspects+"'"))

	// One that a transaction has locked does not hold up another one.
	_, err = pool.Exec(within(t), "insert into river_job(kind, args, max_attempts, attempt) values ('nothing', '{}', 4, 1)")
	require.NoError(t, err)
	_, err = pool.Exec(within(t), "update river_job set state = 'running', attempted_at = now(), attempted_by = array['gone'] where state = 'available'")
	require.NoError(t, err)
	tx, err := pool.Begin(within(t))
	require.NoError(t, err)
	_, err = tx.Exec(within(t), "select from river_job where queue = '"+durable.Suspects+"' for update")
	require.NoError(t, err)
	giveBack(0)
	giveBack(0)
	giveBack(1)
	require.NoError(t, tx.Rollback(within(t)))
	giveBack(1)
	giveBack(0)

	// A session that is cut is noticed, and the lock taken again before anybody misses it.
	_, err = pool.Exec(within(t), "select pg_terminate_backend($1)", int32(other.conn.PgConn().PID()))
	require.NoError(t, err)
	untilOneHoldsItsLock := func() {
		t.Helper()
		require.Eventually(t, func() bool {
			var n int
			require.NoError(t, pool.QueryRow(within(t), "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())").Scan(&n))
			return n == 1
		}, 20*time.Second, time.Millisecond)
	}
	untilOneHoldsItsLock()
	giveBack(0)
	giveBack(0)
	require.NoError(t, other.Hold(within(t), "other"))
	giveBack(0)
	giveBack(0)
	giveBack(0)
	_, err = pool.Exec(within(t), "insert into river_leader(elected_at, expires_at, leader_id) values (now(), now() + interval '1 hour', 'other')")
	require.NoError(t, err)
	giveBack(0)
	giveBack(0)
	giveBack(0)
	var leaders int
	require.NoError(t, pool.QueryRow(within(t), "select count(*) from river_leader").Scan(&leaders))
	assert.Equal(t, 1, leaders, "it lives")
	require.NoError(t, other.Release())
	require.NoError(t, other.Release())
	untilOneHoldsItsLock() // the server takes its time after the connection was closed
	giveBack(0)
	giveBack(0)
	giveBack(1)
	require.NoError(t, mine.Release())
}
