package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Guests are the clients that behave, and are to be served meanwhile. They come
// at fixed times, however long the others take, and every other one on a
// connection of its own.
type guests struct {
	address string
	leaving chan struct{}
	present sync.WaitGroup
	idle    chan *client // connections that are kept

	mu        sync.Mutex // guards what follows
	latencies []time.Duration
	failure   error
}

func invite(address string, every time.Duration) *guests {
	g := &guests{address: address, leaving: make(chan struct{}), idle: make(chan *client, 8)}
	g.present.Go(func() {
		for due, i := time.Now(), 0; ; due, i = due.Add(every), i+1 {
			select {
			case <-g.leaving:
				return
			case <-time.After(time.Until(due)):
			}
			g.present.Go(func() { g.visit(due, i%2 == 0) })
		}
	})
	return g
}

// visit sends a request. Its time counts from when it was due.
func (g *guests) visit(due time.Time, keeps bool) {
	c, err := g.connection(keeps)
	if err == nil {
		err = c.want(200, get("/ping"))
	}
	took := time.Since(due)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.latencies = append(g.latencies, took)
	if err != nil {
		g.failure = fmt.Errorf("a guest was not served: %w", err)
	}
	if c == nil {
		return
	}
	if keeps && err == nil {
		select {
		case g.idle <- c:
			return
		default:
		}
	}
	_ = c.Close()
}

func (g *guests) connection(kept bool) (*client, error) {
	if kept {
		select {
		case c := <-g.idle:
			return c, nil
		default:
		}
	}
	return dial(g.address)
}

// leave ends the visits and returns how long each took.
func (g *guests) leave() ([]time.Duration, error) {
	close(g.leaving)
	g.present.Wait()
	close(g.idle)
	for c := range g.idle {
		_ = c.Close()
	}
	return g.latencies, g.failure
}

func percentile(sample []time.Duration, percent int) time.Duration {
	if len(sample) == 0 {
		return 0
	}
	slices.Sort(sample)
	return sample[(len(sample)-1)*percent/100]
}
