package main

import (
	"context"
	"sync"

	"github.com/velithon-go/velithon/background"
)

// memoryBooks are gone with the process, as are its tasks.
type memoryBooks struct {
	mu        sync.Mutex // guards what follows
	orders    int
	inventory map[string]int // how many were taken, by SKU
}

func (b *memoryBooks) add(context.Context, string, order, ...*background.Task) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders++
	return nil
}

func (b *memoryBooks) take(_ context.Context, all []item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range all {
		b.inventory[i.SKU] += i.Quantity
	}
	return nil
}
