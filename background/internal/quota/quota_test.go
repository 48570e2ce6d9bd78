package quota

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

// TestStartsInASecond compares a quota with the reference, at times that are generated.
func TestStartsInASecond(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		perSecond := math.Exp(random.Float64()*25 - 11) // from one a day to a million
		burst := 1 + random.IntN(5)
		q, now := New(0, perSecond, burst), time.Now()
		want := reference{spacing: q.spacing, burst: burst}
		require.InDelta(t, 1/perSecond, q.spacing.Seconds(), 1e-9)
		for range 200 {
			require.Equal(t, atOnce(q, now) == burst, q.IsNew(now))
			wait := want.take(now)
			got, ok := q.Take(now)
			require.Equal(t, wait, got, "%v a second, %d at once", perSecond, burst)
			require.Equal(t, wait == 0, ok)
			if ok {
				q.Give()
			}
			switch random.IntN(4) {
			case 0:
				now = now.Add(time.Duration(random.Int64N(int64(3 * q.spacing))))
			case 1:
				now = now.Add(wait)
			case 2:
				now = now.Add(max(0, wait-1))
			}
		}
	}
}

// atOnce returns how many may start now, of 100 at most.
func atOnce(q Quota, now time.Time) (n int) {
	for _, ok := q.Take(now); ok && n < 100; _, ok = q.Take(now) {
		n++
	}
	return n
}

// TestSoManyAtOnce counts those that run.
func TestSoManyAtOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for concurrent := range 5 {
		q, now, running := New(concurrent, 0, 1), time.Now(), 0
		require.Equal(t, Quota{concurrent: concurrent}, q)
		for range 100 {
			require.Equal(t, running == 0, q.IsNew(now))
			if random.IntN(3) == 0 && running > 0 {
				q.Give()
				running--
				continue
			}
			wait, ok := q.Take(now)
			require.Zero(t, wait)
			require.Equal(t, concurrent == 0 || running < concurrent, ok)
			if ok {
				running++
			}
		}
	}
}

// TestSoManyAtOnceAndInASecond: who may not start for want of an end does not count as
// a start.
func TestSoManyAtOnceAndInASecond(t *testing.T) {
	q, now := New(1, 1, 2), time.Now()
	take := func(wait time.Duration, ok bool) {
		t.Helper()
		gotWait, gotOK := q.Take(now)
		require.Equal(t, wait, gotWait)
		require.Equal(t, ok, gotOK)
	}
	take(0, true)
	take(0, false)
	q.Give()
	take(0, true)
	q.Give()
	take(time.Second, false)
	now = now.Add(time.Second)
	take(0, true)
}

// TestALargeBurstOfFew: the time that it stands for is not too long.
func TestALargeBurstOfFew(t *testing.T) {
	require.Equal(t, 100, atOnce(New(0, 1.0/86400, 1_000_000), time.Now()))
}

// TestLateStarts: none is later than its timer was, as long as that is made up for.
func TestLateStarts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		perSecond := math.Exp(random.Float64()*25 - 11)
		burst := 1 + random.IntN(3)
		q, intended, now := New(0, perSecond, burst), New(0, perSecond, burst), time.Now()
		most := max(q.spacing, 10*time.Millisecond)
		at := now
		for range 300 {
			for wait, ok := intended.Take(at); !ok; wait, ok = intended.Take(at) {
				at = at.Add(wait)
			}
			for wait, ok := q.Take(now); !ok; wait, ok = q.Take(now) {
				late := time.Duration(random.Int64N(int64(most)))
				now = now.Add(wait + late)
				q.Late(late)
			}
			require.False(t, now.Before(at), "%v a second, %d at once", perSecond, burst)
			require.LessOrEqual(t, now.Sub(at), most)
		}
	}
}

// TestWhatIsTooLate is not made up for any more, nor what was, once more.
func TestWhatIsTooLate(t *testing.T) {
	for perSecond, more := range map[float64]int{1: 1, 1000: 10} {
		q, now := New(0, perSecond, 1), time.Now()
		take := func() {
			_, ok := q.Take(now)
			require.True(t, ok)
		}
		take()
		now = now.Add(time.Hour)
		q.Late(time.Hour)
		require.Equal(t, 1+more, atOnce(q, now))
		for range 1 + more {
			take()
		}
		now = now.Add(time.Hour)
		require.Equal(t, 1, atOnce(q, now))
	}
}
