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

// What comes of attempts is written at once, those that end meanwhile in the next
// transaction together, and only while the task is the attempt's. Workers go on until so
// many outcomes are unwritten; then they wait. The engine would write them up to 250 ms
// later, in which a process may die that has done hundreds of short tasks, and to whatever
// attempt runs by then, if this one was given up.

// maxUnwritten is how many outcomes there may be for each worker that are not written.
const maxUnwritten = 2

// An outcome is what came of an attempt.
type outcome struct {
	job    *rivertype.JobRow // as it was when the attempt began
	params *riverdriver.JobSetStateIfRunningParams

	attempt *attempt
	done    chan struct{}     // closed when there is no more to do
	row     *rivertype.JobRow // readable then; nil if it was not written
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

// outcomeOf returns what is to be written after an attempt of which err came, and after
// which the task waits before it runs again.
func outcomeOf(a *attempt, job *rivertype.JobRow, canceled bool, wait time.Duration, err error) *outcome {
	o := &outcome{job: job, attempt: a, done: make(chan struct{})}
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
	text, _ := json.Marshal(rivertype.AttemptError{At: a.began.UTC(), Attempt: job.Attempt, Error: textOf(err), Trace: stackOf(err)}) //nolint:errchkjson // the year has four digits
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

// outcomes are those that are yet to be written, and those that the engine will ask for.
type outcomes struct {
	room chan struct{} // has one for each that is unwritten

	mu      sync.Mutex // guards what follows
	waiting map[int64]*outcome
	writing bool
	toTell  map[int64]*outcome
}

// write has an outcome written, and waits while there are too many that are not.
func (q *Queue[Tx]) write(o *outcome) {
	q.outcomes.room <- struct{}{}
	older, isFirst := q.outcomes.add(o)
	if older != nil {
		q.written(older, nil, ErrNotOurs)
	}
	if isFirst {
		q.writer.Go(q.writeAll)
	}
}

// add takes an outcome in, and returns one of the same task that it replaces: while that
// waited the task was given away, and back.
func (all *outcomes) add(o *outcome) (older *outcome, isFirst bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	older, isFirst = all.waiting[o.job.ID], !all.writing
	all.waiting[o.job.ID], all.toTell[o.job.ID] = o, o
	all.writing = true
	return older, isFirst
}

// take takes all that wait; none ends the writing.
func (all *outcomes) take() map[int64]*outcome {
	all.mu.Lock()
	defer all.mu.Unlock()
	batch := all.waiting
	all.waiting = make(map[int64]*outcome)
	all.writing = len(batch) > 0
	return batch
}

// written has done with an outcome: row is what it was written to, or err says why not.
func (q *Queue[Tx]) written(o *outcome, row *rivertype.JobRow, err error) {
	if err != nil {
		q.options.Logger.LogAttrs(context.Background(), slog.LevelWarn, "what came of a task is not written",
			slog.String("kind", o.job.Kind), slog.Int64("id", o.job.ID), slog.Any("error", err))
	}
	o.row = row
	close(o.done)
	q.end(o.attempt)
	<-q.outcomes.room
}

// linger is how long the first of some outcomes waits for others to share its transaction.
const linger = time.Millisecond

// writeAll writes outcomes until there are no more.
func (q *Queue[Tx]) writeAll() {
	for {
		time.Sleep(linger)
		batch := q.outcomes.take()
		if len(batch) == 0 {
			return
		}
		q.writeBatch(batch)
	}
}

// While the database is away outcomes are tried again after a time that doubles.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	writeTimeout = 10 * time.Second
)

// writeBatch writes outcomes. It tries until the queue has to end.
func (q *Queue[Tx]) writeBatch(batch map[int64]*outcome) {
	for pause := firstPause; len(batch) > 0; pause = min(2*pause, longestPause) {
		late := q.hard.Err() != nil
		err := q.tryWrite(batch)
		switch {
		case err == nil:
			return
		case late:
			for _, o := range batch {
				q.written(o, nil, err)
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

// errForeign has a transaction rolled back that has changed what is not ours.
var errForeign = errors.New("durable: a task is another attempt's")

// tryWrite writes a batch, and takes out of it what is not ours.
func (q *Queue[Tx]) tryWrite(batch map[int64]*outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	for len(batch) > 0 {
		var rows []*rivertype.JobRow
		err := q.engine.Do(ctx, func(tx Tx) (err error) {
			rows, err = q.setStates(ctx, tx, paramsOf(batch)...)
			if err == nil && q.takeForeign(batch, rows) {
				err = errForeign
			}
			return err
		})
		if errors.Is(err, errForeign) {
			continue
		}
		if err != nil {
			return err
		}
		for _, row := range rows {
			q.written(batch[row.ID], row, nil)
			delete(batch, row.ID)
		}
		for _, o := range batch { // somebody has deleted them
			q.written(o, nil, nil)
		}
		return nil
	}
	return nil
}

// takeForeign takes the outcomes out of a batch whose rows are another attempt's, and
// reports whether there were any.
func (q *Queue[Tx]) takeForeign(batch map[int64]*outcome, rows []*rivertype.JobRow) (found bool) {
	for _, row := range rows {
		o := batch[row.ID]
		if !sameAttempt(row, o.job) || row.State == rivertype.JobStateRunning { // it was given away, or is just being
			q.written(o, nil, ErrNotOurs)
			delete(batch, row.ID)
			found = true
		}
	}
	return found
}

func paramsOf(batch map[int64]*outcome) (all []*riverdriver.JobSetStateIfRunningParams) {
	for _, o := range batch {
		all = append(all, o.params)
	}
	return all
}

// setStates changes the states of tasks that run, whoever runs them, and returns their rows.
func (q *Queue[Tx]) setStates(ctx context.Context, tx Tx, all ...*riverdriver.JobSetStateIfRunningParams) ([]*rivertype.JobRow, error) {
	many := &riverdriver.JobSetStateIfRunningManyParams{Schema: q.client.Schema()}
	for _, s := range all {
		many.ID = append(many.ID, s.ID)
		many.Attempt = append(many.Attempt, s.Attempt)
		many.ErrData = append(many.ErrData, s.ErrData)
		many.FinalizedAt = append(many.FinalizedAt, s.FinalizedAt)
		many.MetadataDoMerge = append(many.MetadataDoMerge, s.MetadataDoMerge)
		many.MetadataUpdates = append(many.MetadataUpdates, s.MetadataUpdates)
		many.ScheduledAt = append(many.ScheduledAt, s.ScheduledAt)
		many.State = append(many.State, s.State)
	}
	return q.engine.Driver.UnwrapExecutor(tx).JobSetStateIfRunningMany(ctx, many)
}

// driver is the engine's driver with an executor that does not write what is written, and
// takes no tasks of paused kinds.
type driver[Tx any] struct {
	riverdriver.Driver[Tx]

	outcomes *outcomes
	paused   *paused
}

// GetExecutor implements [riverdriver.Driver].
func (d driver[Tx]) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.outcomes, d.paused}
}

type executor struct {
	riverdriver.Executor

	outcomes *outcomes
	paused   *paused
}

// JobGetAvailable implements [riverdriver.Executor]. It takes no tasks of paused kinds.
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	p.Kind = e.paused.without(p.Kind)
	return e.Executor.JobGetAvailable(ctx, p)
}

// JobSetStateIfRunningMany implements [riverdriver.Executor]. The engine calls it after all
// attempts. To the engine all that were made have succeeded, whatever is written; what else
// there is to write is of tasks that it could not read.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) (rows []*rivertype.JobRow, err error) {
	for i, id := range p.ID {
		if p.State[i] == rivertype.JobStateCompleted {
			row, err := e.outcomes.rowOf(ctx, id)
			if err != nil {
				return nil, err
			}
			if row != nil {
				rows = append(rows, row)
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
			return nil, err
		}
		rows = append(rows, written...)
	}
	return rows, nil
}

// rowOf waits until an outcome is written, and returns its row, for those who subscribe to
// the engine's events; nil if it was not written, or the engine was told before.
func (all *outcomes) rowOf(ctx context.Context, id int64) (*rivertype.JobRow, error) {
	all.mu.Lock()
	o := all.toTell[id]
	all.mu.Unlock()
	if o == nil {
		return nil, nil
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.toTell[id] == o {
		delete(all.toTell, id)
	}
	return o.row, nil
}
