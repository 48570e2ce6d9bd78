//go:build unix

package background_test

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/velithon-go/velithon/benchmarks/background"
)

// benchmarkMemory has a million tasks wait, and looks at what the process takes
// then and when they have ended; and at what is kept of orders that were handed
// over and have ended.
func benchmarkMemory(b *testing.B, peer background.Peer) {
	const waiting, orders = 1_000_000, 100_000
	must(b, background.CheckPool(peer.NewPool(1, background.Queue)))
	for range b.N {
		debug.FreeOSMemory()
		used, resident := inUse(), residentMemory()
		pool := peer.NewPool(1, waiting)
		gate, tally := make(chan struct{}), background.NewTally(waiting)
		submit := pool.Ready(func() {
			<-gate
			tally.Add()
		})
		for range waiting {
			must(b, submit())
		}
		b.ReportMetric(float64(inUse()-used)/waiting, background.Waiting)
		b.ReportMetric(float64(residentMemory()-resident), background.Burst)
		close(gate)
		must(b, tally.Await())
		b.ReportMetric(float64(residentMemory()-resident), background.Left)
		debug.FreeOSMemory()
		b.ReportMetric(float64(residentMemory()-resident), background.Freed)

		shop := &background.Shop{}
		handOver := func(from, to int) {
			order := background.NewOrder(shop)
			for range to - from {
				must(b, pool.HandOver(order))
			}
			must(b, shop.Await(to))
		}
		handOver(0, orders)
		used = inUse()
		handOver(orders, 2*orders)
		b.ReportMetric(max(0, float64(inUse()-used)/orders), background.Finished)
		must(b, pool.Close())
	}
}

// inUse returns how many bytes are in use, goroutines' stacks included.
func inUse() int {
	runtime.GC()
	runtime.GC() // what sync.Pools and finalizers kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// residentMemory returns how many bytes of physical memory this process has; 0
// where there is no /proc.
func residentMemory() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	pages, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}
