package tally

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTally(t *testing.T) {
	c := Tally{Most: 2}
	assert.True(t, c.Add())
	assert.True(t, c.Add())
	assert.False(t, c.Add(), "a third")
	assert.Equal(t, 2, c.Count())
	c.Remove()
	assert.True(t, c.Add(), "there is room again")
	c.Close()
	c.Close()
	assert.False(t, c.Add())
	assert.Equal(t, 2, c.Count())
	c.Remove()
	c.Remove()
	assert.Zero(t, c.Count())
	assert.False(t, c.Add())
}

// TestTallyAtOnce: what was added is counted, and nothing after the end.
func TestTallyAtOnce(t *testing.T) {
	c := Tally{Most: NoBound}
	var wg sync.WaitGroup
	const times = 1_000_000 // so that they meet
	added := make([]int, 4)
	for i := range added {
		wg.Go(func() {
			for n := range times {
				if c.Add() {
					added[i]++
				}
				if i == 0 && n == times/2 {
					c.Close()
				}
			}
		})
	}
	wg.Wait()
	all := 0
	for _, n := range added {
		all += n
	}
	assert.Equal(t, all, c.Count())
}
