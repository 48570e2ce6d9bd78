package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// quiet is a logger for tests whose log nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// A database that waits for another process's transaction does so no longer than it is
// given, and afterwards as long as ever.
func TestDoWaitsAsLongAsItMay(t *testing.T) {
	db, _ := open(t)
	waits := func(ctx context.Context) (milliseconds int) {
		t.Helper()
		require.NoError(t, do(ctx, db, func(tx *sql.Tx) error {
			return tx.QueryRowContext(within(t), "pragma busy_timeout").Scan(&milliseconds)
		}))
		return milliseconds
	}
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	got := waits(short)
	assert.Positive(t, got)
	assert.LessOrEqual(t, got, 1000)
	assert.Equal(t, 5000, waits(within(t)), "20 s are more than it waits")
	assert.Equal(t, 5000, waits(context.Background()))
}

func TestDoRollsBack(t *testing.T) {
	db, _ := open(t)
	no := errors.New("no")
	for range 2 { // the second one gets the connection
		ctx := within(t)
		require.ErrorIs(t, do(ctx, db, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "create table effects(n integer)")
			return errors.Join(err, no)
		}), no)
		require.NoError(t, ctx.Err(), "it does not wait for its end")
	}
	require.NoError(t, do(within(t), db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(within(t), "create table effects(n integer)")
		return err
	}))
}

// A transaction locks when it begins: one that reads first and then writes does not fail
// because another process has written in between.
func TestTransactionsLockWhenTheyBegin(t *testing.T) {
	db, path := open(t)
	_, err := db.ExecContext(within(t), "create table effects(n integer)")
	require.NoError(t, err)
	other, err := OpenDB(path)
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(within(t), "pragma busy_timeout(1)")
	require.NoError(t, err)
	tx, err := db.BeginTx(within(t), nil)
	require.NoError(t, err)
	_, err = other.ExecContext(within(t), "insert into effects(n) values (1)")
	require.ErrorContains(t, err, "SQLITE_BUSY")
	require.NoError(t, tx.Rollback())
}

// All processes mean the same locks, whatever they call the file.
func TestOpenByAnotherName(t *testing.T) {
	db, path := open(t)
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(path, link))
	q, err := Open(within(t), db, link, durable.Options{Logger: quiet}, nothing)
	require.NoError(t, err)
	r := background.NewRunner(background.RunnerOptions{Store: q, Logger: quiet})
	require.NoError(t, q.Start(r))
	entries, err := os.ReadDir(path + ".owners")
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	require.NoError(t, q.Shutdown(within(t)))
	require.NoError(t, r.Shutdown(within(t)))
	assert.NoDirExists(t, link+".owners")
}

func TestOpenOfOddThings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "many.db")
	many, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	defer many.Close()
	_, err = Open(within(t), many, path, durable.Options{}, nothing)
	require.EqualError(t, err, "durable/sqlite: the database needs a write-ahead log and one connection: open it by OpenDB")

	db, path := open(t)
	_, err = Open(within(t), db, os.Args[0], durable.Options{}, nothing)
	require.EqualError(t, err, "durable/sqlite: the database is the file "+path+", and not "+os.Args[0])
	_, err = Open(within(t), db, path, durable.Options{}, durable.With(nothing, durable.KindOptions[int]{Priority: -1}))
	require.EqualError(t, err, `durable: the priority of kind "nothing" is -1, it has to be from 1 to 4`)
}
