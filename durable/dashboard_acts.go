package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	_, err = q.client.JobRetryTx(ctx, tx, id)
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "unique") {
		return &source.ActError{Why: "another task of its key waits or runs, and there may be only one"}
	}
	return err
}
