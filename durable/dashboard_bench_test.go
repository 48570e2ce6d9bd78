package durable_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// BenchmarkDashboard is what a page asks of a queue in which 65,536 tasks wait, as many have
// succeeded, and 10,000 have failed.
func BenchmarkDashboard(b *testing.B) {
	job := background.Define("job", func(context.Context, int) error { return nil })
	b.Run("SQLite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "test.db")
		db, err := sqlite.OpenDB(path)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, db.Close()) })
		q, err := sqlite.Open(within(b), db, path, durable.Options{StoreOnly: true, Logger: quiet}, job)
		require.NoError(b, err)
		benchDashboard(b, q, job, func(statement string) error {
			_, err := db.ExecContext(context.Background(), statement)
			return err
		})
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		server := os.Getenv(postgresEnv)
		if server == "" {
			b.Skip("there is no " + postgresEnv)
		}
		pool, err := pgxpool.New(within(b), newDatabase(b, server))
		require.NoError(b, err)
		b.Cleanup(pool.Close)
		require.NoError(b, postgres.Migrate(within(b), pool))
		q, err := postgres.Open(within(b), pool, durable.Options{StoreOnly: true, Logger: quiet}, job)
		require.NoError(b, err)
		benchDashboard(b, q, job, func(statement string) error {
			_, err := pool.Exec(context.Background(), statement)
			return err
		})
	})
}

func benchDashboard[Tx any](b *testing.B, q *durable.Queue[Tx], job background.Kind[int], exec func(string) error) {
	const ended, failed, waiting = 65_536, 10_000, 65_536
	for n := 0; n < ended+failed+waiting; {
		var tasks []*background.Task
		for range 4096 {
			tasks = append(tasks, job.Task(n))
			n++
		}
		require.NoError(b, q.Submit(context.Background(), tasks...))
	}
	end := "update river_job set state = 'completed', attempted_at = created_at, finalized_at = created_at, attempt = 1 where id <= 65536"
	require.NoError(b, exec(end))
	require.NoError(b, exec("update river_job set state = 'discarded', attempted_at = created_at, finalized_at = created_at, attempt = 1 where id > 65536 and id <= 75536"))
	require.NoError(b, exec("analyze"))
	board := q.Dashboard()
	for name, ask := range map[string]func(context.Context) error{
		"overview": func(ctx context.Context) error { _, err := board.Overview(ctx); return err },
		"open":     func(ctx context.Context) error { return list(ctx, board, source.Filter{}) },
		"waiting": func(ctx context.Context) error {
			return list(ctx, board, source.Filter{States: []background.State{background.Waiting}})
		},
		"failed": func(ctx context.Context) error {
			return list(ctx, board, source.Filter{States: []background.State{background.Failed, background.Canceled}})
		},
		"request": func(ctx context.Context) error { return list(ctx, board, source.Filter{Request: "none"}) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				require.NoError(b, ask(ctx))
				cancel()
			}
		})
	}
}

func list(ctx context.Context, board source.Source, f source.Filter) error {
	f.Limit = 100
	_, err := board.Tasks(ctx, f)
	return err
}
