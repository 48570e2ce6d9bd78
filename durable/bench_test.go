package durable_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// benchWorkers is how many tasks are worked at once.
const benchWorkers = 100

// noop is a job of the engine's own.
type noop struct {
	N int `json:"n"`
}

func (noop) Kind() string { return "noop" }

// stored makes batches of tasks.
func stored(n int, store func(from, to int)) {
	for i := 0; i < n; i += 1000 {
		store(i, min(i+1000, n))
	}
}

func benchQueue[Tx any](b *testing.B, open func(o durable.Options, kinds ...background.Definition) (*durable.Queue[Tx], error)) {
	var ran atomic.Int64
	kind := background.Define("noop", func(context.Context, int) error { ran.Add(1); return nil })
	ctx := context.Background()
	q, err := open(durable.Options{Workers: benchWorkers, Logger: quiet}, kind)
	require.NoError(b, err)
	stored(b.N, func(from, to int) {
		var tasks []*background.Task
		for i := from; i < to; i++ {
			tasks = append(tasks, kind.Task(i))
		}
		require.NoError(b, q.Submit(ctx, tasks...))
	})
	r := background.NewRunner(background.RunnerOptions{Store: q, Logger: quiet})
	b.ResetTimer()
	require.NoError(b, q.Start(r))
	for ran.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	require.NoError(b, q.Shutdown(ctx))
	require.NoError(b, r.Shutdown(ctx))
}

func benchEngine[Tx any](b *testing.B, driver riverdriver.Driver[Tx], cooldown time.Duration) {
	var ran atomic.Int64
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[noop]) error { ran.Add(1); return nil }))
	ctx := context.Background()
	client, err := river.NewClient(driver, &river.Config{
		Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: benchWorkers}},
		FetchCooldown: cooldown, FetchPollInterval: 100 * time.Millisecond, Logger: quiet,
	})
	require.NoError(b, err)
	stored(b.N, func(from, to int) {
		var all []river.InsertManyParams
		for i := from; i < to; i++ {
			all = append(all, river.InsertManyParams{Args: noop{i}})
		}
		_, err := client.InsertMany(ctx, all)
		require.NoError(b, err)
	})
	b.ResetTimer()
	require.NoError(b, client.Start(ctx))
	for ran.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	require.NoError(b, client.Stop(ctx))
}

func BenchmarkSQLite(b *testing.B) {
	open := func(b *testing.B) (*sql.DB, string) {
		path := filepath.Join(b.TempDir(), "bench.db")
		db, err := sqlite.OpenDB(path)
		require.NoError(b, err)
		b.Cleanup(func() { _ = db.Close() })
		return db, path
	}
	b.Run("queue", func(b *testing.B) {
		db, path := open(b)
		benchQueue(b, func(o durable.Options, kinds ...background.Definition) (*durable.Queue[*sql.Tx], error) {
			return sqlite.Open(context.Background(), db, path, o, kinds...)
		})
	})
	b.Run("River", func(b *testing.B) {
		db, path := open(b)
		_, err := sqlite.Open(context.Background(), db, path, durable.Options{StoreOnly: true}, background.Define("none", func(context.Context, int) error { return nil }))
		require.NoError(b, err)
		benchEngine(b, riversqlite.New(db), 50*time.Millisecond)
	})
}

func BenchmarkPostgreSQL(b *testing.B) {
	server := os.Getenv(postgresEnv)
	if server == "" {
		b.Skip("no server: see " + postgresEnv)
	}
	open := func(b *testing.B) *pgxpool.Pool {
		pool, err := pgxpool.New(context.Background(), newDatabase(b, server))
		require.NoError(b, err)
		b.Cleanup(pool.Close)
		require.NoError(b, postgres.Migrate(context.Background(), pool))
		return pool
	}
	b.Run("queue", func(b *testing.B) {
		pool := open(b)
		benchQueue(b, func(o durable.Options, kinds ...background.Definition) (*durable.Queue[pgx.Tx], error) {
			return postgres.Open(context.Background(), pool, o, kinds...)
		})
	})
	b.Run("River", func(b *testing.B) { benchEngine(b, riverpgxv5.New(open(b)), 10*time.Millisecond) })
}
