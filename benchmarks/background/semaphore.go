package background

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// semaphorePool bounds goroutines by a semaphore.
type semaphorePool struct {
	*semaphore.Weighted

	workers int64
}

func newSemaphore(workers, _ int) Pool {
	return semaphorePool{semaphore.NewWeighted(int64(workers)), int64(workers)}
}

func (p semaphorePool) start(f func()) error {
	if err := p.Acquire(context.Background(), 1); err != nil {
		return err
	}
	go func() {
		defer p.Release(1)
		f()
	}()
	return nil
}

func (p semaphorePool) Ready(f func()) func() error {
	return func() error { return p.start(f) }
}

func (p semaphorePool) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	if err := p.start(func() { shop.Confirm(email, id) }); err != nil {
		return err
	}
	return p.start(func() { shop.Take(items) })
}

func (p semaphorePool) Flood(tasks []func()) error { return oneByOne(p, tasks) }

func (p semaphorePool) Close() error { return p.Acquire(context.Background(), p.workers) }

func newSemaphoreRun(tasks []func() error, concurrent int) (Run, func()) {
	return func(ctx context.Context) error {
		sem := semaphore.NewWeighted(int64(concurrent))
		var f failures
		for _, task := range tasks {
			if err := sem.Acquire(ctx, 1); err != nil {
				f.add(err)
				break
			}
			go func() {
				defer sem.Release(1)
				f.add(task())
			}()
		}
		if err := sem.Acquire(context.WithoutCancel(ctx), int64(concurrent)); err != nil {
			return err
		}
		return f.join()
	}, nothing
}
