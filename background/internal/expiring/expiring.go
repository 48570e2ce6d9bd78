// Package expiring has a map that forgets its values a while after they have ended.
package expiring

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background/internal/queue"
)

// Map finds values by their keys until they have ended, and for a while after that. It
// has no timer: what is to be forgotten stays in memory until the next call of a
// method. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	Keep time.Duration // for how long after their end; set before the first use

	mu     sync.Mutex // guards the rest
	values map[K]V
	ended  queue.Queue[end[K]] // in their order
}

// end is when a value ended.
type end[K comparable] struct {
	key K
	at  time.Time
}

// Add takes in a value that has not ended.
func (m *Map[K, V]) Add(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked()
	if m.values == nil {
		m.values = make(map[K]V)
	}
	m.values[key] = value
}

// End notes that the value of a key, which was added, ends now. It is called once.
func (m *Map[K, V]) End(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked()
	m.ended.Push(end[K]{key, time.Now()})
}

// Get returns the value of a key, unless there is none or it ended Keep ago.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked()
	value, ok = m.values[key]
	return value, ok
}

// All returns the values that Get returns.
func (m *Map[K, V]) All() []V {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked()
	return slices.Collect(maps.Values(m.values))
}

// forgetLocked forgets what ended long enough ago.
func (m *Map[K, V]) forgetLocked() {
	now := time.Now()
	for first, ok := m.ended.Front(); ok && now.Sub(first.at) >= m.Keep; first, ok = m.ended.Front() {
		m.ended.Pop()
		delete(m.values, first.key)
	}
}
