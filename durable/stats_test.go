package durable_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// what of a kind's numbers is the same each time.
func settled(k background.KindStats) background.KindStats {
	k.Waits, k.Durations, k.OldestWaiting = background.Histogram{}, background.Histogram{}, 0
	return k
}

func testKindNumbers[Tx any](t *testing.T, d *database[Tx]) {
	release := make(chan struct{})
	mail := background.Define("mail", func(_ context.Context, what string) error {
		switch what {
		case "hold":
			<-release
		case "fail":
			return errors.New("on purpose")
		case "panic":
			panic("on purpose")
		}
		return nil
	}, background.NewLimit(background.LimitOptions{Concurrent: 1}))
	other := background.Define("other", func(context.Context, string) error { return nil })
	q := d.open(t, durable.Options{}, mail, other)
	require.NoError(t, q.Ping(within(t)))
	kinds, err := q.Kinds(within(t))
	require.NoError(t, err)
	require.Equal(t, []background.KindStats{{Kind: "mail"}, {Kind: "other"}}, kinds)

	require.NoError(t, q.Submit(within(t), mail.Task("first"), mail.Task("hold"), mail.Task("later").After(time.Hour), other.Task("later").At(time.Now().Add(time.Hour))))
	d.exec(t, "update river_job set scheduled_at = created_at where state = 'available'")
	time.Sleep(20 * time.Millisecond)
	kinds, err = q.Kinds(within(t))
	require.NoError(t, err)
	require.Equal(t, background.KindStats{Kind: "mail", Queued: 2, Scheduled: 1}, settled(kinds[0]))
	require.GreaterOrEqual(t, kinds[0].OldestWaiting, 20*time.Millisecond)
	require.Less(t, kinds[0].OldestWaiting, patience)
	require.Equal(t, background.KindStats{Kind: "other", Scheduled: 1}, kinds[1], "none waits")

	work(t, q, background.RunnerOptions{})
	require.NoError(t, q.Submit(within(t), mail.Task("fail"), mail.Task("panic"), mail.Task("fail").WithRetry(background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour})))
	eventually(t, "one is held", func() bool {
		kinds, err = q.Kinds(within(t))
		return assert.NoError(t, err) && kinds[0].Succeeded == 1 && kinds[0].Running > 0
	})
	close(release)
	eventually(t, "all have run", func() bool {
		kinds, err = q.Kinds(within(t))
		return assert.NoError(t, err) && kinds[0].Queued+kinds[0].Running == 0
	})
	assert.Equal(t, background.KindStats{Kind: "mail", Succeeded: 2, Failed: 2, Panicked: 1, Retried: 1, Retrying: 1, Scheduled: 1}, settled(kinds[0]))
	assert.EqualValues(t, 5, kinds[0].Durations.Count())
	assert.EqualValues(t, 5, kinds[0].Waits.Count())
	assert.Greater(t, kinds[0].Waits.Sum, 0.02, "the first has waited")
}

func statsTests[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"kinds": testKindNumbers[Tx], "trace": testTraceOfATask[Tx]}
}

func TestStatsOnSQLite(t *testing.T)     { onSQLite(t, statsTests[*sql.Tx]()) }
func TestStatsOnPostgreSQL(t *testing.T) { onPostgreSQL(t, statsTests[pgx.Tx]()) }

func TestStatsWithoutDatabase(t *testing.T) {
	onSQLite(t, map[string]test[*sql.Tx]{"away": func(t *testing.T, d *database[*sql.Tx]) {
		k := background.Define("job", func(context.Context, int) error { return nil })
		q := d.open(t, durable.Options{}, k)
		work(t, q, background.RunnerOptions{})
		require.NoError(t, q.Submit(within(t), k.Task(1)))
		eventually(t, "it has run", func() bool {
			kinds, err := q.Kinds(within(t))
			return assert.NoError(t, err) && kinds[0].Succeeded == 1
		})
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		var failure *durable.Error
		require.ErrorAs(t, q.Ping(gone), &failure)
		require.ErrorIs(t, failure, context.Canceled)
		kinds, err := q.Kinds(gone)
		require.ErrorAs(t, err, &failure)
		require.EqualValues(t, 1, kinds[0].Succeeded, "what the process knows")
	}})
}

// What telemetry and health ask a queue for.
var _ interface {
	Kinds(ctx context.Context) ([]background.KindStats, error)
	Ping(ctx context.Context) error
} = (*durable.Queue[*sql.Tx])(nil)

// A trace goes with its task through the database, which a span's link is made of.
func testTraceOfATask[Tx any](t *testing.T, d *database[Tx]) {
	values := map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-" + "b7ad6b7169203331" + "-01", "tracestate": "a=b", background.RequestID: "r-1"}
	got := make(chan map[string]string, 1)
	k := background.Define("job", func(ctx context.Context, _ int) error {
		got <- background.OriginOf(ctx).Values
		return nil
	})
	q := d.open(t, durable.Options{}, k)
	r := work(t, q, background.RunnerOptions{})
	require.NoError(t, r.Submit(withOrigin(t, values), k.Task(1)))
	select {
	case v := <-got:
		require.Equal(t, values, v)
	case <-time.After(patience):
		t.Fatal("the task has not run")
	}
}
