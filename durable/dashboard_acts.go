package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/dashboard/source"
)

// Do implements [source.Controller].
func (b *board[Tx]) Do(ctx context.Context, act source.Act) error {
	q := b.queue
	if act.Verb == source.Pause || act.Verb == source.Resume {
		return q.setPaused(ctx, act.Kind, act.Verb == source.Pause)
	}
	id, err := strconv.ParseInt(act.ID, 10, 64)
	if err != nil {
		return source.ErrNoTask
	}
	err = q.engine.Do(ctx, func(tx Tx) error { return b.doTx(ctx, tx, act.Verb, id) })
	if err == nil && act.Verb == source.Cancel {
		_, err = q.client.JobCancel(ctx, id) // once more, which tells the process at once if it is this one
	}
	switch _, isRefused := errors.AsType[*source.ActError](err); {
	case isRefused:
		return err
	case errors.Is(err, rivertype.ErrNotFound):
		return source.ErrNoTask
	}
	return wrap(string(act.Verb)+" a task", err)
}

// doTx does an act in a transaction, in which the task is nobody else's: what is offered for a
// task that waits is not to end one that has begun meanwhile.
func (b *board[Tx]) doTx(ctx context.Context, tx Tx, verb source.Verb, id int64) error {
	q := b.queue
	if err := q.engine.Driver.UnwrapExecutor(tx).Exec(ctx, "update river_job set id = id where id = $1", id); err != nil {
		return err
	}
	job, err := q.client.JobGetTx(ctx, tx, id)
	if err != nil {
		return err
	}
	if state := stateOf(job); !slices.Contains(actsOn(state), verb) {
		return &source.ActError{Why: fmt.Sprintf("the task's state is %s by now", state)}
	}
	if verb != source.RetryNow {
		_, err = q.client.JobCancelTx(ctx, tx, id)
		return err
	}
	if job.FinalizedAt != nil {
		if err := q.beginAnew(ctx, tx, job); err != nil {
			return err
		}
	}
	_, err = q.client.JobRetryTx(ctx, tx, id)
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "unique") {
		return &source.ActError{Why: "another task of its key waits or runs, and there may be only one"}
	}
	return err
}

// anewKey is that of how many errors a task had when it was last tried again after its end,
// among its metadata.
const anewKey = "velithon_anew"

// beginAnew has the time for all attempts at a task begin with the next one, see
// [background.Retry]: it may be up since long ago.
func (q *Queue[Tx]) beginAnew(ctx context.Context, tx Tx, job *rivertype.JobRow) error {
	_, err := q.engine.Driver.UnwrapExecutor(tx).JobUpdate(ctx, &riverdriver.JobUpdateParams{
		ID: job.ID, Metadata: fmt.Appendf(nil, `{"%s":%d}`, anewKey, len(job.Errors)), MetadataDoMerge: true, Schema: q.client.Schema(),
	})
	return err
}

// beganAt returns when the first attempt at a task began, or the first one since it was tried
// again after its end; zero if the next one is that.
func beganAt(job *rivertype.JobRow) time.Time {
	if len(job.Errors) == 0 {
		return time.Time{}
	}
	var metadata map[string]json.RawMessage
	_ = json.Unmarshal(job.Metadata, &metadata)
	before, _ := strconv.ParseUint(string(metadata[anewKey]), 10, 32)
	if before >= uint64(len(job.Errors)) {
		return time.Time{}
	}
	return job.Errors[before].At
}
