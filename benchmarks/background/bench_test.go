//go:build unix

package background_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velithon-go/velithon/benchmarks/background"
	"github.com/velithon-go/velithon/benchmarks/harness"
)

// Benchmark times every item on every peer. Its names are made for benchstat:
//
//	go test -bench item=run -count 10 ./background | benchstat -row /item -col /peer -
//
// which runs the peers one after the other; cmd/background takes them in turns.
func Benchmark(b *testing.B) {
	peers := make(map[string]background.Peer)
	for _, p := range append(background.Peers(), bare) {
		peers[p.Name] = p
	}
	for _, item := range background.Items() {
		b.Run("item="+item.Name, func(b *testing.B) {
			for _, name := range item.Peers {
				b.Run("peer="+name, func(b *testing.B) { benchmark(b, item.Name, peers[name]) })
			}
		})
	}
}

// bare sleeps as often as each of the goroutines must that share the tasks.
var bare = background.Peer{
	Name: background.Bare,
	NewRun: func(tasks []func() error, concurrent int) (background.Run, func()) {
		return func(context.Context) error {
			for _, task := range tasks[:len(tasks)/concurrent] {
				_ = task()
			}
			return nil
		}, func() {}
	},
}

func benchmark(b *testing.B, item string, peer background.Peer) {
	kind := strings.TrimRight(item, "0123456789")
	n, _ := strconv.Atoi(item[len(kind):])
	b.ReportAllocs()
	switch kind {
	case "submit":
		if peer.Queues {
			benchmarkSubmit(b, peer)
		} else {
			benchmarkThrough(b, peer, background.Queue, 1)
		}
	case "handoff":
		benchmarkHandOff(b, peer)
	case "backlog":
		benchmarkBacklog(b, peer)
	case "run":
		benchmarkRun(b, peer, n, 10, func() error { return nil })
	case "million":
		benchmarkThrough(b, peer, b.N, 1)
	case "sleeps":
		benchmarkRun(b, peer, 100, n, func() error { time.Sleep(time.Millisecond); return nil })
	case "memory":
		benchmarkMemory(b, peer)
	case "flood":
		benchmarkFlood(b, peer)
	case "submitters":
		benchmarkThrough(b, peer, background.Queue, n)
	default:
		b.Fatalf("there is no item %q", item)
	}
}

// newPool returns a pool of a peer that has been checked.
func newPool(b *testing.B, peer background.Peer, workers, queue int) background.Pool {
	b.Helper()
	must(b, background.CheckPool(peer.NewPool(workers, background.Queue)))
	return peer.NewPool(workers, queue)
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// timed times f, on the clock and on the processors.
func timed(b *testing.B, f func()) {
	b.Helper()
	before := harness.ProcessorTime()
	b.ResetTimer()
	f()
	b.StopTimer()
	b.ReportMetric(float64(harness.ProcessorTime()-before)/float64(b.N), "cpu-ns/op")
}

// benchmarkThrough submits tasks by a number of goroutines and runs them.
func benchmarkThrough(b *testing.B, peer background.Peer, queue, submitters int) {
	pool := newPool(b, peer, background.Workers, queue)
	tally := background.NewTally(b.N)
	submit := pool.Ready(tally.Add)
	timed(b, func() {
		var wg sync.WaitGroup
		for i := range submitters {
			share := b.N*(i+1)/submitters - b.N*i/submitters
			wg.Go(func() {
				for range share {
					if err := submit(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		must(b, tally.Await())
	})
	must(b, pool.Close())
	must(b, tally.Check())
}

func benchmarkRun(b *testing.B, peer background.Peer, n, concurrent int, task func() error) {
	if peer.Name != background.Bare {
		must(b, background.CheckRun(peer, n, concurrent))
	}
	tasks := make([]func() error, n)
	for i := range tasks {
		tasks[i] = task
	}
	run, stop := peer.NewRun(tasks, concurrent)
	defer stop()
	ctx := context.Background()
	timed(b, func() {
		for range b.N {
			if err := run(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
