package background

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReservations(t *testing.T) {
	c := reservations{most: 2}
	assert.True(t, c.add())
	assert.True(t, c.add())
	assert.False(t, c.add(), "a third")
	assert.Equal(t, 2, c.count())
	c.close()
	c.close()
	assert.False(t, c.add())
	assert.Equal(t, 2, c.count())
	c.remove()
	c.remove()
	assert.Zero(t, c.count())
	assert.False(t, c.add())
}

func TestMostReservations(t *testing.T) {
	const largest = math.MaxInt
	assert.EqualValues(t, 3, mostReservations(RunnerOptions{Workers: 1, Queue: 2}))
	assert.Positive(t, mostReservations(RunnerOptions{Workers: largest, Queue: largest}))
	assert.Equal(t, int64(noMore), mostReservations(RunnerOptions{Workers: 1, Queue: 2, Overflow: Reject}))
}

// TestReservationsAtOnce: what was reserved is counted, and nothing after the end.
func TestReservationsAtOnce(t *testing.T) {
	c := reservations{most: noMore}
	var wg sync.WaitGroup
	made := make([]int, 8)
	for i := range made {
		wg.Go(func() {
			for range 1000 {
				if c.add() {
					made[i]++
				}
			}
		})
	}
	wg.Go(c.close)
	wg.Wait()
	all := 0
	for _, n := range made {
		all += n
	}
	assert.Equal(t, all, c.count())
}
