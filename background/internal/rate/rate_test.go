package rate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reference knows all starts there have been.
type reference struct {
	spacing time.Duration
	burst   int
	starts  []time.Time
}

// take looks at each span of time that ends with the start and begins with another: in
// it no more may start than in a burst, and besides one for each distance.
func (r *reference) take(now time.Time) (wait time.Duration) {
	for i, start := range r.starts {
		inIt := len(r.starts) - i + 1
		longEnough := start.Add(time.Duration(inIt-r.burst) * r.spacing)
		wait = max(wait, longEnough.Sub(now))
	}
	if wait == 0 {
		r.starts = append(r.starts, now)
	}
	return wait
}

// TestRate compares a rate with the reference, at times that are generated.
func TestRate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		perSecond := math.Exp(random.Float64()*25 - 11) // from one a day to a million
		burst := 1 + random.IntN(5)
		r, now := New(perSecond, burst), time.Now()
		want := reference{spacing: r.spacing, burst: burst}
		require.InDelta(t, 1/perSecond, r.spacing.Seconds(), 1e-9)
		for range 200 {
			require.Equal(t, atOnce(r, now) == burst, r.IsNew(now))
			wait := want.take(now)
			require.Equal(t, wait, r.Take(now), "%v a second, %d at once", perSecond, burst)
			switch random.IntN(4) {
			case 0:
				now = now.Add(time.Duration(random.Int64N(int64(3 * r.spacing))))
			case 1:
				now = now.Add(wait)
			case 2:
				now = now.Add(max(0, wait-1))
			}
		}
	}
}

// atOnce returns how many may start now.
func atOnce(r Rate, now time.Time) (n int) {
	for r.Take(now) == 0 {
		n++
	}
	return n
}

func TestZeroRate(t *testing.T) {
	r, now := New(0, 1), time.Now()
	require.Equal(t, Rate{}, r)
	for range 100 {
		require.Zero(t, r.Take(now))
		require.True(t, r.IsNew(now))
	}
}

// TestALargeBurstOfFew: the time that it stands for is not too long.
func TestALargeBurstOfFew(t *testing.T) {
	r, now := New(1.0/86400, 1_000_000), time.Now()
	for range 10_000 {
		require.Zero(t, r.Take(now))
	}
}

// TestLateStarts: none is later than its timer was, as long as that is made up for.
func TestLateStarts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		perSecond := math.Exp(random.Float64()*25 - 11)
		burst := 1 + random.IntN(3)
		r, intended, now := New(perSecond, burst), New(perSecond, burst), time.Now()
		most := max(r.spacing, 10*time.Millisecond)
		at := now
		for range 300 {
			for wait := intended.Take(at); wait > 0; wait = intended.Take(at) {
				at = at.Add(wait)
			}
			for wait := r.Take(now); wait > 0; wait = r.Take(now) {
				late := time.Duration(random.Int64N(int64(most)))
				now = now.Add(wait + late)
				r.Late(late)
			}
			require.False(t, now.Before(at), "%v a second, %d at once", perSecond, burst)
			require.LessOrEqual(t, now.Sub(at), most)
		}
	}
}

// TestWhatIsTooLate is not made up for any more, nor what was, once more.
func TestWhatIsTooLate(t *testing.T) {
	for perSecond, more := range map[float64]int{1: 1, 1000: 10} {
		r, now := New(perSecond, 1), time.Now()
		require.Zero(t, r.Take(now))
		now = now.Add(time.Hour)
		r.Late(time.Hour)
		require.Equal(t, 1+more, atOnce(r, now))
		for range 1 + more {
			require.Zero(t, r.Take(now))
		}
		now = now.Add(time.Hour)
		require.Equal(t, 1, atOnce(r, now))
	}
}
