package durable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/velithon-go/velithon/background"
)

// processID returns an id of this process among all that use the database.
func processID() string {
	host, _ := os.Hostname()
	host = regexp.MustCompile(`[^\w.-]`).ReplaceAllString(host, "-")
	return fmt.Sprintf("p_%.40s_%d_%s", host, os.Getpid(), rand.Text()[:10])
}

// startTimeout is how long a queue may take to begin its work.
const startTimeout = 10 * time.Second

// Start begins to work tasks, whose attempts runner makes. An app calls it; a program
// without one calls [Queue.Run]. With StoreOnly, or after Shutdown, it does nothing.
func (q *Queue[Tx]) Start(runner *background.Runner) error {
	q.mu.Lock()
	if q.options.StoreOnly || q.closed {
		q.mu.Unlock()
		return nil
	}
	if q.stopped != nil {
		q.mu.Unlock()
		return errors.New("durable: the queue was started before")
	}
	q.runner = runner
	q.stopped = make(chan struct{})
	q.mu.Unlock()
	defer close(q.begun)
	ctx, cancel := context.WithTimeout(q.hard, startTimeout) // or as long as Shutdown lets it
	defer cancel()
	if q.startErr = q.begins(ctx); q.startErr != nil {
		q.startErr = errors.Join(wrap("start", q.startErr), q.engine.Locks.Release())
		return q.startErr
	}
	loop, cancel := context.WithCancel(context.Background()) //nolint:gosec // stop calls it
	q.endLoop = cancel
	q.loop.Go(func() { q.look(loop) })
	return nil
}

func (q *Queue[Tx]) begins(ctx context.Context) error {
	if err := q.engine.Locks.Hold(ctx, q.client.ID()); err != nil {
		return err
	}
	if err := q.takeOldQueues(ctx); err != nil {
		return err
	}
	if _, err := q.pausedKinds(ctx); err != nil {
		return err
	}
	return q.client.Start(context.Background())
}

// takeOldQueues has the tasks worked that were stored when their kind had a limit.
func (q *Queue[Tx]) takeOldQueues(ctx context.Context) error {
	names := make(map[string]bool)
	for _, k := range q.kinds {
		if k.gate == nil {
			names[k.queue()] = true
		}
	}
	list, err := q.client.QueueList(ctx, river.NewQueueListParams().First(10_000))
	if err != nil {
		return err
	}
	for _, old := range list.Queues {
		if names[old.Name] {
			if err := q.client.Queues().Add(old.Name, river.QueueConfig{MaxWorkers: q.options.Workers}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookInterval is how often a queue looks for processes that died.
const lookInterval = 500 * time.Millisecond

// look gives back the tasks of processes that died, reads which kinds are paused, and stores
// how far tasks have come.
func (q *Queue[Tx]) look(ctx context.Context) {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	healthy := true
	found := make(lost)
	for i := 0; ; i++ {
		n, err := q.lookOnce(ctx)
		if err == nil && i%looksForLost == 0 {
			found, err = q.giveBackLost(ctx, found)
		}
		if n > 0 {
			q.options.Logger.LogAttrs(ctx, slog.LevelWarn, "processes died, and their tasks run again", slog.Int("tasks", n))
		}
		if ctx.Err() == nil && healthy != (err == nil) {
			if healthy = err == nil; !healthy {
				q.options.Logger.LogAttrs(ctx, slog.LevelError, "the queue's database can't be reached, or refuses", slog.Any("error", err))
			} else {
				q.options.Logger.LogAttrs(ctx, slog.LevelInfo, "the queue's database is back")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (q *Queue[Tx]) lookOnce(ctx context.Context) (tasks int, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := q.engine.Locks.Hold(ctx, q.client.ID()); err != nil {
		return 0, err
	}
	if tasks, err = q.engine.Locks.GiveBack(ctx, q.client.ID()); err != nil {
		return tasks, err
	}
	_, err = q.pausedKinds(ctx)
	return tasks, errors.Join(err, q.storeProgress(ctx))
}

// Run works tasks until ctx is done, and then shuts down within
// Options.ShutdownTimeout: for a program that only works. It returns nil if all tasks
// have ended or were put back.
func (q *Queue[Tx]) Run(ctx context.Context) error {
	runner := background.NewRunner(q.options.Runner)
	if err := q.Start(runner); err != nil {
		return errors.Join(err, runner.Shutdown(ctx))
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.options.ShutdownTimeout)
	defer cancel()
	return errors.Join(q.Shutdown(ctx), runner.Shutdown(ctx))
}

// Shutdown takes no more tasks and waits for those that run. When nine tenths of the time
// until ctx's deadline are over their contexts are cancelled, and they are put back, which
// uses up none of their attempts. A task that goes on all the same is named in the error;
// others run it when this process has ended. Shutdown may be called before Start, more
// than once and at the same time. Tasks can be stored also afterwards.
func (q *Queue[Tx]) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	stopped := q.stopped
	q.mu.Unlock()
	if stopped == nil {
		return nil
	}
	if first {
		go q.stop()
	}
	soft := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		soft, cancel = context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
		defer cancel()
	}
	select {
	case <-stopped:
		return q.stopErr
	case <-soft.Done():
		q.interrupt()
	}
	select {
	case <-stopped:
		return q.stopErr
	case <-ctx.Done():
		return fmt.Errorf("durable: the shutdown ended early: %w; still running: %v", context.Cause(ctx), q.running())
	}
}

// stop ends the work.
func (q *Queue[Tx]) stop() {
	defer close(q.stopped)
	<-q.begun
	if q.startErr != nil {
		return
	}
	if q.client.Stop(q.hard) != nil { //nolint:contextcheck // it is to outlive who asks for it
		_ = q.client.StopAndCancel(context.Background()) // waits for the tasks
	}
	q.writer.Wait()
	q.interrupt()
	q.endLoop()
	q.loop.Wait()
	q.stopErr = wrap("give the lock of the process up", q.engine.Locks.Release())
}

// running returns the ids of the tasks that run in this process.
func (q *Queue[Tx]) running() (ids []int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.attempts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
