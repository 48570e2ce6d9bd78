package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestTasksCollect(t *testing.T) {
	var tasks background.Tasks
	assert.Zero(t, tasks.Len())
	require.NoError(t, tasks.Run(t.Context()))

	tasks.Add(task("a", func() {}), task("b", func() {}))
	tasks.Add()
	assert.Equal(t, 2, tasks.Len())
	tasks.Clear()
	assert.Zero(t, tasks.Len())

	var none *background.Tasks
	assert.Zero(t, none.Len())
	require.NoError(t, none.Run(t.Context()))
	none.Clear()
	assert.Panics(t, func() { none.Add() })
	require.NoError(t, (&background.Tasks{MaxConcurrent: -1}).Run(t.Context()), "there is nothing to run")
}

func TestTasksMistakes(t *testing.T) {
	var tasks background.Tasks
	assert.PanicsWithValue(t, "background: Tasks.Add needs tasks, argument 2 is nil", func() {
		tasks.Add(task("a", func() {}), nil)
	})
	assert.Zero(t, tasks.Len(), "all or none")
	assert.PanicsWithValue(t, "background: the zero Task has no function: make tasks by a Kind, NewTask or Func", func() {
		tasks.Add(new(background.Task))
	})
	assert.PanicsWithValue(t, "background: Tasks.MaxConcurrent is -1, it cannot be negative", func() {
		_ = collection(-1, task("a", func() {})).Run(t.Context())
	})
}

func TestTasksRunAtMostMaxConcurrent(t *testing.T) {
	for _, c := range []struct{ limit, tasks, want int }{
		{0, 30, 10},
		{1, 5, 1},
		{3, 10, 3},
		{10, 4, 4},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.limit, c.tasks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var running, most, ran int
				add := func(n int) {
					mu.Lock()
					defer mu.Unlock()
					running += n
					most = max(most, running)
					ran += max(n, 0)
				}
				tasks := collection(c.limit)
				for range c.tasks {
					tasks.Add(task("count", func() {
						add(1)
						time.Sleep(time.Second) // all that may run are running
						add(-1)
					}))
				}
				require.NoError(t, tasks.Run(t.Context()))
				assert.Equal(t, c.tasks, ran)
				assert.Equal(t, c.want, most)
			})
		})
	}
}

func TestTasksInOrder(t *testing.T) {
	var order []int // the race detector objects if this is another goroutine's
	tasks := collection(1)
	for i := range 100 {
		tasks.Add(task("note", func() { order = append(order, i) }))
	}
	require.NoError(t, tasks.Run(t.Context()))
	for i := range 100 {
		require.Equal(t, i, order[i])
	}
}

func TestTasksJoinFailuresInTaskOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := background.Func("late", func(context.Context) error {
			time.Sleep(time.Hour)
			return io.EOF
		})
		ran := false
		err := collection(0, late, failing("early", fs.ErrExist), task("ok", func() { ran = true })).Run(t.Context())
		require.EqualError(t, err, "background: task \"late\": EOF\nbackground: task \"early\": file already exists")
		assert.ErrorIs(t, err, io.EOF)
		assert.ErrorIs(t, err, fs.ErrExist)
		assert.True(t, ran)
	})
}

func TestTasksStopOnErrorInOrder(t *testing.T) {
	tasks := collection(1, task("a", func() {}), failing("b", io.EOF), task("c", t.FailNow), task("d", t.FailNow))
	tasks.StopOnError = true
	err := tasks.Run(t.Context())
	require.EqualError(t, err, "background: task \"b\": EOF\nbackground: 2 tasks never ran: \"c\", \"d\"")
	skipped, ok := errors.AsType[*background.SkippedError](err)
	require.True(t, ok)
	assert.Equal(t, &background.SkippedError{Names: []string{"c", "d"}}, skipped)
}

func TestTasksStopOnErrorCancelsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		stopped := false
		running := background.Func("running", func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			time.Sleep(time.Minute)
			stopped = true
			return nil
		})
		fails := background.Func("fails", func(context.Context) error {
			time.Sleep(time.Second)
			return io.EOF
		})
		tasks := collection(2, running, fails, task("never", t.FailNow))
		tasks.StopOnError = true
		err := tasks.Run(t.Context())
		require.EqualError(t, err, "background: task \"fails\": EOF\nbackground: 1 task never ran: \"never\"")
		assert.True(t, stopped, "Run waits for the tasks that run")
		assert.ErrorIs(t, cause, io.EOF)
	})
}

func TestTasksContextDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(io.ErrClosedPipe) })
		err := collection(2, obedient("a"), obedient("b"), task("c", t.FailNow)).Run(ctx)
		require.EqualError(t, err, "background: task \"a\": io: read/write on closed pipe\n"+
			"background: task \"b\": io: read/write on closed pipe\n"+
			"background: 1 task never ran: \"c\": io: read/write on closed pipe")

		err = collection(2, task("a", t.FailNow), task("b", t.FailNow)).Run(ctx)
		require.EqualError(t, err, `background: 2 tasks never ran: "a", "b": io: read/write on closed pipe`)
		require.ErrorIs(t, err, io.ErrClosedPipe)
	})
}

func TestTasksContextDoneAfterTheLastStarted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, collection(1, task("a", cancel)).Run(ctx), "all tasks ran and none failed")
}

func TestTasksGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The caller's goroutine takes the first task, and another the second.
		first := background.Func("first", func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		})
		ran := false
		err := collection(2, first, task("exit", runtime.Goexit), task("third", func() { ran = true })).Run(t.Context())
		require.EqualError(t, err, `background: task "exit": task called runtime.Goexit`)
		assert.True(t, ran)
	})
}

func TestTasksGoexitOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		tasks := collection(2,
			background.Func("exit", func(context.Context) error {
				time.Sleep(time.Second)
				runtime.Goexit()
				return nil
			}),
			task("other", func() { time.Sleep(time.Minute); ended.Store(true) }))
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() { assert.True(t, ended.Load(), "no task outlives Run") }()
			_ = tasks.Run(t.Context())
		})
		wg.Wait()
	})
}

// TestTasksEachOnce runs many collections that stop at a random task, to check
// that each task either runs once or is skipped.
func TestTasksEachOnce(t *testing.T) {
	for i := range 300 {
		n, concurrent, stop := 1+i%50, 1+i%7, i%60
		ran := make([]atomic.Int64, n)
		tasks := &background.Tasks{MaxConcurrent: concurrent, StopOnError: true}
		for k := range n {
			tasks.Add(background.Func(fmt.Sprint(k), func(context.Context) error {
				ran[k].Add(1)
				if k == stop {
					return io.EOF
				}
				return nil
			}))
		}
		err := tasks.Run(t.Context())
		started := 0
		for k := range ran {
			require.LessOrEqual(t, ran[k].Load(), int64(1))
			started += int(ran[k].Load())
		}
		skipped, _ := errors.AsType[*background.SkippedError](err)
		if skipped != nil {
			started += len(skipped.Names)
		}
		require.Equal(t, n, started)
		require.Equal(t, stop < n, err != nil)
	}
}
