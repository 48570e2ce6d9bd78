package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// The stores.
const (
	engineSQLite   = "sqlite"
	enginePostgres = "postgres"
	engineRedis    = "redis"
)

// places says where the stores are.
type places struct {
	SQLite   bool   // in files of the system's folder for temporary files
	Postgres string // the URL of a server, or empty
	Redis    string // the address of a server, or empty
}

// make makes a store that has nothing in it, and returns its place and what removes it.
func (p places) make(ctx context.Context, engine string) (place string, remove func() error, err error) {
	switch engine {
	case engineSQLite:
		folder, err := os.MkdirTemp("", "velithon-durable-")
		return filepath.Join(folder, "shop.db"), func() error { return os.RemoveAll(folder) }, err
	case enginePostgres:
		return makeDatabase(ctx, p.Postgres)
	default:
		return p.Redis, func() error { return emptyRedis(p.Redis) }, emptyRedis(p.Redis)
	}
}

// makeDatabase makes a database of a server.
func makeDatabase(ctx context.Context, server string) (place string, remove func() error, err error) {
	name := "bench_" + strings.ToLower(rand.Text())
	at, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	at.Path = "/" + name
	if err := execAt(ctx, server, "create database "+name); err != nil {
		return "", nil, err
	}
	return at.String(), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return execAt(ctx, server, "drop database "+name+" with (force)")
	}, nil
}

func execAt(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// redisDB is the number of the database of a Redis server that is emptied and used.
const redisDB = 9

func emptyRedis(address string) error {
	client := redis.NewClient(&redis.Options{Addr: address, DB: redisDB})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(client.FlushDB(ctx).Err(), client.Close())
}

// A database has a queue and orders. Tx is the type of its transactions.
type database[Tx any] struct {
	driver   riverdriver.Driver[Tx]
	cooldown time.Duration // that of our queue

	// open opens our queue.
	open func(ctx context.Context, o durable.Options, kinds ...background.Definition) (*durable.Queue[Tx], error)

	// inTx calls f with a transaction, and commits it if f returns nil.
	inTx func(ctx context.Context, f func(tx Tx) error) error

	// add adds an order.
	add func(ctx context.Context, tx Tx, email string) error

	// ended counts the tasks that were worked.
	ended func(ctx context.Context) (int, error)

	close func() error
}

const (
	createOrders = "create table if not exists orders(email text)"
	countEnded   = "select count(*) from river_job where state = 'completed'"
)

// openSQLite opens a file with the settings and the tables of our queue, for any peer.
func openSQLite(ctx context.Context, path string, peer func(*database[*sql.Tx]) (*queue, error)) (*queue, error) {
	db, err := sqlite.OpenDB(path)
	if err != nil {
		return nil, err
	}
	d := &database[*sql.Tx]{
		driver: riversqlite.New(db), cooldown: 50 * time.Millisecond, close: db.Close,
		open: func(ctx context.Context, o durable.Options, kinds ...background.Definition) (*durable.Queue[*sql.Tx], error) {
			return sqlite.Open(ctx, db, path, o, kinds...)
		},
		inTx: func(ctx context.Context, f func(*sql.Tx) error) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if err := f(tx); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		},
		add: func(ctx context.Context, tx *sql.Tx, email string) error {
			_, err := tx.ExecContext(ctx, insertOrder, email)
			return err
		},
		ended: func(ctx context.Context) (n int, err error) {
			err = db.QueryRowContext(ctx, countEnded).Scan(&n)
			return n, err
		},
	}
	if _, err := db.ExecContext(ctx, createOrders); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := d.open(ctx, durable.Options{StoreOnly: true}, noop(nil)); err != nil { // for the tables
		return nil, errors.Join(err, db.Close())
	}
	return peer(d)
}

// maxConns is how many connections a process has at most.
const maxConns = 20

// openPostgres connects to a database with the tables of our queue, for any peer.
func openPostgres(ctx context.Context, place string, peer func(*database[pgx.Tx]) (*queue, error)) (*queue, error) {
	config, err := pgxpool.ParseConfig(place)
	if err != nil {
		return nil, err
	}
	config.MaxConns = maxConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	d := &database[pgx.Tx]{
		driver: riverpgxv5.New(pool), cooldown: 10 * time.Millisecond,
		close: func() error { pool.Close(); return nil },
		open: func(ctx context.Context, o durable.Options, kinds ...background.Definition) (*durable.Queue[pgx.Tx], error) {
			return postgres.Open(ctx, pool, o, kinds...)
		},
		inTx: func(ctx context.Context, f func(pgx.Tx) error) error { return pgx.BeginFunc(ctx, pool, f) },
		add: func(ctx context.Context, tx pgx.Tx, email string) error {
			_, err := tx.Exec(ctx, insertOrder, email)
			return err
		},
		ended: func(ctx context.Context) (n int, err error) {
			err = pool.QueryRow(ctx, countEnded).Scan(&n)
			return n, err
		},
	}
	if err := postgres.Migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the tables: %w", err)
	}
	if _, err := pool.Exec(ctx, createOrders); err != nil {
		pool.Close()
		return nil, err
	}
	return peer(d)
}
