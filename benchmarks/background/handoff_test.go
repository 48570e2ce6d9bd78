//go:build unix

package background_test

import (
	"slices"
	"testing"
	"time"

	"github.com/velithon-go/velithon/benchmarks/background"
)

// A request keeps its processor busy for so long, and each of its two tasks for
// so long: with two processors the workers have enough to do, and keep up.
const (
	requestTime = 3 * time.Microsecond
	taskTime    = time.Microsecond
)

func benchmarkHandOff(b *testing.B, peer background.Peer) {
	pool := newPool(b, peer, background.Workers, background.Queue)
	shop := &background.Shop{Effort: taskTime}
	order := background.NewOrder(shop)
	r := recorder{times: make([]time.Duration, 0, b.N)}
	b.ResetTimer()
	for range b.N {
		r.record(b, func() error { return pool.HandOver(order) })
		background.Compute(requestTime)
	}
	b.StopTimer()
	must(b, shop.Await(b.N))
	must(b, pool.Close())
	must(b, shop.Await(b.N))
	r.report(b)
}

// recorder keeps the time of each of many calls.
type recorder struct{ times []time.Duration }

func (r *recorder) record(b *testing.B, call func() error) {
	begin := time.Now()
	err := call()
	r.times = append(r.times, time.Since(begin))
	if err != nil {
		b.Fatal(err)
	}
}

// report reports quantiles, less what it takes to look at the clock. That has
// to be done for each call, since the slow ones are looked for.
func (r *recorder) report(b *testing.B) {
	clock := clockTime()
	slices.Sort(r.times)
	var sum time.Duration
	for _, t := range r.times {
		sum += t
	}
	b.ReportMetric(float64(sum)/float64(len(r.times))-float64(clock), "ns/op")
	b.ReportMetric(float64(quantile(r.times, 50)-clock), "p50-ns")
	b.ReportMetric(float64(quantile(r.times, 99)-clock), "p99-ns")
}

// quantile returns the given percentile of sorted times.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

// clockTime returns what measuring nothing takes, mostly.
func clockTime() time.Duration {
	times := make([]time.Duration, 10_000)
	for i := range times {
		begin := time.Now()
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	return quantile(times, 50)
}
