package main

import (
	"context"
	"fmt"
	"sync"
)

// store keeps orders. A customer sees their own only. It is safe for use by
// many goroutines, and whoever gets an order leaves its items alone.
//
// A method that waits for something gives up, without a change, when ctx is
// done: the client has been told by then that the request took too long, and
// the handler's tasks will not run.
type store interface {
	insert(ctx context.Context, o order) error

	// order fails with errNoOrder.
	order(ctx context.Context, customer, id string) (order, error)

	// orders returns a page of the orders with a status, any when it is empty,
	// oldest first, and how many there are on all pages.
	orders(ctx context.Context, customer string, s status, p page) (orders []order, total int, err error)

	// cancel fails with errNoOrder or errCancelled.
	cancel(ctx context.Context, customer, id string) (order, error)
}

// memoryStore forgets everything with the process.
type memoryStore struct {
	mu   sync.RWMutex // guards what follows
	all  []order
	byID map[string]int // an index in all
}

func newMemoryStore() *memoryStore {
	return &memoryStore{byID: make(map[string]int)}
}

func (m *memoryStore) insert(_ context.Context, o order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[o.ID] = len(m.all)
	m.all = append(m.all, o)
	return nil
}

func (m *memoryStore) order(_ context.Context, customer, id string) (order, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, err := m.findLocked(customer, id)
	if err != nil {
		return order{}, err
	}
	return *o, nil
}

func (m *memoryStore) orders(_ context.Context, customer string, s status, p page) (orders []order, total int, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	orders = []order{} // "[]" in JSON, not "null"
	for _, o := range m.all {
		if o.Customer != customer || s != "" && o.Status != s {
			continue
		}
		if total >= p.Offset && len(orders) < p.Limit {
			orders = append(orders, o)
		}
		total++
	}
	return orders, total, nil
}

func (m *memoryStore) cancel(_ context.Context, customer, id string) (order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.findLocked(customer, id)
	if err != nil {
		return order{}, err
	}
	if o.Status == cancelled {
		return order{}, fmt.Errorf("cancel order %q: %w", id, errCancelled)
	}
	o.Status = cancelled
	return *o, nil
}

// findLocked returns a pointer into m.all. Another customer's order is no such
// order: that it exists is none of their business.
func (m *memoryStore) findLocked(customer, id string) (*order, error) {
	i, ok := m.byID[id]
	if !ok || m.all[i].Customer != customer {
		return nil, fmt.Errorf("find order %q of %s: %w", id, customer, errNoOrder)
	}
	return &m.all[i], nil
}
