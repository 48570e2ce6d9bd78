package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// failuresKept is how many failures a page can tell of.
const failuresKept = 200

// longestShown is how many of the tasks that run an overview names.
const longestShown = 5

// Runner returns the work of a runner in memory, which it has remember the last 200
// failures: see [background.Runner.KeepFailures]. It panics if r is nil.
//
// A task can be looked at by itself, cancelled and hastened if it has a handle: those that
// were given to [background.Track], and those of kinds with [background.Followed].
func Runner(r *background.Runner) *RunnerSource {
	if r == nil {
		panic("dashboard: Runner needs a runner, such as app.Runner()")
	}
	r.KeepFailures(failuresKept)
	return &RunnerSource{r}
}

// A RunnerSource is the work of a runner. It is a [Source], a [Controller] and [Sampled].
type RunnerSource struct{ runner *background.Runner }

// Closed implements [Sampled].
func (s *RunnerSource) Closed() bool { return s.runner.Closed() }

// Overview implements [Source].
func (s *RunnerSource) Overview(context.Context) (Overview, error) {
	r := s.runner
	n := r.Stats()
	o := Overview{
		Numbers: Numbers{
			Running: n.Running, Waiting: n.Queued, Parked: n.Limited, Scheduled: n.Scheduled, Retrying: n.Retrying,
			Succeeded: n.Succeeded, Failed: n.Failed, Retried: n.Retried, GivenUp: n.Skipped + n.Abandoned,
			Oldest: n.OldestWaiting,
		},
		Accepted: n.Accepted, Workers: r.Workers(), Blocked: n.Blocked, Paused: r.Paused(), Closed: r.Closed(), Kept: "since the start",
		ShutdownWaits: n.Running + n.Queued + n.Limited + n.Retrying, ShutdownGivesUp: n.Scheduled,
	}
	paused := r.PausedKinds()
	for _, k := range r.Kinds() {
		kind := Kind{Name: k.Kind, Paused: slices.Contains(paused, k.Kind), Numbers: Numbers{
			Running: k.Running, Waiting: k.Queued, Parked: k.Limited, Scheduled: k.Scheduled, Retrying: k.Retrying,
			Succeeded: k.Succeeded, Failed: k.Failed, Retried: k.Retried, GivenUp: k.Skipped + k.Abandoned,
			Oldest: k.OldestWaiting, Waits: k.Waits, Durations: k.Durations,
		}}
		add(&o.Waits, &k.Waits)
		add(&o.Durations, &k.Durations)
		kind.Acts = actsOf(kind)
		o.Kinds = append(o.Kinds, kind)
	}
	o.Kinds = append(o.Kinds, s.unseen(paused, o.Kinds)...)
	longest := s.running()
	o.Longest = slices.Clip(longest[:min(len(longest), longestShown)])
	return o, nil
}

// unseen returns the paused kinds of which no task is known.
func (s *RunnerSource) unseen(paused []string, seen []Kind) (more []Kind) {
	for _, name := range paused {
		if !slices.ContainsFunc(seen, func(k Kind) bool { return k.Name == name }) {
			k := Kind{Name: name, Paused: true}
			k.Acts = actsOf(k)
			more = append(more, k)
		}
	}
	return more
}

func actsOf(k Kind) []Verb {
	switch {
	case k.Name == "":
		return nil
	case k.Paused:
		return []Verb{Resume}
	}
	return []Verb{Pause}
}

// add adds the counts of another histogram.
func add(to, h *background.Histogram) {
	for i, n := range h.Counts {
		to.Counts[i] += n
	}
	to.Sum += h.Sum
}

// running returns the tasks that run, those first that do so longest.
func (s *RunnerSource) running() []TaskRow {
	now := moment{runner: s.runner}
	rows := []TaskRow{}
	for info := range s.runner.Tasks(background.Running) {
		rows = append(rows, now.row(&info))
	}
	slices.SortFunc(rows, func(a, b TaskRow) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID)) })
	return rows
}

// moment is what a runner did when it was asked for tasks, which is why some of them wait.
type moment struct {
	runner           *background.Runner
	running, workers int
	isPaused         bool
	pausedKinds      []string
}

func (s *RunnerSource) now() *moment {
	return &moment{s.runner, s.runner.Stats().Running, s.runner.Workers(), s.runner.Paused(), s.runner.PausedKinds()}
}

// row returns what is known of a task, which may have ended.
func (m *moment) row(info *background.Info) TaskRow {
	row := TaskRow{
		ID: info.ID, Name: info.Name, Kind: info.Kind, State: info.State, Attempt: info.Attempt, Since: info.Since, Due: info.Due,
		Why: m.why(info),
	}
	row.Accepted = info.ID == "" && (info.State == background.Running && info.Kind == "" || info.State == background.Retrying)
	row.Request, row.Route = origin(info.Context)
	if info.Task != nil {
		row.Attempts = info.Task.Attempts()
	}
	if row.ID == "" && row.State == background.Running {
		row.ID = runningID(&row)
	}
	if info.Err != nil {
		err := info.Err
		if failure, ok := err.(*background.TaskError); ok { //nolint:errorlint // it is never wrapped, and the methods of what it wraps are the service's
			err = failure.Err // the name is in the row
		}
		row.Error = textOf(err)
	}
	return row
}

// origin returns the request that a task comes from, and its route.
func origin(ctx context.Context) (request, route string) {
	if ctx == nil {
		return "", ""
	}
	if rt, ok := routing.RouteOf(ctx); ok {
		route = rt.Method + " " + rt.Pattern
	} else if stored := background.OriginOf(ctx); stored != nil { // by a process of before, perhaps
		route = stored.Values[background.RequestRoute]
	}
	return routing.RequestID(ctx), route
}

// textOf returns what an error says, whose methods are the service's and may panic.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error whose Error panics"
		}
	}()
	return cut(err.Error(), maxText)
}

// why says what a task waits for, or what is to be known of one that runs.
func (m *moment) why(info *background.Info) string {
	switch info.State {
	case background.Waiting:
		switch {
		case m.isPaused:
			return "waits, since the runner is paused"
		case m.running >= m.workers:
			return fmt.Sprintf("waits for a worker, and all %d are busy", m.workers)
		}
		return "waits for its turn: its collection runs as many as it may, or a worker is on its way"
	case background.Scheduled:
		return "waits for its time"
	case background.Limited:
		if slices.Contains(m.pausedKinds, info.Kind) {
			return "waits, since its kind is paused"
		}
		return "waits for its limit" + limitText(info.Limit)
	case background.Retrying:
		return "waits for its next attempt"
	case background.Running:
		if h, ok := m.runner.Lookup(info.ID); ok && h.CancelCause() != nil {
			return "was told to end: " + textOf(h.CancelCause())
		}
	}
	return ""
}

func limitText(l *background.Limit) string {
	if l == nil {
		return ""
	}
	var parts []string
	o := l.Options()
	if o.Concurrent > 0 {
		parts = append(parts, fmt.Sprintf("%d at once", o.Concurrent))
	}
	if o.PerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%g a second", o.PerSecond))
	}
	return ": " + strings.Join(parts, ", ")
}

// Tasks implements [Source]. Those that have ended are, of the succeeded, those with a
// handle, and of the others those among the last failures.
func (s *RunnerSource) Tasks(ctx context.Context, f Filter) (Tasks, error) {
	skip, _ := strconv.Atoi(f.After)
	var page Tasks
	seen := 0
	for row := range s.rows(&f) {
		if err := ctx.Err(); err != nil {
			return Tasks{}, err
		}
		if f.Request != "" && row.Request != f.Request {
			continue
		}
		if seen++; seen <= skip {
			continue
		}
		if len(page.Rows) == f.Limit {
			page.Next = strconv.Itoa(skip + f.Limit)
			break
		}
		page.Rows = append(page.Rows, row)
	}
	return page, nil
}

// openStates are those of tasks that have not ended.
var openStates = []background.State{background.Running, background.Waiting, background.Limited, background.Scheduled, background.Retrying}

// lets reports whether a filter lets the tasks of a kind through.
func lets(f *Filter, kind string) bool { return f.Kind == "" || f.Kind == kind }

// rows yields the tasks in the states of a filter, of its kind.
func (s *RunnerSource) rows(f *Filter) iter.Seq[TaskRow] {
	open, ended := []background.State{}, []background.State{}
	for _, state := range f.States {
		if state.Ended() {
			ended = append(ended, state)
		} else {
			open = append(open, state)
		}
	}
	if len(f.States) == 0 {
		open = openStates
	}
	now := s.now()
	return func(yield func(TaskRow) bool) {
		if i := slices.Index(open, background.Running); i >= 0 {
			open = slices.Delete(slices.Clone(open), i, i+1)
			for _, row := range s.running() {
				if lets(f, row.Kind) && !yield(row) {
					return
				}
			}
		}
		if len(open) > 0 {
			for info := range s.runner.Tasks(open...) {
				if lets(f, info.Kind) && !yield(now.row(&info)) {
					return
				}
			}
		}
		for _, row := range s.ended(ended) {
			if lets(f, row.Kind) && !yield(row) {
				return
			}
		}
	}
}

// ended returns the tasks that have ended in these states, the last first.
func (s *RunnerSource) ended(states []background.State) (rows []TaskRow) {
	if slices.Contains(states, background.Succeeded) {
		for _, h := range s.runner.Handles() {
			if info := h.Info(); info.State == background.Succeeded {
				info.Task, info.Context = h.Task(), h.Context()
				rows = append(rows, new(moment).row(&info))
			}
		}
	}
	for _, f := range s.runner.Failures() {
		if slices.Contains(states, f.State) {
			rows = append(rows, failedRow(&f))
		}
	}
	slices.SortStableFunc(rows, func(a, b TaskRow) int { return cmp.Or(b.Since.Compare(a.Since), strings.Compare(a.ID, b.ID)) })
	return rows
}
