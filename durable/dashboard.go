package durable

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard/source"
)

// Dashboard returns the work of the queue for a page, see package dashboard, with all that
// can be done to it. It is that of all processes, whichever has the page. Call it once for
// a page: what has succeeded is counted while somebody looks.
//
// A kind is paused in the database: in all processes, and until it is resumed. Tasks that
// have failed or were cancelled can be tried again, as long as they are kept.
func (q *Queue[Tx]) Dashboard() source.Source { return &board[Tx]{queue: q} }

// board is a queue as a page sees it.
type board[Tx any] struct {
	queue *Queue[Tx]

	mu    sync.Mutex // guards what follows, and held during a look
	until time.Time  // up to which those that have succeeded are counted; zero before the first look
	ended map[string]*endings
}

// endings are what is counted of a kind.
type endings struct {
	succeeded        uint64
	waits, durations background.Histogram
}

// settled is how long after their end tasks are counted: what came of an attempt is written
// a little later, and the clocks of processes differ.
const settled = 3 * time.Second

// remembered is as much as a page shows of what has been.
const remembered = 5 * time.Minute

// maxTimed is how many tasks that have ended are timed in one look, the last ones.
const maxTimed = 1000

// longestShown is how many of the tasks that run an overview names.
const longestShown = 5

// Overview implements [source.Source].
func (b *board[Tx]) Overview(ctx context.Context) (o source.Overview, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue
	isPaused, err := q.pausedKinds(ctx)
	if err != nil {
		return o, wrap("look at the queue", err)
	}
	if err := b.countEnded(ctx); err != nil {
		return o, wrap("count tasks that have ended", err)
	}
	kinds, err := b.kinds(ctx)
	if err != nil {
		return o, wrap("count tasks", err)
	}
	for _, name := range isPaused {
		kinds.of(name).Paused = true
	}
	for _, k := range kinds {
		k.Acts = []source.Verb{source.Pause}
		if k.Paused {
			k.Acts = []source.Verb{source.Resume}
		}
		sum(&o.Numbers, &k.Numbers)
		o.Kinds = append(o.Kinds, *k)
	}
	slices.SortFunc(o.Kinds, func(a, b source.Kind) int { return strings.Compare(a.Name, b.Name) })
	o.Kept = "in the last week"
	o.Accepted = o.Ended() + uint64(o.Open())
	q.mu.Lock()
	o.Closed, o.ShutdownWaits = q.closed, len(q.attempts)
	q.mu.Unlock()
	longest, err := b.Tasks(ctx, source.Filter{States: []background.State{background.Running}, Limit: longestShown})
	o.Longest = longest.Rows
	return o, err
}

// kindsByName are kinds that are asked for by their names.
type kindsByName map[string]*source.Kind

func (k kindsByName) of(name string) *source.Kind {
	if k[name] == nil {
		k[name] = &source.Kind{Name: name}
	}
	return k[name]
}

// kinds counts what is stored, of the queue's kinds and of those that others have stored.
func (b *board[Tx]) kinds(ctx context.Context) (kindsByName, error) {
	all := make(kindsByName)
	for name := range b.queue.kinds {
		all.of(name)
	}
	rows, err := b.rows(ctx, []string{"kind", "cast(state as text)", "count(*)", b.epoch("min(scheduled_at)")},
		"state in ('available', 'pending', 'running', 'scheduled', 'retryable', 'discarded', 'cancelled') group by kind, state")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, row := range rows {
		k := all.of(row[0])
		n, _ := strconv.Atoi(row[2])
		switch rivertype.JobState(row[1]) {
		case rivertype.JobStateAvailable, rivertype.JobStatePending:
			k.Waiting += n
			if since := seconds(row[3]); rivertype.JobState(row[1]) == rivertype.JobStateAvailable {
				k.Oldest = max(now.Sub(time.Unix(0, int64(since))), 0)
			}
		case rivertype.JobStateRunning:
			k.Running = n
		case rivertype.JobStateScheduled:
			k.Scheduled = n
		case rivertype.JobStateRetryable:
			k.Retrying = n
		case rivertype.JobStateDiscarded, rivertype.JobStateCancelled:
			k.Failed += uint64(n)
		case rivertype.JobStateCompleted:
		}
	}
	for name, e := range b.ended {
		k := all.of(name)
		k.Succeeded, k.Waits, k.Durations = e.succeeded, e.waits, e.durations
	}
	return all, nil
}

// countEnded counts the tasks that have succeeded since the last look, but of no more than the
// last minutes, and times the last ones. The first look only begins.
func (b *board[Tx]) countEnded(ctx context.Context) error {
	now := time.Now().Add(-settled)
	from := b.until
	if from.IsZero() {
		b.until, b.ended = now, make(map[string]*endings)
		return nil
	}
	if longAgo := now.Add(-remembered); from.Before(longAgo) { // nobody has looked, and nobody asks for it
		from = longAgo
	}
	span := fmt.Sprintf("finalized_at > '%s' and finalized_at <= '%s'", sqlTime(from), sqlTime(now))
	counted, err := b.rows(ctx, []string{"kind", "count(*)"}, "state = 'completed' and "+span+" group by kind")
	if err != nil {
		return err
	}
	timed, err := b.rows(ctx, []string{"kind", b.between("scheduled_at", "attempted_at"), b.between("attempted_at", "finalized_at")},
		fmt.Sprintf("state = 'completed' and %s order by finalized_at desc limit %d", span, maxTimed))
	if err != nil {
		return err
	}
	b.until = now
	for _, row := range counted {
		n, _ := strconv.ParseUint(row[1], 10, 64)
		b.endingsOf(row[0]).succeeded += n
	}
	for _, row := range timed {
		e := b.endingsOf(row[0])
		e.waits.Add(max(seconds(row[1]), 0))
		e.durations.Add(max(seconds(row[2]), 0))
	}
	return nil
}

func (b *board[Tx]) endingsOf(kind string) *endings {
	if b.ended[kind] == nil {
		b.ended[kind] = new(endings)
	}
	return b.ended[kind]
}

// sqlTime is a time as both databases take it in a comparison. SQLite compares texts, and
// takes the one with a zone for the later one of two that are the same besides.
func sqlTime(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02 15:04:05.000") + "+00"
}

// epoch is an SQL expression for the seconds since 1970 of one for a time.
func (b *board[Tx]) epoch(column string) string {
	return fmt.Sprintf(b.queue.engine.Epoch, column)
}

// between is one for the seconds from one time to another.
func (b *board[Tx]) between(from, to string) string { return b.epoch(to) + " - " + b.epoch(from) }

// seconds reads a number of seconds.
func seconds(text string) time.Duration {
	n, _ := strconv.ParseFloat(text, 64)
	return time.Duration(n * float64(time.Second))
}

// fieldEnd and rowEnd are in no name of a kind.
const fieldEnd, rowEnd = "\x1f", "\x1e"

// rows returns the values of columns, as text, of the tasks for which a condition holds. The
// engine's interface has a way to read one row only, so the database puts them into one.
func (b *board[Tx]) rows(ctx context.Context, columns []string, where string) ([][]string, error) {
	named, names := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("c%d", i)
		named[i] = c + " as " + names[i]
	}
	query := fmt.Sprintf("select coalesce(string_agg(%s, '%s'), '') from (select %s from river_job where %s) as found",
		strings.Join(names, " || '"+fieldEnd+"' || "), rowEnd, strings.Join(named, ", "), where)
	var text string
	if err := b.queue.client.Driver().GetExecutor().QueryRow(ctx, query).Scan(&text); err != nil || text == "" {
		return nil, err
	}
	var rows [][]string
	for line := range strings.SplitSeq(text, rowEnd) {
		if fields := strings.Split(line, fieldEnd); len(fields) == len(names) {
			rows = append(rows, fields)
		}
	}
	return rows, nil
}

// sum adds the numbers of a kind to those of all.
func sum(to, n *source.Numbers) {
	to.Running += n.Running
	to.Waiting += n.Waiting
	to.Scheduled += n.Scheduled
	to.Retrying += n.Retrying
	to.Succeeded += n.Succeeded
	to.Failed += n.Failed
	to.Oldest = max(to.Oldest, n.Oldest)
	add(&to.Waits, &n.Waits)
	add(&to.Durations, &n.Durations)
}

func add(to, h *background.Histogram) {
	for i, n := range h.Counts {
		to.Counts[i] += n
	}
	to.Sum += h.Sum
}
