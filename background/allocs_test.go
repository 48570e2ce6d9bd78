//go:build !race

package background_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestAllocations(t *testing.T) {
	type mail struct{ to, subject, body string }
	send := func(context.Context, mail) error { return nil }
	var kept *background.Task
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() {
		kept = background.NewTask(send, mail{"ada", "order", "thanks"})
	}), "NewTask")

	r := background.NewRunner(background.RunnerOptions{Workers: 1})
	release := make(chan struct{})
	fill(t, r, 1, release)
	ctx := context.Background()
	// A block of the queue is allocated for every 127 tasks, which rounds to 0.
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		_ = r.Submit(ctx, kept)
	}), "Submit")
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))

	var two background.Tasks
	two.Add(kept, kept)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = two.Run(ctx) }), 3., "Tasks.Run")
}

// TestMemoryOfWaitingTasks keeps to what the documentation of Runner says.
func TestMemoryOfWaitingTasks(t *testing.T) {
	const n = 200_000
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	r := background.NewRunner(background.RunnerOptions{Workers: 1, Queue: n})
	release := make(chan struct{})
	fill(t, r, 1, release)
	one, ctx := background.NewTask(nothing, 1), context.Background()
	empty := heap()
	for range n {
		_ = r.Submit(ctx, one)
	}
	assert.Less(t, (heap()-empty)/n, 48., "bytes for a task that waits")
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Less(t, (heap()-empty)/n, 1., "bytes left of it")
	runtime.KeepAlive(r)
}
