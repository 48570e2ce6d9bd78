package main

import (
	"context"
	"database/sql"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// sqliteBooks are in one file, with the queue.
type sqliteBooks struct {
	db    *sql.DB
	queue *durable.Queue[*sql.Tx]
}

func (s *shop) openSQLite(ctx context.Context, path string) (durableQueue, func(), error) {
	db, err := sqlite.OpenDB(path)
	if err != nil {
		return nil, nil, err
	}
	closeAll := func() { _ = db.Close() }
	_, err = db.ExecContext(ctx, schema)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	queue, err := sqlite.Open(ctx, db, path, durable.Options{}, s.SendMail, s.TakeInventory)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	s.books = &sqliteBooks{db, queue}
	return queue, closeAll, nil
}

const (
	schema = `
		create table if not exists orders(id text primary key, email text not null);
		create table if not exists taken(sku text primary key, quantity integer not null)`
	insertOrder = `insert into orders(id, email) values ($1, $2)`
	takeItem    = `insert into taken(sku, quantity) values ($1, $2)
		on conflict (sku) do update set quantity = taken.quantity + excluded.quantity`
)

func (b *sqliteBooks) add(ctx context.Context, id string, in order, tasks ...*background.Task) error {
	return b.queue.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, insertOrder, id, in.Email); err != nil {
			return err
		}
		return b.queue.StoreTx(ctx, tx, tasks...)
	})
}

func (b *sqliteBooks) take(ctx context.Context, all []item) error {
	return b.queue.InTx(ctx, func(tx *sql.Tx) error {
		for _, i := range all {
			if _, err := tx.ExecContext(ctx, takeItem, i.SKU, i.Quantity); err != nil {
				return err
			}
		}
		return b.queue.DoneTx(ctx, tx)
	})
}
