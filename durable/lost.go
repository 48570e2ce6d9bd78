package durable

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// A task is lost if the database has it run in this process, and the process does not: the
// answer to the statement that took it never came. Nobody else gives it back, since the
// process lives.

// Every so many looks for dead processes a queue looks for tasks that were lost. One that
// is found so often in a row is given back: one that was just taken may be on its way here.
const (
	looksForLost = 2
	lostAfter    = 3
)

// lost counts how often tasks were found in the database only.
type lost map[int64]int

// giveBackLost gives back the tasks that were lost.
func (q *Queue[Tx]) giveBackLost(ctx context.Context, found lost) (lost, error) {
	params := river.NewJobListParams().States(rivertype.JobStateRunning).First(river.QueueNumWorkersMax).
		Where(q.engine.Owner+" = @owner", river.NamedArgs{"owner": q.client.ID()})
	list, err := q.client.JobList(ctx, params)
	if err != nil {
		return found, err
	}
	next := make(lost)
	for _, job := range list.Jobs {
		if q.runs(job.ID) {
			continue
		}
		next[job.ID] = found[job.ID] + 1
		if next[job.ID] < lostAfter {
			continue
		}
		if err := q.putBack(ctx, job); err != nil {
			return next, err
		}
		delete(next, job.ID)
	}
	return next, nil
}

// runs reports whether a task is in hand in this process.
func (q *Queue[Tx]) runs(id int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.attempts[id] != nil
}

// putBack has a task run again, with its attempts as they were, unless it was given to
// another process meanwhile.
func (q *Queue[Tx]) putBack(ctx context.Context, job *rivertype.JobRow) error {
	err := q.engine.Do(ctx, func(tx Tx) error {
		rows, err := q.setStates(ctx, tx, riverdriver.JobSetStateInterrupted(job.ID, time.Now(), max(job.Attempt-1, 0), nil))
		if err == nil && len(rows) > 0 && !sameAttempt(rows[0], job) {
			err = errForeign
		}
		return err
	})
	if errors.Is(err, errForeign) {
		return nil
	}
	return err
}
