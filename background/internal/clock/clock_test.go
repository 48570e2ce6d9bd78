package clock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReadings are used again for less than a tick, and marks keep those before and
// behind them apart.
func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		c := Clock{Epoch: time.Now().Add(-time.Second)}
		first := c.Now()
		assert.Equal(t, time.Second, first)
		pass(tick - 1)
		assert.Equal(t, first, c.Now())
		assert.Equal(t, first, c.Mark())
		assert.Greater(t, c.Now(), first)
		assert.Equal(t, tick-1, c.Since(first))
		pass(1)
		assert.Equal(t, first+tick, c.Now())
		pass(time.Hour)
		assert.Equal(t, first+tick+time.Hour, c.Now())
		assert.Zero(t, c.Since(c.Now()+1), "a mark may be in the future")
	})
}
