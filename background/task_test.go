package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

type shop struct{ sent []string }

func (s *shop) sendMail(_ context.Context, to string) error {
	s.sent = append(s.sent, to)
	return nil
}

func generic[T any](context.Context, T) error { return nil }

func TestTaskCallsItsFunction(t *testing.T) {
	var s shop
	require.NoError(t, background.NewTask(s.sendMail, "ada").Run(t.Context()))
	require.NoError(t, background.Func("again", func(ctx context.Context) error {
		return s.sendMail(ctx, "grace")
	}).Run(t.Context()))
	assert.Equal(t, []string{"ada", "grace"}, s.sent)
}

func TestTaskName(t *testing.T) {
	var s shop
	for _, c := range []struct {
		task *background.Task
		want string
	}{
		{background.NewTask(s.sendMail, ""), "background_test.(*shop).sendMail"},
		{background.NewTask(nothing, 1), "background_test.nothing"},
		{background.NewTask(generic[int], 1), "background_test.generic[...]"},
		{background.NewTask(nothing, 1).Named("rename"), "rename"},
		{background.Func("file", argless), "file"},
		{background.Func("", argless), "background_test.argless"},
		{background.NewTask(nothing, 1).Named("x").Named(""), "background_test.nothing"},
	} {
		assert.Equal(t, c.want, c.task.Name())
	}
}

func argless(context.Context) error { return nil }

func TestTaskMistakes(t *testing.T) {
	good := func() *background.Task { return background.NewTask(nothing, 1) }
	for want, mistake := range map[string]func(){
		"background: NewTask needs a function, got nil":                                                        func() { background.NewTask[int](nil, 1) },
		`background: Func "mail" needs a function, got nil`:                                                    func() { background.Func("mail", nil) },
		`background: WithTimeout(-1s) of task "background_test.nothing": a timeout cannot be negative`:         func() { good().WithTimeout(-time.Second) },
		`background: WithRetry of task "background_test.nothing": Retry.Attempts is -1, it cannot be negative`: func() { good().WithRetry(background.Retry{Attempts: -1}) },
		`background: WithRetry of task "background_test.nothing": Retry.Backoff is -1s, it cannot be negative`: func() { good().WithRetry(background.Retry{Backoff: -time.Second}) },
		`background: WithRetry of task "background_test.nothing": Retry.MaxBackoff is -1s, it cannot be negative`: func() {
			good().WithRetry(background.Retry{MaxBackoff: -time.Second})
		},
		`background: WithRetry of task "background_test.nothing": Retry.MaxElapsed is -1s, it cannot be negative`: func() {
			good().WithRetry(background.Retry{MaxElapsed: -time.Second})
		},
	} {
		assert.PanicsWithValue(t, want, mistake)
	}
}

func TestTaskFailure(t *testing.T) {
	task := failing("read", io.EOF)
	err := task.Run(t.Context())
	failure, ok := errors.AsType[*background.TaskError](err)
	require.True(t, ok)
	assert.Equal(t, &background.TaskError{Name: "read", Task: task, Attempt: 1, Err: io.EOF}, failure)
	assert.ErrorIs(t, err, io.EOF)
}

func TestTaskPanic(t *testing.T) {
	attempts := 0
	err := task("careless", func() { attempts++; panic(io.EOF) }).
		WithRetry(background.Retry{Attempts: 3}).
		Run(t.Context())
	require.EqualError(t, err, `background: task "careless": panic: EOF`)
	assert.Equal(t, 1, attempts, "a panic is not retried")
	assert.ErrorIs(t, err, io.EOF)
	failure, ok := errors.AsType[*background.PanicError](err)
	require.True(t, ok)
	assert.Equal(t, io.EOF, failure.Value)
	assert.Contains(t, string(failure.Stack), "TestTaskPanic")
}

func TestTaskTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := obedient("slow").WithTimeout(time.Minute).Run(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestTaskTimeoutIsPerAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		err := background.Func("slow", func(ctx context.Context) error {
			if attempts++; attempts == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}).WithTimeout(time.Second).WithRetry(background.Retry{Attempts: 3}).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, attempts)
	})
}

func TestTaskGoexitEndsItsGoroutineOnly(t *testing.T) {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = task("exit", runtime.Goexit).Run(context.Background())
		returned = true
	}()
	<-done
	assert.False(t, returned)
}

func TestSummary(t *testing.T) {
	one := background.Func("one", func(context.Context) error { return nil })
	tasks := new(background.Tasks)
	tasks.Add(one, background.Func("two", one.Run), one)
	many := new(background.Tasks)
	for i := range 60 {
		many.Add(background.Func(fmt.Sprintf("task %d", i), one.Run))
	}
	for _, test := range []struct {
		work  background.Work
		names []string
	}{
		{work: one, names: []string{"one"}},
		{work: tasks, names: []string{"one (2 times)", "two"}},
		{work: report{}, names: []string{"background_test.report"}},
		{work: nil},
		{work: (*background.Task)(nil)},
		{work: (*background.Tasks)(nil)},
		{work: (*background.Handle)(nil)},
		{work: new(background.Handle)},
	} {
		names, more := background.Summary(test.work)
		assert.Equal(t, test.names, names)
		assert.Zero(t, more)
	}
	names, more := background.Summary(many)
	assert.Len(t, names, 50)
	assert.Equal(t, "task 49", names[49])
	assert.Equal(t, 10, more)
}

// TestTaskNeverChanges: what looks like a setter returns a copy, so that one task
// may be the pattern for others.
func TestTaskNeverChanges(t *testing.T) {
	attempts := 0
	pattern := background.Func("pattern", func(context.Context) error { attempts++; return io.EOF })
	twice := pattern.Named("twice").WithRetry(background.Retry{Attempts: 2, Backoff: time.Nanosecond})
	late := pattern.WithTimeout(time.Nanosecond)
	assert.Equal(t, "pattern", pattern.Name())
	assert.Equal(t, "twice", twice.Name())
	assert.Equal(t, "pattern", late.Name())

	require.ErrorIs(t, pattern.Run(t.Context()), io.EOF)
	assert.Equal(t, 1, attempts)
	require.ErrorIs(t, late.Run(t.Context()), io.EOF)
	assert.Equal(t, 2, attempts)
	require.ErrorIs(t, twice.Run(t.Context()), io.EOF)
	assert.Equal(t, 4, attempts)

	// The copies of a task with an argument have it, too.
	var got []int
	note := background.NewTask(func(_ context.Context, n int) error { got = append(got, n); return nil }, 7)
	require.NoError(t, note.Named("copy").WithTimeout(time.Minute).Run(t.Context()))
	require.NoError(t, note.Run(t.Context()))
	assert.Equal(t, []int{7, 7}, got)
}
