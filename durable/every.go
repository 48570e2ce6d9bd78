package durable

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/velithon-go/velithon/background"
)

// A Schedule says when a task is to be stored again, as a cron expression does.
type Schedule interface {
	// Next returns the first time after t.
	Next(t time.Time) time.Time
}

// Every stores the task every d until stop is called, by one of the processes that work
// the queue: the leader, and the next one when that ends. All of them call Every with the
// same task. The times don't depend on when a process was started; one at which the task
// still waits or runs is passed over, and so are those without a process. It has the
// values of no request.
//
// Every panics if d is not above zero, if the task can't be stored, or if there is one of
// its name already. Where the queue only stores it does nothing.
func (q *Queue[Tx]) Every(d time.Duration, task *background.Task) (stop func()) {
	if d <= 0 {
		panic(fmt.Sprintf("durable: Every(%s) of task %q: the time has to be above zero", d, task.Name()))
	}
	return q.Repeat(steady{d, phase(task.Name(), d)}, task)
}

// Repeat is Every with the times of a schedule, such as one that a parser of cron
// expressions returns.
func (q *Queue[Tx]) Repeat(schedule Schedule, task *background.Task) (stop func()) {
	name := task.Name()
	if _, err := q.records(context.Background(), []*background.Task{task}); err != nil {
		panic(err.Error())
	}
	if q.options.StoreOnly {
		return func() {}
	}
	handle, err := q.client.PeriodicJobs().AddSafely(river.NewPeriodicJob(schedule, func() (river.JobArgs, *river.InsertOpts) {
		insertion, err := q.again(task)
		if err != nil {
			q.options.Logger.LogAttrs(context.Background(), slog.LevelError, "a periodic task can't be stored",
				slog.String("task", name), slog.Any("error", err))
			return nil, nil
		}
		return insertion.Args, insertion.InsertOpts
	}, &river.PeriodicJobOpts{ID: periodID(name)}))
	if err != nil {
		panic(fmt.Sprintf("durable: Every of task %q: %v", name, err))
	}
	return func() { q.client.PeriodicJobs().Remove(handle) }
}

// again returns how a periodic task is stored: as the only one of its name.
func (q *Queue[Tx]) again(task *background.Task) (river.InsertManyParams, error) {
	records, err := q.records(context.Background(), []*background.Task{task})
	if err != nil {
		return river.InsertManyParams{}, err
	}
	insertion, err := q.insertion(records[0])
	if err != nil {
		return insertion, err
	}
	a := insertion.Args.(args)
	if a.Key == "" {
		a.setKey(insertion.InsertOpts, "every "+task.Name())
	}
	insertion.Args = a
	return insertion, nil
}

// periodID returns the engine's id of a periodic task, which may have any name.
func periodID(name string) string { return fmt.Sprintf("every-%016x", hashOf(name)) }

func hashOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// steady is the schedule of Every: times at equal distances, the same ones for all
// processes, so that a change of the leader delays none.
type steady struct {
	every, phase time.Duration
}

// phase returns when within each d the task of a name is stored, so that not all that are
// stored every hour are at once.
func phase(name string, d time.Duration) time.Duration {
	return time.Duration(hashOf(name) % uint64(d))
}

// Next implements [Schedule].
func (s steady) Next(t time.Time) time.Time {
	return t.Add(-s.phase).Truncate(s.every).Add(s.every + s.phase)
}
