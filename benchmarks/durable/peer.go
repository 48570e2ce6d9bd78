package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// A peer is a way to store tasks and to work them.
type peer struct {
	name   string
	engine string // the store that it needs: sqlite, postgres or redis
	river  string // River used directly on the same database, which it is compared with

	open func(ctx context.Context, place string) (*queue, error)
}

// peers returns all of them, in the order of the tables.
func peers() []peer {
	return []peer{
		{"velithon-sqlite", engineSQLite, "river-sqlite", func(ctx context.Context, place string) (*queue, error) {
			return openSQLite(ctx, place, openVelithon)
		}},
		{"river-sqlite", engineSQLite, "river-sqlite", func(ctx context.Context, place string) (*queue, error) {
			return openSQLite(ctx, place, openRiver)
		}},
		{"river-sqlite-defaults", engineSQLite, "river-sqlite", func(ctx context.Context, place string) (*queue, error) {
			return openSQLite(ctx, place, openRiverDefaults)
		}},
		{"velithon-postgres", enginePostgres, "river-postgres", func(ctx context.Context, place string) (*queue, error) {
			return openPostgres(ctx, place, openVelithon)
		}},
		{"river-postgres", enginePostgres, "river-postgres", func(ctx context.Context, place string) (*queue, error) {
			return openPostgres(ctx, place, openRiver)
		}},
		{"river-postgres-defaults", enginePostgres, "river-postgres", func(ctx context.Context, place string) (*queue, error) {
			return openPostgres(ctx, place, openRiverDefaults)
		}},
		{"asynq", engineRedis, "", func(ctx context.Context, place string) (*queue, error) {
			return openAsynq(ctx, place, asynqOptions{})
		}},
		{"asynq-synced", engineRedis, "", func(ctx context.Context, place string) (*queue, error) {
			return openAsynq(ctx, place, asynqOptions{synced: true})
		}},
		{"asynq-10ms", engineRedis, "", func(ctx context.Context, place string) (*queue, error) {
			return openAsynq(ctx, place, asynqOptions{interval: 10 * time.Millisecond})
		}},
	}
}

func peerOf(name string) (peer, error) {
	i := slices.IndexFunc(peers(), func(p peer) bool { return p.name == name })
	if i < 0 {
		return peer{}, fmt.Errorf("there is no peer %q", name)
	}
	return peers()[i], nil
}

// order is the body of a request.
type order struct {
	Email string   `json:"email"`
	SKUs  []string `json:"skus"`
}

// created is the answer.
type created struct {
	ID int `json:"id"`
}

// mail and items are the arguments of an order's tasks.
type mail struct {
	To    string `json:"to"`
	Order int    `json:"order"`
}

type items struct {
	Order int      `json:"order"`
	SKUs  []string `json:"skus"`
}

// What a response does besides being one.
const (
	doNothing = "none"     // no task
	doOne     = "one"      // a task is stored in a transaction of its own
	doOrder   = "order"    // a transaction adds an order
	doOrderTx = "order-tx" // and two tasks
)

// insertOrder is the order's own statement.
const insertOrder = "insert into orders(email) values ($1)"

// A queue is what a peer has opened. Not all of them have all functions.
type queue struct {
	// server returns a server of orders whose responses do what is asked for.
	server func(do string) (server, error)

	// store stores so many tasks that do nothing, from a number on, and returns when they
	// are safe.
	store func(ctx context.Context, from, n int) error

	// worker returns what works those tasks, so many at once. It calls begin with the
	// number of each, concurrently.
	worker func(ctx context.Context, workers int, begin func(n int)) (worker, error)

	// ended returns how many tasks the database has that were worked.
	ended func(ctx context.Context) (int, error)

	close func() error
}

// A server answers requests until it is stopped.
type server struct {
	serve func(listener net.Listener) error
	stop  func() error
}

// A worker works tasks from its start until it is stopped.
type worker struct {
	start func() error
	stop  func() error

	// store is the queue's, by what works the tasks: as a process does that does both.
	store func(ctx context.Context, from, n int) error
}

// batch is how many tasks are stored at once.
const batch = 1000

// storeAll stores n tasks.
func (q *queue) storeAll(ctx context.Context, n int) error {
	for from := 0; from < n; from += batch {
		if err := q.store(ctx, from, min(batch, n-from)); err != nil {
			return err
		}
	}
	return nil
}

// awaitEnded waits until the database has n tasks that were worked.
func (q *queue) awaitEnded(ctx context.Context, n int) error {
	ended := 0
	for {
		now, err := q.ended(ctx)
		if err == nil {
			ended = now
		}
		if ended == n {
			return nil
		}
		select {
		case <-ctx.Done(): // also while they were counted
			err = ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if err != nil {
			return fmt.Errorf("%d of %d tasks have ended: %w", ended, n, err)
		}
	}
}

// open opens what a peer needs in a place.
func open(ctx context.Context, name, place string) (*queue, error) {
	p, err := peerOf(name)
	if err != nil {
		return nil, err
	}
	return p.open(ctx, place)
}

// with opens a peer in a new place, and closes and removes all after f.
func with(ctx context.Context, name string, places places, f func(place string, q *queue) error) (err error) {
	p, err := peerOf(name)
	if err != nil {
		return err
	}
	place, remove, err := places.make(ctx, p.engine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	q, err := p.open(ctx, place)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, q.close()) }()
	return f(place, q)
}

// hasEngine reports whether a peer's store is at hand.
func (p places) hasEngine(engine string) bool {
	switch engine {
	case engineSQLite:
		return p.SQLite
	case enginePostgres:
		return p.Postgres != ""
	default:
		return p.Redis != ""
	}
}
