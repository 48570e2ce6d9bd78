package schedule

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background/internal/queue"
)

// TestTurns checks the line against a slice: single tasks and groups leave it in
// the order in which they came, each once.
func TestTurns(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 1))
		var line turns[*int]
		var want []any // of *int and *Group
		for range 200 {
			for range random.IntN(2 * queue.BlockLen) {
				if random.IntN(3) > 0 {
					task := new(int)
					line.singles.Push(Single[*int]{Task: task})
					want = append(want, task)
				} else {
					g := new(Group[*int])
					line.push(turn[*int]{group: g})
					want = append(want, g)
				}
			}
			for range random.IntN(2 * queue.BlockLen) {
				s, of, ok := line.pop()
				require.Equal(t, len(want) > 0, ok)
				if !ok {
					break
				}
				if of.group != nil {
					require.Same(t, want[0], of.group)
					require.Nil(t, s.Task)
				} else {
					require.Same(t, want[0], s.Task)
				}
				want = want[1:]
			}
			i := 0
			for s := range line.singles.All() {
				for want[i] != any(s.Task) {
					require.IsType(t, (*Group[*int])(nil), want[i])
					i++
				}
				i++
			}
		}
	}
}
