package queue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQueue checks the queue against a slice, in random bursts that cross the
// borders of blocks.
func TestQueue(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 0))
		var q Queue[*int]
		var want []*int
		for range 200 {
			for range random.IntN(2 * BlockLen) {
				item := new(int)
				q.Push(item)
				want = append(want, item)
			}
			for range random.IntN(2 * BlockLen) {
				got, ok := q.Pop()
				require.Equal(t, len(want) > 0, ok)
				if ok {
					require.Same(t, want[0], got)
					want = want[1:]
				}
			}
			require.Equal(t, len(want), q.Len())
			require.True(t, slices.Equal(want, slices.Collect(q.All())))
			first, ok := q.Front()
			require.Equal(t, len(want) > 0, ok)
			require.True(t, !ok || first == want[0])
		}
	}
}

// TestQueueKeepsNothing checks that what was popped is not kept alive, and that
// memory is given back after a burst.
func TestQueueKeepsNothing(t *testing.T) {
	var q Queue[*int]
	for range 10 * BlockLen {
		q.Push(new(int))
	}
	for range 10*BlockLen - 1 {
		q.Pop()
	}
	kept := 0
	for b := q.first; b != nil; b = b.next {
		kept++
		for i, item := range b.items[:BlockLen-1] {
			require.Nil(t, item, "slot %d", i)
		}
	}
	require.Equal(t, 1, kept, "blocks in use for one item")
	require.Nil(t, q.spare.next)
	require.Equal(t, [BlockLen]*int{}, q.spare.items)
}

func TestQueueStopsYielding(t *testing.T) {
	var q Queue[int]
	q.Push(1)
	q.Push(2)
	for item := range q.All() {
		require.Equal(t, 1, item)
		break
	}
}

// TestQueueWithoutWhatIsGone compares it with a slice.
func TestQueueWithoutWhatIsGone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q Queue[int]
	var want []int
	for range 500 {
		for range random.IntN(2 * BlockLen) {
			item := random.IntN(100)
			q.Push(item)
			want = append(want, item)
		}
		border := random.IntN(100)
		gone := func(item int) bool { return item < border }
		if random.IntN(10) == 0 {
			left := slices.DeleteFunc(slices.Clone(want), gone)
			q.Trim(len(left), gone)
			if len(want) > 2*len(left)+BlockLen {
				want = left
			}
		} else {
			q.Skip(gone)
			for len(want) > 0 && gone(want[0]) {
				want = want[1:]
			}
		}
		require.True(t, slices.Equal(want, slices.Collect(q.All())))
		require.Equal(t, len(want), q.Len())
	}
}
