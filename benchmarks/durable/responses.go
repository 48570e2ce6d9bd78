package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/velithon-go/velithon/benchmarks/wire"
)

// warmUp is how many requests are sent before some are timed.
const warmUp = 200

// responding measures responses, one after the other on one connection, by a process that
// works no tasks, while so many wait.
func responding(do string, waiting int) func(ctx context.Context, m measurement) ([]value, error) {
	return func(ctx context.Context, m measurement) (values []value, err error) {
		err = with(ctx, m.peer, m.places, func(_ string, q *queue) error {
			if err := q.storeAll(ctx, waitingOf(waiting, m.n)); err != nil {
				return err
			}
			s, err := q.server(do)
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			served := make(chan error, 1)
			go func() { served <- s.serve(listener) }()
			times, err := request(ctx, listener.Addr().String(), m.n)
			values = percentiles(times)
			return errors.Join(err, s.stop(), <-served)
		})
		return values, err
	}
}

// waitingOf returns how many tasks wait: fewer in a small run.
func waitingOf(waiting, requests int) int {
	if requests < smallRun {
		return min(waiting, smallRun)
	}
	return waiting
}

// smallRun is below how many requests a run is one of a test.
const smallRun = 100

// request sends requests, checks the answers, and returns how long each took.
func request(ctx context.Context, address string, n int) ([]time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // it was read to the end
	client := wire.NewClient(conn)
	message := wire.Request("POST", "/orders", "application/json", `{"email":"ada@example.org","skus":["book","pen"]}`)
	times := make([]time.Duration, 0, n)
	for i := range min(warmUp, n) + n {
		start := time.Now()
		response, err := client.Do(message)
		took := time.Since(start)
		if want := fmt.Sprintf(`{"id":%d}`, i+1); err == nil && (response.Status != 201 || string(response.Body) != want) {
			err = fmt.Errorf("the answer was %d %s, and not 201 %s", response.Status, response.Body, want)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if i >= min(warmUp, n) {
			times = append(times, took)
		}
	}
	return times, nil
}

// percentiles returns the 50th and the 99th of some times.
func percentiles(times []time.Duration) []value {
	slices.Sort(times)
	at := func(percent int) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[min(len(times)*percent/100, len(times)-1)])
	}
	return []value{{at(50), unitP50}, {at(99), unitP99}, {float64(len(times)), unitTimes}}
}
