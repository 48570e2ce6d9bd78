package periodic

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// calls returns when, since now, a timer of a minute calls a function that takes so
// long, during an hour, and that nothing comes after its end.
func calls(t *testing.T, takes time.Duration) (at []time.Duration) {
	t.Helper()
	began := time.Now()
	var mu sync.Mutex
	timer := Start(time.Minute, func(timer *Timer) {
		mu.Lock()
		at = append(at, time.Since(began))
		mu.Unlock()
		time.Sleep(takes)
		timer.Next()
	})
	time.Sleep(time.Hour)
	synctest.Wait()
	timer.Stop()
	timer.Stop()
	mu.Lock()
	n := len(at)
	mu.Unlock()
	time.Sleep(time.Hour)
	require.Len(t, at, n)
	return at
}

func TestCallsAreAtEqualDistances(t *testing.T) {
	firsts := make(map[time.Duration]bool)
	for takes, distance := range map[time.Duration]time.Duration{
		0:                 time.Minute,
		time.Minute - 1:   time.Minute,
		time.Minute:       2 * time.Minute,
		150 * time.Second: 3 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			at := calls(t, takes)
			assert.Less(t, at[0], time.Minute)
			firsts[at[0]] = true
			assert.Len(t, at, int((time.Hour-at[0])/distance)+1)
			for i, when := range at {
				assert.Equal(t, at[0]+time.Duration(i)*distance, when)
			}
		})
	}
	assert.Greater(t, len(firsts), 1, "each begins at a time of its own")
}
