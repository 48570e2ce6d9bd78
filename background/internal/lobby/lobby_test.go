package lobby

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type guest struct {
	place      Place[guest]
	size, need int
}

// TestLobby compares a lobby with a slice, in the order in which guests came.
func TestLobby(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l Lobby[guest]
	var guests []*guest
	for range 20_000 {
		switch n := random.IntN(20); {
		case n < 9:
			g := &guest{size: random.IntN(5), need: random.IntN(3)}
			l.Add(g, &g.place, g.size, g.need)
			guests = append(guests, g)
		case len(guests) > 0:
			i := random.IntN(len(guests))
			l.Remove(&guests[i].place)
			guests = slices.Delete(guests, i, i+1)
		}
		require.Equal(t, len(guests), l.Len())
		if len(guests) == 0 {
			require.Nil(t, l.Oldest())
			continue
		}
		candidates := l.Candidates() // MinFunc returns the first of equals
		require.Same(t, guests[0], l.Oldest())
		require.Same(t, guests[0], candidates[0])
		require.Same(t, slices.MinFunc(guests, func(a, b *guest) int { return cmp.Compare(a.size, b.size) }), candidates[1])
		require.Same(t, slices.MinFunc(guests, func(a, b *guest) int {
			return cmp.Or(cmp.Compare(a.need, b.need), cmp.Compare(a.size, b.size))
		}), candidates[2])
	}
}
