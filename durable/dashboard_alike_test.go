package durable_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/durable"
)

// The same is seen and can be done wherever tasks are: in memory, in a file, in PostgreSQL.
func testBoardsAreAlike[Tx any](t *testing.T, d *database[Tx]) {
	testAlike(t, func(kinds ...background.Definition) (board, *background.Runner) {
		q := d.open(t, durable.Options{}, kinds...)
		return boardOf(t, q), work(t, q, background.RunnerOptions{})
	})
}

func TestDashboardInMemory(t *testing.T) {
	testAlike(t, func(...background.Definition) (board, *background.Runner) {
		r := background.NewRunner(background.RunnerOptions{Logger: quiet})
		t.Cleanup(func() { require.NoError(t, r.Shutdown(within(t))) })
		return board{t, dashboard.Runner(r)}, r
	})
}

func testAlike(t *testing.T, open func(...background.Definition) (board, *background.Runner)) {
	options := []background.KindOption{background.Followed(), background.ShowArgument()}
	release := make(chan struct{})
	holds := background.Define("holds", func(ctx context.Context, _ int) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, options...)
	fails := background.Define("fails", func(context.Context, int) error { return errors.New("on purpose") },
		append(options, background.Retry{Attempts: 2, Backoff: 2 * time.Hour, MaxBackoff: 2 * time.Hour})...)
	stubborn := background.Define("stubborn", func(context.Context, int) error { <-release; return nil }, options...)
	b, r := open(holds, fails, stubborn)
	submit := func(tasks ...*background.Task) {
		for _, task := range tasks {
			require.NoError(t, r.Submit(within(t), task))
		}
	}
	submit(holds.Task(1).Named("first"), holds.Task(2).Named("later").After(time.Hour), fails.Task(3).Named("again"))
	eventually(t, "each has come into its state", func() bool {
		o := b.overview()
		return o.Running == 1 && o.Scheduled == 1 && o.Retrying == 1
	})
	want := map[string]struct {
		state    background.State
		why      string
		attempt  int
		attempts int
		argument string
		acts     []source.Verb
	}{
		"first": {background.Running, "", 1, 1, "1", []source.Verb{source.Cancel}},
		"later": {background.Scheduled, "waits for its time", 0, 1, "2", []source.Verb{source.RetryNow, source.Discard}},
		"again": {background.Retrying, "waits for its next attempt", 1, 2, "3", []source.Verb{source.RetryNow, source.Discard}},
	}
	for name, w := range want {
		task := b.task(name)
		assert.Equal(t, w.state, task.State, name)
		assert.Equal(t, w.why, task.Why, name)
		assert.Equal(t, w.attempt, task.Attempt, name)
		assert.Equal(t, w.attempts, task.Attempts, name)
		assert.Equal(t, w.argument, task.Argument, name)
		assert.Equal(t, w.acts, task.Acts, name)
		assert.WithinDuration(t, time.Now(), task.Since, patience, name)
	}
	assert.Equal(t, "on purpose", b.task("again").Error)
	assert.Greater(t, time.Until(b.task("later").Due), 50*time.Minute)

	b.do(source.Discard, "later")
	b.do(source.RetryNow, "again")
	eventually(t, "both have ended", func() bool { return b.kind("fails").Failed == 1 && b.kind("holds").Failed == 1 })
	assert.Len(t, b.task("again").Failures, 2)
	b.doTo(source.Pause, "holds")
	submit(holds.Task(4).Named("paused"))
	assert.Equal(t, "waits, since its kind is paused", b.task("paused").Why)
	assert.Equal(t, 1, b.kind("holds").Running)
	b.doTo(source.Resume, "holds")
	eventually(t, "it goes on", func() bool { return b.kind("holds").Running == 2 })
	b.do(source.Cancel, "first")
	eventually(t, "it ends", func() bool { return b.kind("holds").Running == 1 })
	submit(stubborn.Task(5).Named("deaf"))
	eventually(t, "it runs", func() bool { return strings.Contains(b.names(in(background.Running)), "deaf") }) // which the handle has noted, too
	b.do(source.Cancel, "deaf")
	deaf := b.task("deaf")
	assert.Equal(t, background.Running, deaf.State)
	assert.Contains(t, deaf.Why, "was told to end")
	assert.Empty(t, deaf.Acts, "it was told")
	close(release)
	eventually(t, "all have ended", func() bool {
		o := b.overview()
		return o.Open() == 0 && o.Failed+o.Succeeded == 5
	})
	assert.Equal(t, background.Canceled, b.task("first").State)
	assert.Equal(t, background.Canceled, b.task("later").State)
	assert.Equal(t, background.Failed, b.task("again").State)
	assert.Equal(t, background.Succeeded, b.task("paused").State)
}

func alikeTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"alike": testBoardsAreAlike[Tx]}
}

func TestDashboardsAreAlikeOnSQLite(t *testing.T)     { onSQLite(t, alikeTests[*sql.Tx]()) }
func TestDashboardsAreAlikeOnPostgreSQL(t *testing.T) { onPostgreSQL(t, alikeTests[pgx.Tx]()) }
