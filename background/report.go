package background

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/velithon-go/velithon/background/internal/guard"
	"github.com/velithon-go/velithon/background/internal/wording"
)

// conclude decides what becomes of w's job, whose attempt failed, and tells those
// who want to know.
func (r *Runner) conclude(ctx context.Context, w *worker, err error) {
	attempt := w.job.attempt
	if !w.made {
		attempt--
	}
	if !w.made || w.job.task.handle().canceled() != nil { // it is final
		err = Permanent(err)
	}
	failure, wait := w.job.task.failed(ctx, attempt, w.job.until(), err)
	if w.job.span != nil {
		w.job.span.last = failure.Err
	}
	// Set before the hook runs, which may end the goroutine.
	w.outcome = outcome{
		failure:  failure,
		stopped:  r.base.Err() != nil,
		panicked: !failure.WillRetry && panicOf(failure.Err) != nil,
		wait:     wait,
	}
	if h := w.job.task.handle(); h != nil {
		h.fail(failure)
	}
	told := *failure         // the hook must not be able to change what was decided
	defer r.tell(ctx, &told) // also if the log handler ends the goroutine by runtime.Goexit
	r.logFailure(ctx, failure, wait)
}

// concludeExit concludes a job whose task called runtime.Goexit. If a hook did,
// after the task, the job is concluded already.
func (r *Runner) concludeExit(w *worker) {
	if w.job.task != nil && w.outcome.failure == nil {
		r.took(w)
		r.conclude(r.contextOf(w), w, errGoexit)
	}
}

func (r *Runner) logFailure(ctx context.Context, failure *TaskError, wait time.Duration) {
	level := slog.LevelError
	attrs := []slog.Attr{
		slog.String("task", failure.Name),
		slog.Int("attempt", failure.Attempt),
		slog.Any("error", failure.Err),
	}
	if failure.WillRetry {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Duration("retry_in", wait))
	}
	if p := panicOf(failure.Err); p != nil {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	r.hooks.Log(ctx, level, "background task failed", attrs...)
}

// followUp is what is left to do, without the mutex, when a task has ended or
// was given up.
type followUp struct {
	ctx    context.Context         // of the tasks
	lost   []*Task                 // tasks that will not run, or not again
	why    error                   // ErrSkipped or ErrAbandoned
	cancel context.CancelCauseFunc // ends ctx; may be nil
	cause  error                   // for cancel
	done   func()                  // to be called; may be nil
}

func (r *Runner) follow(todo *followUp) {
	endHandles(todo)
	// Deferred, so that not even a log handler that ends the goroutine can keep
	// the hook from being told, and done from being called.
	defer r.hooks.Call(todo.ctx, "done", todo.done)
	defer guard.Each(todo.lost, func(t *Task) { r.tell(todo.ctx, todo.failure(t)) })
	if todo.cancel != nil {
		todo.cancel(todo.cause)
	}
	if len(todo.lost) > 0 {
		r.logLost(todo)
	}
}

// failure returns what is told of a lost task: each time another one, which a hook may
// change.
func (todo *followUp) failure(t *Task) *TaskError {
	return &TaskError{Name: t.Name(), Task: t.original(), Err: todo.why}
}

// endHandles has the handles of lost tasks end before log and hooks are told, which
// may take long.
func endHandles(todo *followUp) {
	for _, t := range todo.lost {
		if h := t.handle(); h != nil {
			h.set(GivenUp, todo.failure(t))
		}
	}
}

// logLost writes one record for all tasks that were lost together.
func (r *Runner) logLost(todo *followUp) {
	names, more := wording.Summary(todo.lost)
	attrs := []slog.Attr{slog.Any("tasks", names)}
	if more > 0 {
		attrs = append(attrs, slog.Int("more", more))
	}
	r.hooks.Log(todo.ctx, slog.LevelError, todo.why.Error(), attrs...)
}

// Summary names the tasks of some work for a log record: their first 50 different
// names, each with how often it is there if that is more than once, and how many
// tasks have other names. [Work] of the user's own kind has the name of its
// type, such as "*shop.Report". Work that is nil has none.
func Summary(work Work) (names []string, more int) {
	switch work := work.(type) {
	case nil:
	case *Tasks:
		if work != nil {
			return wording.Summary(work.tasks)
		}
	case *Handle:
		if work != nil {
			return []string{work.original.Name()}, 0
		}
	case *Task:
		if work != nil {
			return []string{work.Name()}, 0
		}
	default:
		return []string{fmt.Sprintf("%T", work)}, 0
	}
	return nil, 0
}

// tell calls the hook for failures.
func (r *Runner) tell(ctx context.Context, failure *TaskError) {
	if hook := r.options.OnFailure; hook != nil {
		r.hooks.Call(ctx, "OnFailure", func() { hook(ctx, failure) })
	}
}
