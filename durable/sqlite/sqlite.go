// Package sqlite opens a durable queue in one file, for the processes of one machine. The
// driver is written in Go: no C compiler is needed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// busyTimeout is how long a statement waits for another process's transaction.
const busyTimeout = 5 * time.Second

// OpenDB opens or makes a file with what a queue needs, and an order beside it: a
// write-ahead log that is synced at each commit, transactions that lock when they begin,
// and one connection. So a process that holds a transaction and asks the same DB for more
// waits for itself: do in a transaction all that is to be done meanwhile, by tx.
func OpenDB(path string) (*sql.DB, error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("durable/sqlite: OpenDB(%q) needs the path of a file", path)
	}
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
	}}
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+name+"?"+settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("durable/sqlite: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// Open returns a queue in db, which [OpenDB] has opened, and makes or changes its tables.
// Beside the file it makes a folder, path + ".owners", with a lock for each process. Close
// db after the queue was shut down.
func Open(ctx context.Context, db *sql.DB, path string, options durable.Options, kinds ...background.Definition) (*durable.Queue[*sql.Tx], error) {
	file, err := check(ctx, db, path)
	if err != nil {
		return nil, fmt.Errorf("durable/sqlite: %w", err)
	}
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("durable/sqlite: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("durable/sqlite: make the tables: %w", err)
	}
	return durable.New(durable.Engine[*sql.Tx]{
		Driver: driver, Locks: &owners{db: db, folder: file + ".owners"},
		Do:       func(ctx context.Context, f func(*sql.Tx) error) error { return do(ctx, db, f) },
		Owner:    owner,
		Epoch:    "unixepoch(%s, 'subsec')",
		Cooldown: 50 * time.Millisecond, // less has orders wait longer while tasks are worked
	}, options, kinds...)
}

// check returns the file of a database, as all its processes call it, or what the database
// lacks that OpenDB would have given it.
func check(ctx context.Context, db *sql.DB, path string) (file string, err error) {
	var mode string
	err = db.QueryRowContext(ctx, "select journal_mode, file from pragma_journal_mode, pragma_database_list where name = 'main'").Scan(&mode, &file)
	if err != nil {
		return "", err
	}
	if mode != "wal" || db.Stats().MaxOpenConnections != 1 {
		return "", errors.New("the database needs a write-ahead log and one connection: open it by OpenDB")
	}
	ours, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(ours, named) { //nolint:gosec // the path is the user's
		return "", fmt.Errorf("the database is the file %s, and not %s", file, path)
	}
	return file, nil
}

// slack is how much longer than its context a statement may wait.
const slack = 250 * time.Millisecond

// do calls f with a transaction, and commits it if f returns nil. SQLite waits for another
// process's transaction whatever becomes of ctx, so it is told how long it may.
func do(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // gives it back
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < busyTimeout-slack {
		if err := waitFor(ctx, conn, time.Until(deadline)); err != nil {
			return err
		}
		defer waitFor(context.WithoutCancel(ctx), conn, busyTimeout) //nolint:errcheck // a short time does no harm
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// waitFor sets how long the statements of a connection wait for others.
func waitFor(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("pragma busy_timeout(%d)", max(d.Milliseconds(), 1)))
	return err
}
