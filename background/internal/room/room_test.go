package room

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type guest struct {
	part       Guest[guest]
	size, need int
}

// work has places.
type work struct {
	places int
	since  time.Duration
	before bool // it had some before the oldest guest was the oldest
}

// TestRoom compares a room with slices of guests, in the order in which they came, and
// of work.
func TestRoom(t *testing.T) {
	const size = 20
	random := rand.New(rand.NewPCG(1, 2))
	r := New[guest](size)
	var guests []*guest
	var all []*work
	var oldest *guest
	now := time.Duration(1)
	mark := func() time.Duration { now++; return now - 1 }
	for range 20_000 {
		switch n := random.IntN(21); {
		case n == 20 && len(guests) > 0:
			g := guests[random.IntN(len(guests))]
			g.need = random.IntN(3)
			r.Needs(&g.part, g.need)
			all := r.All()
			require.Len(t, all, len(guests))
			require.False(t, slices.ContainsFunc(guests, func(g *guest) bool { return !slices.Contains(all, g) }))
		case n < 6:
			g := &guest{size: random.IntN(5), need: random.IntN(3)}
			r.Wait(g, &g.part, g.size, g.need, mark)
			guests = append(guests, g)
		case n < 12 && len(guests) > 0:
			i := random.IntN(len(guests))
			r.Leave(&guests[i].part, mark)
			guests = slices.Delete(guests, i, i+1)
		case n < 16:
			if w := (&work{places: r.Weight(random.IntN(30)), since: now}); w.places <= r.Free {
				r.Free -= w.places
				all = append(all, w)
			}
		case len(all) > 0:
			i := random.IntN(len(all))
			r.Give(all[i].places, all[i].since)
			all = slices.Delete(all, i, i+1)
		}
		taken, before := 0, 0
		for _, w := range all {
			if r.Oldest() != oldest {
				w.before = true
			}
			taken += w.places
			if w.before {
				before += w.places
			}
		}
		oldest = r.Oldest()
		require.Equal(t, size-taken, r.Free)
		require.Equal(t, len(guests), r.Waiting())
		if len(guests) == 0 {
			require.Nil(t, oldest)
			continue
		}
		for need := range 2 * size {
			want := 0 // as long as the oldest fits beside what was there before
			if before+min(need, size) > size {
				want = r.Free
			}
			require.Equal(t, want, r.Spared(need))
		}
		requireCandidates(t, guests, &r)
	}
}

func requireCandidates(t *testing.T, guests []*guest, r *Room[guest]) {
	t.Helper()
	candidates := r.Candidates() // MinFunc returns the first of equals
	require.Same(t, guests[0], r.Oldest())
	require.Same(t, guests[0], candidates[0])
	require.Same(t, slices.MinFunc(guests, func(a, b *guest) int { return cmp.Compare(a.size, b.size) }), candidates[1])
	require.Same(t, slices.MinFunc(guests, func(a, b *guest) int {
		return cmp.Or(cmp.Compare(a.need, b.need), cmp.Compare(a.size, b.size))
	}), candidates[2])
}
