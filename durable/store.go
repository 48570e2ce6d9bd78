package durable

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
)

// An Error says that the database did not do what it was asked to. Answered to a client it
// is a 503.
type Error struct {
	Op  string // what was asked for, such as "store"
	Err error
}

// Error gives the operation and the cause.
func (e *Error) Error() string { return "durable: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// StatusCode returns 503, for a handler that returns the error.
func (e *Error) StatusCode() int { return 503 }

// PublicMessage returns what a client is told.
func (e *Error) PublicMessage() string { return "the service is busy: try again later" }

// wrap makes an Error of one that is not nil.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{op, err}
}

// ErrNotOurs is returned by [Queue.DoneTx] if the task is not this process's any more: it
// was given to another one, or cancelled. Roll back what it has done.
var ErrNotOurs = errors.New("durable: the task was given to another process or is done")

// Store implements [background.Store]. It stores all records in a transaction of its own.
func (q *Queue[Tx]) Store(ctx context.Context, records []background.Record) error {
	all, _, err := q.insertions(records)
	if err != nil {
		return err
	}
	err = q.engine.Do(ctx, func(tx Tx) error {
		_, err := q.client.InsertManyTx(ctx, tx, all)
		return err
	})
	return wrap("store", err)
}

// Submit stores tasks in a transaction of its own: where there is no runner, such as in a
// program that only stores. A runner's Submit does the same, for all kinds of work.
func (q *Queue[Tx]) Submit(ctx context.Context, tasks ...*background.Task) error {
	records, err := q.records(ctx, tasks)
	if err != nil || len(records) == 0 {
		return err
	}
	return q.Store(ctx, records)
}

// InTx calls f with a transaction, and commits it if f returns nil; otherwise it rolls it
// back and returns what f has returned. It returns soon after ctx is done, also where another
// process holds the database. f does all that is to be done meanwhile by tx, which ends with it.
func (q *Queue[Tx]) InTx(ctx context.Context, f func(tx Tx) error) error { return q.engine.Do(ctx, f) }

// StoreTx stores tasks in a transaction of yours: they are there once it is committed, and
// never if it is rolled back. A response may carry the same tasks all the same: it does
// not store them once more, if ctx is the handler's or made from it.
func (q *Queue[Tx]) StoreTx(ctx context.Context, tx Tx, tasks ...*background.Task) error {
	records, err := q.records(ctx, tasks)
	if err != nil || len(records) == 0 {
		return err
	}
	mark := ""
	origin := background.OriginOf(ctx)
	if origin != nil {
		mark = rand.Text()
	}
	all, of, err := q.insertions(records)
	if err != nil {
		return err
	}
	if origin != nil {
		for _, insertion := range all {
			insertion.InsertOpts.Metadata = fmt.Appendf(nil, `{"%s":%q}`, markKey, mark)
		}
	}
	stored, err := q.client.InsertManyTx(ctx, tx, all)
	if err != nil {
		return wrap("store", err)
	}
	if origin != nil {
		for i, task := range tasks {
			s := stored[of[i]]
			origin.Note(task, q.exists(s.Job.ID, mark, s.UniqueSkippedAsDuplicate))
		}
	}
	return nil
}

// markKey is that of a mark among the metadata of a task: an id is used again if its
// transaction is rolled back.
const markKey = "velithon_mark"

// exists returns a function that looks whether a task was committed.
func (q *Queue[Tx]) exists(id int64, mark string, isAnother bool) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		job, err := q.client.JobGet(ctx, id)
		switch {
		case errors.Is(err, rivertype.ErrNotFound):
			return false, nil
		case err != nil:
			return false, wrap("look for a stored task", err)
		}
		return isAnother || bytes.Contains(job.Metadata, []byte(mark)), nil
	}
}

// records returns what is to be stored of tasks, whose kinds the queue has.
func (q *Queue[Tx]) records(ctx context.Context, tasks []*background.Task) ([]background.Record, error) {
	records, err := background.Records(ctx, tasks...)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if !q.Holds(r.Kind) {
			return nil, fmt.Errorf("durable: the queue does not have the kind %q: give it to Open", r.Kind)
		}
	}
	return records, nil
}

// args are what is stored of a task in the column of that name.
//
//nolint:recvcheck // the engine wants a value with a Kind
type args struct {
	Key string `json:"key,omitempty" river:"unique"`
	stored
	Escaped []byte `json:"escaped,omitempty"` // the rest, where it has a NUL, which PostgreSQL can't keep

	kind string
	err  error // why they can't be read
}

// stored is what is left to be stored of a record: its kind and its time have columns of
// their own.
type stored struct {
	Argument json.RawMessage   `json:"argument,omitempty"`
	Name     string            `json:"name,omitempty"`
	Timeout  time.Duration     `json:"timeout,omitempty"`
	Retry    background.Retry  `json:"retry,omitzero"`
	Values   map[string]string `json:"values,omitempty"`
}

// record returns the record of a task of a kind.
func (s *stored) record(kind string) background.Record {
	return background.Record{Kind: kind, Argument: s.Argument, Name: s.Name, Timeout: s.Timeout, Retry: s.Retry, Values: s.Values}
}

// Kind implements [river.JobArgs].
func (a args) Kind() string { return a.kind }

// UnmarshalJSON keeps the error, so that it is the queue who discards the task.
func (a *args) UnmarshalJSON(text []byte) error {
	type plain args
	a.err = json.Unmarshal(text, (*plain)(a))
	if a.err == nil && len(a.Escaped) > 0 {
		a.err = json.Unmarshal(a.Escaped, &a.stored)
	}
	return nil
}

// insertions returns how the engine is to store records, and of each record which of them
// it is: of several with one key, which the engine refuses, the first is that of all.
func (q *Queue[Tx]) insertions(records []background.Record) (all []river.InsertManyParams, of []int, err error) {
	type key struct{ kind, key string }
	first := make(map[key]int)
	of = make([]int, len(records))
	for i, r := range records {
		insertion, err := q.insertion(r)
		if err != nil {
			return nil, nil, err
		}
		of[i] = len(all)
		if k := (key{r.Kind, insertion.Args.(args).Key}); k.key != "" {
			if n, ok := first[k]; ok {
				of[i] = n
				continue
			}
			first[k] = len(all)
		}
		all = append(all, insertion)
	}
	return all, of, nil
}

// insertion returns how the engine is to store a record.
func (q *Queue[Tx]) insertion(r background.Record) (river.InsertManyParams, error) {
	k := q.kinds[r.Kind]
	a := args{kind: r.Kind, stored: stored{r.Argument, r.Name, r.Timeout, r.Retry, r.Values}}
	options := &river.InsertOpts{MaxAttempts: min(max(r.Retry.Attempts, 1)+deaths, 1<<15-1), Priority: k.priority}
	switch { // a time that is past would have the task wait for the leader to see it
	case r.At.After(time.Now()):
		options.ScheduledAt = r.At
	case r.After > 0:
		options.ScheduledAt = time.Now().Add(r.After)
	}
	if k.gate != nil {
		options.Queue = k.queue()
	}
	if k.unique != nil {
		key, err := k.unique(r.Argument)
		if err != nil {
			return river.InsertManyParams{}, fmt.Errorf("durable: the key of a task of kind %q: %w", r.Kind, err)
		}
		a.setKey(options, key)
	}
	return river.InsertManyParams{Args: a.escape(), InsertOpts: options}, nil
}

// setKey makes the task the only one of its key that has not ended.
func (a *args) setKey(options *river.InsertOpts, key string) {
	if key == "" {
		return
	}
	a.Key = strings.ReplaceAll(key, "\x00", "\\0")
	options.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
}

// escape returns a without NULs. Values that have none are left to be seen, too: the page
// looks for requests among them.
func (a args) escape() args {
	text, hasNUL := encode(a.stored)
	if !hasNUL {
		return a
	}
	all := a.stored
	a.stored, a.Escaped = stored{}, text
	if _, hasNUL := encode(all.Values); !hasNUL {
		a.Values = all.Values
	}
	return a
}

// encode returns a value as JSON, and whether there is a NUL in it.
func encode(value any) (text []byte, hasNUL bool) {
	text, err := json.Marshal(value)
	return text, err == nil && bytes.Contains(text, []byte(`\u0000`))
}

// DoneTx marks the task as done whose context ctx is, in the transaction in which it has
// done its work: both are committed, or none, however often the task runs. It is the last
// that is done in the transaction; roll back if it fails, with [ErrNotOurs] for instance.
// A transaction whose commit failed may be tried again: if it was committed all the same,
// DoneTx fails. In memory it does nothing, and returns nil.
func (q *Queue[Tx]) DoneTx(ctx context.Context, tx Tx) error {
	c, ok := ctx.Value(currentKey{}).(*current)
	if !ok {
		return nil
	}
	job := c.job
	if c.marked.Swap(true) {
		row, err := q.client.JobGetTx(ctx, tx, job.ID)
		if err != nil && !errors.Is(err, rivertype.ErrNotFound) {
			return wrap("mark a task as done", err)
		}
		if err != nil || row.State != rivertype.JobStateRunning {
			return ErrNotOurs
		}
	}
	asked := time.Now().Add(-time.Millisecond) // to which SQLite's times are rounded
	row, err := river.JobCompleteTx[riverdriver.Driver[Tx]](ctx, tx, job)
	if errors.Is(err, rivertype.ErrNotFound) {
		return ErrNotOurs
	}
	if err != nil {
		return wrap("mark a task as done", err)
	}
	// The engine returns the row as it is, also if it was not this attempt's to be marked, or
	// was marked by an earlier transaction of the attempt, whose commit was still under way.
	if row.State != rivertype.JobStateCompleted || !sameAttempt(row.JobRow, job.JobRow) || row.FinalizedAt.Before(asked) {
		return ErrNotOurs
	}
	return nil
}

// current is the attempt whose context has it.
type current struct {
	job    *river.Job[args]
	marked atomic.Bool // DoneTx was called, in a transaction that may have been committed
}

// currentKey is that of a *current among the values of an attempt's context.
type currentKey struct{}
