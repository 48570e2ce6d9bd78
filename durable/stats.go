package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
)

// Ping asks the database for an answer, for a health check, and returns what is in the way
// of one.
func (q *Queue[Tx]) Ping(ctx context.Context) error {
	var one int
	return wrap("ping", q.client.Driver().GetExecutor().QueryRow(ctx, "select 1").Scan(&one))
}

// Kinds returns the numbers of each kind that was given to Open, in the order of their
// names. What waits, runs, is scheduled or retried, and the oldest, is that of the database,
// of all processes: so many tasks are there, and a look at the index finds them. What has
// ended, with Waits and Durations, is that of the attempts which this process has made
// since it was started; an attempt that was interrupted or given to another process is not
// counted. A limit keeps its tasks among the running. If the database does not answer, the
// numbers of the process are returned with the error.
func (q *Queue[Tx]) Kinds(ctx context.Context) ([]background.KindStats, error) {
	kinds := make([]background.KindStats, 0, len(q.kinds))
	for name := range q.kinds {
		kinds = append(kinds, q.counts.of(name))
	}
	slices.SortFunc(kinds, func(a, b background.KindStats) int { return strings.Compare(a.Kind, b.Kind) })
	return kinds, wrap("count tasks", errors.Join(q.countStored(ctx, kinds), q.findOldest(ctx, kinds)))
}

// countStored counts the tasks that have not ended, all in one look.
func (q *Queue[Tx]) countStored(ctx context.Context, kinds []background.KindStats) error {
	var columns []string
	var numbers []any
	for i := range kinds {
		k := &kinds[i]
		for _, c := range []struct {
			state  string
			number *int
		}{
			{"'available', 'pending'", &k.Queued},
			{"'running'", &k.Running},
			{"'scheduled'", &k.Scheduled},
			{"'retryable'", &k.Retrying},
		} {
			// A name can't have a quote, see kindName.
			columns = append(columns, fmt.Sprintf("count(*) filter (where kind = '%s' and state in (%s))", k.Kind, c.state))
			numbers = append(numbers, c.number)
		}
	}
	query := "select " + strings.Join(columns, ", ") +
		" from river_job where state in ('available', 'pending', 'running', 'scheduled', 'retryable')"
	return q.client.Driver().GetExecutor().QueryRow(ctx, query).Scan(numbers...)
}

// findOldest looks how long the oldest task has waited of each kind that has some.
func (q *Queue[Tx]) findOldest(ctx context.Context, kinds []background.KindStats) error {
	for i := range kinds {
		k := &kinds[i]
		if k.Queued == 0 {
			continue
		}
		list, err := q.client.JobList(ctx, river.NewJobListParams().Kinds(k.Kind).States(rivertype.JobStateAvailable).
			OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
		if err != nil {
			return err
		}
		if len(list.Jobs) > 0 {
			k.OldestWaiting = max(time.Since(list.Jobs[0].ScheduledAt), 0)
		}
	}
	return nil
}

// counts are what has become of the attempts of this process.
type counts struct {
	mu    sync.Mutex // guards kinds
	kinds map[string]*background.KindStats
}

// of returns what is counted of a kind.
func (c *counts) of(kind string) background.KindStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kinds[kind]; k != nil {
		return *k
	}
	return background.KindStats{Kind: kind}
}

// add counts an attempt that began after its task had waited, and took so long. Those that
// were interrupted do not count.
func (c *counts) add(o *outcome, wait, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = make(map[string]*background.KindStats)
	}
	k := c.kinds[o.job.Kind]
	if k == nil {
		k = &background.KindStats{Kind: o.job.Kind}
		c.kinds[o.job.Kind] = k
	}
	switch o.params.Reason {
	case riverdriver.JobSetStateReasonCompleted:
		k.Succeeded++
	case riverdriver.JobSetStateReasonCancelled:
		k.Failed++
	case riverdriver.JobSetStateReasonFailed:
		if o.params.State != rivertype.JobStateDiscarded {
			k.Retried++
			break
		}
		k.Failed++
		if isPanic(err) {
			k.Panicked++
		}
	default:
		return
	}
	k.Durations.Add(took)
	if o.attempt.number == 1 {
		k.Waits.Add(wait)
	}
}

// isPanic reports whether an error, whose methods may be the service's and panic, is or
// wraps a panic.
func isPanic(err error) bool {
	defer func() { _ = recover() }()
	_, ok := errors.AsType[*background.PanicError](err)
	return ok
}
