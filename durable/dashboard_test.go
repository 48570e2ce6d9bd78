package durable_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/durable"
)

// board is what a page asks a queue.
type board struct {
	*testing.T
	source.Source
}

func boardOf[Tx any](t *testing.T, q *durable.Queue[Tx]) board { return board{t, q.Dashboard()} }

func (b board) overview() source.Overview {
	b.Helper()
	o, err := b.Overview(within(b))
	require.NoError(b, err)
	return o
}

// kind returns the numbers of a kind.
func (b board) kind(name string) source.Kind {
	b.Helper()
	for _, k := range b.overview().Kinds {
		if k.Name == name {
			return k
		}
	}
	b.Fatal("no kind ", name)
	return source.Kind{}
}

// list returns all tasks that a filter lets through, three on a page.
func (b board) list(f source.Filter) (rows []source.TaskRow) {
	b.Helper()
	f.Limit = 3
	for {
		page, err := b.Tasks(within(b), f)
		require.NoError(b, err)
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows
		}
		require.Len(b, page.Rows, 3, "a page that is not the last")
		f.After = page.Next
	}
}

func (b board) names(f source.Filter) string {
	b.Helper()
	var all []string
	for _, row := range b.list(f) {
		all = append(all, row.Name)
	}
	return strings.Join(all, " ")
}

// task returns the only task of a name.
func (b board) task(name string) source.Task {
	b.Helper()
	for _, states := range [][]background.State{nil, {background.Failed, background.Canceled}, {background.Succeeded}} {
		for _, row := range b.list(source.Filter{States: states}) {
			if row.Name == name {
				task, err := b.Task(within(b), row.ID)
				require.NoError(b, err)
				return task
			}
		}
	}
	b.Fatal("no task ", name)
	return source.Task{}
}

// do does an act to the task of a name, if it is offered.
func (b board) do(verb source.Verb, name string) {
	b.Helper()
	task := b.task(name)
	require.Contains(b, task.Acts, verb, "%s is %s", name, task.State)
	require.NoError(b, b.Source.(source.Controller).Do(within(b), source.Act{Verb: verb, ID: task.ID}))
}

func (b board) doTo(verb source.Verb, kind string) {
	b.Helper()
	require.Equal(b, []source.Verb{verb}, b.kind(kind).Acts)
	require.NoError(b, b.Source.(source.Controller).Do(within(b), source.Act{Verb: verb, Kind: kind}))
}

func in(states ...background.State) source.Filter { return source.Filter{States: states} }

// Tasks in each state, in the numbers, in the lists and by themselves, also where another
// process has the page.
func testBoardStates[Tx any](t *testing.T, d *database[Tx]) {
	release := make(chan struct{})
	mail := background.Define("mail", func(ctx context.Context, what string) error {
		switch what {
		case "hold":
			background.Progress(ctx, map[string]int{"percent": 40})
			<-release
		case "fail":
			return errors.New("on purpose")
		case "panic":
			panic("on purpose")
		}
		return nil
	}, background.ShowArgument())
	other := background.Define("other", func(context.Context, string) error { return nil })
	q := d.open(t, durable.Options{}, mail, other)
	b := boardOf(t, d.open(t, durable.Options{StoreOnly: true}, mail)) // which does not know the other kind
	assert.Empty(t, b.list(source.Filter{}))
	empty := b.overview()
	assert.Zero(t, empty.Open())

	again := background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}
	origin := context.WithValue(within(t), background.OriginKey{}, &background.Origin{Values: map[string]string{
		background.RequestID: "r1", background.RequestRoute: "POST /orders",
	}})
	require.NoError(t, q.Submit(origin, mail.Task("later").Named("later").After(time.Hour), other.Task("secret").Named("other")))
	require.NoError(t, q.Submit(within(t), mail.Task("fail").Named("failed"), mail.Task("panic").Named("panicked"), mail.Task("fail").Named("again").WithRetry(again), mail.Task("hold").Named("held")))
	for i := range 7 {
		require.NoError(t, q.Submit(within(t), mail.Task("").Named(fmt.Sprint("done-", i))))
	}
	assert.Equal(t, 12, b.overview().Waiting)
	assert.Greater(t, b.kind("mail").Oldest, time.Duration(0))
	waiting := b.task("other")
	assert.Equal(t, "waits for a process that knows its kind, which this one does not", waiting.Why)
	assert.Empty(t, waiting.Argument, "its kind does not show it")
	work(t, q, background.RunnerOptions{})

	eventually(t, "all that can end has ended", func() bool {
		k := b.kind("mail")
		return k.Waiting == 0 && k.Running == 1 && k.Failed == 2 && k.Retrying == 1
	})
	k := b.kind("mail")
	assert.Equal(t, 1, k.Scheduled)
	eventually(t, "those that succeed are counted", func() bool { return b.overview().Succeeded == 8 })
	o := b.overview()
	assert.EqualValues(t, 13, o.Accepted)
	mails, others := b.kind("mail"), b.kind("other")
	assert.EqualValues(t, 7, mails.Durations.Count())
	assert.EqualValues(t, 1, others.Waits.Count())
	assert.EqualValues(t, 8, o.Waits.Count())
	require.Len(t, o.Longest, 1)
	assert.Equal(t, "held", o.Longest[0].Name)
	assert.Equal(t, "later again held", sorted(b.names(source.Filter{})))
	assert.Len(t, b.list(in(background.Succeeded)), 8, "on three pages")
	assert.Equal(t, "held", b.names(in(background.Running)))
	assert.Equal(t, "failed panicked", sorted(b.names(in(background.Failed, background.Canceled, background.GivenUp))))
	assert.Empty(t, b.names(in(background.Limited)))
	assert.Equal(t, "other", b.names(source.Filter{States: []background.State{background.Succeeded}, Kind: "other"}))
	assert.Equal(t, "other", b.names(source.Filter{States: []background.State{background.Succeeded}, Request: "r1"}))
	assert.Empty(t, b.names(source.Filter{Request: "r2' or true --"}))
	for _, odd := range []string{"x", "e30", "99999999999999999999", strings.Repeat("A", 500)} {
		_, err := b.Tasks(within(t), source.Filter{After: odd, Limit: 3})
		require.NoError(t, err, odd)
	}
	later := b.task("later")
	assert.Equal(t, "r1 POST /orders", later.Request+" "+later.Route)
	assert.Equal(t, "waits for its time", later.Why)
	assert.InDelta(t, time.Hour, time.Until(later.Due), float64(time.Minute))
	assert.Equal(t, `"later"`, later.Argument)
	panicked := b.task("panicked")
	require.Len(t, panicked.Failures, 1)
	assert.Equal(t, "panic: on purpose", panicked.Failures[0].Error)
	assert.Contains(t, panicked.Failures[0].Stack, "dashboard_test.go")
	waits := b.task("again")
	assert.Equal(t, [2]int{1, 2}, [2]int{waits.Attempt, waits.Attempts})
	assert.Equal(t, "on purpose", waits.Failures[0].Error)
	assert.Empty(t, waits.Failures[0].Stack)
	eventually(t, "what it says reaches the other process", func() bool { return b.task("held").Progress == `{"percent":40}` })
	for _, none := range []string{"", "x", "0", "-1", "999999", "99999999999999999999"} {
		_, err := b.Task(within(t), none)
		require.ErrorIs(t, err, source.ErrNoTask, none)
	}
	close(release)
}

// sorted puts those whose order is that of the workers into one.
func sorted(names string) string {
	order := map[string]int{"later": 0, "again": 1, "held": 2, "failed": 3, "panicked": 4}
	all := make([]string, 5)
	for n := range strings.FieldsSeq(names) {
		all[order[n]] = n
	}
	return strings.Join(strings.Fields(strings.Join(all, " ")), " ")
}

func testBoardActs[Tx any](t *testing.T, d *database[Tx]) {
	seen := make(chan string, 10)
	ended := make(chan error, 1)
	job := background.Define("job", func(ctx context.Context, what string) error {
		seen <- what
		switch what {
		case "hold":
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		case "fail":
			return errors.New("on purpose")
		}
		return nil
	}, background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour})
	q := d.open(t, durable.Options{}, job)
	b := boardOf(t, d.open(t, durable.Options{StoreOnly: true}, job))
	require.NoError(t, q.Submit(within(t), job.Task("never").Named("discarded").After(time.Hour), job.Task("soon").Named("hastened").After(time.Hour)))
	b.do(source.Discard, "discarded")
	assert.Equal(t, background.Canceled, b.task("discarded").State)
	work(t, q, background.RunnerOptions{})
	b.do(source.RetryNow, "hastened")
	require.Equal(t, "soon", <-seen)

	require.NoError(t, q.Submit(within(t), job.Task("fail").Named("failing")))
	require.Equal(t, "fail", <-seen)
	for _, then := range []background.State{background.Retrying, background.Failed, background.Failed} { // the last time it is tried once more than it has attempts
		eventually(t, "it has failed", func() bool { return b.task("failing").State == then })
		if len(b.task("failing").Failures) == 3 {
			break
		}
		b.do(source.RetryNow, "failing")
		require.Equal(t, "fail", <-seen)
	}
	eventually(t, "it has failed again", func() bool { return len(b.task("failing").Failures) == 3 })

	require.NoError(t, q.Submit(within(t), job.Task("hold").Named("held")))
	require.Equal(t, "hold", <-seen)
	held := b.task("held")
	control := b.Source.(source.Controller)
	for _, verb := range []source.Verb{source.Discard, source.RetryNow} {
		refused, ok := errors.AsType[*source.ActError](control.Do(within(t), source.Act{Verb: verb, ID: held.ID}))
		require.True(t, ok, "%s of one that runs by now", verb)
		assert.Equal(t, "the task's state is running by now", refused.Why)
	}
	assert.Equal(t, background.Running, b.task("held").State)
	b.do(source.Cancel, "held")
	require.ErrorIs(t, <-ended, background.ErrCanceled)
	eventually(t, "it is cancelled", func() bool { return b.task("held").State == background.Canceled })
	done := b.task("hastened")
	assert.Empty(t, done.Acts)
	for _, verb := range []source.Verb{source.Cancel, source.Discard, source.RetryNow} {
		_, ok := errors.AsType[*source.ActError](control.Do(within(t), source.Act{Verb: verb, ID: done.ID}))
		assert.True(t, ok, "%s of one that has succeeded", verb)
	}
	assert.Equal(t, background.Succeeded, b.task("hastened").State)
	for _, none := range []string{"", "x", "999999"} {
		require.ErrorIs(t, control.Do(within(t), source.Act{Verb: source.Cancel, ID: none}), source.ErrNoTask)
	}
}

// One that failed is not tried again beside another one of its key.
func testBoardKeys[Tx any](t *testing.T, d *database[Tx]) {
	fails := background.Define("fails", func(context.Context, int) error { return errors.New("on purpose") })
	q := d.open(t, durable.Options{}, durable.With(fails, durable.KindOptions[int]{Unique: func(int) string { return "one" }}))
	b := boardOf(t, q)
	require.NoError(t, q.Submit(within(t), fails.Task(1).Named("first")))
	work(t, q, background.RunnerOptions{})
	eventually(t, "it has failed", func() bool { return b.kind("fails").Failed == 1 })
	require.NoError(t, q.Submit(within(t), fails.Task(1).Named("second").After(time.Hour)))
	err := b.Source.(source.Controller).Do(within(t), source.Act{Verb: source.RetryNow, ID: b.task("first").ID})
	refused, ok := errors.AsType[*source.ActError](err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, refused.Why, "another task of its key")
	assert.Equal(t, background.Failed, b.task("first").State)
}

// A kind that one process pauses is paused in all, and in those that start later.
func testBoardPause[Tx any](t *testing.T, d *database[Tx]) {
	seen := make(chan string, 10)
	note := func(_ context.Context, what string) error {
		seen <- what
		return nil
	}
	limited := background.Define("limited", note, background.NewLimit(background.LimitOptions{Concurrent: 1}))
	plain, other := background.Define("plain", note), background.Define("other", note)
	kinds := []background.Definition{limited, plain, other}
	b := boardOf(t, d.open(t, durable.Options{StoreOnly: true}, kinds...))
	b.doTo(source.Pause, "limited") // before any process has worked the queue
	q := d.open(t, durable.Options{}, kinds...)
	require.NoError(t, q.Submit(within(t), limited.Task("limited"))) // which is there when it begins
	work(t, q, background.RunnerOptions{})
	own := d.open(t, durable.Options{StoreOnly: true}, kinds...)
	require.NoError(t, boardOf(t, own).Source.(source.Controller).Do(within(t), source.Act{Verb: source.Pause, Kind: "plain"}))
	assert.Equal(t, []string{"limited", "plain"}, durable.PausedHere(own), "at once where it was done")
	assert.True(t, b.kind("limited").Paused)
	assert.False(t, b.kind("other").Paused)
	eventually(t, "the other process has seen it", func() bool { return strings.Join(durable.PausedHere(q), " ") == "limited plain" })

	require.NoError(t, q.Submit(within(t), plain.Task("plain")))
	for range 3 { // it looks for tasks between
		require.NoError(t, q.Submit(within(t), other.Task("other")))
		require.Equal(t, "other", <-seen)
	}
	assert.Equal(t, "waits, since its kind is paused", b.task("plain").Why)
	assert.Equal(t, 2, b.overview().Waiting)
	b.doTo(source.Resume, "plain")
	require.Equal(t, "plain", <-seen)
	b.doTo(source.Resume, "limited")
	require.Equal(t, "limited", <-seen)
	assert.NotContains(t, fmt.Sprint(b.overview().Kinds), "paused")
}

// Where all kinds are paused the engine is asked for none, which is not the same as for any.
func TestAllKindsArePaused(t *testing.T) {
	assert.Equal(t, []string{}, durable.WithoutPaused([]string{"a", "b"}, []string{"a", "b", "c"}))
	assert.Equal(t, []string{"b"}, durable.WithoutPaused([]string{"a", "b"}, []string{"a"}))
	assert.Equal(t, []string{"a", "b"}, durable.WithoutPaused([]string{"a", "b"}, nil))
}

// nastyError panics when it is looked into.
type nastyError struct{}

func (nastyError) Error() string { panic("on purpose") }
func (nastyError) As(any) bool   { panic("on purpose") }

func TestStacksAreCut(t *testing.T) {
	stack := func(text string) string {
		return durable.StackOf(fmt.Errorf("wrapped: %w", &background.PanicError{Stack: []byte(text)}))
	}
	assert.Equal(t, strings.Repeat("x", 16<<10), stack(strings.Repeat("x", 1<<20)))
	assert.Equal(t, "a\uFFFDb\uFFFD", stack("a\x00b\xff"), "as both databases take it")
	assert.Empty(t, durable.StackOf(errors.New("no panic")))
	assert.Empty(t, durable.StackOf(nastyError{}))
}

// What the page asks for does not come while the database is away, and nothing is made up.
func testBoardWithoutDatabase[Tx any](t *testing.T, d *database[Tx]) {
	job := background.Define("job", func(context.Context, int) error { return nil })
	q := d.open(t, durable.Options{StoreOnly: true}, job)
	b := boardOf(t, q)
	b.overview()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Overview(ctx)
	require.Error(t, err)
	_, err = b.Tasks(ctx, source.Filter{Limit: 1})
	require.Error(t, err)
	_, err = b.Task(ctx, "1")
	require.Error(t, err)
	require.NotErrorIs(t, err, source.ErrNoTask)
	err = b.Source.(source.Controller).Do(ctx, source.Act{Verb: source.Cancel, ID: "1"})
	require.Error(t, err)
	require.NotErrorIs(t, err, source.ErrNoTask)
	require.Error(t, b.Source.(source.Controller).Do(ctx, source.Act{Verb: source.Pause, Kind: "job"}))
}

// unreadable is an argument that can be written, and whose way to be read panics.
type unreadable struct{}

func (unreadable) MarshalJSON() ([]byte, error)  { return []byte("1"), nil }
func (*unreadable) UnmarshalJSON(_ []byte) error { panic("on purpose") }

// What a page is asked for may be anything, and so may arguments.
func testBoardOddities[Tx any](t *testing.T, d *database[Tx]) {
	job := background.Define("job", func(context.Context, string) error { return nil }, background.ShowArgument())
	bad := background.Define("bad", func(context.Context, unreadable) error { return nil }, background.ShowArgument())
	q := d.open(t, durable.Options{StoreOnly: true}, job, bad)
	b := boardOf(t, q)
	origin := func(id string) context.Context {
		return context.WithValue(within(t), background.OriginKey{}, &background.Origin{Values: map[string]string{background.RequestID: id}})
	}
	require.NoError(t, q.Submit(origin("r1"), job.Task("a\x00b").Named("nul"), bad.Task(unreadable{}).Named("bad")))
	require.NoError(t, q.Submit(origin("r\x002"), job.Task("a").Named("odd request")))
	assert.Equal(t, "nul bad", b.names(source.Filter{Request: "r1"}))
	nul := b.task("nul")
	assert.Equal(t, `"a\u0000b" r1`, nul.Argument+" "+nul.Request)
	assert.Equal(t, "r\x002", b.task("odd request").Request)
	assert.Empty(t, b.task("bad").Argument)
	for _, odd := range []string{"\x00", "r1\x00", "\xff", strings.Repeat("x", 1<<20), "r1'", "%", "@request", "?", "$1"} {
		assert.Empty(t, b.list(source.Filter{Request: odd}), "%.10q", odd)
		assert.Empty(t, b.list(source.Filter{Kind: odd}), "%.10q", odd)
		_, err := b.Tasks(within(t), source.Filter{After: odd, Limit: 3})
		require.NoError(t, err, "%.10q", odd)
		_, err = b.Task(within(t), odd)
		require.ErrorIs(t, err, source.ErrNoTask, "%.10q", odd)
	}
}

// The time for all attempts begins anew where a task is tried again that has failed.
func testBoardRetriesAfterMaxElapsed[Tx any](t *testing.T, d *database[Tx]) {
	seen := make(chan error, 1)
	job := background.Define("job", func(ctx context.Context, _ int) error {
		seen <- ctx.Err()
		return errors.New("on purpose")
	}, background.Retry{Attempts: 9, Backoff: time.Minute, MaxBackoff: time.Minute, MaxElapsed: 30 * time.Second})
	q := d.open(t, durable.Options{}, job)
	b := boardOf(t, q)
	require.NoError(t, q.Submit(within(t), job.Task(1).Named("one")))
	work(t, q, background.RunnerOptions{})
	require.NoError(t, <-seen)
	for n := 1; n <= 2; n++ {
		eventually(t, "it has failed", func() bool { return b.task("one").State == background.Failed && len(b.task("one").Failures) == n })
		d.exec(t, d.longAgo)
		b.do(source.RetryNow, "one")
		require.NoError(t, <-seen, "its context is not done")
	}
	eventually(t, "it has failed again", func() bool { return len(b.task("one").Failures) == 3 })
}

func boardTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{
		"states": testBoardStates[Tx], "acts": testBoardActs[Tx], "keys": testBoardKeys[Tx], "pause": testBoardPause[Tx],
		"while paused": testBoardWhilePaused[Tx], "cancels for good": testBoardCancelsForGood[Tx], "counts": testBoardCounts[Tx],
		"oddities": testBoardOddities[Tx], "max elapsed": testBoardRetriesAfterMaxElapsed[Tx],
		"without database": testBoardWithoutDatabase[Tx],
	}
}

func TestDashboardOnSQLite(t *testing.T)     { onSQLite(t, boardTests[*sql.Tx]()) }
func TestDashboardOnPostgreSQL(t *testing.T) { onPostgreSQL(t, boardTests[pgx.Tx]()) }
