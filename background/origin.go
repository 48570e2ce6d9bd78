package background

import (
	"context"
	"slices"
	"sync"
)

// An Origin is what stored tasks come from: a request, or the attempt at another stored
// task. It is the value of its context for the key [OriginKey]. It is safe for concurrent
// use.
type Origin struct {
	// Values are kept with the tasks, and are those of the Origin of their attempts: the
	// id of a request under [RequestID], its route under [RequestRoute], a trace under
	// "traceparent" and "tracestate". The map does not change.
	Values map[string]string

	mu     sync.Mutex // guards what follows
	stored []storedTask
}

// Keys of a request's id, and of its route such as "POST /orders/{id}", among the values of
// an [Origin].
const (
	RequestID    = "request_id"
	RequestRoute = "route"
)

// OriginKey is the key of a [*Origin] among the values of a context.
type OriginKey struct{}

// OriginOf returns the origin of the tasks that are stored with ctx; nil if there is none.
func OriginOf(ctx context.Context) *Origin {
	o, _ := ctx.Value(OriginKey{}).(*Origin)
	return o
}

// A storedTask is one that was stored in a transaction.
type storedTask struct {
	task   *Task
	exists func(context.Context) (bool, error)
}

// Note says that a task was stored in a transaction: a response or a Submit of the same
// origin does not store it once more. Should the transaction be rolled back, exists
// reports false, and the task is stored after all. Only the last note of a task counts.
func (o *Origin) Note(task *Task, exists func(context.Context) (bool, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stored = slices.DeleteFunc(o.stored, func(s storedTask) bool { return s.task == task })
	o.stored = append(o.stored, storedTask{task, exists})
}

// noted returns the note of a task.
func (o *Origin) noted(task *Task) (s storedTask, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.stored {
		if s.task == task {
			return s, true
		}
	}
	return s, false
}

// unstored returns those of the tasks that are not stored yet.
func (o *Origin) unstored(ctx context.Context, tasks []*Task) (rest []*Task, err error) {
	for _, t := range tasks {
		exists := false
		if s, ok := o.noted(t); ok {
			if exists, err = s.exists(ctx); err != nil {
				return nil, err
			}
		}
		if !exists {
			rest = append(rest, t)
		}
	}
	return rest, nil
}
