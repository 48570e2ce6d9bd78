package durable_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// often is a schedule such as a parser of cron expressions returns.
type often struct{}

func (often) Next(t time.Time) time.Time { return t.Add(50 * time.Millisecond) }

// Tasks that are stored again and again, beside each other: one that still runs is not
// stored once more, and one that was stopped is not stored at all.
func testRepeat[Tx any](t *testing.T, d *database[Tx]) {
	release := make(chan struct{})
	tick := background.Define("tick", func(context.Context, int) error { return nil })
	slow := background.Define("slow", func(context.Context, int) error { <-release; return nil })
	q := d.open(t, durable.Options{}, tick, slow)
	work(t, q, background.RunnerOptions{})
	t.Cleanup(func() { close(release) })
	stored := func(name string) int {
		t.Helper()
		return d.number(t, "select count(*) from river_job where kind = '"+name+"'")
	}
	ticks := func(n int) {
		t.Helper()
		end := stored("tick") + n
		eventually(t, "it goes on", func() bool { return stored("tick") >= end })
	}
	t.Cleanup(q.Repeat(often{}, tick.Task(1)))
	t.Cleanup(q.Every(50*time.Millisecond, slow.Task(1)))
	stop := q.Every(50*time.Millisecond, slow.Task(2).Named("another"))
	eventually(t, "both slow ones run", func() bool { return stored("slow") == 2 })
	ticks(5)
	assert.Equal(t, 2, stored("slow"), "one that runs is passed over")

	stop()
	ticks(1) // and what was under way is stored
	d.exec(t, "update river_job set state = 'completed', finalized_at = created_at where kind = 'slow'")
	eventually(t, "the other one goes on", func() bool { return stored("slow") > 2 })
	ticks(5)
	assert.Equal(t, 3, stored("slow"), "one was stopped, and the other runs again")
}

// What can't be repeated is a mistake of the program, and a process that only stores
// repeats nothing.
func testRepeatNothing[Tx any](t *testing.T, d *database[Tx]) {
	k := background.Define("known", func(context.Context, int) error { return nil })
	other := background.Define("other", func(context.Context, int) error { return nil })
	for _, storeOnly := range []bool{false, true} {
		q := d.open(t, durable.Options{StoreOnly: storeOnly}, k)
		assert.PanicsWithValue(t, `durable: the queue does not have the kind "other": give it to Open`, func() { q.Repeat(often{}, other.Task(1)) })
		assert.PanicsWithValue(t, `durable: Every(0s) of task "known": the time has to be above zero`, func() { q.Every(0, k.Task(1)) })
		assert.Panics(t, func() {
			q.Every(time.Hour, k.Task(1).WithLimit(background.NewLimit(background.LimitOptions{Concurrent: 1})))
		})
	}
	web := d.open(t, durable.Options{StoreOnly: true}, k)
	for range 2 {
		web.Every(time.Millisecond, k.Task(1))()
	}
	require.Zero(t, d.jobs(t))
}

func everyTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"repeat": testRepeat[Tx], "nothing": testRepeatNothing[Tx]}
}

func TestEveryOnSQLite(t *testing.T)     { onSQLite(t, everyTests[*sql.Tx]()) }
func TestEveryOnPostgreSQL(t *testing.T) { onPostgreSQL(t, everyTests[pgx.Tx]()) }
