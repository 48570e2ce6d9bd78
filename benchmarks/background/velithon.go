package background

import (
	"context"

	"github.com/velithon-go/velithon/background"
)

type runner struct{ *background.Runner }

func newRunner(workers, queue int) Pool {
	return runner{background.NewRunner(background.RunnerOptions{Workers: workers, Queue: queue})}
}

func (r runner) Ready(f func()) func() error {
	ctx := context.Background()
	task := background.Func("ready", func(context.Context) error { f(); return nil })
	return func() error { return r.Submit(ctx, task) }
}

type confirmation struct {
	shop      *Shop
	email, id string
}

type update struct {
	shop  *Shop
	items []string
}

func confirm(_ context.Context, c confirmation) error {
	c.shop.Confirm(c.email, c.id)
	return nil
}

func take(_ context.Context, u update) error {
	u.shop.Take(u.items)
	return nil
}

// HandOver takes the two steps of a response: one before it is written, and one
// after.
func (r runner) HandOver(o *Order) error {
	tasks := &background.Tasks{}
	tasks.Add(background.NewTask(confirm, confirmation{o.Shop, o.Email, o.ID}))
	tasks.Add(background.NewTask(take, update{o.Shop, o.Items}))
	reservation, err := r.Reserve(tasks)
	if err != nil {
		return err
	}
	return reservation.Start(context.Background(), nil)
}

func (r runner) Flood(tasks []func()) error {
	collection := &background.Tasks{}
	for _, f := range tasks {
		collection.Add(background.Func("flood", func(context.Context) error { f(); return nil }))
	}
	return r.Submit(context.Background(), collection)
}

func (r runner) Close() error { return r.Shutdown(context.Background()) }

func newTasks(tasks []func() error, concurrent int) (Run, func()) {
	collection := &background.Tasks{MaxConcurrent: concurrent}
	for _, f := range tasks {
		collection.Add(background.Func("run", func(context.Context) error { return f() }))
	}
	return collection.Run, nothing
}
