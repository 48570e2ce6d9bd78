package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon/benchmarks/web"
	"github.com/velithon-go/velithon/benchmarks/wire"
)

// A timing is how one peer did in one round.
type timing struct {
	requests int
	elapsed  time.Duration
	server   time.Duration // on the server's processors
	p50, p99 time.Duration
}

// String is the timing in Go's benchmark format.
func (t timing) String() string {
	n := float64(t.requests)
	return fmt.Sprintf("%d %.0f ns/op %.0f cpu-ns/op %.0f req/s %d p50-ns %d p99-ns",
		t.requests, float64(t.elapsed.Nanoseconds())/n, float64(t.server.Nanoseconds())/n, n/t.elapsed.Seconds(),
		t.p50.Nanoseconds(), t.p99.Nanoseconds())
}

// time sends the item's request over all connections, each of which waits for
// one answer before it sends the next request. A tenth of the requests goes
// ahead and is not counted.
func (c config) time(ctx context.Context, server *server, item web.Item) (timing, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conns, err := dial(ctx, server.address, c.connections)
	defer conns.close()
	if err != nil {
		return timing{}, err
	}
	stop := context.AfterFunc(ctx, conns.close) // at the limit, and on a signal
	defer stop()
	each := max(1, c.requests/c.connections)
	workers := make([]*worker, c.connections)
	for i, conn := range conns {
		workers[i] = &worker{client: wire.NewClient(conn), item: item, request: item.Request.Bytes()}
	}

	if err := together(workers, max(1, each/10)); err != nil {
		return timing{}, err
	}
	for _, w := range workers {
		w.latencies = make([]time.Duration, 0, each)
	}
	before, err := server.processorTime()
	if err != nil {
		return timing{}, err
	}
	begin := time.Now()
	if err := together(workers, each); err != nil {
		return timing{}, err
	}
	t := timing{requests: each * len(workers), elapsed: time.Since(begin)}
	after, err := server.processorTime()
	if err != nil {
		return timing{}, err
	}
	t.server = after - before
	var latencies []time.Duration
	for _, w := range workers {
		latencies = append(latencies, w.latencies...)
	}
	slices.Sort(latencies)
	t.p50, t.p99 = latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	return t, nil
}

type connections []net.Conn

// dial returns n connections to address, also after an error those it has.
func dial(ctx context.Context, address string, n int) (conns connections, err error) {
	for range n {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

func (c connections) close() {
	for _, conn := range c {
		_ = conn.Close()
	}
}

// together has all workers send n requests at the same time.
func together(workers []*worker, n int) error {
	errs := make([]error, len(workers))
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() { errs[i] = w.send(n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// A worker has one connection.
type worker struct {
	client    *wire.Client
	item      web.Item
	request   []byte
	checked   bool
	latencies []time.Duration
}

func (w *worker) send(n int) error {
	for range n {
		begin := time.Now()
		response, err := w.client.Do(w.request)
		if err != nil {
			return err
		}
		w.latencies = append(w.latencies, time.Since(begin))
		if !w.checked || response.Status != w.item.Status {
			if err := w.item.Check(response.Status, response.Body); err != nil {
				return err
			}
			w.checked = true
		}
	}
	return nil
}
