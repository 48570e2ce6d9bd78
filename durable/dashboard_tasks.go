package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard/source"
)

// Tasks implements [source.Source]. Those of one state are in the order of their time,
// those that have ended with the last one first, and all others as they were stored.
func (b *board[Tx]) Tasks(ctx context.Context, f source.Filter) (page source.Tasks, err error) {
	params, ok := listOf(&f)
	if !ok {
		return page, nil
	}
	if _, err := b.queue.pausedKinds(ctx); err != nil { // which is why some wait
		return page, wrap("list tasks", err)
	}
	list, err := b.queue.client.JobList(ctx, params)
	if err != nil {
		return page, wrap("list tasks", err)
	}
	for _, job := range list.Jobs {
		page.Rows = append(page.Rows, b.row(ctx, job))
	}
	if len(list.Jobs) < f.Limit {
		return page, nil
	}
	more, err := b.queue.client.JobList(ctx, params.After(list.LastCursor).First(1))
	if err == nil && len(more.Jobs) > 0 {
		var next []byte
		next, err = list.LastCursor.MarshalText()
		page.Next = string(next)
	}
	return page, wrap("list tasks", err)
}

// listOf returns what to ask the engine for; false for nothing.
func listOf(f *source.Filter) (*river.JobListParams, bool) {
	in := f.States
	if len(in) == 0 {
		in = openStates
	}
	var wanted []rivertype.JobState
	for _, state := range in {
		wanted = append(wanted, states[state]...)
	}
	if len(wanted) == 0 || f.Limit <= 0 || !isText(f.Kind) || !isText(f.Request) {
		return nil, false
	}
	params := river.NewJobListParams().States(wanted...).First(f.Limit)
	switch {
	case !slices.ContainsFunc(in, func(state background.State) bool { return !state.Ended() }):
		params = params.OrderBy(river.JobListOrderByFinalizedAt, river.SortOrderDesc)
	case len(in) == 1:
		params = params.OrderBy(river.JobListOrderByTime, river.SortOrderAsc)
	default:
		params = params.OrderBy(river.JobListOrderByID, river.SortOrderAsc)
	}
	if f.Kind != "" {
		params = params.Kinds(f.Kind)
	}
	if f.Request != "" {
		params = params.Where("args -> 'values' ->> '"+background.RequestID+"' = @request", river.NamedArgs{"request": f.Request})
	}
	var after river.JobListCursor
	if f.After != "" && after.UnmarshalText([]byte(f.After)) == nil {
		params = params.After(&after)
	}
	return params, true
}

// isText reports whether both databases take a text for one. Others are in no task, but in
// those that are escaped.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// row returns what a list has of a task.
func (b *board[Tx]) row(ctx context.Context, job *rivertype.JobRow) source.TaskRow {
	row, _ := b.read(ctx, job)
	return row
}

// read returns what a list has of a task, and its arguments.
func (b *board[Tx]) read(ctx context.Context, job *rivertype.JobRow) (source.TaskRow, *args) {
	var a args
	_ = json.Unmarshal(job.EncodedArgs, &a) // whatever can be read of it
	info := b.queue.infoOf(ctx, job, &a)
	row := source.TaskRow{
		ID: info.ID, Name: info.Name, Kind: job.Kind, State: info.State, Attempt: info.Attempt, Attempts: max(a.Retry.Attempts, 1),
		Since: info.Since, Due: info.Due, Request: a.Values[background.RequestID], Route: a.Values[background.RequestRoute],
	}
	if info.Err != nil {
		row.Error = info.Err.Error()
	}
	switch info.State {
	case background.Waiting:
		row.Since = job.ScheduledAt
		row.Why = b.whyWaiting(job)
	case background.Scheduled:
		row.Why = "waits for its time"
	case background.Retrying:
		row.Why, row.Accepted = "waits for its next attempt", true
	case background.Running:
		if wasToldToEnd(job) {
			row.Why = "was told to end"
		}
	default:
	}
	return row, &a
}

// whyWaiting says what a task waits for.
func (b *board[Tx]) whyWaiting(job *rivertype.JobRow) string {
	q := b.queue
	switch {
	case q.paused.has(job.Kind):
		return "waits, since its kind is paused"
	case q.kinds[job.Kind] == nil:
		return "waits for a process that knows its kind, which this one does not"
	case job.Queue == Suspects:
		return "waits for its turn among the tasks whose processes died, of which each process runs one at a time"
	case q.kinds[job.Kind].gate != nil:
		return "waits for a worker, or its limit, which each process keeps"
	}
	return "waits for a worker"
}

// Task implements [source.Source].
func (b *board[Tx]) Task(ctx context.Context, id string) (t source.Task, err error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return t, source.ErrNoTask
	}
	if _, err = b.queue.pausedKinds(ctx); err != nil {
		return t, wrap("look at a task", err)
	}
	job, err := b.queue.client.JobGet(ctx, number)
	if errors.Is(err, rivertype.ErrNotFound) {
		return t, source.ErrNoTask
	}
	if err != nil {
		return t, wrap("look at a task", err)
	}
	row, a := b.read(ctx, job)
	t = source.Task{TaskRow: row, Argument: b.argument(job.Kind, a), Progress: jsonOf(b.queue.progressOf(job)), Acts: actsOn(row.State)}
	if row.State == background.Running && wasToldToEnd(job) {
		t.Acts = nil
	}
	for _, e := range slices.Backward(job.Errors) {
		t.Failures = append(t.Failures, source.Failure{Attempt: e.Attempt, At: e.At, Error: e.Error, Stack: e.Trace})
	}
	return t, nil
}

// wasToldToEnd reports whether somebody has cancelled a task, which may run on for a while.
func wasToldToEnd(job *rivertype.JobRow) bool {
	var metadata struct {
		At json.RawMessage `json:"cancel_attempted_at"`
	}
	_ = json.Unmarshal(job.Metadata, &metadata) // what is no object has none
	return metadata.At != nil
}

// argument returns the argument of a task if its kind lets it be seen, and it can be read:
// its methods are the service's, and may panic.
func (b *board[Tx]) argument(kind string, a *args) (text string) {
	defer func() { _ = recover() }()
	k := b.queue.kinds[kind]
	if k == nil || a.err != nil {
		return ""
	}
	task, err := k.Restore(a.record(kind))
	if err != nil {
		return ""
	}
	argument, _ := task.ShownArgument()
	return string(argument)
}

// jsonOf returns what a task has said of itself, whose methods are the service's and may
// panic; "" for nothing.
func jsonOf(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = "a value whose methods panic"
		}
	}()
	if value == nil {
		return ""
	}
	encoded, err := json.Marshal(value)
	if err != nil { // fmt would go round and round in a map that has itself in it
		return fmt.Sprintf("a %T that is no JSON", value)
	}
	return string(encoded)
}

func actsOn(state background.State) []source.Verb {
	switch state {
	case background.Running:
		return []source.Verb{source.Cancel}
	case background.Scheduled, background.Retrying:
		return []source.Verb{source.RetryNow, source.Discard}
	case background.Waiting:
		return []source.Verb{source.Discard}
	case background.Failed, background.Canceled:
		return []source.Verb{source.RetryNow}
	default:
		return nil
	}
}
