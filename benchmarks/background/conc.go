package background

import (
	"context"

	"github.com/sourcegraph/conc/pool"
)

type concPool struct{ *pool.Pool }

func newConc(workers, _ int) Pool { return concPool{pool.New().WithMaxGoroutines(workers)} }

func (p concPool) Ready(f func()) func() error {
	return func() error { p.Go(f); return nil }
}

func (p concPool) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	p.Go(func() { shop.Confirm(email, id) })
	p.Go(func() { shop.Take(items) })
	return nil
}

func (p concPool) Flood(tasks []func()) error { return oneByOne(p, tasks) }

func (p concPool) Close() error {
	p.Wait()
	return nil
}

func newConcRun(tasks []func() error, concurrent int) (Run, func()) {
	return func(context.Context) error {
		p := pool.New().WithMaxGoroutines(concurrent).WithErrors()
		for _, task := range tasks {
			p.Go(task)
		}
		return p.Wait()
	}, nothing
}
