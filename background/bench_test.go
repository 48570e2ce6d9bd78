package background_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/velithon-go/velithon/background"
)

func nothing(context.Context, int) error { return nil }

// BenchmarkSubmit is the cost, to a request, of work that has to wait: on a
// runner whose only worker is busy, emptied every ten thousand tasks so that it
// is not the memory for a million that is measured.
func BenchmarkSubmit(b *testing.B) {
	b.ReportAllocs()
	ctx := context.Background()
	task := background.NewTask(nothing, 1)
	var runner *background.Runner
	var release chan struct{}
	drain := func() {
		close(release)
		if err := runner.Shutdown(ctx); err != nil {
			b.Fatal(err)
		}
	}
	for n := 0; b.Loop(); n++ {
		if n%10_000 == 0 {
			b.StopTimer()
			if runner != nil {
				drain()
			}
			runner = background.NewRunner(background.RunnerOptions{Workers: 1})
			release = make(chan struct{})
			block := func(context.Context) error { <-release; return nil }
			if err := runner.Submit(ctx, background.Func("block", block)); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		if err := runner.Submit(ctx, task); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	drain()
}

// BenchmarkSubmitAndRun is the cost of a task from Submit to its end, in a flow
// that the workers keep up with or that Block slows down.
func BenchmarkSubmitAndRun(b *testing.B) {
	for _, workers := range []int{1, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			runner := background.NewRunner(background.RunnerOptions{Workers: workers})
			task := background.NewTask(nothing, 1)
			for b.Loop() {
				if err := runner.Submit(ctx, task); err != nil {
					b.Fatal(err)
				}
			}
			if err := runner.Shutdown(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkHandOver is what a response with two tasks costs, from making them to
// their end, with workers that are free and with one that is not: then they wait.
func BenchmarkHandOver(b *testing.B) {
	for _, workers := range []int{1, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			runner := background.NewRunner(background.RunnerOptions{Workers: workers})
			for b.Loop() {
				tasks := &background.Tasks{}
				tasks.Add(background.NewTask(nothing, 1), background.NewTask(nothing, 2))
				v, err := runner.Reserve(tasks)
				if err == nil {
					err = v.Start(context.Background(), nil)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := runner.Shutdown(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkMillion runs a million tasks that were all waiting.
func BenchmarkMillion(b *testing.B) {
	b.ReportAllocs()
	const million = 1_000_000
	task := background.NewTask(nothing, 1)
	for b.Loop() {
		runner := background.NewRunner(background.RunnerOptions{Queue: million})
		for range million {
			if err := runner.Submit(b.Context(), task); err != nil {
				b.Fatal(err)
			}
		}
		if err := runner.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/task")
}

// BenchmarkTasksRun is a collection run on the spot.
func BenchmarkTasksRun(b *testing.B) {
	for _, n := range []int{2, 100} {
		for _, limit := range []int{1, 10} {
			b.Run(fmt.Sprintf("tasks=%d/concurrent=%d", n, limit), func(b *testing.B) {
				b.ReportAllocs()
				tasks := background.Tasks{MaxConcurrent: limit}
				for i := range n {
					tasks.Add(background.NewTask(nothing, i))
				}
				ctx := context.Background()
				for b.Loop() {
					if err := tasks.Run(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
