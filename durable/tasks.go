package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
)

// states has the engine's states of a state.
var states = map[background.State][]rivertype.JobState{
	background.Waiting:   {rivertype.JobStateAvailable, rivertype.JobStatePending},
	background.Scheduled: {rivertype.JobStateScheduled},
	background.Running:   {rivertype.JobStateRunning},
	background.Retrying:  {rivertype.JobStateRetryable},
	background.Succeeded: {rivertype.JobStateCompleted},
	background.Failed:    {rivertype.JobStateDiscarded},
	background.Canceled:  {rivertype.JobStateCancelled},
}

// openStates are those of tasks that have not ended.
var openStates = []background.State{background.Waiting, background.Scheduled, background.Running, background.Retrying}

// page is how many tasks are asked for at once.
const page = 500

// Tasks yields what is known of the tasks in these states, those of all processes, in the
// order in which they were stored; without a state, of those that have not ended. Tasks
// that have ended are there for some time, see [Options].Keep. The work goes on meanwhile.
// After an error there is no more.
func (q *Queue[Tx]) Tasks(ctx context.Context, in ...background.State) iter.Seq2[background.Info, error] {
	if len(in) == 0 {
		in = openStates
	}
	var wanted []rivertype.JobState
	for _, s := range in {
		wanted = append(wanted, states[s]...)
	}
	return func(yield func(background.Info, error) bool) {
		if len(wanted) == 0 {
			return
		}
		params := river.NewJobListParams().States(wanted...).First(page).OrderBy(river.JobListOrderByID, river.SortOrderAsc)
		for {
			list, err := q.client.JobList(ctx, params)
			if err != nil {
				yield(background.Info{}, wrap("list tasks", err))
				return
			}
			for _, job := range list.Jobs {
				if !yield(q.info(ctx, job), nil) {
					return
				}
			}
			if len(list.Jobs) < page {
				return
			}
			params = params.After(list.LastCursor)
		}
	}
}

// info returns what is known of a task.
func (q *Queue[Tx]) info(ctx context.Context, job *rivertype.JobRow) background.Info {
	var a args
	_ = json.Unmarshal(job.EncodedArgs, &a) // whatever can be read of it
	return q.infoOf(ctx, job, &a)
}

// infoOf is info of a task whose arguments were read.
func (q *Queue[Tx]) infoOf(ctx context.Context, job *rivertype.JobRow, a *args) background.Info {
	info := background.Info{
		ID: strconv.FormatInt(job.ID, 10), Name: job.Kind, Attempt: failures(job.Errors), Since: job.CreatedAt,
		Context: context.WithValue(context.WithoutCancel(ctx), background.OriginKey{}, &background.Origin{Values: a.Values}),
	}
	if a.Name != "" {
		info.Name = a.Name
	}
	info.State = stateOf(job)
	if len(job.Errors) > 0 && info.State != background.Succeeded {
		info.Err = errors.New(job.Errors[len(job.Errors)-1].Error)
	}
	switch {
	case info.State == background.Running:
		info.Since = orZero(job.AttemptedAt)
	case info.State == background.Scheduled, info.State == background.Retrying:
		info.Due = job.ScheduledAt
	case info.State.Ended():
		info.Since = orZero(job.FinalizedAt)
	}
	if info.State == background.Running || info.State == background.Succeeded {
		info.Attempt++ // with one that has left no error
	}
	info.Progress = q.progressOf(job)
	return info
}

// stateOf returns the state of a task.
func stateOf(job *rivertype.JobRow) (state background.State) {
	for s, all := range states {
		if slices.Contains(all, job.State) {
			state = s
		}
	}
	return state
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// progressOf returns what a task has said: the value itself if it runs here, else what
// JSON keeps of it.
func (q *Queue[Tx]) progressOf(job *rivertype.JobRow) any {
	q.mu.Lock()
	a := q.attempts[job.ID]
	q.mu.Unlock()
	if a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.progress
	}
	var value any
	if text := job.Output(); text != nil {
		_ = json.Unmarshal(text, &value)
	}
	return value
}

// storeProgress stores what the tasks of this process have said.
func (q *Queue[Tx]) storeProgress(ctx context.Context) (err error) {
	q.mu.Lock()
	var all []*attempt
	for _, a := range q.attempts {
		all = append(all, a)
	}
	q.mu.Unlock()
	for _, a := range all {
		if value, ok := a.news(); ok {
			text, failure := json.Marshal(value)
			if failure != nil {
				continue // it is for who looks in this process
			}
			text = bytes.ReplaceAll(text, []byte(`\u0000`), []byte(`\ufffd`)) // PostgreSQL can't keep it
			_, failure = q.client.JobUpdate(ctx, a.id, &river.JobUpdateParams{Output: json.RawMessage(text)})
			err = errors.Join(err, failure)
		}
	}
	return err
}

// Cancel cancels the task with that id, an [background.Info].ID: it does not run, or its
// context is done with [background.ErrCanceled], in whatever process it runs. It reports
// whether the task had not ended yet.
func (q *Queue[Tx]) Cancel(ctx context.Context, id string) (bool, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return false, fmt.Errorf("durable: %q is not the id of a task", id)
	}
	before, err := q.client.JobGet(ctx, number)
	if err == nil && before.FinalizedAt == nil {
		_, err = q.client.JobCancel(ctx, number)
	} else if err == nil {
		return false, nil
	}
	if errors.Is(err, rivertype.ErrNotFound) {
		return false, nil
	}
	return err == nil, wrap("cancel a task", err)
}
