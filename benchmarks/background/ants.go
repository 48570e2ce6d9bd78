package background

import (
	"context"
	"sync"
	"time"

	"github.com/panjf2000/ants/v2"
)

type antsPool struct{ *ants.Pool }

func newAnts(workers, _ int) Pool { return antsPool{mustAnts(workers)} }

// mustAnts makes a pool, which fails only for an option that we don't set.
func mustAnts(workers int) *ants.Pool {
	p, err := ants.NewPool(workers)
	if err != nil {
		panic(err)
	}
	return p
}

func (p antsPool) Ready(f func()) func() error {
	return func() error { return p.Submit(f) }
}

func (p antsPool) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	if err := p.Submit(func() { shop.Confirm(email, id) }); err != nil {
		return err
	}
	return p.Submit(func() { shop.Take(items) })
}

func (p antsPool) Flood(tasks []func()) error { return oneByOne(p, tasks) }

func (p antsPool) Close() error { return p.ReleaseTimeout(time.Minute) }

func newAntsRun(tasks []func() error, concurrent int) (Run, func()) {
	p := mustAnts(concurrent)
	return func(context.Context) error {
		var wg sync.WaitGroup
		var f failures
		for _, task := range tasks {
			wg.Add(1)
			err := p.Submit(func() {
				defer wg.Done()
				f.add(task())
			})
			if err != nil {
				wg.Done()
				f.add(err)
			}
		}
		wg.Wait()
		return f.join()
	}, p.Release
}
