package durable_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// postgresEnv names a PostgreSQL server for the tests, as a URL: they make databases of
// their own there.
const postgresEnv = "VELITHON_POSTGRES"

// A database is one for a single test, of an engine.
type database[Tx any] struct {
	place    string // for a child, too
	open     func(t *testing.T, o durable.Options, kinds ...background.Definition) *durable.Queue[Tx]
	begin    func(t *testing.T) Tx
	commit   func(tx Tx) error
	rollback func(tx Tx) error
	execTx   func(ctx context.Context, tx Tx, statement string, arguments ...any) error
	exec     func(t *testing.T, statement string, arguments ...any)
	number   func(t *testing.T, query string) int // the only value that it yields
	lastDied string                               // a statement after which the last task runs in a process that died
	longAgo  string                               // a statement after which all attempts that failed began an hour ago
	lock     func(t *testing.T) (unlock func())   // keeps all others from writing tasks
}

// jobs returns how many tasks are stored, in whatever state.
func (d *database[Tx]) jobs(t *testing.T) int {
	t.Helper()
	return d.number(t, "select count(*) from river_job")
}

// inTx calls f with a transaction, and commits it if f returns nil.
func (d *database[Tx]) inTx(t *testing.T, f func(tx Tx) error) error {
	t.Helper()
	tx := d.begin(t)
	if err := f(tx); err != nil {
		require.NoError(t, d.rollback(tx))
		return err
	}
	return d.commit(tx)
}

// A test is one that each engine has to pass.
type test[Tx any] func(t *testing.T, d *database[Tx])

// onSQLite runs tests each with a file of its own.
func onSQLite(t *testing.T, tests map[string]test[*sql.Tx]) {
	t.Helper()
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			f(t, sqliteAt(t, filepath.Join(t.TempDir(), "test.db")))
		})
	}
}

func sqliteAt(t *testing.T, path string) *database[*sql.Tx] {
	t.Helper()
	db, err := sqlite.OpenDB(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &database[*sql.Tx]{
		place:    path,
		lastDied: `update river_job set state = 'running', attempt = 1, attempted_at = created_at, attempted_by = jsonb_array('gone') where id = (select max(id) from river_job)`,
		longAgo: `update river_job set errors = jsonb((select json_group_array(json_set(value, '$.at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')))
			from json_each(json(errors))))`,
		open: func(t *testing.T, o durable.Options, kinds ...background.Definition) *durable.Queue[*sql.Tx] {
			q, err := sqlite.Open(within(t), db, path, quietly(o), kinds...)
			require.NoError(t, err)
			shutDownLater(t, q)
			return q
		},
		begin: func(t *testing.T) *sql.Tx {
			tx, err := db.BeginTx(within(t), nil)
			require.NoError(t, err)
			return tx
		},
		commit:   (*sql.Tx).Commit,
		rollback: (*sql.Tx).Rollback,
		execTx: func(ctx context.Context, tx *sql.Tx, statement string, arguments ...any) error {
			_, err := tx.ExecContext(ctx, statement, arguments...)
			return err
		},
		exec: func(t *testing.T, statement string, arguments ...any) {
			_, err := db.ExecContext(within(t), statement, arguments...)
			require.NoError(t, err)
		},
		lock: func(t *testing.T) (unlock func()) {
			other, err := sqlite.OpenDB(path)
			require.NoError(t, err)
			tx, err := other.BeginTx(context.Background(), nil)
			require.NoError(t, err)
			return func() {
				require.NoError(t, tx.Rollback())
				require.NoError(t, other.Close())
			}
		},
		number: func(t *testing.T, query string) (n int) {
			require.NoError(t, db.QueryRowContext(within(t), query).Scan(&n))
			return n
		},
	}
}

// onPostgreSQL runs tests each with a database of its own.
func onPostgreSQL(t *testing.T, tests map[string]test[pgx.Tx]) {
	t.Helper()
	server := os.Getenv(postgresEnv)
	if server == "" {
		t.Skipf("the half for PostgreSQL is left out: there is no %s", postgresEnv)
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { f(t, postgresAt(t, newDatabase(t, server))) })
	}
}

// newDatabase makes a database of the server, and returns its URL.
func newDatabase(t testing.TB, server string) string {
	t.Helper()
	conn, err := pgx.Connect(within(t), server)
	require.NoError(t, err)
	name := "test_" + strings.ToLower(rand.Text())
	_, err = conn.Exec(within(t), "create database "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := conn.Exec(ctx, "drop database "+name+" with (force)")
		require.NoError(t, err)
		require.NoError(t, conn.Close(ctx))
	})
	place, err := url.Parse(server)
	require.NoError(t, err)
	place.Path = "/" + name
	return place.String()
}

func postgresAt(t *testing.T, place string) *database[pgx.Tx] {
	t.Helper()
	config, err := pgxpool.ParseConfig(place)
	require.NoError(t, err)
	config.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(within(t), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.NoError(t, postgres.Migrate(within(t), pool))
	return &database[pgx.Tx]{
		place:    place,
		lastDied: `update river_job set state = 'running', attempt = 1, attempted_at = created_at, attempted_by = array['gone'] where id = (select max(id) from river_job)`,
		longAgo:  `update river_job set errors = array(select jsonb_set(e, '{at}', to_jsonb(now() - interval '1 hour')) from unnest(errors) e)`,
		open: func(t *testing.T, o durable.Options, kinds ...background.Definition) *durable.Queue[pgx.Tx] {
			q, err := postgres.Open(within(t), pool, quietly(o), kinds...)
			require.NoError(t, err)
			shutDownLater(t, q)
			return q
		},
		begin: func(t *testing.T) pgx.Tx {
			tx, err := pool.Begin(within(t))
			require.NoError(t, err)
			return tx
		},
		commit:   func(tx pgx.Tx) error { return tx.Commit(context.Background()) },
		rollback: func(tx pgx.Tx) error { return tx.Rollback(context.Background()) },
		execTx: func(ctx context.Context, tx pgx.Tx, statement string, arguments ...any) error {
			_, err := tx.Exec(ctx, statement, arguments...)
			return err
		},
		exec: func(t *testing.T, statement string, arguments ...any) {
			_, err := pool.Exec(within(t), statement, arguments...)
			require.NoError(t, err)
		},
		lock: func(t *testing.T) (unlock func()) {
			tx, err := pool.Begin(context.Background())
			require.NoError(t, err)
			_, err = tx.Exec(within(t), "lock table river_job in access exclusive mode")
			require.NoError(t, err)
			return func() { require.NoError(t, tx.Rollback(context.Background())) }
		},
		number: func(t *testing.T, query string) (n int) {
			require.NoError(t, pool.QueryRow(within(t), query).Scan(&n))
			return n
		},
	}
}

func quietly(o durable.Options) durable.Options {
	if o.Logger == nil {
		o.Logger = quiet
	}
	return o
}

func shutDownLater[Tx any](t *testing.T, q *durable.Queue[Tx]) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		require.NoError(t, q.Shutdown(ctx))
	})
}

// work starts a queue with a runner, which is shut down after it.
func work[Tx any](t *testing.T, q *durable.Queue[Tx], o background.RunnerOptions) *background.Runner {
	t.Helper()
	o.Store = q
	if o.Logger == nil {
		o.Logger = quiet
	}
	r := background.NewRunner(o)
	require.NoError(t, q.Start(r))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		require.NoError(t, q.Shutdown(ctx))
		require.NoError(t, r.Shutdown(ctx))
	})
	return r
}
