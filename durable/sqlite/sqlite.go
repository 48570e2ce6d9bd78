// Package sqlite opens a durable queue in one file, for the processes of one machine. The
// driver is written in Go: no C compiler is needed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
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
	if err := check(ctx, db); err != nil {
		return nil, fmt.Errorf("durable/sqlite: %w", err)
	}
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return nil, fmt.Errorf("durable/sqlite: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("durable/sqlite: make the tables: %w", err)
	}
	return durable.New(durable.Engine[*sql.Tx]{
		Driver: driver, Locks: &owners{db: db, folder: path + ".owners"},
		Cooldown: 50 * time.Millisecond, // less has orders wait longer while tasks are worked
	}, options, kinds...)
}

// check says what a database lacks that OpenDB would have given it.
func check(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" || db.Stats().MaxOpenConnections != 1 {
		return errors.New("the database needs a write-ahead log and one connection: open it by OpenDB")
	}
	return nil
}
