package durable

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
)

// What comes of an attempt is written before its worker takes the next task, and only while
// the task is the attempt's. The engine would write it up to 250 ms later, in which a
// process may die that has done hundreds of short tasks; and to whatever attempt runs by
// then, if this one was given up. Attempts that end at about the same time share a
// transaction.

// An outcome is what came of an attempt.
type outcome struct {
	job    *rivertype.JobRow // as it was when the attempt began
	params *riverdriver.JobSetStateIfRunningParams

	written chan error // that it is; it takes one
}

// sameAttempt reports whether a task was last begun by the same attempt in both of its rows.
func sameAttempt(a, b *rivertype.JobRow) bool {
	return orZero(a.AttemptedAt).Equal(orZero(b.AttemptedAt)) && ownerOf(a) == ownerOf(b)
}

// ownerOf returns the process that has made the last attempt.
func ownerOf(row *rivertype.JobRow) string {
	if len(row.AttemptedBy) == 0 {
		return ""
	}
	return row.AttemptedBy[len(row.AttemptedBy)-1]
}

// leaderInterval is how often the engine's leader looks for tasks whose time has come.
const leaderInterval = 5 * time.Second

// outcomeOf returns what is to be written after an attempt that began at some time, of
// which err came, and after which the task waits before it runs again.
func outcomeOf(job *rivertype.JobRow, began time.Time, canceled bool, wait time.Duration, err error) *outcome {
	o := &outcome{job: job, written: make(chan error, 1)}
	now := time.Now()
	if err == nil {
		o.params = riverdriver.JobSetStateCompleted(job.ID, now, nil)
		return o
	}
	failure, counts := err.(*background.TaskError) //nolint:errorlint // it is never wrapped, and the methods of what it wraps are the service's
	if !canceled && !counts {
		o.params = riverdriver.JobSetStateInterrupted(job.ID, now, max(job.Attempt-1, 0), nil)
		return o
	}
	if counts {
		err = failure.Err
	}
	text, _ := json.Marshal(rivertype.AttemptError{At: began.UTC(), Attempt: job.Attempt, Error: textOf(err)}) //nolint:errchkjson // the year has four digits
	switch {
	case canceled:
		o.params = riverdriver.JobSetStateCancelled(job.ID, now, text, nil)
	case !failure.WillRetry || job.Attempt >= job.MaxAttempts:
		o.params = riverdriver.JobSetStateDiscarded(job.ID, now, text, nil)
	case wait <= leaderInterval:
		o.params = riverdriver.JobSetStateErrorAvailable(job.ID, now.Add(wait), text, nil)
	default:
		o.params = riverdriver.JobSetStateErrorRetryable(job.ID, now.Add(wait), text, nil)
	}
	return o
}

// outcomes are those that are yet to be written, and those that the engine is yet to be
// told of.
type outcomes struct {
	mu      sync.Mutex // guards what follows
	waiting map[int64]*outcome
	writing bool
	rows    map[int64]*rivertype.JobRow
}

// write writes an outcome, and returns when it is written. It tries until the queue has to
// end. It returns ErrNotOurs if there is nothing to write, as the task is another's.
func (q *Queue[Tx]) write(o *outcome) error {
	all := &q.outcomes
	all.mu.Lock()
	if older := all.waiting[o.job.ID]; older != nil { // while the database was away the task was given away, and back
		older.written <- ErrNotOurs
	}
	all.waiting[o.job.ID] = o
	if !all.writing {
		all.writing = true
		q.loop.Go(q.writeAll)
	}
	all.mu.Unlock()
	return <-o.written
}

// linger is how long the first of some outcomes waits for others to share its transaction.
const linger = time.Millisecond

// writeAll writes outcomes until there are no more.
func (q *Queue[Tx]) writeAll() {
	for {
		time.Sleep(linger)
		q.outcomes.mu.Lock()
		batch := q.outcomes.waiting
		if len(batch) == 0 {
			q.outcomes.writing = false
			q.outcomes.mu.Unlock()
			return
		}
		q.outcomes.waiting = make(map[int64]*outcome)
		q.outcomes.mu.Unlock()
		q.writeBatch(batch)
	}
}

// While the database is away outcomes are tried again after a time that doubles.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	writeTimeout = 10 * time.Second
)

func (q *Queue[Tx]) writeBatch(batch map[int64]*outcome) {
	for pause := firstPause; len(batch) > 0; pause = min(2*pause, longestPause) {
		late := q.hard.Err() != nil
		err := q.tryWrite(batch)
		switch {
		case err == nil:
			return
		case late:
			for _, o := range batch {
				o.written <- err
			}
			return
		}
		q.log.LogAttrs(context.Background(), slog.LevelWarn, "what came of tasks can't be written yet",
			slog.Int("tasks", len(batch)), slog.Any("error", err))
		select {
		case <-time.After(pause):
		case <-q.hard.Done():
		}
	}
}

// tryWrite writes a batch, and takes out of it what is not ours.
func (q *Queue[Tx]) tryWrite(batch map[int64]*outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	for len(batch) > 0 {
		var rows []*rivertype.JobRow
		err := q.engine.Do(ctx, func(tx Tx) (err error) {
			rows, err = q.engine.Driver.UnwrapExecutor(tx).JobSetStateIfRunningMany(ctx, q.paramsOf(batch))
			if err == nil && takeForeign(batch, rows) {
				err = ErrNotOurs // what would have been written to another attempt's row is rolled back
			}
			return err
		})
		if err != nil && !errors.Is(err, ErrNotOurs) {
			return err
		}
		if err != nil {
			continue
		}
		q.outcomes.mu.Lock()
		for _, row := range rows {
			q.outcomes.rows[row.ID] = row
		}
		q.outcomes.mu.Unlock()
		for _, o := range batch {
			o.written <- nil
		}
		return nil
	}
	return nil
}

// takeForeign takes the outcomes out of a batch whose rows are another attempt's, and
// reports whether there were any.
func takeForeign(batch map[int64]*outcome, rows []*rivertype.JobRow) (found bool) {
	for _, row := range rows {
		o := batch[row.ID]
		if !sameAttempt(row, o.job) || row.State == rivertype.JobStateRunning { // it was given away, or is just being
			o.written <- ErrNotOurs
			delete(batch, row.ID)
			found = true
		}
	}
	return found
}

func (q *Queue[Tx]) paramsOf(batch map[int64]*outcome) *riverdriver.JobSetStateIfRunningManyParams {
	many := &riverdriver.JobSetStateIfRunningManyParams{Schema: q.client.Schema()}
	for _, o := range batch {
		many.ID = append(many.ID, o.params.ID)
		many.Attempt = append(many.Attempt, o.params.Attempt)
		many.ErrData = append(many.ErrData, o.params.ErrData)
		many.FinalizedAt = append(many.FinalizedAt, o.params.FinalizedAt)
		many.MetadataDoMerge = append(many.MetadataDoMerge, o.params.MetadataDoMerge)
		many.MetadataUpdates = append(many.MetadataUpdates, o.params.MetadataUpdates)
		many.ScheduledAt = append(many.ScheduledAt, o.params.ScheduledAt)
		many.State = append(many.State, o.params.State)
	}
	return many
}

// driver is the engine's driver with an executor that does not write what is written.
type driver[Tx any] struct {
	riverdriver.Driver[Tx]

	outcomes *outcomes
}

// GetExecutor implements [riverdriver.Driver].
func (d driver[Tx]) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.outcomes}
}

type executor struct {
	riverdriver.Executor

	outcomes *outcomes
}

// JobSetStateIfRunningMany implements [riverdriver.Executor]. The engine calls it after all
// attempts. To the engine all that were made have succeeded, whatever was written; what
// else there is to write is of tasks that it could not read.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) (rows []*rivertype.JobRow, err error) {
	for i, id := range p.ID {
		if p.State[i] == rivertype.JobStateCompleted {
			if row := e.outcomes.take(id); row != nil {
				rows = append(rows, row) // for those who subscribe to events
			}
			continue
		}
		one := &riverdriver.JobSetStateIfRunningManyParams{
			ID: p.ID[i : i+1], Attempt: p.Attempt[i : i+1], ErrData: p.ErrData[i : i+1], FinalizedAt: p.FinalizedAt[i : i+1],
			MetadataDoMerge: p.MetadataDoMerge[i : i+1], MetadataUpdates: p.MetadataUpdates[i : i+1], Now: p.Now,
			ScheduledAt: p.ScheduledAt[i : i+1], Schema: p.Schema, State: p.State[i : i+1],
		}
		written, err := e.Executor.JobSetStateIfRunningMany(ctx, one)
		if err != nil {
			return rows, err
		}
		rows = append(rows, written...)
	}
	return rows, nil
}

// take returns the row of an outcome that was written; nil if there is none.
func (all *outcomes) take(id int64) *rivertype.JobRow {
	all.mu.Lock()
	defer all.mu.Unlock()
	row := all.rows[id]
	delete(all.rows, id)
	return row
}
