package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
)

// postgresBooks are in a database, with the queue.
type postgresBooks struct {
	pool  *pgxpool.Pool
	queue *durable.Queue[pgx.Tx]
}

func (s *shop) openPostgres(ctx context.Context, url string) (durableQueue, func(), error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	err = postgres.Migrate(ctx, pool)
	if err == nil {
		_, err = pool.Exec(ctx, schema)
	}
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	queue, err := postgres.Open(ctx, pool, durable.Options{}, s.SendMail, s.TakeInventory)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	s.books = &postgresBooks{pool, queue}
	return queue, pool.Close, nil
}

func (b *postgresBooks) add(ctx context.Context, id string, in order, tasks ...*background.Task) error {
	return b.queue.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertOrder, id, in.Email); err != nil {
			return err
		}
		return b.queue.StoreTx(ctx, tx, tasks...)
	})
}

func (b *postgresBooks) take(ctx context.Context, all []item) error {
	return b.queue.InTx(ctx, func(tx pgx.Tx) error {
		for _, i := range all {
			if _, err := tx.Exec(ctx, takeItem, i.SKU, i.Quantity); err != nil {
				return err
			}
		}
		return b.queue.DoneTx(ctx, tx)
	})
}
