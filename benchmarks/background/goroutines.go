package background

import (
	"context"
	"errors"
	"sync"
)

// goroutines is one goroutine for each task: as many as there are, and nobody
// waits for them.
type goroutines struct{}

func newGoroutines(int, int) Pool { return goroutines{} }

func (goroutines) Ready(f func()) func() error {
	return func() error { go f(); return nil }
}

func (goroutines) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	go shop.Confirm(email, id)
	go shop.Take(items)
	return nil
}

func (g goroutines) Flood(tasks []func()) error { return oneByOne(g, tasks) }

func (goroutines) Close() error { return nil }

// newWaitGroup runs all tasks at once: a WaitGroup has no limit.
func newWaitGroup(tasks []func() error, _ int) (Run, func()) {
	return func(context.Context) error {
		var wg sync.WaitGroup
		var f failures
		for _, task := range tasks {
			wg.Go(func() { f.add(task()) })
		}
		wg.Wait()
		return f.join()
	}, nothing
}

// failures are what errgroup and the like keep for their users, for those who
// have to do it by themselves.
type failures struct {
	mu   sync.Mutex
	errs []error
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *failures) join() error { return errors.Join(f.errs...) }
