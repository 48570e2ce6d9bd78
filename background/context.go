package background

import "context"

// taskContext is what a task runs with: the values of the context it was
// submitted with, such as a request id, and the lifetime of the runner. The
// request's own end must not stop a task that was promised to outlive it.
type taskContext struct {
	context.Context // the runner's, for Deadline, Done and Err
	values          context.Context
}

// Value asks the runner's context first. It holds two values of its own. One is
// the runner. By the other package context finds the cancelCtx that a Done channel
// belongs to: were the request's found instead, whose channel is a different
// one, each context derived from this one would cost a goroutine to watch it.
func (c *taskContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.values.Value(key)
}
