//go:build !race

package background_test

import (
	"context"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

type mail struct{ to, subject, body string }

// TestTheSizeOfACollection, with all that its submission needs: the allocator's next size
// is 32 bytes more, and each response with tasks has one.
func TestTheSizeOfACollection(t *testing.T) {
	assert.LessOrEqual(t, reflect.TypeFor[background.Tasks]().Size(), uintptr(256))
}

func TestAllocations(t *testing.T) {
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
	assert.EqualValues(t, 3, testing.AllocsPerRun(1000, func() {
		handOver(t, r, send)
	}), "two tasks made and handed over while the worker is busy")
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))

	var two background.Tasks
	two.Add(kept, kept)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = two.Run(ctx) }), 3., "Tasks.Run")
}

// handOver does what a response with background work asks for.
func handOver(t *testing.T, r *background.Runner, send func(context.Context, mail) error) {
	t.Helper()
	tasks := &background.Tasks{}
	tasks.Add(background.NewTask(send, mail{"ada", "order", "thanks"}), background.NewTask(nothing, 1))
	v, err := r.Reserve(tasks)
	if err == nil {
		err = v.Start(context.Background(), nil)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestAllocationsOfWorkThatStarts: no more if the workers are free.
func TestAllocationsOfWorkThatStarts(t *testing.T) {
	send := func(context.Context, mail) error { return nil }
	r := background.NewRunner(background.RunnerOptions{})
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { handOver(t, r, send) }), 3.)
	require.NoError(t, r.Shutdown(t.Context()))
}

// TestMemoryOfFinishedWork: nothing is kept of it.
func TestMemoryOfFinishedWork(t *testing.T) {
	const n = 20_000
	send := func(context.Context, mail) error { return nil }
	r := background.NewRunner(background.RunnerOptions{})
	var made uint64
	all := func() {
		for range n {
			handOver(t, r, send)
		}
		for made += 2 * n; r.Stats().Succeeded < made; {
			runtime.Gosched()
		}
	}
	all()
	before := heap()
	all()
	assert.Less(t, (heap()-before)/n, 1., "bytes left of a collection")
	require.NoError(t, r.Shutdown(t.Context()))
}

// TestMemoryOfWaitingTasks keeps to what the documentation of Runner says.
func TestMemoryOfWaitingTasks(t *testing.T) {
	const n = 200_000
	r := background.NewRunner(background.RunnerOptions{Workers: 1, Queue: n})
	release := make(chan struct{})
	fill(t, r, 1, release)
	one, ctx := background.NewTask(nothing, 1), context.Background()
	empty := heap()
	for range n {
		_ = r.Submit(ctx, one)
	}
	assert.Less(t, (heap()-empty)/n, 36., "bytes for a task that waits")
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Less(t, (heap()-empty)/n, 1., "bytes left of it")
	runtime.KeepAlive(r)
}

// TestMemoryOfLooks at tasks: nothing is kept of them.
func TestMemoryOfLooks(t *testing.T) {
	const n = 10_000
	r := background.NewRunner(background.RunnerOptions{})
	before := heap()
	for range n {
		for range r.Tasks() {
			break
		}
	}
	assert.Less(t, (heap()-before)/n, 8., "bytes left of a look")
	require.NoError(t, r.Shutdown(t.Context()))
}

// heap returns how many bytes are in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// A store costs nothing where there is nothing to be stored.
func TestAllocationsWithAStore(t *testing.T) {
	other := background.Define("other", nothing)
	var allocations [2]float64
	for i, store := range []background.Store{nil, newShelf("send_letter")} {
		r := background.NewRunner(background.RunnerOptions{Workers: 1, Store: store})
		release := make(chan struct{})
		fill(t, r, 1, release)
		ctx := context.Background()
		allocations[i] = testing.AllocsPerRun(1000, func() {
			tasks := &background.Tasks{}
			tasks.Add(other.Task(1), other.Task(2))
			_ = r.Submit(ctx, tasks)
			_ = r.Submit(ctx, other.Task(3))
			handOver(t, r, func(context.Context, mail) error { return nil })
		})
		close(release)
		require.NoError(t, r.Shutdown(t.Context()))
	}
	assert.InDelta(t, allocations[0], allocations[1], 0)
}
