package background

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPromises(t *testing.T) {
	p := promises{most: 2}
	assert.True(t, p.add())
	assert.True(t, p.add())
	assert.False(t, p.add(), "a third")
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

func TestMostPromises(t *testing.T) {
	const largest = math.MaxInt
	assert.EqualValues(t, 3, mostOf(RunnerOptions{Workers: 1, Queue: 2}))
	assert.Positive(t, mostOf(RunnerOptions{Workers: largest, Queue: largest}))
	assert.Equal(t, int64(math.MaxInt64), mostOf(RunnerOptions{Workers: 1, Queue: 2, Overflow: Reject}))
}

// TestPromisesAtOnce: what was promised is counted, and nothing after the end.
func TestPromisesAtOnce(t *testing.T) {
	p := promises{most: math.MaxInt}
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
