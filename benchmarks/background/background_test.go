package background_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/benchmarks/background"
)

func TestPoolsRunEachTaskOnce(t *testing.T) {
	for _, peer := range background.Peers() {
		for _, workers := range []int{1, background.Workers} {
			t.Run(peer.Name, func(t *testing.T) {
				require.NoError(t, background.CheckPool(peer.NewPool(workers, background.Queue)))
			})
		}
	}
}

func TestRunsDoEachTaskOnce(t *testing.T) {
	for _, peer := range background.Peers() {
		for _, n := range []int{2, 100} {
			for _, concurrent := range []int{1, 10} {
				t.Run(peer.Name, func(t *testing.T) {
					require.NoError(t, background.CheckRun(peer, n, concurrent))
				})
			}
		}
	}
}

// forgetful loses every task, twice runs each twice.
type (
	forgetful struct{ background.Pool }
	twice     struct{ background.Pool }
)

func (forgetful) HandOver(*background.Order) error { return io.EOF }

func (p twice) Ready(f func()) func() error { return p.Pool.Ready(func() { f(); f() }) }

func TestCheckFindsMistakes(t *testing.T) {
	peer := background.Peers()[0]
	pool := peer.NewPool(1, background.Queue)
	require.ErrorIs(t, background.CheckPool(forgetful{pool}), io.EOF)
	require.NoError(t, pool.Close())

	pool = peer.NewPool(1, background.Queue)
	require.ErrorContains(t, background.CheckPool(twice{pool}), "ran 2 times")
	require.NoError(t, pool.Close())

	unlimited := background.Peers()[1]
	require.NoError(t, background.CheckRun(unlimited, 100, 1))
	unlimited.Unlimited = false
	require.ErrorContains(t, background.CheckRun(unlimited, 100, 1), "ran at once")

	silent := background.Peer{NewRun: func(tasks []func() error, _ int) (background.Run, func()) {
		return func(context.Context) error {
			for _, task := range tasks {
				_ = task()
			}
			return nil
		}, func() {}
	}}
	require.ErrorContains(t, background.CheckRun(silent, 2, 1), "lost")
}

func TestTally(t *testing.T) {
	tally := background.NewTally(2)
	tally.Add()
	require.EqualError(t, tally.Check(), "1 tasks have ended instead of 2")
	tally.Add()
	require.NoError(t, errors.Join(tally.Await(), tally.Check()))
	tally.Add()
	require.EqualError(t, tally.Check(), "3 tasks have ended instead of 2")
}

func TestOrders(t *testing.T) {
	shop := &background.Shop{Effort: time.Microsecond}
	order := background.NewOrder(shop)
	shop.Confirm(order.Email, order.ID)
	shop.Take(order.Items)
	require.NoError(t, shop.Await(1))
	require.EqualError(t, shop.Await(0), "1 mails and 1 updates for 0 orders")
	assert.Panics(t, func() { shop.Confirm("", order.ID) })
	assert.Panics(t, func() { shop.Take(nil) })
}

func TestNamesFitBenchstat(t *testing.T) {
	known := map[string]bool{background.Bare: true}
	for _, peer := range background.Peers() {
		assert.Regexp(t, "^[a-z]+$", peer.Name)
		assert.False(t, known[peer.Name], peer.Name)
		known[peer.Name] = true
	}
	seen := map[string]bool{}
	for _, item := range background.Items() {
		assert.Regexp(t, "^[a-z]+[0-9]*$", item.Name)
		assert.False(t, seen[item.Name], item.Name)
		seen[item.Name] = true
		assert.Contains(t, item.Peers, item.Base)
		for _, peer := range item.Peers {
			assert.True(t, known[peer], peer)
		}
	}
}
