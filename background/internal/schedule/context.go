package schedule

import "context"

// Context is what a task runs with: the values of the context it was submitted with,
// such as a request id, and the lifetime of its runner. The request's own end must not
// stop a task that was promised to outlive it.
type Context struct {
	context.Context // the runner's, for Deadline, Done and Err
	Values          context.Context
}

// Key is the type of the keys of a runner's own values. They are looked for in the
// runner's context only: Values may be that of another task, which has submitted this one.
type Key int

// ValuesKey is the key of a Context's Values, which don't keep the rest of it: that of a
// group's tasks is a part of the group.
const ValuesKey Key = -1

// Value asks the runner's context first. By that package context finds the cancelCtx
// that a Done channel belongs to: were the request's found instead, whose channel is a
// different one, each context derived from this one would cost a goroutine to watch it.
func (c *Context) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	if own, ok := key.(Key); ok {
		if own == ValuesKey {
			return c.Values
		}
		return nil
	}
	return c.Values.Value(key)
}

// context returns what the task runs with, made from the context of all tasks.
func (s *Single[T]) context(base context.Context) context.Context {
	if s.Values == context.Background() {
		return base // there are no values to keep
	}
	return &Context{Context: base, Values: s.Values}
}
