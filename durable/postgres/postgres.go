// Package postgres opens a durable queue in a PostgreSQL database, for the processes of any
// number of machines. It needs sessions: a pooler between has to be in session mode.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// Open returns a queue in the pool's database, whose tables [Migrate] has made. A process
// that works tasks takes a connection of the pool for a lock, and two more for
// notifications. Close the pool after the queue was shut down.
func Open(ctx context.Context, pool *pgxpool.Pool, options durable.Options, kinds ...background.Definition) (*durable.Queue[pgx.Tx], error) {
	migrator, err := newMigrator(pool)
	if err != nil {
		return nil, err
	}
	state, err := migrator.Validate(ctx, nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("durable/postgres: %w", err)
	case !state.OK:
		return nil, fmt.Errorf("durable/postgres: the tables are not up to date, call Migrate: %s", strings.Join(state.Messages, "; "))
	}
	return durable.New(durable.Engine[pgx.Tx]{
		Driver: riverpgxv5.New(pool), Locks: &owners{pool: pool},
		Do:       func(ctx context.Context, f func(pgx.Tx) error) error { return pgx.BeginFunc(ctx, pool, f) },
		Owner:    owner,
		Epoch:    "extract(epoch from %s)",
		Cooldown: 3 * time.Millisecond, // more has workers wait for the next look, whose tasks have ended together
	}, options, kinds...)
}

// Migrate makes the tables of a queue or brings them up to date, which needs the rights to
// do so. It may be called by several processes at once, and at each start.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := newMigrator(pool)
	if err != nil {
		return err
	}
	pooled, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("durable/postgres: migrate: %w", err)
	}
	conn := pooled.Hijack()                      // or those who wait for the lock would take all that the pool has
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // which ends the lock
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(hashtextextended('velithon migrate', 0))`); err != nil {
		return fmt.Errorf("durable/postgres: migrate: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("durable/postgres: migrate: %w", err)
	}
	return nil
}

func newMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("durable/postgres: %w", err)
	}
	return migrator, nil
}
