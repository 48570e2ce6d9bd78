package main

import (
	"cmp"
	"context"
	"database/sql"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// A database is what a process of the shop has of it, on one of the engines.
type database[Tx any] struct {
	queue  *durable.Queue[Tx]
	inTx   func(ctx context.Context, f func(tx Tx) error) error
	exec   func(ctx context.Context, statement string, arguments ...any) error
	execTx func(ctx context.Context, tx Tx, statement string, arguments ...any) error
	close  func()
}

// onSQLite reports whether a place is that of a file, and not the URL of a database.
func onSQLite(place string) bool { return !strings.HasPrefix(place, "postgres:") }

// openSQLite opens the file with the queue. kinds is called with the database in which
// their tasks have their effects.
func openSQLite(ctx context.Context, path string, o durable.Options, kinds func(d *database[*sql.Tx]) []background.Definition) (*database[*sql.Tx], error) {
	db, err := sqlite.OpenDB(path)
	if err != nil {
		return nil, err
	}
	d := &database[*sql.Tx]{
		inTx: func(ctx context.Context, f func(tx *sql.Tx) error) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if err := f(tx); err != nil {
				return cmp.Or(err, tx.Rollback())
			}
			return tx.Commit()
		},
		exec: func(ctx context.Context, statement string, arguments ...any) error {
			_, err := db.ExecContext(ctx, statement, arguments...)
			return err
		},
		execTx: func(ctx context.Context, tx *sql.Tx, statement string, arguments ...any) error {
			_, err := tx.ExecContext(ctx, statement, arguments...)
			return err
		},
		close: func() { _ = db.Close() },
	}
	if d.queue, err = sqlite.Open(ctx, db, path, o, kinds(d)...); err != nil {
		return nil, cmp.Or(err, db.Close())
	}
	return d, nil
}

// openPostgres is openSQLite for the URL of a PostgreSQL database.
func openPostgres(ctx context.Context, url string, o durable.Options, kinds func(d *database[pgx.Tx]) []background.Definition) (*database[pgx.Tx], error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	d := &database[pgx.Tx]{
		inTx: func(ctx context.Context, f func(tx pgx.Tx) error) error { return pgx.BeginFunc(ctx, pool, f) },
		exec: func(ctx context.Context, statement string, arguments ...any) error {
			_, err := pool.Exec(ctx, statement, arguments...)
			return err
		},
		execTx: func(ctx context.Context, tx pgx.Tx, statement string, arguments ...any) error {
			_, err := tx.Exec(ctx, statement, arguments...)
			return err
		},
		close: pool.Close,
	}
	if d.queue, err = postgres.Open(ctx, pool, o, kinds(d)...); err != nil {
		pool.Close()
		return nil, err
	}
	return d, nil
}

// connections is how many a process has to PostgreSQL at most, besides those that it
// takes out of its pool.
const connections = 12

// opens is openSQLite or openPostgres.
type opens[Tx any] func(ctx context.Context, place string, o durable.Options, kinds func(d *database[Tx]) []background.Definition) (*database[Tx], error)
