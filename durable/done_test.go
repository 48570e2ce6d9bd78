package durable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

// A commit whose answer never came is tried again by tasks that want to know.
func testDoneTxAgain[Tx any](t *testing.T, d *database[Tx]) {
	d.exec(t, "create table effects(n integer)")
	var seen recorder
	var q *durable.Queue[Tx]
	k := background.Define("job", func(ctx context.Context, n int) error {
		for i := range 2 {
			err := d.inTx(t, func(tx Tx) error {
				if err := d.execTx(ctx, tx, "insert into effects(n) values ($1)", n); err != nil {
					return err
				}
				if err := q.DoneTx(ctx, tx); err != nil {
					return err
				}
				if n == 1 && i == 0 {
					return errors.New("rolled back")
				}
				return nil
			})
			seen.note(fmt.Sprint(n, " ", err))
		}
		return nil
	})
	q = d.open(t, durable.Options{}, k)
	work(t, q, background.RunnerOptions{})
	require.NoError(t, q.Submit(within(t), k.Task(1)))
	require.NoError(t, q.Submit(within(t), k.Task(2)))
	eventually(t, "they are done", func() bool { return len(inState(t, q, background.Succeeded)) == 2 })
	eventually(t, "they have ended", func() bool { return len(seen.all()) == 4 })
	assert.ElementsMatch(t, []string{"1 rolled back", "1 <nil>", "2 <nil>", "2 " + durable.ErrNotOurs.Error()}, seen.all())
	assert.Equal(t, 2, d.number(t, "select count(*) from effects"))
}
