package velithon

import (
	"context"
	"errors"
	"time"
)

// Shutdown stops accepting connections, and tasks of Options.Queue, lets the
// requests that have begun finish, and then drains the runner, so that the
// background work of every response has run or is stored, but for tasks that are
// due later in memory: those are given up, and named in the error. Each response ends its connection from now on. Idle
// connections get a second for one more request, one that is still on its way
// another second to arrive; each is a tenth of the time until ctx is done, if
// that is less. The contexts of streams that are being sent are cancelled, so
// that an event stream ends.
//
// When nine tenths of the time until ctx's deadline are over, the contexts of the
// tasks that run are cancelled, and what waits is given up, also if connections
// are still open: the last tenth is for tasks to put things away. When ctx is done,
// the remaining connections are closed, and the error joins that of ctx with a
// [*background.DrainError] which names what did not finish. A ctx that is cancelled
// leaves no such time.
//
// Shutdown may be called before Serve, more than once, and concurrently: each
// call waits for the same end, as long as its own ctx allows. The first to run out
// of time closes the connections that are left, and returns an error; the others
// wait for the handlers. With the context of a task of the app's runner, it returns
// an error at once and does nothing, since it would wait for itself.
func (a *App) Shutdown(ctx context.Context) error { return errors.Join(a.shutDown(ctx)) }

// shutDown returns the errors of the server and of the runner.
func (a *App) shutDown(ctx context.Context) (err, drainErr error) {
	if a.runner.Owns(ctx) {
		return nil, a.runner.Shutdown(ctx) // which refuses
	}
	a.draining.Store(true)
	if deadline, ok := ctx.Deadline(); ok {
		// The runner's own reserve would be a tenth of what connections leave of
		// the time.
		drain, cancel := context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
		defer cancel()
		stop := context.AfterFunc(drain, func() { _ = a.runner.Shutdown(drain) })
		defer stop()
	}
	queue := make(chan error, 1)
	go func() { queue <- a.shutDownQueue(ctx) }()
	err = a.server.Shutdown(ctx)
	if handler := a.handler.Load(); handler != nil {
		handler.Settle(ctx)
	}
	drainErr = a.runner.Shutdown(ctx)
	return errors.Join(err, <-queue), drainErr
}

func (a *App) shutDownQueue(ctx context.Context) error {
	if a.options.Queue == nil {
		return nil
	}
	return a.options.Queue.Shutdown(ctx)
}

// Draining reports whether [App.Shutdown] has begun, or Run has got a signal, for a health
// check that sends clients elsewhere. It may be used concurrently.
func (a *App) Draining() bool { return a.draining.Load() }
