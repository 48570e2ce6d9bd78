package alarm

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAlarmThatWasNotSetCanBeStopped(t *testing.T) {
	var a Alarm
	require.NotPanics(t, a.Stop)
}

// TestAlarm compares when an alarm rings, and how late it says that it did, with the
// times that it was set to.
func TestAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		began := time.Now()
		var rang, lates, want, wantLates []time.Duration
		var mu sync.Mutex
		var a Alarm
		a.Call = func() {
			mu.Lock()
			defer mu.Unlock()
			rang = append(rang, time.Since(began))
			lates = append(lates, a.Rang())
		}
		var set []time.Duration // since it rang
		pass := func(d time.Duration) {
			end := time.Since(began) + d
			if len(set) > 0 && slices.Min(set) <= end {
				first := slices.Min(set)
				at := max(first, end-d)
				want, wantLates = append(want, at), append(wantLates, at-first)
				set = nil
			}
			time.Sleep(d)
			synctest.Wait()
		}
		for range 10_000 {
			mu.Lock()
			for n := range random.IntN(3) {
				at := time.Since(began) + time.Duration(random.IntN(100)+1)
				if n == 0 && len(set) == 0 && random.IntN(4) == 0 {
					at -= 50 // may be past
				}
				a.Set(began.Add(at))
				set = append(set, at)
			}
			mu.Unlock()
			pass(time.Duration(random.IntN(60)))
			require.Equal(t, want, rang)
			require.Equal(t, wantLates, lates)
			rang, lates, want, wantLates = nil, nil, nil, nil
		}
		a.Set(time.Now().Add(time.Second))
		a.Stop()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, rang, "it was stopped")
	})
}

// TestAlarmThatRingsTwice: it is set to another time while the function is about to
// call Rang.
func TestAlarmThatRingsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rang := 0
		a := Alarm{Call: func() { rang++ }}
		a.Set(time.Now().Add(time.Hour))
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		a.Set(time.Now().Add(-2 * time.Minute))
		synctest.Wait()
		require.Equal(t, 2, rang)
		require.Equal(t, 2*time.Minute, a.Rang())
		require.Zero(t, a.Rang())
		a.Set(time.Now().Add(time.Hour))
		require.Zero(t, a.Rang(), "its time has not come")
	})
}
