package background_test

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velithon-go/velithon/background"
)

// BenchmarkScheduled adds a million tasks that are due at one moment, and runs them:
// what it costs to add one, the memory for it, and the time for each from that moment
// to the end of the last.
func BenchmarkScheduled(b *testing.B) {
	const million = 1_000_000
	for b.Loop() {
		runner := background.NewRunner(background.RunnerOptions{Queue: million})
		var ended atomic.Int64
		before := inUse()
		due := time.Now().Add(10 * time.Second)
		task := background.Func("due", func(context.Context) error { ended.Add(1); return nil }).At(due)
		begin := time.Now()
		for range million {
			if err := runner.Submit(b.Context(), task); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(begin).Nanoseconds())/million, "add-ns/task")
		b.ReportMetric(float64(inUse()-before)/million, "B/task")
		if time.Until(due) < 0 {
			b.Fatal("some were due before the last was added")
		}
		time.Sleep(time.Until(due))
		for ended.Load() < million {
			time.Sleep(time.Millisecond)
		}
		b.ReportMetric(float64(time.Since(due).Nanoseconds())/million, "fire-ns/task")
		if err := runner.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLook is what it costs to look inside while 65,536 tasks wait.
func BenchmarkLook(b *testing.B) {
	const waiting = 65_536
	runner := background.NewRunner(background.RunnerOptions{Workers: 1})
	release := make(chan struct{})
	work := background.Define("work", func(context.Context, int) error { <-release; return nil })
	for range 1 + waiting {
		if err := runner.Submit(b.Context(), work.Task(1)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("of=Stats", func(b *testing.B) {
		for b.Loop() {
			_ = runner.Stats()
		}
	})
	b.Run("of=Tasks", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for range runner.Tasks() {
				n++
			}
			if n < waiting {
				b.Fatal(n)
			}
		}
	})
	b.Run("of=Kinds", func(b *testing.B) {
		for b.Loop() {
			_ = runner.Kinds()
		}
	})
	close(release)
	if err := runner.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOthers floods ten workers with 10,000 tasks, and submits a quick one each
// millisecond: how long those wait, at the 99th percentile. Single tasks are served
// in their order, so a flood of those is in front of others; the rest take turns.
func BenchmarkOthers(b *testing.B) {
	sleep := func(context.Context, int) error { time.Sleep(time.Millisecond); return nil }
	fails := func(ctx context.Context, n int) error { // at once, and then holds a worker
		if background.Attempt(ctx) == 1 {
			return io.EOF
		}
		return sleep(ctx, n)
	}
	few := background.NewLimit(background.LimitOptions{Concurrent: 4})
	again := background.Retry{Attempts: 2, Backoff: 100 * time.Millisecond}
	collection := &background.Tasks{}
	collection.Add(slices.Repeat([]*background.Task{background.Define("slow", sleep).Task(1)}, 10_000)...)
	for _, flood := range []struct {
		name  string
		times int
		work  background.Work
	}{
		{"nothing", 0, nil},
		{"collection", 1, collection},
		{"limited", 10_000, background.Define("limited", sleep, few).Task(1)},
		{"retried", 10_000, background.Define("retried", fails, again).Task(1)},
		{"singles", 10_000, background.Define("single", sleep).Task(1)},
	} {
		b.Run("flood="+flood.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(othersWait(b, flood.times, flood.work).Nanoseconds()), "p99-wait-ns")
			}
		})
	}
}

// othersWait returns how long quick tasks wait while work was submitted so often.
func othersWait(b *testing.B, times int, work background.Work) time.Duration {
	b.Helper()
	runner := background.NewRunner(background.RunnerOptions{Workers: 10, Logger: slog.New(slog.DiscardHandler)})
	for range times {
		if err := runner.Submit(b.Context(), work); err != nil {
			b.Fatal(err)
		}
	}
	waits := make(chan time.Duration, 500)
	for range cap(waits) {
		time.Sleep(time.Millisecond)
		came := time.Now()
		if err := runner.Submit(b.Context(), background.Func("quick", func(context.Context) error {
			waits <- time.Since(came)
			return nil
		})); err != nil {
			b.Fatal(err)
		}
	}
	all := make([]time.Duration, cap(waits))
	for i := range all {
		all[i] = <-waits
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = runner.Shutdown(ctx) // what is left of the flood is not waited for
	slices.Sort(all)
	return all[len(all)*99/100]
}

// BenchmarkPauseKind is for how long nothing else starts when a kind is paused of which
// 65,536 tasks wait for a worker, for each of them.
func BenchmarkPauseKind(b *testing.B) {
	const waiting = 65_536
	kind := background.Define("kind", nothing)
	runner := background.NewRunner(background.RunnerOptions{Queue: waiting})
	for b.Loop() {
		runner.Pause()
		for i := range waiting {
			if err := runner.Submit(b.Context(), kind.Task(i)); err != nil {
				b.Fatal(err)
			}
		}
		runner.PauseKind("kind")
		began := time.Now()
		runner.Resume()
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/waiting, "ns/task")
		if runner.Stats().Limited != waiting {
			b.Fatal(runner.Stats())
		}
		runner.ResumeKind("kind")
		if err := runner.Idle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := runner.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFollowed is what a task of a kind costs from its submission to its end, and what
// it does if the kind has each followed.
func BenchmarkFollowed(b *testing.B) {
	for name, options := range map[string][]background.KindOption{"not": nil, "followed": {background.Followed()}} {
		b.Run(name, func(b *testing.B) {
			kind := background.Define("kind", nothing, options...)
			runner := background.NewRunner(background.RunnerOptions{Workers: 1, Keep: time.Nanosecond})
			b.ReportAllocs()
			for b.Loop() {
				if err := runner.Submit(b.Context(), kind.Task(1)); err != nil {
					b.Fatal(err)
				}
			}
			if err := runner.Shutdown(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
