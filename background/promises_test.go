package background

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPromises(t *testing.T) {
	var p promises
	assert.True(t, p.add())
	assert.True(t, p.add())
	assert.Equal(t, 2, p.count())
	p.end()
	p.end()
	assert.False(t, p.add())
	assert.Equal(t, 2, p.count())
	p.remove()
	p.remove()
	assert.Zero(t, p.count())
	assert.False(t, p.add())
}

// TestPromisesAtOnce: what was promised is counted, and nothing after the end.
func TestPromisesAtOnce(t *testing.T) {
	var p promises
	var wg sync.WaitGroup
	made := make([]int, 8)
	for i := range made {
		wg.Go(func() {
			for range 1000 {
				if p.add() {
					made[i]++
				}
			}
		})
	}
	wg.Go(p.end)
	wg.Wait()
	all := 0
	for _, n := range made {
		all += n
	}
	assert.Equal(t, all, p.count())
}
