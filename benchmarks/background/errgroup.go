package background

import (
	"context"

	"golang.org/x/sync/errgroup"
)

type errgroupPool struct{ group errgroup.Group }

func newErrgroup(workers, _ int) Pool {
	p := &errgroupPool{}
	p.group.SetLimit(workers)
	return p
}

func (p *errgroupPool) Ready(f func()) func() error {
	task := func() error { f(); return nil } //nolint:unparam // the error is what errgroup wants
	return func() error { p.group.Go(task); return nil }
}

func (p *errgroupPool) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	p.group.Go(func() error { shop.Confirm(email, id); return nil })
	p.group.Go(func() error { shop.Take(items); return nil })
	return nil
}

func (p *errgroupPool) Flood(tasks []func()) error { return oneByOne(p, tasks) }

func (p *errgroupPool) Close() error { return p.group.Wait() }

func newErrgroupRun(tasks []func() error, concurrent int) (Run, func()) {
	return func(ctx context.Context) error {
		group, _ := errgroup.WithContext(ctx)
		group.SetLimit(concurrent)
		for _, task := range tasks {
			group.Go(task)
		}
		return group.Wait()
	}, nothing
}
