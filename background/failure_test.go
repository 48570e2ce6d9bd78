package background_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

func TestErrorTexts(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	firstTen := `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9" and 90 more`
	inner := &background.TaskError{Name: "inner", Attempt: 1, Err: io.EOF}
	for want, err := range map[string]error{
		"background: queue full":    background.ErrFull,
		"background: runner closed": background.ErrClosed,

		`background: task "a": EOF`:                    &background.TaskError{Name: "a", Attempt: 1, Err: io.EOF},
		`background: task "a", attempt 3: EOF`:         &background.TaskError{Name: "a", Attempt: 3, Err: io.EOF},
		`background: task "a": task "inner": EOF`:      &background.TaskError{Name: "a", Attempt: 1, Err: inner},
		`background: task "a": unknown error`:          &background.TaskError{Name: "a"},
		`background: task "a": panic: boom`:            &background.TaskError{Name: "a", Err: &background.PanicError{Value: "boom"}},
		"panic: 42":                                    &background.PanicError{Value: 42},
		`background: 1 task never ran: "a"`:            &background.SkippedError{Names: []string{"a"}},
		"background: 100 tasks never ran: " + firstTen: &background.SkippedError{Names: many},

		`background: drain ended early: context canceled; 1 still running: "a"; 2 given up: "b", "c"`: &background.DrainError{
			Running: []string{"a"}, Waiting: []string{"b", "c"}, Err: context.Canceled,
		},
		"background: drain ended early: context canceled; 100 given up: " + firstTen: &background.DrainError{
			Waiting: many, Err: context.Canceled,
		},
		"background: drain ended early: context canceled; 1 reservation not started":  &background.DrainError{Reserved: 1, Err: context.Canceled},
		"background: drain ended early: context canceled; 2 reservations not started": &background.DrainError{Reserved: 2, Err: context.Canceled},
	} {
		assert.EqualError(t, err, want)
	}
}

func TestErrorsUnwrap(t *testing.T) {
	assert.ErrorIs(t, &background.TaskError{Err: io.EOF}, io.EOF)
	assert.ErrorIs(t, &background.PanicError{Value: io.EOF}, io.EOF)
	assert.NoError(t, errors.Unwrap(&background.PanicError{Value: "EOF"}))
	assert.ErrorIs(t, &background.SkippedError{Err: io.EOF}, io.EOF)
	assert.ErrorIs(t, &background.DrainError{Err: io.EOF}, io.EOF)
}

type requestID struct{}

// journal is where a runner's log and failures go.
type journal struct {
	log bytes.Buffer // written by one record at a time

	mu       sync.Mutex
	failures []background.TaskError
}

func (j *journal) options() background.RunnerOptions {
	return background.RunnerOptions{
		Workers: 1,
		Logger:  slog.New(slog.NewJSONHandler(&j.log, nil)),
		LogAttrs: func(ctx context.Context) []slog.Attr {
			return []slog.Attr{slog.Any("request", ctx.Value(requestID{}))}
		},
		OnFailure: func(_ context.Context, failure *background.TaskError) {
			j.mu.Lock()
			defer j.mu.Unlock()
			told := *failure
			if told.Task.Name() == told.Name { // else it stays, and is seen
				told.Task = nil
			}
			j.failures = append(j.failures, told)
		},
	}
}

// records returns the log without times and waits, which differ.
func (j *journal) records(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for d := json.NewDecoder(&j.log); d.More(); {
		var record map[string]any
		require.NoError(t, d.Decode(&record))
		delete(record, "time")
		delete(record, "retry_in")
		all = append(all, record)
	}
	return all
}

func request(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestID{}, id)
}

func TestEachFailedAttemptIsReported(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(request(t.Context(), "7"), failing("mail", io.EOF).WithRetry(background.Retry{Attempts: 2})))
		require.NoError(t, r.Submit(request(t.Context(), "8"), report{io.EOF}))
		pass(time.Hour)
		assert.Equal(t, []background.TaskError{
			{Name: "mail", Attempt: 1, WillRetry: true, Err: io.EOF},
			{Name: "background_test.report", Attempt: 1, Err: io.EOF},
			{Name: "mail", Attempt: 2, Err: io.EOF},
		}, j.failures)
		const message = "background task failed"
		assert.Equal(t, []map[string]any{
			{"level": "WARN", "msg": message, "task": "mail", "attempt": 1., "error": "EOF", "request": "7"},
			{"level": "ERROR", "msg": message, "task": "background_test.report", "attempt": 1., "error": "EOF", "request": "8"},
			{"level": "ERROR", "msg": message, "task": "mail", "attempt": 2., "error": "EOF", "request": "7"},
		}, j.records(t))
	})
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(t.Context(), task("careless", func() { panic("boom") })))
		synctest.Wait()
		records := j.records(t)
		require.Len(t, records, 1)
		assert.Equal(t, "panic: boom", records[0]["error"])
		assert.Contains(t, records[0]["stack"], "TestPanicIsLoggedWithItsStack")
	})
}

func TestSkippedTasksAreLogged(t *testing.T) {
	var j journal
	inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
		tasks := collection(1, failing("a", io.EOF), task("b", t.FailNow), task("c", t.FailNow))
		tasks.StopOnError = true
		require.NoError(t, r.Submit(request(t.Context(), "7"), tasks))
		synctest.Wait()
		records := j.records(t)
		require.Len(t, records, 2)
		assert.Equal(t, map[string]any{
			"level": "ERROR", "msg": "background: task skipped after a failure", "tasks": []any{"b", "c"}, "request": "7",
		}, records[1])
		assert.Equal(t, []background.TaskError{
			{Name: "a", Attempt: 1, Err: io.EOF},
			{Name: "b", Err: background.ErrSkipped},
			{Name: "c", Err: background.ErrSkipped},
		}, j.failures)
	})
}

func TestAbandonedTasksAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		r := background.NewRunner(j.options())
		release := make(chan struct{})
		fill(t, r, 1, release)
		require.NoError(t, r.Submit(request(t.Context(), "7"), task("a", t.FailNow)))
		require.NoError(t, r.Submit(request(t.Context(), "8"), collection(1, task("b", t.FailNow), task("c", t.FailNow))))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, r.Shutdown(ctx))
		const message = "background: task given up by a shutdown"
		assert.Equal(t, []map[string]any{
			{"level": "ERROR", "msg": message, "tasks": []any{"a"}, "request": "7"},
			{"level": "ERROR", "msg": message, "tasks": []any{"b", "c"}, "request": "8"},
		}, j.records(t))
		assert.Equal(t, []background.TaskError{
			{Name: "a", Err: background.ErrAbandoned},
			{Name: "b", Err: background.ErrAbandoned},
			{Name: "c", Err: background.ErrAbandoned},
		}, j.failures)
		close(release)
		require.Error(t, r.Shutdown(t.Context()))
	})
}

// TestRecordsOfManyTasksAreBounded: tasks of one name are counted, and of many
// names the first are told.
func TestRecordsOfManyTasksAreBounded(t *testing.T) {
	const n = 100_000
	give := func(t *testing.T, name func(int) string) map[string]any {
		t.Helper()
		var record map[string]any
		synctest.Test(t, func(t *testing.T) {
			var j journal
			options := j.options()
			options.OnFailure = nil
			r := background.NewRunner(options)
			release := make(chan struct{})
			fill(t, r, 1, release)
			all := collection(1)
			for i := range n {
				all.Add(task(name(i), t.FailNow))
			}
			require.NoError(t, r.Submit(t.Context(), all))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			drain, ok := errors.AsType[*background.DrainError](r.Shutdown(ctx))
			require.True(t, ok)
			assert.Len(t, drain.Waiting, n, "the error has all")
			assert.Less(t, j.log.Len(), 4096)
			record = j.records(t)[0]
			close(release)
			require.Error(t, r.Shutdown(t.Context()))
		})
		return record
	}
	record := give(t, func(int) string { return "process item" })
	assert.Equal(t, []any{"process item (100000 times)"}, record["tasks"])
	assert.NotContains(t, record, "more")

	record = give(t, func(i int) string { return fmt.Sprint("item ", i/2) })
	tasks := record["tasks"].([]any)
	assert.Len(t, tasks, 50)
	assert.Equal(t, "item 0 (2 times)", tasks[0])
	assert.EqualValues(t, n-100, record["more"])
}

// TestSlowLogsHoldUpNoShutdown beyond its time, and all is told in the end.
func TestSlowLogsHoldUpNoShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int64
		slow := slog.New(handler{slog.DiscardHandler, func() { time.Sleep(10 * time.Millisecond); told.Add(1) }})
		r := background.NewRunner(background.RunnerOptions{Workers: 1, Logger: slow})
		require.NoError(t, r.Submit(t.Context(), obedient("obedient")))
		for range 1000 {
			require.NoError(t, r.Submit(t.Context(), task("waits", t.FailNow)))
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		drain, ok := errors.AsType[*background.DrainError](r.Shutdown(ctx))
		require.True(t, ok)
		assert.Equal(t, 2*time.Second, time.Since(start))
		assert.Len(t, drain.Waiting, 1000)
		require.Error(t, r.Shutdown(t.Context())) // waits for the rest
		assert.EqualValues(t, 1001, told.Load())
	})
}

// handler is a log handler that calls a function of the user.
type handler struct {
	slog.Handler
	f func()
}

func (h handler) Enabled(context.Context, slog.Level) bool  { return true }
func (h handler) Handle(context.Context, slog.Record) error { h.f(); return nil }

func TestHooksMayPanic(t *testing.T) {
	for name, f := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			for hook, options := range map[string]background.RunnerOptions{
				"OnFailure": {OnFailure: func(context.Context, *background.TaskError) { f() }},
				"LogAttrs":  {LogAttrs: func(context.Context) []slog.Attr { f(); return nil }},
				"Logger":    {Logger: slog.New(handler{slog.DiscardHandler, f})},
			} {
				t.Run(hook, func(t *testing.T) {
					inBubble(t, options, func(t *testing.T, r *background.Runner) {
						stopped := collection(1, failing("a", io.EOF), task("b", t.FailNow))
						stopped.StopOnError = true
						require.NoError(t, r.Submit(t.Context(), stopped))
						require.NoError(t, r.Submit(t.Context(), failing("again", io.EOF).WithRetry(background.Retry{Attempts: 2})))
						require.NoError(t, r.Submit(t.Context(), task("exit", runtime.Goexit)))
						pass(time.Hour)
						assert.Equal(t, background.Stats{Accepted: 4, Failed: 3, Skipped: 1, Retried: 1}, r.Stats())
					})
				})
			}
		})
	}
}

// TestFailureOvertaken has the runner or the collection give up after it was
// decided to try a task again, and before that was booked: the hook takes long.
func TestFailureOvertaken(t *testing.T) {
	slow := func(_ context.Context, failure *background.TaskError) {
		if failure.WillRetry {
			time.Sleep(time.Minute)
		}
	}
	flaky := func() *background.Task {
		return failing("flaky", io.EOF).WithRetry(background.Retry{Attempts: 2})
	}
	t.Run("skipped", func(t *testing.T) {
		var j journal
		options := j.options()
		options.Workers, options.OnFailure = 2, slow
		inBubble(t, options, func(t *testing.T, r *background.Runner) {
			fails := background.Func("fails", func(context.Context) error {
				time.Sleep(time.Second)
				return io.EOF
			})
			stopped := collection(2, flaky(), fails)
			stopped.StopOnError = true
			require.NoError(t, r.Submit(t.Context(), stopped))
			pass(time.Hour)
			assert.Equal(t, background.Stats{Accepted: 2, Failed: 1, Skipped: 1}, r.Stats())
			records := j.records(t)
			assert.Equal(t, []any{"flaky"}, records[len(records)-1]["tasks"])
		})
	})
	t.Run("given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := background.NewRunner(background.RunnerOptions{OnFailure: slow})
			require.NoError(t, r.Submit(t.Context(), flaky()))
			require.NoError(t, r.Submit(t.Context(), collection(1, flaky())))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.EqualError(t, r.Shutdown(ctx),
				`background: drain ended early: context deadline exceeded; 2 still running: "flaky", "flaky"`)
			require.EqualError(t, r.Shutdown(t.Context()),
				`background: drain ended early: context deadline exceeded; 2 given up: "flaky", "flaky"`)
			assert.Equal(t, background.Stats{Accepted: 2, Abandoned: 2}, r.Stats())
		})
	})
}

func TestHookPanicIsLogged(t *testing.T) {
	var j journal
	options := j.options()
	options.OnFailure = func(_ context.Context, failure *background.TaskError) {
		failure.WillRetry = true // the hook's own copy
		panic("boom")
	}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		require.NoError(t, r.Submit(t.Context(), failing("mail", io.EOF)))
		pass(time.Hour)
		records := j.records(t)
		require.Len(t, records, 2)
		assert.Equal(t, "background hook panicked", records[1]["msg"])
		assert.Equal(t, "OnFailure", records[1]["hook"])
		assert.Equal(t, "boom", records[1]["panic"])
		assert.Contains(t, records[1]["stack"], "TestHookPanicIsLogged")
		assert.EqualValues(t, 1, r.Stats().Failed)
	})
}
