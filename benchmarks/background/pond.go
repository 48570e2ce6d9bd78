package background

import (
	"context"

	"github.com/alitto/pond/v2"
)

type pondPool struct{ pond.Pool }

func newPond(workers, queue int) Pool {
	return pondPool{pond.NewPool(workers, pond.WithQueueSize(queue))}
}

func (p pondPool) Ready(f func()) func() error {
	return func() error { return p.Go(f) }
}

func (p pondPool) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	if err := p.Go(func() { shop.Confirm(email, id) }); err != nil {
		return err
	}
	return p.Go(func() { shop.Take(items) })
}

// Flood makes a group, as one does for tasks that belong together.
func (p pondPool) Flood(tasks []func()) error {
	p.NewGroup().Submit(tasks...)
	return nil
}

func (p pondPool) Close() error {
	p.StopAndWait()
	return nil
}

func newPondRun(tasks []func() error, concurrent int) (Run, func()) {
	p := pond.NewPool(concurrent)
	return func(ctx context.Context) error {
		return p.NewGroupContext(ctx).SubmitErr(tasks...).Wait()
	}, p.StopAndWait
}
