package main

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// One of many who cancel an order succeeds; the race detector sees the rest.
func TestStoreConcurrently(t *testing.T) {
	ctx := t.Context()
	m := newMemoryStore()
	var wg sync.WaitGroup
	won := make(chan string, 1000)
	for i := range 10 {
		id := fmt.Sprint(i)
		require.NoError(t, m.insert(ctx, order{ID: id, Status: open, Customer: "ada"}))
		for j := range 10 {
			wg.Go(func() {
				if _, err := m.cancel(ctx, "ada", id); err == nil {
					won <- id
				}
				_ = m.insert(ctx, order{ID: fmt.Sprint(id, ".", j), Status: open, Customer: "ada"})
				_, _, _ = m.orders(ctx, "ada", open, page{Limit: 100})
				_, _ = m.order(ctx, "ada", id)
			})
		}
	}
	wg.Wait()
	require.Len(t, won, 10)
	_, total, err := m.orders(ctx, "ada", cancelled, page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, 10, total)
}
