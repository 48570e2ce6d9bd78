package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
)

// worker works the tasks of a kind.
type worker[Tx any] struct {
	river.WorkerDefaults[args]

	queue *Queue[Tx]
	kind  *kind
}

// errShutdown is the cause of the context of a task that is interrupted.
var errShutdown = errors.New("durable: the queue is shutting down")

// Work implements [river.Worker]: it makes an attempt and has written what comes of it. To
// the engine it succeeds always.
func (w *worker[Tx]) Work(engine context.Context, job *river.Job[args]) error {
	a := w.queue.begin(job)
	wait, err := w.attempt(engine, job, a)
	took := time.Since(a.entered)
	canceled := err != nil && causeOf(engine) == background.ErrCanceled //nolint:errorlint // it is that one
	o := outcomeOf(a, job.JobRow, canceled, wait, err)
	w.queue.counts.add(o, a.entered.Sub(job.CreatedAt), took, err)
	w.queue.write(o)
	if job.Queue == Suspects {
		<-o.done // the next one may kill the process
	}
	return nil
}

// attempt makes an attempt.
func (w *worker[Tx]) attempt(engine context.Context, job *river.Job[args], a *attempt) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(engine))
	defer cancel(nil)
	stop := context.AfterFunc(engine, func() { cancel(causeOf(engine)) })
	defer stop()
	leave := w.kind.gate.enter(ctx)
	defer leave()
	a.entered = time.Now()
	s := background.StoredTask{
		Task: w.task(ctx, job), Values: job.Args.Values,
		Attempt: a.number, Progress: a.say, Began: beganAt(job.JobRow),
	}
	return w.queue.runner.Attempt(context.WithValue(ctx, currentKey{}, &current{job: job}), s)
}

// causeOf returns why the engine has ended an attempt.
func causeOf(engine context.Context) error {
	if errors.Is(context.Cause(engine), rivertype.ErrJobCancelledRemotely) {
		return background.ErrCanceled
	}
	return errShutdown
}

// task returns the task of a job. One that can't be read fails for good, and one that was
// cancelled or interrupted while it waited for its limit does nothing.
func (w *worker[Tx]) task(ctx context.Context, job *river.Job[args]) *background.Task {
	if err := context.Cause(ctx); err != nil {
		return background.Func(job.Kind, func(context.Context) error { return err })
	}
	err := job.Args.err
	if err == nil {
		var task *background.Task
		if task, err = w.kind.Restore(job.Args.record(job.Kind)); err == nil {
			return task
		}
	}
	return background.Func(job.Kind, func(context.Context) error {
		return background.Permanent(fmt.Errorf("durable: a stored task of kind %q can't be read: %w", job.Kind, err))
	})
}

// maxErrorText is how much of an error's text is stored, in bytes.
const maxErrorText = 4 << 10

// textOf returns the text of an error of the service's own, as databases can keep it.
func textOf(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("an error of type %T whose Error method panics", err)
		}
	}()
	text = err.Error()
	if len(text) > maxErrorText {
		text = text[:maxErrorText] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// maxStack is how much of a stack is stored, in bytes.
const maxStack = 16 << 10

// stackOf returns the stack of a panic, which an error is or wraps; "" for other errors. The
// methods of errors are the service's, and may panic.
func stackOf(err error) (stack string) {
	defer func() { _ = recover() }()
	p, ok := errors.AsType[*background.PanicError](err)
	if !ok || p == nil {
		return ""
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(p.Stack[:min(len(p.Stack), maxStack)]), "\x00", "\uFFFD"), "\uFFFD")
}

// failures counts the attempts that have failed, and not died with their process.
func failures(all []rivertype.AttemptError) (n int) {
	for _, e := range all {
		if e.Error != Died {
			n++
		}
	}
	return n
}

// attempt is one that is in hand in this process: it is under way, or what came of it is
// yet to be written.
type attempt struct {
	id     int64
	number int
	began  time.Time

	entered time.Time // when its limit let it

	mu       sync.Mutex // guards what follows
	progress any
	isNew    bool // it is yet to be stored
}

func (q *Queue[Tx]) begin(job *river.Job[args]) *attempt {
	a := &attempt{id: job.ID, number: 1 + failures(job.Errors), began: time.Now()}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attempts[a.id] = a
	return a
}

func (q *Queue[Tx]) end(a *attempt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.attempts[a.id] == a {
		delete(q.attempts, a.id)
	}
}

// say takes what the task says by background.Progress.
func (a *attempt) say(value any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.progress, a.isNew = value, true
}

// news returns what the task has said since it was asked.
func (a *attempt) news() (value any, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	value, ok, a.isNew = a.progress, a.isNew, false
	return value, ok
}
