//go:build unix

package background_test

import (
	"testing"

	"github.com/velithon-go/velithon/benchmarks/background"
)

// burst is how many tasks are submitted before they are run: few enough to fit
// in the queue.
const burst = 50_000

// held is a pool whose workers can be held up, so that what is submitted waits.
type held struct {
	background.Pool

	b    *testing.B
	gate chan struct{}
}

// hold gives each worker a task that does not end.
func (h *held) hold() {
	h.gate = make(chan struct{})
	gate, started := h.gate, background.NewTally(background.Workers)
	submit := h.Ready(func() {
		started.Add()
		<-gate
	})
	for range background.Workers {
		must(h.b, submit())
	}
	must(h.b, started.Await())
}

// perBurst holds the workers up for each burst of at most so many of b.N turns,
// which submit calls, and calls await after it, both of which have the number
// of turns in it.
func (h *held) perBurst(most int, turns func(n int), await func(n int)) {
	h.b.ResetTimer()
	for left := h.b.N; left > 0; left -= most {
		n := min(left, most)
		h.b.StopTimer()
		h.hold()
		h.b.StartTimer()
		turns(n)
		h.b.StopTimer()
		close(h.gate)
		await(n)
	}
	must(h.b, h.Close())
}

func benchmarkSubmit(b *testing.B, peer background.Peer) {
	pool := &held{Pool: newPool(b, peer, background.Workers, background.Queue), b: b}
	var tally *background.Tally
	submit := pool.Ready(func() { tally.Add() })
	pool.perBurst(burst, func(n int) {
		tally = background.NewTally(n)
		for range n {
			if err := submit(); err != nil {
				b.Fatal(err)
			}
		}
	}, func(int) { must(b, tally.Await()) })
}

func benchmarkBacklog(b *testing.B, peer background.Peer) {
	pool := &held{Pool: newPool(b, peer, background.Workers, background.Queue), b: b}
	shop := &background.Shop{}
	order := background.NewOrder(shop)
	var r recorder
	all := 0
	pool.perBurst(burst/2, func(n int) {
		for range n {
			r.record(b, func() error { return pool.HandOver(order) })
		}
	}, func(n int) {
		all += n
		must(b, shop.Await(all))
	})
	r.report(b)
}
