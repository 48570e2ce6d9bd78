package background

import (
	"context"
	"sync"
)

// channel is a buffered channel of closures and goroutines that call them.
type channel struct {
	tasks   chan func()
	workers sync.WaitGroup
}

func newChannel(workers, queue int) Pool {
	c := &channel{tasks: make(chan func(), queue)}
	for range workers {
		c.workers.Go(func() {
			for f := range c.tasks {
				f()
			}
		})
	}
	return c
}

func (c *channel) Ready(f func()) func() error {
	return func() error { c.tasks <- f; return nil }
}

// HandOver sends one closure, which does the one task after the other.
func (c *channel) HandOver(o *Order) error {
	shop, email, id, items := o.Shop, o.Email, o.ID, o.Items
	c.tasks <- func() {
		shop.Confirm(email, id)
		shop.Take(items)
	}
	return nil
}

func (c *channel) Flood(tasks []func()) error { return oneByOne(c, tasks) }

func (c *channel) Close() error {
	close(c.tasks)
	c.workers.Wait()
	return nil
}

func newWorkers(tasks []func() error, concurrent int) (Run, func()) {
	return func(context.Context) error {
		jobs := make(chan func() error, len(tasks))
		var wg sync.WaitGroup
		var f failures
		for range min(concurrent, len(tasks)) {
			wg.Go(func() {
				for task := range jobs {
					f.add(task())
				}
			})
		}
		for _, task := range tasks {
			jobs <- task
		}
		close(jobs)
		wg.Wait()
		return f.join()
	}, nothing
}
