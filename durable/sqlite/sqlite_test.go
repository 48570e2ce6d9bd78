package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

var nothing = background.Define("nothing", func(context.Context, int) error { return nil })

func open(t *testing.T) (db *sql.DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a file?.db")
	db, err := OpenDB(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, path
}

func TestOpenDB(t *testing.T) {
	db, path := open(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		require.NoError(t, db.QueryRowContext(within(t), "pragma "+pragma).Scan(&got))
		assert.Equal(t, want, got, pragma)
	}
	assert.FileExists(t, path)
	for _, path := range []string{"", ":memory:"} {
		_, err := OpenDB(path)
		require.ErrorContains(t, err, "needs the path of a file")
	}
}

func TestOpen(t *testing.T) {
	db, path := open(t)
	for range 2 { // the second one finds its tables
		_, err := Open(within(t), db, path, durable.Options{}, nothing)
		require.NoError(t, err)
	}
	for want, kinds := range map[string][]background.Definition{
		"durable: a queue needs kinds of tasks":   nil,
		`durable: two kinds are called "nothing"`: {nothing, nothing},
		"durable: a kind is nil":                  {nil},
		`durable: the kind "send mail" can't be stored: a name has 2 to 127 letters, digits and -_./:+<>[], and begins with a letter, a digit or _`: {
			background.Define("send mail", func(context.Context, int) error { return nil }),
		},
		`durable: the priority of kind "nothing" is 5, it has to be from 1 to 4`: {durable.With(nothing, durable.KindOptions[int]{Priority: 5})},
	} {
		_, err := Open(within(t), db, path, durable.Options{}, kinds...)
		require.EqualError(t, err, want)
	}
	for want, o := range map[string]durable.Options{
		"durable: Options.Workers is -1, it has to be from 0 to 10000":    {Workers: -1},
		"durable: Options.Keep is -1ns, it cannot be negative":            {Keep: -1},
		"durable: Options.ShutdownTimeout is -1ns, it cannot be negative": {ShutdownTimeout: -1},
	} {
		_, err := Open(within(t), db, path, o, nothing)
		require.EqualError(t, err, want)
	}
	_, err := Open(within(t), db, "other.db", durable.Options{}, nothing)
	require.EqualError(t, err, "durable/sqlite: the database is the file "+path+", and not other.db")
	plain, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "plain.db"))
	require.NoError(t, err)
	defer plain.Close()
	_, err = Open(within(t), plain, path, durable.Options{}, nothing)
	require.EqualError(t, err, "durable/sqlite: the database needs a write-ahead log and one connection: open it by OpenDB")
}

func TestOwners(t *testing.T) {
	db, path := open(t)
	_, err := Open(within(t), db, path, durable.Options{}, nothing)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "owners")
	mine, other := &owners{db: db, folder: folder}, &owners{db: db, folder: folder}
	require.NoError(t, mine.Hold(within(t), "mine"))
	require.NoError(t, mine.Hold(within(t), "mine"), "it is held")
	require.ErrorContains(t, other.Hold(within(t), "mine"), "is another's")
	require.NoError(t, other.Hold(within(t), "other"))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "dead"), nil, 0o600))

	const insert = `insert into river_job(kind, args, max_attempts, state, attempt, attempted_by, attempted_at)
		values ('nothing', '{}', ?, 'running', 1, jsonb_array('before', ?), current_timestamp)`
	for _, j := range []struct {
		attempts int
		owner    string
	}{{4, "mine"}, {4, "other"}, {4, "dead"}, {1, "dead"}, {4, "gone"}} {
		_, err := db.ExecContext(within(t), insert, j.attempts, j.owner)
		require.NoError(t, err)
	}
	_, err = db.ExecContext(within(t), insert, 4, "dead")
	require.NoError(t, err)
	_, err = db.ExecContext(within(t), `update river_job set metadata = jsonb('{"cancel_attempted_at":"2026-11-29T10:00:00Z"}') where id = (select max(id) from river_job)`)
	require.NoError(t, err)
	leads := func(owner string) bool {
		t.Helper()
		_, err := db.ExecContext(within(t), "insert into river_leader(elected_at, expires_at, leader_id) values (current_timestamp, datetime('now', '1 hour'), ?)", owner)
		require.NoError(t, err)
		_, err = mine.GiveBack(within(t), "mine")
		require.NoError(t, err)
		result, err := db.ExecContext(within(t), "delete from river_leader")
		require.NoError(t, err)
		n, err := result.RowsAffected()
		require.NoError(t, err)
		return n == 1
	}
	n, err := mine.GiveBack(within(t), "mine")
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	assert.NoFileExists(t, filepath.Join(folder, "dead"))
	assert.False(t, leads("idle"), "it died, and had no tasks")
	assert.True(t, leads("other"))
	assert.True(t, leads("mine"))
	assert.FileExists(t, filepath.Join(folder, "other"))
	for query, want := range map[string]int{
		"select count(*) from river_job where state = 'running'":                                                      2,
		"select count(*) from river_job where state = 'available' and errors->>'$[0].error' = '" + durable.Died + "'": 2,
		"select count(*) from river_job where state = 'discarded' and finalized_at is not null":                       1,
		"select count(*) from river_job where state = 'cancelled' and finalized_at is not null":                       1,
	} {
		var got int
		require.NoError(t, db.QueryRowContext(within(t), query).Scan(&got))
		assert.Equal(t, want, got, query)
	}

	// The second time a task waits for a while, and the third time it is a suspect.
	// Each time it is behind those that wait.
	for _, want := range []string{"scheduled_at > '2021' and queue = 'default'", "scheduled_at > '2021' and queue = '" + durable.Suspects + "'"} {
		_, err = db.ExecContext(within(t), "update river_job set state = 'running', attempted_by = jsonb_array('gone'), scheduled_at = '2020-01-01 00:00:00' where state = 'available'")
		require.NoError(t, err)
		n, err = mine.GiveBack(within(t), "mine")
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		var found int
		require.NoError(t, db.QueryRowContext(within(t), "select count(*) from river_job where state = 'available' and "+want).Scan(&found))
		assert.Equal(t, 2, found, want)
	}

	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, mine.Hold(within(t), "mine"), "it comes again")
	assert.FileExists(t, filepath.Join(folder, "mine"))
	require.NoError(t, mine.Release())
	require.NoError(t, mine.Release())
	assert.NoFileExists(t, filepath.Join(folder, "mine"))
	require.NoError(t, other.Release(), "though its file is gone")
}
