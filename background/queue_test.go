package background

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
		var q queue[*int]
		var want []*int
		for range 200 {
			for range random.IntN(2 * blockLen) {
				item := new(int)
				q.push(item)
				want = append(want, item)
			}
			for range random.IntN(2 * blockLen) {
				got, ok := q.pop()
				require.Equal(t, len(want) > 0, ok)
				if ok {
					require.Same(t, want[0], got)
					want = want[1:]
				}
			}
			require.Equal(t, len(want), q.length)
			require.True(t, slices.Equal(want, slices.Collect(q.all())))
			first, ok := q.front()
			require.Equal(t, len(want) > 0, ok)
			require.True(t, !ok || first == want[0])
		}
	}
}

// TestQueueKeepsNothing checks that what was popped is not kept alive, and that
// memory is given back after a burst.
func TestQueueKeepsNothing(t *testing.T) {
	var q queue[*int]
	for range 10 * blockLen {
		q.push(new(int))
	}
	for range 10*blockLen - 1 {
		q.pop()
	}
	kept := 0
	for b := q.first; b != nil; b = b.next {
		kept++
		for i, item := range b.items[:blockLen-1] {
			require.Nil(t, item, "slot %d", i)
		}
	}
	require.Equal(t, 1, kept, "blocks in use for one item")
	require.Nil(t, q.spare.next)
	require.Equal(t, [blockLen]*int{}, q.spare.items)
}

func TestQueueStopsYielding(t *testing.T) {
	var q queue[int]
	q.push(1)
	q.push(2)
	for item := range q.all() {
		require.Equal(t, 1, item)
		break
	}
}

// TestTurns checks the line against a slice: single tasks and groups leave it in
// the order in which they came, each once.
func TestTurns(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 1))
		var line turns
		var want []any // of *Task and *group
		for range 200 {
			for range random.IntN(2 * blockLen) {
				if random.IntN(3) > 0 {
					task := new(Task)
					line.pushSingle(single{task: task})
					want = append(want, task)
				} else {
					g := new(group)
					line.pushGroup(g)
					want = append(want, g)
				}
			}
			for range random.IntN(2 * blockLen) {
				s, g, ok := line.pop()
				require.Equal(t, len(want) > 0, ok)
				if !ok {
					break
				}
				if g != nil {
					require.Same(t, want[0], g)
					require.Nil(t, s.task)
				} else {
					require.Same(t, want[0], s.task)
				}
				want = want[1:]
			}
			i := 0
			for s := range line.singles.all() {
				for want[i] != any(s.task) {
					require.IsType(t, (*group)(nil), want[i])
					i++
				}
				i++
			}
		}
	}
}
