//go:build unix

package background_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/velithon-go/velithon/benchmarks/background"
)

// benchmarkFlood has one request hand over ten thousand tasks of a millisecond,
// as many at once as there are workers, and others a single task each, one
// about every millisecond, until the flood is over. A single task's delay runs
// from the begin of its submission, whether that had to wait or the task.
func benchmarkFlood(b *testing.B, peer background.Peer) {
	const workers, tasks = 10, 10_000
	var blocked, elapsed time.Duration
	var mu sync.Mutex
	var delays []time.Duration
	pool := newPool(b, peer, workers, background.Queue)
	for range b.N {
		tally := background.NewTally(tasks)
		flood := make([]func(), tasks)
		for i := range flood {
			flood[i] = func() { time.Sleep(time.Millisecond); tally.Add() }
		}
		begin := time.Now()
		var singles sync.WaitGroup
		singles.Go(func() {
			if err := pool.Flood(flood); err != nil {
				b.Error(err)
			}
			blocked += time.Since(begin)
		})
		over := make(chan error, 1)
		go func() { over <- tally.Await() }()
		for ended := false; !ended; {
			select {
			case err := <-over:
				must(b, err)
				ended = true
			case <-time.After(time.Millisecond):
				singles.Go(func() {
					ran := make(chan struct{})
					begin := time.Now()
					if err := pool.Ready(func() {
						delay := time.Since(begin)
						mu.Lock()
						delays = append(delays, delay)
						mu.Unlock()
						close(ran)
					})(); err != nil {
						b.Error(err)
						return
					}
					<-ran
				})
			}
		}
		elapsed += time.Since(begin)
		singles.Wait()
	}
	must(b, pool.Close())
	slices.Sort(delays)
	b.ReportMetric(float64(elapsed)/float64(b.N), "ns/op")
	b.ReportMetric(float64(quantile(delays, 50)), "p50-ns")
	b.ReportMetric(float64(quantile(delays, 99)), "p99-ns")
	b.ReportMetric(float64(blocked)/float64(b.N), "blocked-ns")
}
