package heap

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type number struct{ value, place int }

func (n *number) Before(other *number) bool { return n.value < other.value }
func (n *number) Moved(place int)           { n.place = place }

// TestHeap compares a heap with a slice that is sorted, and each item's place with the
// one where it is.
func TestHeap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Heap[*number]
	var sorted []*number
	for range 10_000 {
		switch n := random.IntN(4); {
		case n < 2 || len(sorted) == 0:
			item := &number{value: random.Int()}
			h.Push(item)
			sorted = append(sorted, item)
		case n == 2:
			first := h.First()
			require.Same(t, first, h.Pop())
			require.Same(t, sorted[0], first)
			require.Equal(t, -1, first.place)
			sorted = sorted[1:]
		default:
			i := random.IntN(len(sorted))
			h.Remove(sorted[i].place)
			require.Equal(t, -1, sorted[i].place)
			sorted = slices.Delete(sorted, i, i+1)
		}
		slices.SortFunc(sorted, func(a, b *number) int { return cmp.Compare(a.value, b.value) })
		require.Len(t, sorted, h.Len())
		for place, item := range h.All() {
			require.Equal(t, place, item.place)
		}
	}
}
