package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// working measures how many tasks that do nothing are worked a second by some processes,
// from their start to the last task. All tasks were stored before.
func working(processes, workers int) func(ctx context.Context, m measurement) ([]value, error) {
	return func(ctx context.Context, m measurement) (values []value, err error) {
		err = with(ctx, m.peer, m.places, func(place string, q *queue) error {
			start := time.Now()
			if err := q.storeAll(ctx, m.n); err != nil {
				return err
			}
			stored := time.Since(start)
			took, err := workAll(ctx, m, place, processes, workers)
			if err != nil {
				return err
			}
			values = []value{{float64(m.n) / took.Seconds(), unitDone}, {float64(m.n) / stored.Seconds(), unitStored}}
			return q.awaitEnded(ctx, m.n)
		})
		return values, err
	}
}

// workAll has processes work n tasks, and returns how long that took.
func workAll(ctx context.Context, m measurement, place string, processes, workers int) (took time.Duration, err error) {
	counts := make(chan report)
	var all []*process
	defer func() {
		for _, p := range all {
			err = errors.Join(err, p.stop())
		}
	}()
	for range processes {
		p, err := startProcess(ctx, m.peer, place, workers, false, counts)
		if err != nil {
			return 0, err
		}
		all = append(all, p)
	}
	start := time.Now()
	for _, p := range all {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	for done := 0; done < m.n; {
		select {
		case r := <-counts:
			done += r.n
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return time.Since(start), nil
}

// pickUpLimit is how long tasks are picked up at most.
const pickUpLimit = 10 * time.Second

// pickingUp measures how long a task that was stored waits until it begins, while there is
// nothing else to do: in this process or in another one.
func pickingUp(apart bool) func(ctx context.Context, m measurement) ([]value, error) {
	return func(ctx context.Context, m measurement) (values []value, err error) {
		const workers = 10
		err = with(ctx, m.peer, m.places, func(place string, q *queue) (err error) {
			begun, store := make(chan report), q.store
			if apart {
				p, err := startProcess(ctx, m.peer, place, workers, true, begun)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, p.stop()) }()
				if err := p.begin(); err != nil {
					return err
				}
			} else {
				w, err := q.worker(ctx, workers, func(n int) { begun <- report{n, time.Now()} })
				if err != nil {
					return err
				}
				if err := w.start(); err != nil {
					return err
				}
				defer func() { err = errors.Join(err, w.stop()) }()
				store = w.store
			}
			times, err := pickUps(ctx, m.n, store, begun)
			values = percentiles(times)
			return err
		})
		return values, err
	}
}

// pickUps stores tasks one by one, and returns how long each waited.
func pickUps(ctx context.Context, n int, store func(ctx context.Context, from, n int) error, begun <-chan report) (times []time.Duration, err error) {
	limit := time.Now().Add(pickUpLimit)
	for i := 0; i < n+1 && (i < 2 || time.Now().Before(limit)); i++ {
		if err := store(ctx, i, 1); err != nil {
			return nil, err
		}
		committed := time.Now()
		select {
		case r := <-begun:
			if i > 0 { // the first one waits for the start
				times = append(times, max(r.at.Sub(committed), 0))
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// The queue is idle, no notice is held back, and no interval is kept step with.
		time.Sleep(100*time.Millisecond + rand.N(100*time.Millisecond))
	}
	return times, nil
}
